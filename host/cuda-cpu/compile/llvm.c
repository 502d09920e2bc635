/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/llvm.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/symbol.h"

/* Short: what is left out costs more time than it saves. */
#define ALL_PASSES                                                                                 \
    "function(sroa,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,"                 \
    "loop-mssa(licm),dse,simplifycfg)"

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#error "no code is generated for this processor"
#endif

/* In LLVM's words. */
static const struct target {
    unsigned machine;
    const char *name;
    const char *triple;
} targets[] = {
    {EM_X86_64, "X86", "x86_64-unknown-linux-gnu"},
    {EM_AARCH64, "AArch64", "aarch64-unknown-linux-gnu"},
};

/* Most takes more than linear time. Measured, of kernels with many branches: 1,000 instructions are
 * about 1 MB of IR, 20,000 take 12 s at the lowest level and 34 s with these two passes. */
static const struct effort {
    size_t ir; /* bytes of it, at the most */
    int level;
    const char *passes;
} efforts[] = {
    {(size_t)3 << 20, 1, ALL_PASSES},
    {(size_t)8 << 20, 0, "function(sroa,early-cse)"},
    {SIZE_MAX, 0, "function(early-cse)"},
};

/* How far the register allocator looks where it splits what lives through many blocks: of 10,000
 * for itself, which took a fifth of the time for 1,000 instructions; with 100, what loops set lay
 * in memory. And what moves masks between kinds of registers, which was more than half. */
#define SPLIT_OPTION "-grow-region-complexity-budget=1000"
#define X86_OPTION "-disable-x86-domain-reassignment"

bool llvm_is_hasty;

/* Of LLVM's C interface, LLVM 19: what is used of it, with all its opaque pointers as void. */
enum { RELOC_PIC = 2, CODE_MODEL_SMALL = 3, FILE_ASSEMBLY = 0, FILE_OBJECT = 1 };

static struct {
    void *library;
    void *(*context_create)(void);
    void (*context_dispose)(void *context);
    void *(*buffer_create)(const char *data, size_t size, const char *name, int zero_follows);
    const char *(*buffer_start)(void *buffer);
    size_t (*buffer_size)(void *buffer);
    void (*buffer_dispose)(void *buffer);
    int (*parse_ir)(void *context, void *buffer, void **module, char **message);
    void (*module_dispose)(void *module);
    void (*set_layout)(void *module, void *layout);
    void (*set_triple)(void *module, const char *triple);
    char *(*host_cpu)(void);
    char *(*host_features)(void);
    void (*message_dispose)(char *message);
    int (*target_from_triple)(const char *triple, void **target, char **message);
    void *(*machine_create)(void *target, const char *triple, const char *cpu, const char *features,
                            int level, int reloc, int code_model);
    void (*machine_dispose)(void *machine);
    void *(*machine_layout)(void *machine);
    void (*layout_dispose)(void *layout);
    void *(*options_create)(void);
    void (*options_dispose)(void *options);
    void *(*run_passes)(void *module, const char *passes, void *machine, void *options);
    char *(*error_message)(void *error);
    int (*emit)(void *machine, void *module, int type, char **message, void **buffer);
    void (*set_handler)(void *context, void (*handler)(void *info, void *argument), void *argument);
    char *(*info_text)(void *info);
    void (*parse_options)(int count, const char *const *words, const char *overview);
} llvm;

static const struct {
    void *pointer;
    const char *name;
} functions[] = {
    {&llvm.context_create, "LLVMContextCreate"},
    {&llvm.context_dispose, "LLVMContextDispose"},
    {&llvm.buffer_create, "LLVMCreateMemoryBufferWithMemoryRange"},
    {&llvm.buffer_start, "LLVMGetBufferStart"},
    {&llvm.buffer_size, "LLVMGetBufferSize"},
    {&llvm.buffer_dispose, "LLVMDisposeMemoryBuffer"},
    {&llvm.parse_ir, "LLVMParseIRInContext"},
    {&llvm.module_dispose, "LLVMDisposeModule"},
    {&llvm.set_layout, "LLVMSetModuleDataLayout"},
    {&llvm.set_triple, "LLVMSetTarget"},
    {&llvm.host_cpu, "LLVMGetHostCPUName"},
    {&llvm.host_features, "LLVMGetHostCPUFeatures"},
    {&llvm.message_dispose, "LLVMDisposeMessage"},
    {&llvm.target_from_triple, "LLVMGetTargetFromTriple"},
    {&llvm.machine_create, "LLVMCreateTargetMachine"},
    {&llvm.machine_dispose, "LLVMDisposeTargetMachine"},
    {&llvm.machine_layout, "LLVMCreateTargetDataLayout"},
    {&llvm.layout_dispose, "LLVMDisposeTargetData"},
    {&llvm.options_create, "LLVMCreatePassBuilderOptions"},
    {&llvm.options_dispose, "LLVMDisposePassBuilderOptions"},
    {&llvm.run_passes, "LLVMRunPasses"},
    {&llvm.error_message, "LLVMGetErrorMessage"},
    {&llvm.emit, "LLVMTargetMachineEmitToMemoryBuffer"},
    {&llvm.set_handler, "LLVMContextSetDiagnosticHandler"},
    {&llvm.info_text, "LLVMGetDiagInfoDescription"},
    {&llvm.parse_options, "LLVMParseCommandLineOptions"},
};

