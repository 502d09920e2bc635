/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* A guest's modules: what is loaded, what is refused and why, and what is told of their kernels. */
#include <elf.h>

#include "tests/unit/mediator/cuda_fixture.h"
#include "tests/unit/mediator/cuda_gate.h"

static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .global .align 4 .b8 table[256];\n"
    ".visible .entry first(.param .u64 a, .param .u8 b, .param .align 8 .b8 c[20], .param .u16 d)\n"
    "{ .shared .align 4 .b8 tile[512]; ret; }\n"
    ".visible .entry second() .maxntid 64, 1, 1 { ret; }\n";

static struct bg_cuda_module_answer head;

static CUresult load(uint32_t module, const void *image, size_t size, uint32_t flags)
{
    CUresult result;

    bring(image, size);
    result =
        ASK(BG_CUDA_MODULE_LOAD,
            (struct bg_cuda_module_load){
                .module = module, .info_log_size = 256, .error_log_size = 256, .flags = flags});
    if (done.answer_size >= sizeof(head)) {
        memcpy(&head, done.answer, sizeof(head));
    }
    return result;
}

static CUresult load_text(uint32_t module, const char *image)
{
    return load(module, image, strlen(image), 0);
}

static void read_function(uint32_t number, struct bg_cuda_function *function)
{
    memcpy(function, done.answer + head.functions_offset + number * sizeof(*function),
           sizeof(*function));
}

static void expect_param(const struct bg_cuda_function *function, uint32_t number, uint32_t offset,
                         uint32_t size)
{
    struct bg_cuda_param param;

    memcpy(&param,
           done.answer + head.params_offset + (function->first_param + number) * sizeof(param),
           sizeof(param));
    assert_int_equal(param.offset, offset);
    assert_int_equal(param.size, size);
}

static void test_kernels(void **state)
{
    struct bg_cuda_function function;
    const char *names;

    (void)state;
    OK(load_text(3, text));
    assert_int_equal(head.function_count, 2);
    assert_int_equal(head.error_log_size, 0);
    assert_int_equal(head.prints, 0);
    names = (const char *)done.answer + head.names_offset;
    read_function(0, &function);
    assert_string_equal(names + function.name, "first");
    assert_int_equal(function.param_count, 4);
    assert_int_equal(function.params_size, 38);
    expect_param(&function, 0, 0, 8);
    expect_param(&function, 1, 8, 1);
    expect_param(&function, 2, 16, 20);
    expect_param(&function, 3, 36, 2);
    assert_int_equal(function.attributes[CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES], 512);
    read_function(1, &function);
    assert_string_equal(names + function.name, "second");
    assert_int_equal(function.param_count, 0);
    assert_int_equal(function.params_size, 0);
    assert_int_equal(function.attributes[CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK], 64);
}

static void test_refused(void **state)
{
    const char *log;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_PTX, load_text(0, ".version 8.0\n.target sm_80\n.address_size 64\n"
                                                ".visible .entry k() { mov.u32 %r1, 7; ret; }\n"));
    assert_int_equal(head.function_count, 0);
    assert_true(head.error_log_size > 0);
    log = (const char *)done.answer + head.error_log_offset;
    assert_non_null(memmem(log, head.error_log_size, "4:", 2)); /* the line */
    assert_int_equal(session->memory_used, 0);
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_MODULE_UNLOAD, 0));
    OK(load_text(0, text));
}

static void test_bad_loads(void **state)
{
    struct bg_cuda_module_load level = {.module = 1, .optimization_level = 5};

    (void)state;
    OK(load_text(0, text));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, load_text(0, text));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, load_text(BG_CUDA_MODULES_MAX, text));
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load_text(1, ""));
    EXPECT(CUDA_ERROR_INVALID_VALUE, load(1, text, strlen(text), 8));
    bring(text, strlen(text));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask(BG_CUDA_MODULE_LOAD, &level, sizeof(level)));
    OK(load(1, text, strlen(text),
            BG_CUDA_JIT_DEBUG | BG_CUDA_JIT_LINE_INFO | BG_CUDA_JIT_VERBOSE));
}

static void test_memory_of_modules(void **state)
{
    static char large[20000];

    (void)state;
    snprintf(large, sizeof(large), "%s", text);
    memset(large + strlen(large), '\n', sizeof(large) - strlen(large) - 1);
    session->memory_limit = 30000;
    OK(load_text(0, large));
    assert_int_equal(session->memory_used, sizeof(large));
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, load_text(1, large));
    OK(ASK_HANDLE(BG_CUDA_MODULE_UNLOAD, 0));
    OK(load_text(1, large));
    session->memory_limit = MEMORY_LIMIT;
}

