/* SPDX-License-Identifier: BSD-2-Clause */
/* A module's directives, and the heads of functions: PTX ISA, chapter 11. */
#include <string.h>

#include "host/cuda-cpu/ptx/parser.h"

#define VERSION_MAX 9 /* the newest major version that is understood */
#define TARGET_MAX 90
#define FILES_MAX 65536
#define PARAMS_SIZE_MAX 32764 /* bytes of a kernel's parameters */

/* ---- .version, .target, .address_size ---- */

/* Of several texts the newest. */
static void set_version(struct ptx_module *module, unsigned major, unsigned minor)
{
    if (major * 100 + minor > module->version_major * 100 + module->version_minor) {
        module->version_major = major;
        module->version_minor = minor;
    }
}

/* "7.8" is one number to the lexer. */
static void parse_version(struct parser *parser)
{
    const struct ptx_token number = parser->token;
    const char *dot = memchr(number.text, '.', number.length);
    unsigned parts[2] = {0};

    if (number.kind != PTX_T_NUMBER || dot == NULL) {
        parser_fail(parser, number.at, "a version should be here, as in .version 7.8");
    }
    for (size_t i = 0; i < number.length; i++) {
        unsigned *part = &parts[number.text + i > dot];

        if (number.text + i != dot) {
            *part = *part * 10 + (unsigned)(number.text[i] - '0');
        }
        if (*part > 99 || (number.text + i != dot && number.text[i] > '9')) {
            parser_fail(parser, number.at, "no version");
        }
    }
    if (parts[0] > VERSION_MAX) {
        ptx_log_kind(parser->log, PTX_ERROR_VERSION);
        parser_fail(parser, number.at, "PTX version %u.%u is newer than %d", parts[0], parts[1],
                    VERSION_MAX);
    }
    set_version(parser->module, parts[0], parts[1]);
    parser_advance(parser);
}

static void set_target(struct parser *parser, unsigned target)
{
    parser->has_target = true;
    if (target > parser->module->target) {
        parser->module->target = target;
    }
}

/* sm_90, sm_90a, compute_75; the other words choose what is there anyhow. */
static void parse_target(struct parser *parser)
{
    do {
        struct ptx_position at = parser->token.at;
        const char *name = parser_take_name(parser, "a target");
        const char *digits = strncmp(name, "sm_", 3) == 0        ? name + 3
                             : strncmp(name, "compute_", 8) == 0 ? name + 8
                                                                 : NULL;
        unsigned target = 0;

        for (; digits != NULL && *digits >= '0' && *digits <= '9' && target < 1000; digits++) {
            target = target * 10 + (unsigned)(*digits - '0');
        }
        if (digits != NULL && *digits != '\0' && target > TARGET_MAX) {
            ptx_log_kind(parser->log, PTX_ERROR_VERSION);
            parser_fail(parser, at, "%s: this device is sm_%d", name, TARGET_MAX);
        }
        if (digits != NULL && target) {
            set_target(parser, target);
        }
    } while (parser_take_sign(parser, ","));
}

static void parse_address_size(struct parser *parser)
{
    struct ptx_position at = parser->token.at;

    if (parse_integer(parser, "an address size", 32, 64) != 64) {
        parser_fail(parser, at, "only addresses of 64 bits are supported");
    }
}

/* ---- Debug information ---- */

static void parse_file(struct parser *parser)
{
    size_t number = parser->first_file + parse_integer(parser, "a file's number", 0, FILES_MAX);
    struct ptx_token name = parser->token;

    if (name.kind != PTX_T_STRING) {
        parser_fail(parser, name.at, "a file's name should be here, in quotes");
    }
    while (parser->files.count <= number) {
        parser_add(parser, &parser->files, sizeof(const char *));
    }
    ((const char **)parser->files.items)[number] = parser_copy(parser, name.text, name.length);
    parser_advance(parser);
    for (int i = 0; i < 2 && parser_take_sign(parser, ","); i++) { /* time and size */
        parse_constant(parser);
    }
}

