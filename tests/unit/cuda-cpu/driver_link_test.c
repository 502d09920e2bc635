/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC) tests/unit/cuda-cpu/driver_fixture.c tests/unit/cuda-cpu/fat.c
// libs: -ldl
/* PTX linked on the CPU device: what texts share, what each has for itself, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/driver_fixture.h"
#include "tests/unit/cuda-cpu/fat.h"

#define HEAD ".version 8.0\n.target sm_90\n.address_size 64\n"
#define WORDS 64

static char log_text[1024];
static CUdeviceptr words;

static int setup(void **state)
{
    (void)state;
    open_device(NULL);
    OK(cuMemAlloc(&words, WORDS * sizeof(uint32_t)));
    return 0;
}

static int teardown(void **state)
{
    OK(cuMemFree(words));
    return close_device(state);
}

/* ---- Linking ---- */

static CUlinkState begin(void)
{
    static CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    static void *values[2];
    CUlinkState link;

    values[0] = log_text;
    values[1] = (void *)sizeof(log_text);
    log_text[0] = '\0';
    OK(cuLinkCreate(2, options, values, &link));
    return link;
}

static CUresult add(CUlinkState link, const char *name, const char *text)
{
    return cuLinkAddData(link, CU_JIT_INPUT_PTX, (void *)(uintptr_t)text, strlen(text) + 1, name, 0,
                         NULL, NULL);
}

/* The result of all, with `module` and the log. */
static CUresult end(CUlinkState link)
{
    void *image;
    size_t size;
    CUresult result = cuLinkComplete(link, &image, &size);

    if (result == CUDA_SUCCESS) {
        assert_int_equal(strlen(image) + 1, size);
        OK(cuModuleLoadData(&module, image));
    }
    OK(cuLinkDestroy(link));
    return result;
}

/* As a.ptx and b.ptx. */
static CUresult link_two(const char *a, const char *b)
{
    CUlinkState link = begin();

    OK(add(link, "a.ptx", a));
    OK(add(link, "b.ptx", b));
    return end(link);
}

static const uint32_t *run(const char *kernel, unsigned threads, unsigned shared)
{
    static uint32_t results[WORDS];
    void *parameters[] = {&words};

    OK(cuMemsetD32(words, 0, WORDS));
    OK(cuLaunchKernel(function(kernel), 1, 1, 1, threads, 1, 1, shared, NULL, parameters, NULL));
    OK(cuCtxSynchronize());
    OK(cuMemcpyDtoH(results, words, sizeof(results)));
    return results;
}

/* A kernel that stores %r1 at its thread's place, behind these statements. */
#define KERNEL(name, statements)                                                                   \
    ".visible .entry " name "(.param .u64 p) { .reg .b64 %rd<9>; .reg .b32 %r<9>;\n"               \
    ".reg .pred %p<2>; .reg .f32 %f<5>; ld.param.u64 %rd1, [p]; mov.u32 %r8, %tid.x;\n"            \
    "mad.wide.u32 %rd1, %r8, 4, %rd1;\n" statements "\nst.u32 [%rd1], %r1; ret; }\n"
#define CALL(name)                                                                                 \
    "{ .param .b32 a; .param .b32 r; st.param.b32 [a], %r8; call.uni (r), " name ", (a);\n"        \
    "ld.param.b32 %r1, [r]; }"
#define FUNCTION(linkage, name, statements)                                                        \
    linkage " .func (.param .b32 r) " name "(.param .b32 a) { .reg .b32 %r<4>;\n"                  \
            ".reg .b64 %rd<4>; ld.param.u32 %r1, [a];\n" statements                                \
            "\nst.param.b32 [r], %r1; ret; }\n"
#define DECLARED(linkage, name) linkage " .func (.param .b32 r) " name "(.param .b32 a);\n"

/* ---- What is shared ---- */

static void test_functions(void **state)
{
    const char *uses = HEAD DECLARED(".extern", "f") KERNEL("k", CALL("f"));
    const char *has = HEAD FUNCTION(".visible", "f", "mad.lo.u32 %r1, %r1, 3, 7;");

    (void)state;
    for (int order = 0; order < 2; order++) {
        OK(link_two(order ? has : uses, order ? uses : has));
        for (unsigned i = 0; i < 32; i++) {
            assert_int_equal(run("k", 32, 0)[i], 3 * i + 7);
        }
        OK(cuModuleUnload(module));
    }
}