/* ---- Images that say where they end ---- */

static void test_machine_code(void **state)
{
    Elf64_Ehdr header = {.e_ident = {0x7F, 'E', 'L', 'F', ELFCLASS64},
                         .e_shentsize = sizeof(Elf64_Shdr),
                         .e_shnum = 1,
                         .e_shoff = sizeof(header)};
    struct {
        Elf64_Ehdr header;
        Elf64_Shdr section;
    } image = {.header = header, .section = {.sh_type = SHT_PROGBITS, .sh_size = sizeof(image)}};

    (void)state;
    EXPECT(CUDA_ERROR_NO_BINARY_FOR_GPU, load(0, &image, sizeof(image), 0));
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, 10, 0));
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, sizeof(image) - 2, 0));
    image.section.sh_offset = 2;
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, sizeof(image), 0));
    image.section.sh_offset = UINT64_MAX;
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, sizeof(image), 0));
    image.section.sh_type = SHT_NOBITS;
    EXPECT(CUDA_ERROR_NO_BINARY_FOR_GPU, load(0, &image, sizeof(image), 0));
    image.header.e_shoff = UINT64_MAX - 8;
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, sizeof(image), 0));
    image.header.e_shoff = sizeof(header);
    image.header.e_shentsize = 1;
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, sizeof(image), 0));
}

static void test_fat_binary(void **state)
{
    struct {
        uint32_t magic;
        uint16_t version, size;
        uint64_t entries_size;
        uint8_t entries[64];
    } image = {.magic = 0xBA55ED50u, .version = 1, .size = 16, .entries_size = 64};
    const struct {
        uint32_t magic, version;
        const void *pointer;
    } wrapper = {0x466243B1u, 1, &image};

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, sizeof(image), 0)); /* entries of nothing */
    image.entries_size = 1 << 20;
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, sizeof(image), 0));
    image.entries_size = UINT64_MAX;
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, sizeof(image), 0));
    image.entries_size = 0;
    EXPECT(CUDA_ERROR_NO_BINARY_FOR_GPU, load(0, &image, sizeof(image), 0));
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &image, 8, 0));
    /* A guest's pointer is not followed. */
    EXPECT(CUDA_ERROR_INVALID_IMAGE, load(0, &wrapper, sizeof(wrapper), 0));
}

/* ---- Variables ---- */

static CUresult find_global(uint32_t module, const char *name, struct bg_cuda_range *range)
{
    CUresult result;

    bring(name, strlen(name));
    result = ASK_HANDLE(BG_CUDA_MODULE_GLOBAL, module);
    if (result == CUDA_SUCCESS) {
        memcpy(range, done.answer, sizeof(*range));
    }
    return result;
}

static CUresult fill(uint64_t address, uint64_t size)
{
    return ASK(
        BG_CUDA_FILL,
        (struct bg_cuda_fill){
            .address = address, .width = size, .height = 1, .element_size = 1, .value = 0x77});
}

static void test_variables(void **state)
{
    static char long_name[5000];
    struct bg_cuda_range range, again;

    (void)state;
    memset(long_name, 'x', sizeof(long_name) - 1);
    OK(load_text(2, text));
    OK(find_global(2, "table", &range));
    assert_int_equal(range.size, 256);
    OK(find_global(2, "table", &again));
    assert_memory_equal(&range, &again, sizeof(range));
    OK(fill(range.address, 256));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(range.address, 257));
    EXPECT(CUDA_ERROR_INVALID_VALUE, give_back(range.address));
    assert_int_equal(((const uint8_t *)read_memory(range.address, 256))[255], 0x77);
    EXPECT(CUDA_ERROR_NOT_FOUND, find_global(2, "tabl", &range));
    EXPECT(CUDA_ERROR_NOT_FOUND, find_global(2, "", &again));
    EXPECT(CUDA_ERROR_NOT_FOUND, find_global(2, long_name, &again));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, find_global(1, "table", &again));
    OK(ASK_HANDLE(BG_CUDA_MODULE_UNLOAD, 2));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(range.address, 1));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, find_global(2, "table", &again));
}