static struct ptx_location parse_place(struct parser *parser)
{
    struct ptx_location location;

    location.file =
        (unsigned)(parser->first_file + parse_integer(parser, "a file's number", 0, FILES_MAX));
    location.line = (unsigned)parse_integer(parser, "a line", 0, UINT32_MAX);
    location.column = (unsigned)parse_integer(parser, "a column", 0, UINT32_MAX);
    return location;
}

/* Behind .loc. What was inlined names its function and the call as well. */
static void parse_location(struct parser *parser)
{
    struct ptx_location location = parse_place(parser);

    *(struct ptx_location *)parser_add(parser, &parser->locations, sizeof(location)) = location;
    parser->location = (uint32_t)parser->locations.count;
    while (parser_take_sign(parser, ",")) {
        if (strcmp(parser_take_name(parser, "function_name or inlined_at"), "inlined_at") == 0) {
            parse_place(parser);
        } else {
            parser_take_name(parser, "a label");
            if (parser_take_sign(parser, "+")) {
                parse_constant(parser);
            }
        }
    }
}

/* DWARF, which is of no use here. */
static void skip_section(struct parser *parser)
{
    while (!parser_at_sign(parser, "}")) {
        if (parser->token.kind == PTX_T_END) {
            parser_expect_sign(parser, "}");
        }
        parser_advance(parser);
    }
    parser_advance(parser);
}

static void skip_pragma(struct parser *parser)
{
    do {
        if (parser->token.kind != PTX_T_STRING) {
            parser_fail(parser, parser->token.at, "a string should be here");
        }
        parser_advance(parser);
    } while (parser_take_sign(parser, ","));
    parser_expect_sign(parser, ";");
}

bool parse_debug_directive(struct parser *parser)
{
    if (parser_take_dot(parser, "loc")) {
        parse_location(parser);
    } else if (parser_take_dot(parser, "file")) {
        parse_file(parser);
    } else if (parser_take_dot(parser, "section")) {
        skip_section(parser);
    } else if (parser_take_dot(parser, "pragma")) {
        skip_pragma(parser);
    } else {
        return false;
    }
    return true;
}

/* ---- Heads of functions ---- */

static enum ptx_space parse_parameter_space(struct parser *parser)
{
    if (parser_take_dot(parser, "param")) {
        return PTX_SPACE_PARAM;
    }
    if (parser_take_dot(parser, "reg")) {
        return PTX_SPACE_REG;
    }
    parser_fail(parser, parser->token.at, "a parameter should be here: .param or .reg");
}

static struct ptx_variable **parse_parameters(struct parser *parser, size_t *count)
{
    struct list parameters = {0};

    while (!parser_at_sign(parser, ")")) {
        enum ptx_space space = parse_parameter_space(parser);
        struct ptx_variable *parameter = parse_parameter(parser, space);

        *(struct ptx_variable **)parser_add(parser, &parameters, sizeof(parameter)) = parameter;
        if (!parser_take_sign(parser, ",")) {
            break;
        }
    }
    parser_expect_sign(parser, ")");
    *count = parameters.count;
    return parameters.items;
}

/* (results) name (parameters) */
static void parse_signature(struct parser *parser, struct ptx_function *function)
{
    if (parser_take_sign(parser, "(")) {
        function->results = parse_parameters(parser, &function->result_count);
    }
    function->at = parser->token.at;
    function->name = parser_take_name(parser, "a function's name");
    if (parser_take_sign(parser, "(")) {
        function->params = parse_parameters(parser, &function->param_count);
    }
}