/* A text declares a function before it says that others see it. */
static void test_functions_that_are_published_later(void **state)
{
    static const char *const texts[] = {
        HEAD DECLARED("", "f") KERNEL("l", CALL("f"))
            FUNCTION(".visible", "f", "mad.lo.u32 %r1, %r1, 3, 7;"),
        HEAD FUNCTION("", "f", "mad.lo.u32 %r1, %r1, 3, 7;") KERNEL("l", CALL("f"))
            DECLARED(".visible", "f"),
    };
    const char *uses = HEAD DECLARED(".extern", "f") KERNEL("k", CALL("f"));

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const char *has = texts[i / 2];

        OK(link_two(i % 2 ? has : uses, i % 2 ? uses : has));
        assert_int_equal(run("k", 32, 0)[31], 100);
        assert_int_equal(run("l", 32, 0)[31], 100);
        OK(cuModuleUnload(module));
    }
}

static void test_variables(void **state)
{
    const char *uses =
        HEAD ".extern .global .u32 counter; .extern .const .align 4 .b8 scale[16];\n"
             ".extern .global .u32 table[]; .visible .global .u64 place = counter;\n" KERNEL(
                 "k", "atom.global.add.u32 %r2, [counter], 1; ld.const.u32 %r3, [scale + 8];\n"
                      "ld.global.u32 %r4, [table + 4]; ld.global.u64 %rd2, [place];\n"
                      "ld.global.u32 %r5, [%rd2]; mad.lo.u32 %r1, %r3, %r4, %r5;");
    const char *has = HEAD ".visible .global .u32 counter = 5;\n"
                           ".visible .const .u32 scale[4] = {1, 2, 3, 4};\n"
                           ".visible .global .u32 table[2] = {10, 20};\n";
    CUdeviceptr counter;
    size_t size;
    uint32_t value;

    (void)state;
    for (int order = 0; order < 2; order++) {
        OK(link_two(order ? has : uses, order ? uses : has));
        assert_int_equal(run("k", 1, 0)[0], 3 * 20 + 6);
        OK(cuModuleGetGlobal(&counter, &size, module, "counter"));
        OK(cuMemcpyDtoH(&value, counter, sizeof(value)));
        assert_int_equal(value, 6);
        assert_int_equal(size, sizeof(value));
        OK(cuModuleUnload(module));
    }
}

/* What has no linkage is each text's own, by whatever name. */
static void test_static(void **state)
{
    const char *a = HEAD ".global .u32 own = 100;\n" FUNCTION(
        "", "f", "ld.global.u32 %r2, [own]; add.u32 %r1, %r1, %r2;") KERNEL("first", CALL("f"));
    const char *b = HEAD ".visible .global .u32 own = 2000;\n" FUNCTION(
        "", "f", "ld.global.u32 %r2, [own]; mad.lo.u32 %r1, %r1, 2, %r2;") KERNEL("b", CALL("f"));
    const char *c = HEAD FUNCTION("", "first", "add.u32 %r1, %r1, 1;") KERNEL("c", CALL("first"));
    CUlinkState link = begin();
    CUdeviceptr own;
    uint32_t value;

    (void)state;
    OK(add(link, NULL, a));
    OK(add(link, NULL, b));
    OK(add(link, NULL, c));
    OK(end(link));
    assert_int_equal(run("first", 4, 0)[3], 103);
    assert_int_equal(run("b", 4, 0)[3], 2006);
    assert_int_equal(run("c", 4, 0)[3], 4);
    OK(cuModuleGetGlobal(&own, NULL, module, "own"));
    OK(cuMemcpyDtoH(&value, own, sizeof(value)));
    assert_int_equal(value, 2000);
    OK(cuModuleUnload(module));
}