/* A module goes when the streams that were busy are done with it. */
static void test_unload_does_not_wait(void **state)
{
    struct gate gate = CLOSED_GATE;
    struct bg_cuda_launch launch = {.function = 1, .grid = {1, 1, 1}, .block = {1, 1, 1}};

    (void)state;
    OK(load_text(0, text));
    close_gate(&gate, BG_CUDA_STREAM_LEGACY);
    OK(ask(BG_CUDA_LAUNCH, &launch, sizeof(launch)));
    OK(ASK_HANDLE(BG_CUDA_MODULE_UNLOAD, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_MODULE_UNLOAD, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ask(BG_CUDA_LAUNCH, &launch, sizeof(launch)));
    assert_true(session->memory_used > 0);
    OK(load_text(0, text));
    open_gate(&gate);
    wait_until_idle();
    OK(ask(BG_CUDA_LAUNCH, &launch, sizeof(launch)));
}

/* ---- Linking ---- */

/* The inputs of the next command: `text`, said to be of this type and size. */
static CUresult ask_link(uint32_t type, uint64_t size, uint32_t module)
{
    static uint8_t inputs[sizeof(struct bg_cuda_link_input) + (sizeof(text) + 7) / 8 * 8];
    const struct bg_cuda_link_input input = {.type = type, .size = size};

    memcpy(inputs, &input, sizeof(input));
    memcpy(inputs + sizeof(input), text, sizeof(text));
    bring(inputs, sizeof(inputs));
    return ASK(BG_CUDA_LINK, (struct bg_cuda_module_load){.module = module, .error_log_size = 64});
}

static void test_link(void **state)
{
    struct bg_cuda_link_answer answer;

    (void)state;
    OK(ask_link(CU_JIT_INPUT_PTX, sizeof(text), 0));
    memcpy(&answer, done.answer, sizeof(answer));
    assert_string_equal((const char *)done.answer + answer.image_offset +
                            (answer.image_size - sizeof(text)),
                        text); /* behind its name */
    assert_int_equal(session->memory_used, 0);
}

static void test_bad_links(void **state)
{
    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask_link(CU_JIT_INPUT_PTX, sizeof(text), 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask_link(CU_JIT_INPUT_PTX, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask_link(CU_JIT_INPUT_PTX, sizeof(text) + 8, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask_link(CU_JIT_INPUT_PTX, UINT64_MAX, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ask_link(CU_JIT_INPUT_PTX, 8, 0)); /* another follows */
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, ask_link(CU_JIT_INPUT_LIBRARY, sizeof(text), 0));
    EXPECT(CUDA_ERROR_NO_BINARY_FOR_GPU, ask_link(CU_JIT_INPUT_CUBIN, sizeof(text), 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_LINK, (struct bg_cuda_module_load){.module = 0}));
    assert_int_equal(session->memory_used, 0);
}

/* ---- Functions ---- */

static CUresult set(uint32_t module, uint32_t function, uint32_t attribute, int32_t value)
{
    return ASK(BG_CUDA_FUNCTION_SET,
               (struct bg_cuda_function_set){module, function, attribute, value});
}

static void test_attributes(void **state)
{
    const uint32_t dynamic = CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
    struct bg_cuda_function function;

    (void)state;
    OK(load_text(0, text));
    OK(set(0, 0, dynamic, 2048));
    memcpy(&function, done.answer, sizeof(function));
    assert_int_equal(function.attributes[dynamic], 2048);
    assert_int_equal(function.params_size, 38);
    EXPECT(CUDA_ERROR_INVALID_VALUE, set(0, 0, dynamic, -1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, set(0, 0, CU_FUNC_ATTRIBUTE_NUM_REGS, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, set(0, 0, 0x7FFFFFFF, 1));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, set(0, 2, dynamic, 1));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, set(1, 0, dynamic, 1));
}

static CUresult count_blocks(uint32_t function, uint32_t block_size, uint64_t dynamic, int *blocks)
{
    CUresult result =
        ASK(BG_CUDA_OCCUPANCY, (struct bg_cuda_occupancy){0, function, block_size, 0, dynamic});

    if (result == CUDA_SUCCESS) {
        memcpy(blocks, done.answer, sizeof(*blocks));
    }
    return result;
}

static void test_occupancy(void **state)
{
    int blocks = 0;

    (void)state;
    OK(load_text(0, text));
    OK(count_blocks(0, 256, 0, &blocks));
    assert_true(blocks > 0);
    EXPECT(CUDA_ERROR_INVALID_VALUE, count_blocks(0, 0, 0, &blocks));
    EXPECT(CUDA_ERROR_INVALID_VALUE, count_blocks(0, 0x80000000u, 0, &blocks));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, count_blocks(2, 1, 0, &blocks));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kernels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_loads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_of_modules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_machine_code, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fat_binary, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unload_does_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_link, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attributes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_occupancy, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