/* Where each parameter is in the buffer that a launch hands over. */
static void place_parameters(struct parser *parser, struct ptx_function *function)
{
    uint64_t offset = 0;

    for (size_t i = 0; i < function->param_count; i++) {
        struct ptx_variable *parameter = function->params[i];

        offset = (offset + parameter->align - 1) & ~(parameter->align - 1);
        parameter->offset = offset;
        offset += parameter->size;
        if (function->is_entry && offset > PARAMS_SIZE_MAX) {
            parser_fail(parser, parameter->at, "more than %d bytes of parameters", PARAMS_SIZE_MAX);
        }
    }
    function->param_size = offset;
}

static void parse_threads(struct parser *parser, unsigned threads[3])
{
    for (int i = 0; i < 3; i++) {
        threads[i] = 1;
    }
    for (int i = 0; i < 3; i++) {
        threads[i] = (unsigned)parse_integer(parser, "a number of threads", 1, UINT32_MAX);
        if (!parser_take_sign(parser, ",")) {
            return;
        }
    }
}

/* .maxntid and so on. True: there was one. */
static bool parse_attribute(struct parser *parser, struct ptx_function *function)
{
    struct ptx_position at = parser->token.at;

    if (parser_take_dot(parser, "maxntid")) {
        parse_threads(parser, function->maxntid);
    } else if (parser_take_dot(parser, "reqntid")) {
        parse_threads(parser, function->reqntid);
    } else if (parser_take_dot(parser, "minnctapersm") || parser_take_dot(parser, "maxnctapersm")) {
        function->minnctapersm = (unsigned)parse_integer(parser, "a number", 1, UINT32_MAX);
    } else if (parser_take_dot(parser, "maxnreg")) {
        function->maxnreg = (unsigned)parse_integer(parser, "a number", 1, UINT32_MAX);
    } else if (!function->is_entry && parser_take_dot(parser, "attribute")) {
        parse_attributes(parser);
    } else if (parser_take_dot(parser, "noreturn")) {
        function->no_return = true;
    } else if (parser_take_dot(parser, "abi_preserve") ||
               parser_take_dot(parser, "abi_preserve_control")) {
        parse_constant(parser);
    } else if (parser_take_dot(parser, "pragma")) {
        skip_pragma(parser);
    } else if (parser_at_dot(parser, "reqnctapercluster") ||
               parser_at_dot(parser, "explicitcluster") ||
               parser_at_dot(parser, "maxclusterrank") ||
               parser_at_dot(parser, "blocksareclusters")) {
        parser_fail(parser, at, "clusters of blocks are not supported");
    } else {
        return false;
    }
    return true;
}

struct ptx_function *parse_prototype(struct parser *parser)
{
    struct ptx_function *function = parser_alloc(parser, sizeof(*function));
    struct list registers = parser->registers; /* its parameters are nobody's */
    uint32_t scope = parser->scope;

    names_open_scope(parser);
    parse_signature(parser, function);
    parser->scope = scope;
    parser->registers = registers;
    while (parse_attribute(parser, function)) {
    }
    parser_expect_sign(parser, ";");
    return function;
}

static void forget_body(struct parser *parser)
{
    const struct list none = {0};

    parser->function = NULL;
    parser->registers = parser->instructions = parser->locals = none;
    parser->ranges = parser->label_uses = none;
    parser->location = 0;
}

static void parse_function(struct parser *parser, bool is_entry, enum ptx_linkage linkage)
{
    struct ptx_function head = {.is_entry = is_entry, .linkage = linkage};
    struct ptx_function *function = parser_alloc(parser, sizeof(*function));
    bool has_body;

    names_open_scope(parser);
    while (parse_attribute(parser, &head)) { /* .noreturn may stand first */
    }
    parse_signature(parser, &head);
    while (parse_attribute(parser, &head)) {
    }
    place_parameters(parser, &head);
    *function = head;
    has_body = parser_at_sign(parser, "{");
    function = link_function(parser, function, has_body);
    if (has_body) {
        parser->function = function;
        parse_body(parser);
    } else if (parser->token.kind != PTX_T_DOT) { /* compilers of PTX 1 and 2 left the ; out */
        parser_expect_sign(parser, ";");
    }
    names_close_scope(parser);
    forget_body(parser);
}