/* Of weak ones the first, and a strong one before all. */
static void test_weak(void **state)
{
    const char *first = HEAD ".weak .global .u32 w = 1;\n" FUNCTION(".weak", "f", "mov.u32 %r1, 1;")
        KERNEL("k", CALL("f") "ld.global.u32 %r2, [w]; mad.lo.u32 %r1, %r2, 10, %r1;");
    const char *second = HEAD DECLARED(".weak", "f") ".weak .global .u32 w = 2;\n" FUNCTION(
        ".weak", "f", "mov.u32 %r1, 2;") KERNEL("l", CALL("f"));
    const char *strong =
        HEAD ".visible .global .u32 w = 3;\n" FUNCTION(".visible", "f", "mov.u32 %r1, 3;");

    (void)state;
    OK(link_two(first, second));
    assert_int_equal(run("k", 1, 0)[0], 11);
    assert_int_equal(run("l", 1, 0)[0], 1);
    OK(cuModuleUnload(module));
    OK(link_two(first, strong));
    assert_int_equal(run("k", 1, 0)[0], 33);
    OK(cuModuleUnload(module));
    OK(link_two(strong, first));
    assert_int_equal(run("k", 1, 0)[0], 33);
    OK(cuModuleUnload(module));
}

static void test_common(void **state)
{
    const char *small = HEAD ".common .global .b32 c;\n" KERNEL("k", "ld.global.u32 %r1, [c];");
    const char *large = HEAD ".common .global .align 8 .b8 c[12];\n";
    const char *initial = HEAD ".common .global .b32 c[4] = {9};\n";
    CUlinkState link = begin();
    CUdeviceptr common;
    size_t size;

    (void)state;
    OK(add(link, "small", small));
    OK(add(link, "large", large));
    OK(end(link));
    OK(cuModuleGetGlobal(&common, &size, module, "c"));
    assert_int_equal(size, 12);
    OK(cuModuleUnload(module));
    link = begin();
    OK(add(link, "large", large));
    OK(add(link, "small", small));
    OK(add(link, "initial", initial));
    OK(end(link));
    assert_int_equal(run("k", 1, 0)[0], 9);
    OK(cuModuleUnload(module));
}

/* Dynamic shared memory has one place in a block, by whichever name. */
static void test_shared(void **state)
{
    const char *a = HEAD ".extern .shared .align 4 .b8 dynamic[];\n" DECLARED(".extern", "f")
        KERNEL("k", "mov.u32 %r2, dynamic; mad.lo.u32 %r2, %r8, 4, %r2; add.u32 %r3, %r8, 40;\n"
                    "st.shared.u32 [%r2], %r3;\n" CALL("f"));
    const char *b = HEAD ".extern .shared .align 16 .b8 other[]; .shared .u32 s;\n" FUNCTION(
        ".visible", "f",
        "mov.u32 %r2, other; mad.lo.u32 %r2, %r1, 4, %r2;\n"
        "st.shared.u32 [s], %r1; ld.shared.u32 %r1, [%r2];");

    (void)state;
    OK(link_two(a, b));
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(run("k", 32, 128)[i], i + 40);
    }
    OK(cuModuleUnload(module));
}

static void test_texture(void **state)
{
    static const float texels[8] = {0, 1, 4, 9, 16, 25, 36, 49};
    const char *a = HEAD ".extern .global .texref image;\n" KERNEL(
        "k", "tex.1d.v4.f32.s32 {%f1, %f2, %f3, %f4}, [image, {%r8}]; cvt.rzi.u32.f32 %r1, %f1;");
    const char *b = HEAD ".visible .global .texref image;\n";
    CUtexref image;
    CUdeviceptr memory;

    (void)state;
    OK(link_two(a, b));
    OK(cuMemAlloc(&memory, sizeof(texels)));
    OK(cuMemcpyHtoD(memory, texels, sizeof(texels)));
    OK(cuModuleGetTexRef(&image, module, "image"));
    OK(cuTexRefSetFormat(image, CU_AD_FORMAT_FLOAT, 1));
    OK(cuTexRefSetAddress(NULL, image, memory, sizeof(texels)));
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(run("k", 8, 0)[i], i * i);
    }
    OK(cuModuleUnload(module));
    OK(cuMemFree(memory));
}

/* Each text has files of its own numbers. */
static void test_lines(void **state)
{
    const char *fault = HEAD ".file 1 \"one.cu\"\n" KERNEL("k", "mov.u32 %r1, 1;");
    const char *other = HEAD ".file 1 \"two.cu\"\n.file 7 \"seven.cu\"\n"
                             ".visible .entry l() {\n.loc 7 3 1\nret; }\n";

    (void)state;
    OK(link_two(fault, other));
    assert_int_equal(run("k", 1, 0)[0], 1);
    OK(cuModuleUnload(module));
}