static bool fail(char reason[LLVM_REASON_SIZE], const char *what, char *message)
{
    snprintf(reason, LLVM_REASON_SIZE, "%s: %s", what, message != NULL ? message : "failed");
    if (message != NULL && llvm.message_dispose != NULL) {
        llvm.message_dispose(message);
    }
    return false;
}

static void *open_library(void)
{
    static const char *const names[] = {"libLLVM.so.19.1", "libLLVM-19.so.1", "libLLVM-19.so"};
    void *library = NULL;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && library == NULL; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    }
    return library;
}

/* As often as it is wanted: LLVM does it once. False: it was built without it. */
static bool initialize(const struct target *target)
{
    static const char *const parts[] = {"TargetInfo", "Target", "TargetMC", "AsmPrinter"};
    char name[64];

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        void (*function)(void);

        snprintf(name, sizeof(name), "LLVMInitialize%s%s", target->name, parts[i]);
        if (!symbol_find(llvm.library, name, &function)) {
            return false;
        }
        function();
    }
    return true;
}

static void set_options(void)
{
    static const char *const words[] = {
        "baregpu",
        SPLIT_OPTION,
#if defined(__x86_64__)
        X86_OPTION,
#endif
    };

    llvm.parse_options(sizeof(words) / sizeof(words[0]), words, NULL);
}

bool llvm_load(char reason[LLVM_REASON_SIZE])
{
    void *library;

    if (llvm.library != NULL) {
        return true;
    }
    library = open_library();
    if (library == NULL) {
        snprintf(reason, LLVM_REASON_SIZE, "LLVM 19 is missing (Debian: libllvm19): %s", dlerror());
        return false;
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (!symbol_find(library, functions[i].name, functions[i].pointer)) {
            snprintf(reason, LLVM_REASON_SIZE, "LLVM has no %s", functions[i].name);
            dlclose(library);
            return false;
        }
    }
    set_options();
    llvm.library = library;
    return true;
}

const char *llvm_path(void)
{
    Dl_info info;
    void *function;

    memcpy(&function, &llvm.context_create, sizeof(function));
    return llvm.library != NULL && dladdr(function, &info) != 0 ? info.dli_fname : "";
}

/* One compilation. */
struct compilation {
    void *context, *module;
    const struct effort *effort;
    uint64_t frame; /* the largest */
};

/* LLVM says how large each function's frame is, since kernel.c asks for it. */
static void take_message(void *info, void *argument)
{
    struct compilation *compilation = argument;
    char *text = llvm.info_text(info);
    const char *frame = strstr(text, "stack frame size (");
    unsigned long long size;

    if (frame != NULL && sscanf(frame, "stack frame size (%llu)", &size) == 1) {
        compilation->frame = size > compilation->frame ? size : compilation->frame;
    }
    llvm.message_dispose(text);
}

static const struct effort *effort_for(size_t length, bool in_haste)
{
    const struct effort *effort = efforts + llvm_is_hasty;

    while (effort->ir < length || (in_haste && effort->ir < SIZE_MAX)) {
        effort++;
    }
    return effort;
}

static void close_compilation(struct compilation *compilation)
{
    if (compilation->module != NULL) {
        llvm.module_dispose(compilation->module);
    }
    llvm.context_dispose(compilation->context);
}

static bool parse(struct compilation *compilation, const char *ir, size_t length, char *reason)
{
    char *message = NULL;

    if (llvm.parse_ir(compilation->context, llvm.buffer_create(ir, length, "kernel", 1),
                      &compilation->module, &message)) {
        compilation->module = NULL;
        return fail(reason, "IR", message);
    }
    return true;
}

static const struct target *find_target(unsigned machine)
{
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        if (targets[i].machine == machine && initialize(&targets[i])) {
            return &targets[i];
        }
    }
    return NULL;
}