/* ---- The module ---- */

static enum ptx_linkage parse_linkage(struct parser *parser)
{
    if (parser_take_dot(parser, "visible")) {
        return PTX_LINK_VISIBLE;
    }
    if (parser_take_dot(parser, "extern")) {
        return PTX_LINK_EXTERN;
    }
    if (parser_take_dot(parser, "weak")) {
        return PTX_LINK_WEAK;
    }
    return parser_take_dot(parser, "common") ? PTX_LINK_COMMON : PTX_LINK_NONE;
}

/* .alias name, other; */
static void parse_alias(struct parser *parser)
{
    struct ptx_position at = parser->token.at;
    const char *name = parser_take_name(parser, "a function");
    const char *other;
    struct ptx_symbol *alias, *aliasee;

    parser_expect_sign(parser, ",");
    other = parser_take_name(parser, "a function");
    parser_expect_sign(parser, ";");
    alias = names_find_in(parser, parser->text_scope, name, strlen(name));
    aliasee = names_find_in(parser, parser->text_scope, other, strlen(other));
    if (alias == NULL || aliasee == NULL || alias->kind != PTX_S_FUNCTION ||
        aliasee->kind != PTX_S_FUNCTION || alias->function->is_entry) {
        parser_fail(parser, at, "an alias of functions that are not declared: %s, %s", name, other);
    }
    if (alias->function->has_body || !aliasee->function->has_body) {
        parser_fail(parser, at, "%s should have no body, and %s should have one", name, other);
    }
    alias->function = aliasee->function;
}

static void parse_declaration(struct parser *parser)
{
    enum ptx_linkage linkage = parse_linkage(parser);

    if (parser_take_dot(parser, "entry")) { /* who launches a kernel has only its name */
        parse_function(parser, true, linkage != PTX_LINK_NONE ? linkage : PTX_LINK_VISIBLE);
    } else if (parser_take_dot(parser, "func")) {
        parse_function(parser, false, linkage);
    } else if (parser_take_dot(parser, "global") || parser_take_dot(parser, "tex")) {
        parse_variables(parser, PTX_SPACE_GLOBAL, linkage);
    } else if (parser_take_dot(parser, "const")) {
        if (parser_take_sign(parser, "[")) { /* a bank, of old */
            parse_integer(parser, "a bank", 0, 10);
            parser_expect_sign(parser, "]");
        }
        parse_variables(parser, PTX_SPACE_CONST, linkage);
    } else if (parser_take_dot(parser, "shared")) {
        parse_variables(parser, PTX_SPACE_SHARED, linkage);
    } else if (parser_take_dot(parser, "local")) {
        parse_variables(parser, PTX_SPACE_LOCAL, linkage);
    } else {
        parser_fail(parser, parser->token.at, "no declaration: \"%s%.*s\"",
                    parser->token.kind == PTX_T_DOT ? "." : "",
                    (int)(parser->token.length < 64 ? parser->token.length : 64),
                    parser->token.text);
    }
}

static void parse_directive(struct parser *parser)
{
    if (parse_debug_directive(parser)) {
        return;
    }
    if (parser_take_dot(parser, "target")) {
        parse_target(parser);
    } else if (parser_take_dot(parser, "address_size")) {
        parse_address_size(parser);
    } else if (parser_take_dot(parser, "alias")) {
        parse_alias(parser);
    } else if (!parser_take_sign(parser, ";")) {
        parse_declaration(parser);
    }
}

void parse_text(struct parser *parser)
{
    if (!parser_take_dot(parser, "version")) {
        parser_fail(parser, parser->token.at, "a module begins with .version");
    }
    parse_version(parser);
    while (parser->token.kind != PTX_T_END) {
        parse_directive(parser);
    }
    if (!parser->has_target) {
        parser_fail(parser, parser->token.at, ".target is missing");
    }
}