/* ---- What is refused ---- */

static void test_refused(void **state)
{
    static const struct {
        const char *a, *b, *log;
    } cases[] = {
        {HEAD DECLARED(".extern", "f") KERNEL("k", CALL("f")), HEAD,
         "a.ptx:4:31: error: undefined reference to f\n"},
        {HEAD, HEAD ".extern .global .u32 x;\n" KERNEL("k", "ld.global.u32 %r1, [x];"),
         "b.ptx:4:22: error: undefined reference to x\n"},
        {HEAD ".extern .global .u32 x; .global .u64 y = x;\n", HEAD,
         "a.ptx:4:22: error: undefined reference to x\n"},
        {HEAD FUNCTION(".visible", "f", ""), HEAD "\n" FUNCTION(".visible", "f", ""),
         "b.ptx:5:32: error: multiple definition of f, first defined at a.ptx:4:32\n"},
        {HEAD FUNCTION(".visible", "f", ""), HEAD DECLARED("", "f") FUNCTION(".visible", "f", ""),
         "b.ptx:5:32: error: multiple definition of f, first defined at a.ptx:4:32\n"},
        {HEAD FUNCTION(".visible", "f", ""), HEAD FUNCTION("", "f", "") DECLARED(".visible", "f"),
         "b.ptx:4:24: error: multiple definition of f, first defined at a.ptx:4:32\n"},
        {HEAD FUNCTION("", "f", "") DECLARED(".visible", "f"), HEAD FUNCTION(".visible", "f", ""),
         "b.ptx:4:32: error: multiple definition of f, first defined at a.ptx:4:24\n"},
        {HEAD ".visible .global .u32 x;\n", HEAD ".extern .global .u32 x; .visible .global .u32 x;",
         "b.ptx:4:47: error: multiple definition of x, first defined at a.ptx:4:23\n"},
        {HEAD KERNEL("k", ""), HEAD ".entry k() { ret; }",
         "b.ptx:4:8: error: k was declared as something else\n"},
        {HEAD ".entry k() { ret; }", HEAD ".entry k() { ret; }",
         "b.ptx:4:8: error: multiple definition of k, first defined at a.ptx:4:8\n"},
        {HEAD ".common .global .u32 x = 1;\n", HEAD ".common .global .u32 x = 2;\n",
         "b.ptx:4:22: error: multiple definition of x, first defined at a.ptx:4:22\n"},
        {HEAD ".common .global .b8 x[8];\n", HEAD ".visible .global .b8 x[4];\n",
         "b.ptx:4:22: error: x has 4 bytes, and 8 at a.ptx:4:21\n"},
        {HEAD ".extern .global .u32 x;\n", HEAD ".visible .global .u64 x;\n",
         "b.ptx:4:23: error: the size or type of x does not match that at a.ptx:4:22\n"},
        {HEAD ".extern .global .u32 x;\n", HEAD ".visible .const .u32 x = 1;\n",
         "b.ptx:4:22: error: the size or type of x does not match that at a.ptx:4:22\n"},
        {HEAD DECLARED(".extern", "f"),
         HEAD ".visible .func (.param .b64 r) f(.param .b32 a) { ret; }",
         "b.ptx:4:32: error: the prototype of f does not match that at a.ptx:4:31\n"},
        {HEAD DECLARED(".extern", "f"), HEAD ".visible .global .u32 f;",
         "b.ptx:4:23: error: f is declared already\n"},
        /* A text sees only what it declares, and ends where it ends. */
        {HEAD ".visible .global .u32 x;\n", HEAD KERNEL("k", "ld.global.u32 %r1, [x];"),
         "b.ptx:7:21: error: x is not declared\n"},
        {HEAD "/* no end", HEAD KERNEL("k", ""),
         "a.ptx:4:10: error: a comment, string or word without an end\n"},
        {HEAD ".visible .entry k() {", HEAD "} ret; }", "a.ptx:4:22: error: "},
        {HEAD, ".target sm_90\n", "b.ptx:1:1: error: a module begins with .version\n"},
        {HEAD, ".version 8.0\n", "b.ptx:2:1: error: .target is missing\n"},
        {HEAD "// " HEAD, "nonsense\n", "b.ptx:1:1: error: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(link_two(cases[i].a, cases[i].b), CUDA_ERROR_INVALID_PTX);
        if (strncmp(log_text, cases[i].log, strlen(cases[i].log)) != 0) {
            fail_msg("%zu: \"%s\" where \"%s\" should be", i, log_text, cases[i].log);
        }
    }
}

/* Alone, too, an input has to have all that it names. */
static void test_one(void **state)
{
    const char *text = HEAD ".extern .global .u32 x;\n" KERNEL("k", "ld.global.u32 %r1, [x];");
    CUlinkState link = begin();

    (void)state;
    OK(add(link, "bad\nname\x1c", text));
    assert_int_equal(end(link), CUDA_ERROR_INVALID_PTX);
    assert_string_equal(log_text, "bad?name?:4:22: error: undefined reference to x\n");
    link = begin();
    OK(add(link, "", HEAD KERNEL("k", "mov.u32 %r1, 3;")));
    OK(end(link));
    assert_int_equal(run("k", 1, 0)[0], 3);
    OK(cuModuleUnload(module));
    link = begin();
    OK(add(link, NULL, HEAD));
    OK(add(link, NULL, "nonsense"));
    assert_int_equal(end(link), CUDA_ERROR_INVALID_PTX);
    assert_non_null(strstr(log_text, "input 2:1:1: error: "));
}

/* ---- Other kinds of inputs ---- */

static void add_as_file(CUlinkState link, const char *text)
{
    char path[] = "/tmp/driver_link_test.XXXXXX";
    int file = mkstemp(path);

    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    OK(cuLinkAddFile(link, CU_JIT_INPUT_PTX, path, 0, NULL, NULL));
    unlink(path);
}

static void test_inputs(void **state)
{
    const char *first = HEAD FUNCTION(".visible", "f", "add.u32 %r1, %r1, 1;");
    const char *second = HEAD FUNCTION(".visible", "g", "add.u32 %r1, %r1, 2;");
    const char *third = HEAD DECLARED(".extern", "f") DECLARED(".extern", "g")
        KERNEL("k", CALL("f") "mov.u32 %r8, %r1;\n" CALL("g"));
    CUlinkState link = begin();

    (void)state;
    begin_fat();
    add_entry(1, 75, 0, first, strlen(first) + 1, 0);
    OK(cuLinkAddData(link, CU_JIT_INPUT_FATBINARY, fat, fat_used, "fat", 0, NULL, NULL));
    add_as_file(link, second);
    OK(add(link, "third", third));
    OK(end(link));
    assert_int_equal(run("k", 2, 0)[1], 4);
    OK(cuModuleUnload(module));
}

static void test_bounds(void **state)
{
    size_t half = (size_t)33 << 20;
    char *blanks = malloc(half + 1);
    CUlinkState link = begin();

    (void)state;
    assert_non_null(blanks);
    memset(blanks, ' ', half);
    blanks[half] = '\0';
    OK(add(link, "a", blanks));
    assert_int_equal(add(link, "b", blanks), CUDA_ERROR_INVALID_PTX);
    assert_int_equal(add(link, "c", HEAD "\x1c"), CUDA_ERROR_INVALID_PTX);
    OK(cuLinkDestroy(link));
    free(blanks);
}

static void test_calls(void **state)
{
    CUlinkState link = begin();
    void *image;
    size_t size;

    (void)state;
    assert_int_equal(cuLinkComplete(link, &image, &size), CUDA_ERROR_INVALID_VALUE);
    OK(add(link, "a name", HEAD));
    assert_int_equal(cuLinkComplete(link, NULL, &size), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuLinkAddData(link, CU_JIT_INPUT_CUBIN, HEAD, 4, NULL, 0, NULL, NULL),
                     CUDA_ERROR_NO_BINARY_FOR_GPU);
    OK(cuLinkDestroy(link));
    assert_int_equal(cuLinkDestroy(link), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(add(link, "a name", HEAD), CUDA_ERROR_INVALID_HANDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_functions_that_are_published_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_static, setup, teardown),
        cmocka_unit_test_setup_teardown(test_weak, setup, teardown),
        cmocka_unit_test_setup_teardown(test_common, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
        cmocka_unit_test_setup_teardown(test_texture, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inputs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("driver_link", tests, NULL, NULL);
}