/* The last one is kept: with a new one a twentieth of a small kernel's time is learning what the
 * processor can. */
static struct machine {
    void *handle; /* NULL: none */
    const struct target *target;
    char cpu[32]; /* empty: its own or any */
    int level;
} machine;

static void *create_machine(const struct target *kind, const char *cpu, int level, char **message)
{
    char *own_cpu = llvm.host_cpu(), *own_features = llvm.host_features();
    bool is_own = kind->machine == OWN_MACHINE;
    void *target, *handle = NULL;

    if (!llvm.target_from_triple(kind->triple, &target, message)) {
        handle = llvm.machine_create(target, kind->triple,
                                     cpu[0]   ? cpu
                                     : is_own ? own_cpu
                                              : "generic",
                                     !cpu[0] && is_own ? own_features : "", level, RELOC_PIC,
                                     CODE_MODEL_SMALL);
    }
    llvm.message_dispose(own_features);
    llvm.message_dispose(own_cpu);
    return handle;
}

static bool ensure_machine(const struct target *kind, const char *cpu, int level, char *reason)
{
    char *message = NULL;

    if (machine.handle != NULL && machine.target == kind && machine.level == level &&
        strcmp(machine.cpu, cpu) == 0) {
        return true;
    }
    if (machine.handle != NULL) {
        llvm.machine_dispose(machine.handle);
    }
    machine = (struct machine){.target = kind, .level = level};
    snprintf(machine.cpu, sizeof(machine.cpu), "%s", cpu);
    machine.handle = create_machine(kind, machine.cpu, level, &message);
    return machine.handle != NULL || fail(reason, "target", message);
}

static bool set_target(struct compilation *compilation, unsigned number, const char *cpu,
                       char *reason)
{
    const struct target *kind = find_target(number ? number : OWN_MACHINE);
    void *layout;

    if (kind == NULL) {
        return fail(reason, "target", NULL);
    }
    if (!ensure_machine(kind, cpu != NULL ? cpu : "", compilation->effort->level, reason)) {
        return false;
    }
    layout = llvm.machine_layout(machine.handle);
    llvm.set_layout(compilation->module, layout);
    llvm.set_triple(compilation->module, kind->triple);
    llvm.layout_dispose(layout);
    return true;
}

static bool optimise(struct compilation *compilation, char *reason)
{
    void *options = llvm.options_create();
    void *error =
        llvm.run_passes(compilation->module, compilation->effort->passes, machine.handle, options);

    llvm.options_dispose(options);
    return error == NULL || fail(reason, "passes", llvm.error_message(error));
}

static bool emit(struct compilation *compilation, enum llvm_output output,
                 struct llvm_result *result, char *reason)
{
    char *message = NULL;
    void *buffer;

    if (llvm.emit(machine.handle, compilation->module,
                  output == LLVM_OBJECT ? FILE_OBJECT : FILE_ASSEMBLY, &message, &buffer)) {
        return fail(reason, "code", message);
    }
    result->frame = compilation->frame;
    result->size = llvm.buffer_size(buffer);
    result->bytes = malloc(result->size + 1);
    if (result->bytes != NULL) {
        memcpy(result->bytes, llvm.buffer_start(buffer), result->size);
        result->bytes[result->size] = '\0';
    }
    llvm.buffer_dispose(buffer);
    return result->bytes != NULL || fail(reason, "code", NULL);
}

static bool compile(const struct effort *effort, const char *ir, size_t length, unsigned number,
                    const char *cpu, enum llvm_output output, struct llvm_result *result,
                    char *reason)
{
    struct compilation compilation = {.effort = effort};
    bool done;

    compilation.context = llvm.context_create();
    llvm.set_handler(compilation.context, take_message, &compilation);
    done = parse(&compilation, ir, length, reason) &&
           set_target(&compilation, number, cpu, reason) && optimise(&compilation, reason) &&
           emit(&compilation, output, result, reason);
    close_compilation(&compilation);
    return done;
}

bool llvm_compile(const char *ir, size_t length, unsigned number, const char *cpu, bool in_haste,
                  enum llvm_output output, uint64_t frame, struct llvm_result *result,
                  char reason[LLVM_REASON_SIZE])
{
    const struct effort *effort = effort_for(length, in_haste);

    if (!llvm_load(reason) || !compile(effort, ir, length, number, cpu, output, result, reason)) {
        return false;
    }
    if (result->frame <= frame || effort->level > 0) {
        return true;
    }
    /* Without effort no two values share a place. */
    free(result->bytes);
    return compile(efforts, ir, length, number, cpu, output, result, reason);
}
