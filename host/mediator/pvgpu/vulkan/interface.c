/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/vulkan/interface.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/pvgpu/vulkan/spirv.h"

#define NONE UINT32_MAX

/* What is known of an id. */
struct id {
    const uint32_t
        *words;         /* the instruction whose result it is; NULL: one that is not of interest */
    uint32_t size;      /* of a type: bytes, at most UINT32_MAX, which also stands for unknown */
    uint32_t locations; /* of a type that goes in or out */
    const uint32_t *scalar; /* in vectors, matrices and arrays; NULL: something else */
    uint32_t set, binding, location;
    uint32_t location_word; /* where the module says it */
    bool built_in, buffer_block, indexed;
};

struct reader {
    struct interface *interface;
    const struct interface_limits *limits;
    enum bg_pvgpu_stage stage;
    const uint32_t *words, *end;
    uint32_t bound;
    struct id *ids;
    bool entry;
    uint32_t group_size[3]; /* of a compute shader */
    uint64_t group_bytes, private_bytes;
    char *reason;
    size_t reason_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct reader *reader, const char *format,
                                                         ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reader->reason, reader->reason_size, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Instructions ---- */

static uint32_t length_of(const uint32_t *instruction)
{
    return instruction[0] >> 16;
}

/* NULL: there is none that is whole. */
static const uint32_t *next_of(const struct reader *reader, const uint32_t *instruction)
{
    const uint32_t *next = instruction == NULL ? reader->words + SPIRV_HEADER_WORDS
                                               : instruction + length_of(instruction);

    return spirv_length_of(next, (size_t)(reader->end - next)) != 0 ? next : NULL;
}

/* NULL where no instruction of interest gave it. */
static const uint32_t *find(const struct reader *reader, uint32_t id)
{
    return id < reader->bound ? reader->ids[id].words : NULL;
}

/* How many words an instruction has at least, for what is read of it, and where its result is; 0:
 * not of interest. */
static uint32_t result_of(const uint32_t *instruction)
{
    static const struct {
        uint8_t op, words, result;
    } known[] = {
        {SPIRV_OP_TYPE_BOOL, 2, 1},          {SPIRV_OP_TYPE_INT, 4, 1},
        {SPIRV_OP_TYPE_FLOAT, 3, 1},         {SPIRV_OP_TYPE_VECTOR, 4, 1},
        {SPIRV_OP_TYPE_MATRIX, 4, 1},        {SPIRV_OP_TYPE_IMAGE, 9, 1},
        {SPIRV_OP_TYPE_SAMPLER, 2, 1},       {SPIRV_OP_TYPE_ARRAY, 4, 1},
        {SPIRV_OP_TYPE_STRUCT, 2, 1},        {SPIRV_OP_TYPE_POINTER, 4, 1},
        {SPIRV_OP_CONSTANT, 4, 2},           {SPIRV_OP_SPEC_CONSTANT, 4, 2},
        {SPIRV_OP_CONSTANT_COMPOSITE, 3, 2}, {SPIRV_OP_SPEC_CONSTANT_COMPOSITE, 3, 2},
        {SPIRV_OP_VARIABLE, 4, 2},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].op == spirv_op_of(instruction)) {
            return length_of(instruction) >= known[i].words ? known[i].result : 0;
        }
    }
    return 0;
}

/* A 32-bit constant; 0 for what is none. */
static uint32_t constant_of(const struct reader *reader, uint32_t id)
{
    const uint32_t *words = find(reader, id);

    return words != NULL && (spirv_op_of(words) == SPIRV_OP_CONSTANT ||
                             spirv_op_of(words) == SPIRV_OP_SPEC_CONSTANT)
               ? words[3]
               : 0;
}

/* ---- Types ---- */

/* A type of types is behind them. */
static const struct id *element_of(const struct reader *reader, uint32_t id)
{
    static const struct id unknown = {.size = UINT32_MAX, .locations = INTERFACE_LOCATIONS};

    return find(reader, id) != NULL ? &reader->ids[id] : &unknown;
}

static uint32_t limit(uint64_t value, uint32_t most)
{
    return value < most ? (uint32_t)value : most;
}

static void read_array(const struct reader *reader, struct id *id, uint32_t element, uint64_t count,
                       uint64_t locations)
{
    const struct id *of = element_of(reader, element);

    id->size = limit(of->size * count, UINT32_MAX);
    id->locations = limit(of->locations * locations, INTERFACE_LOCATIONS);
    id->scalar = of->scalar;
}

static void read_struct(const struct reader *reader, struct id *id)
{
    uint64_t size = 0;

    for (uint32_t i = 2; i < length_of(id->words); i++) {
        size += element_of(reader, id->words[i])->size;
    }
    id->size = limit(size, UINT32_MAX);
}

static void read_type_size(const struct reader *reader, struct id *id)
{
    const uint32_t *words = id->words;

    id->size = UINT32_MAX;
    id->locations = 1;
    switch (spirv_op_of(words)) {
    case SPIRV_OP_TYPE_BOOL:
    case SPIRV_OP_TYPE_POINTER:
        id->size = 4;
        break;
    case SPIRV_OP_TYPE_INT:
    case SPIRV_OP_TYPE_FLOAT:
        id->size = limit((words[2] + 7ull) / 8, UINT32_MAX);
        id->scalar = words;
        break;
    case SPIRV_OP_TYPE_VECTOR:
        read_array(reader, id, words[2], words[3], 1);
        break;
    case SPIRV_OP_TYPE_MATRIX:
        read_array(reader, id, words[2], words[3], words[3]);
        break;
    case SPIRV_OP_TYPE_ARRAY:
        read_array(reader, id, words[2], constant_of(reader, words[3]),
                   constant_of(reader, words[3]));
        break;
    case SPIRV_OP_TYPE_STRUCT:
        read_struct(reader, id);
        break;
    default:
        break;
    }
}

static const uint32_t *pointee_of(const struct reader *reader, uint32_t pointer, uint32_t *id)
{
    const uint32_t *type = find(reader, pointer);

    if (type == NULL || spirv_op_of(type) != SPIRV_OP_TYPE_POINTER) {
        return NULL;
    }
    *id = type[3];
    return find(reader, type[3]);
}

/* ---- What a module may use ---- */

static bool capability_is_allowed(const struct interface_limits *limits, uint32_t capability)
{
    switch (capability) {
    case SPIRV_CAP_MATRIX:
    case SPIRV_CAP_SHADER:
    case SPIRV_CAP_IMAGE_GATHER_EXTENDED:
    case SPIRV_CAP_CLIP_DISTANCE:
    case SPIRV_CAP_CULL_DISTANCE:
    case SPIRV_CAP_IMAGE_CUBE_ARRAY:
    case SPIRV_CAP_SAMPLE_RATE_SHADING:
    case SPIRV_CAP_SAMPLED_1D:
    case SPIRV_CAP_IMAGE_1D:
    case SPIRV_CAP_SAMPLED_CUBE_ARRAY:
    case SPIRV_CAP_SAMPLED_BUFFER:
    case SPIRV_CAP_IMAGE_BUFFER:
    case SPIRV_CAP_IMAGE_MS_ARRAY:
    case SPIRV_CAP_STORAGE_IMAGE_EXTENDED_FORMATS:
    case SPIRV_CAP_IMAGE_QUERY:
    case SPIRV_CAP_DERIVATIVE_CONTROL:
    case SPIRV_CAP_INTERPOLATION_FUNCTION:
    case SPIRV_CAP_STORAGE_IMAGE_WRITE_WITHOUT_FORMAT:
    case SPIRV_CAP_DRAW_PARAMETERS:
    case SPIRV_CAP_DEMOTE_TO_HELPER_INVOCATION:
        return true;
    case SPIRV_CAP_GEOMETRY:
    case SPIRV_CAP_GEOMETRY_POINT_SIZE:
    case SPIRV_CAP_MULTI_VIEWPORT:
        return limits->geometry;
    case SPIRV_CAP_TESSELLATION:
    case SPIRV_CAP_TESSELLATION_POINT_SIZE:
        return limits->tessellation;
    case SPIRV_CAP_FLOAT64:
        return limits->float64;
    case SPIRV_CAP_INT64:
        return limits->int64;
    case SPIRV_CAP_INT16:
        return limits->int16;
    case SPIRV_CAP_STORAGE_IMAGE_READ_WITHOUT_FORMAT:
        return limits->read_without_format;
    default:
        return false; /* what can leave its bounds, and what nobody asked for */
    }
}

static enum spirv_execution_model model_of(enum bg_pvgpu_stage stage)
{
    static const enum spirv_execution_model models[BG_PVGPU_STAGES] = {
        [BG_PVGPU_STAGE_VERTEX] = SPIRV_VERTEX,
        [BG_PVGPU_STAGE_PIXEL] = SPIRV_FRAGMENT,
        [BG_PVGPU_STAGE_GEOMETRY] = SPIRV_GEOMETRY,
        [BG_PVGPU_STAGE_HULL] = SPIRV_TESSELLATION_CONTROL,
        [BG_PVGPU_STAGE_DOMAIN] = SPIRV_TESSELLATION_EVALUATION,
        [BG_PVGPU_STAGE_COMPUTE] = SPIRV_GL_COMPUTE,
    };

    return models[stage];
}

/* ---- Passes ---- */

static bool read_entry(struct reader *reader, const uint32_t *words)
{
    if (reader->entry) {
        return refuse(reader, "more than one entry point");
    }
    if (length_of(words) < 5 || words[1] != model_of(reader->stage)) {
        return refuse(reader, "the entry point is not of this stage");
    }
    if (words[3] != 0x6E69616Du || words[4] != 0) { /* "main" */
        return refuse(reader, "the entry point is not called main");
    }
    reader->entry = true;
    return true;
}

static void decorate(struct reader *reader, const uint32_t *words)
{
    struct id *id =
        length_of(words) >= 3 && words[1] < reader->bound ? &reader->ids[words[1]] : NULL;
    uint32_t value = length_of(words) >= 4 ? words[3] : 0;

    if (id == NULL) {
        return;
    }
    switch ((enum spirv_decoration)words[2]) {
    case SPIRV_DECORATION_BUFFER_BLOCK:
        id->buffer_block = true;
        break;
    case SPIRV_DECORATION_BUILT_IN:
        id->built_in = true;
        reader->interface->counts = reader->interface->counts ||
                                    value == SPIRV_BUILT_IN_PRIMITIVE_ID ||
                                    value == SPIRV_BUILT_IN_DRAW_INDEX;
        break;
    case SPIRV_DECORATION_LOCATION:
        id->location = value;
        id->location_word = (uint32_t)(words + 3 - reader->words);
        break;
    case SPIRV_DECORATION_INDEX:
        id->indexed = true;
        break;
    case SPIRV_DECORATION_BINDING:
        id->binding = value;
        break;
    case SPIRV_DECORATION_DESCRIPTOR_SET:
        id->set = value;
        break;
    default:
        break;
    }
}

static void set_group_size(struct reader *reader, uint32_t x, uint32_t y, uint32_t z)
{
    reader->group_size[0] = x;
    reader->group_size[1] = y;
    reader->group_size[2] = z;
}

static bool read_mode(struct reader *reader, const uint32_t *words)
{
    uint32_t length = length_of(words);

    switch (length >= 3 ? words[2] : 0) {
    case SPIRV_MODE_LOCAL_SIZE:
        if (length >= 6) {
            set_group_size(reader, words[3], words[4], words[5]);
        }
        return true;
    case SPIRV_MODE_INPUT_POINTS:
        reader->interface->input_vertices = 1;
        return true;
    case SPIRV_MODE_INPUT_LINES:
        reader->interface->input_vertices = 2;
        return true;
    case SPIRV_MODE_TRIANGLES: /* of a geometry shader, or a patch */
        reader->interface->input_vertices = 3;
        reader->interface->patch.domain = SPIRV_MODE_TRIANGLES;
        return true;
    case SPIRV_MODE_QUADS:
    case SPIRV_MODE_ISOLINES:
        reader->interface->patch.domain = words[2];
        return true;
    case SPIRV_MODE_SPACING_EQUAL:
    case SPIRV_MODE_SPACING_FRACTIONAL_EVEN:
    case SPIRV_MODE_SPACING_FRACTIONAL_ODD:
        reader->interface->patch.spacing = words[2];
        return true;
    case SPIRV_MODE_VERTEX_ORDER_CW:
    case SPIRV_MODE_VERTEX_ORDER_CCW:
        reader->interface->patch.order = words[2];
        return true;
    case SPIRV_MODE_INPUT_LINES_ADJACENCY:
        reader->interface->input_vertices = 4;
        return true;
    case SPIRV_MODE_INPUT_TRIANGLES_ADJACENCY:
        reader->interface->input_vertices = 6;
        return true;
    case SPIRV_MODE_OUTPUT_VERTICES:
        return reader->stage != BG_PVGPU_STAGE_HULL ||
               (length >= 4 && words[3] <= reader->limits->patch_points) ||
               refuse(reader, "more than %u control points", reader->limits->patch_points);
    default:
        return true;
    }
}

/* Ids, decorations, modes and capabilities. */
static bool read_declarations(struct reader *reader)
{
    for (const uint32_t *words = NULL; (words = next_of(reader, words)) != NULL;) {
        uint32_t result = result_of(words);

        if (result != 0 && words[result] < reader->bound) {
            struct id *id = &reader->ids[words[result]];

            id->words = words;
            read_type_size(reader, id);
        }
        switch (spirv_op_of(words)) {
        case SPIRV_OP_CAPABILITY:
            if (length_of(words) < 2 || !capability_is_allowed(reader->limits, words[1])) {
                return refuse(reader, "capability %u is not there",
                              length_of(words) < 2 ? 0 : words[1]);
            }
            break;
        case SPIRV_OP_ENTRY_POINT:
            if (!read_entry(reader, words)) {
                return false;
            }
            break;
        case SPIRV_OP_EXECUTION_MODE:
            if (!read_mode(reader, words)) {
                return false;
            }
            break;
        case SPIRV_OP_DECORATE:
            decorate(reader, words);
            break;
        default:
            break;
        }
    }
    return reader->entry || refuse(reader, "no entry point");
}

/* ---- Bindings ---- */

static bool view_of(const uint32_t *image, VkImageViewType *view)
{
    bool arrayed = image[5] != 0;

    switch (image[3]) {
    case SPIRV_DIM_1D:
        *view = arrayed ? VK_IMAGE_VIEW_TYPE_1D_ARRAY : VK_IMAGE_VIEW_TYPE_1D;
        return true;
    case SPIRV_DIM_2D:
        *view = arrayed ? VK_IMAGE_VIEW_TYPE_2D_ARRAY : VK_IMAGE_VIEW_TYPE_2D;
        return true;
    case SPIRV_DIM_3D:
        *view = VK_IMAGE_VIEW_TYPE_3D;
        return true;
    case SPIRV_DIM_CUBE:
        *view = arrayed ? VK_IMAGE_VIEW_TYPE_CUBE_ARRAY : VK_IMAGE_VIEW_TYPE_CUBE;
        return true;
    default:
        return false;
    }
}

static bool read_image(const uint32_t *image, struct interface_binding *binding)
{
    bool storage = image[7] == 2;

    if (image[3] == SPIRV_DIM_BUFFER) {
        binding->type = storage ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER
                                : VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER;
        return true;
    }
    binding->type = storage ? VK_DESCRIPTOR_TYPE_STORAGE_IMAGE : VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE;
    binding->multisampled = image[6] != 0;
    return view_of(image, &binding->view);
}

/* False: not a type that a slot can have. */
static bool read_type(const struct reader *reader, uint32_t type_id, uint32_t storage_class,
                      struct interface_binding *binding)
{
    const uint32_t *type = find(reader, type_id);

    if (type == NULL) {
        return false;
    }
    switch (spirv_op_of(type)) {
    case SPIRV_OP_TYPE_SAMPLER:
        binding->type = VK_DESCRIPTOR_TYPE_SAMPLER;
        return true;
    case SPIRV_OP_TYPE_IMAGE:
        return read_image(type, binding);
    case SPIRV_OP_TYPE_STRUCT:
        binding->type = storage_class == SPIRV_STORAGE_BUFFER || reader->ids[type_id].buffer_block
                            ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
                            : VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
        return true;
    default:
        return false;
    }
}

/* What kind of slot has that number: the first binding of its kind; NONE: none does. */
static uint32_t kind_of(uint32_t binding)
{
    static const struct {
        uint32_t first, count;
    } kinds[] = {
        {BG_PVGPU_BINDING_CONSTANT_BUFFER, BG_PVGPU_CONSTANT_BUFFERS_MAX},
        {BG_PVGPU_BINDING_SHADER_RESOURCE, BG_PVGPU_SHADER_RESOURCES_MAX},
        {BG_PVGPU_BINDING_SAMPLER, BG_PVGPU_SAMPLERS_MAX},
        {BG_PVGPU_BINDING_UNORDERED_ACCESS, BG_PVGPU_UNORDERED_ACCESS_MAX},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (binding - kinds[i].first < kinds[i].count) {
            return kinds[i].first;
        }
    }
    return NONE;
}

static bool kind_takes(uint32_t kind, VkDescriptorType type)
{
    switch (type) {
    case VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER:
        return kind == BG_PVGPU_BINDING_CONSTANT_BUFFER;
    case VK_DESCRIPTOR_TYPE_SAMPLER:
        return kind == BG_PVGPU_BINDING_SAMPLER;
    case VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE:
    case VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER:
        return kind == BG_PVGPU_BINDING_SHADER_RESOURCE;
    case VK_DESCRIPTOR_TYPE_STORAGE_IMAGE:
    case VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER:
        return kind == BG_PVGPU_BINDING_UNORDERED_ACCESS;
    case VK_DESCRIPTOR_TYPE_STORAGE_BUFFER: /* read-only in a resource's slot */
        return kind == BG_PVGPU_BINDING_SHADER_RESOURCE ||
               kind == BG_PVGPU_BINDING_UNORDERED_ACCESS;
    default:
        return false;
    }
}

bool interface_is_sound(const struct interface *interface)
{
    bool sound = interface->binding_count <= INTERFACE_BINDINGS_END;

    for (uint32_t i = 0; sound && i < interface->binding_count; i++) {
        const struct interface_binding *binding = &interface->bindings[i];

        sound = kind_takes(kind_of(binding->binding), binding->type);
    }
    return sound;
}

static bool add_binding(struct reader *reader, const struct id *id,
                        const struct interface_binding *binding)
{
    struct interface *interface = reader->interface;

    if (id->set != reader->stage) {
        return refuse(reader, "descriptor set %u: this stage has set %u", id->set, reader->stage);
    }
    if (!kind_takes(kind_of(id->binding), binding->type)) {
        return refuse(reader, "binding %u is not for what stands there", id->binding);
    }
    for (uint32_t i = 0; i < interface->binding_count; i++) {
        const struct interface_binding *other = &interface->bindings[i];

        if (other->binding == id->binding) {
            return (other->type == binding->type && other->view == binding->view) ||
                   refuse(reader, "binding %u is of two types", id->binding);
        }
    }
    interface->bindings[interface->binding_count++] = *binding;
    return true;
}

static bool read_resource(struct reader *reader, const uint32_t *variable, uint32_t type_id)
{
    const struct id *id = &reader->ids[variable[2]];
    struct interface_binding binding = {.binding = id->binding};

    if (!read_type(reader, type_id, variable[3], &binding)) {
        return refuse(reader,
                      "set %u binding %u: arrays of descriptors, combined samplers and "
                      "inputs of passes are not taken",
                      id->set, id->binding);
    }
    return add_binding(reader, id, &binding);
}

/* ---- Inputs and outputs ---- */

static void read_output(struct reader *reader, const struct id *id, uint32_t count, bool is_float)
{
    struct interface *interface = reader->interface;

    for (uint32_t i = id->location; i < id->location + count; i++) {
        interface->outputs |= 1u << i;
    }
    if (id->location == 1 && count == 1 && is_float && !id->indexed) {
        interface->second_output = id->location_word;
    }
}

static void read_input(struct interface *interface, const struct id *id, uint32_t count,
                       enum interface_class class)
{
    for (uint32_t i = id->location; i < id->location + count; i++) {
        interface->inputs |= 1u << i;
        interface->input_class[i] = class;
    }
}

static enum interface_class class_of(const uint32_t *scalar)
{
    if (spirv_op_of(scalar) == SPIRV_OP_TYPE_FLOAT) {
        return INTERFACE_FLOAT;
    }
    return scalar[3] != 0 ? INTERFACE_SINT : INTERFACE_UINT;
}

static bool read_location(struct reader *reader, const uint32_t *variable, uint32_t type_id)
{
    const struct id *id = &reader->ids[variable[2]];
    const uint32_t *scalar = reader->ids[type_id].scalar;
    uint32_t count = reader->ids[type_id].locations;
    bool input = variable[3] == SPIRV_INPUT;

    if (id->built_in || id->location == NONE || scalar == NULL ||
        reader->stage != (input ? BG_PVGPU_STAGE_VERTEX : BG_PVGPU_STAGE_PIXEL)) {
        return true; /* between stages: the driver's */
    }
    if (scalar[2] != 32 || id->location > INTERFACE_LOCATIONS - count) {
        return refuse(reader, "location %u: not of 32 bits, or beyond %u", id->location,
                      INTERFACE_LOCATIONS - 1);
    }
    if (input) {
        read_input(reader->interface, id, count, class_of(scalar));
    } else {
        read_output(reader, id, count, class_of(scalar) == INTERFACE_FLOAT);
    }
    return true;
}

static bool read_variable(struct reader *reader, const uint32_t *variable)
{
    uint32_t type_id = 0;

    if (variable[2] >= reader->bound || pointee_of(reader, variable[1], &type_id) == NULL) {
        return variable[3] == SPIRV_UNIFORM_CONSTANT
                   ? refuse(reader, "a resource of a type that is not taken")
                   : true;
    }
    switch (variable[3]) {
    case SPIRV_UNIFORM_CONSTANT:
    case SPIRV_UNIFORM:
    case SPIRV_STORAGE_BUFFER:
        return read_resource(reader, variable, type_id);
    case SPIRV_INPUT:
    case SPIRV_OUTPUT:
        return read_location(reader, variable, type_id);
    case SPIRV_WORKGROUP:
        reader->group_bytes += reader->ids[type_id].size;
        return true;
    case SPIRV_PRIVATE:
    case SPIRV_FUNCTION:
        reader->private_bytes += reader->ids[type_id].size;
        return true;
    case SPIRV_IMAGE:
        return true;
    default:
        return refuse(reader, "storage class %u is not taken", variable[3]);
    }
}

static bool read_variables(struct reader *reader)
{
    for (const uint32_t *words = NULL; (words = next_of(reader, words)) != NULL;) {
        if (spirv_op_of(words) == SPIRV_OP_VARIABLE && length_of(words) >= 4 &&
            !read_variable(reader, words)) {
            return false;
        }
    }
    return true;
}

/* ---- Groups ---- */

/* The size as constants: LocalSizeId, or the built-in, which goes before the mode. */
static void read_group_size(struct reader *reader)
{
    for (const uint32_t *words = NULL; (words = next_of(reader, words)) != NULL;) {
        enum spirv_op op = spirv_op_of(words);
        bool composite =
            op == SPIRV_OP_CONSTANT_COMPOSITE || op == SPIRV_OP_SPEC_CONSTANT_COMPOSITE;

        if (length_of(words) < 6 ||
            (composite
                 ? words[2] >= reader->bound || !reader->ids[words[2]].built_in
                 : op != SPIRV_OP_EXECUTION_MODE_ID || words[2] != SPIRV_MODE_LOCAL_SIZE_ID)) {
            continue;
        }
        set_group_size(reader, constant_of(reader, words[3]), constant_of(reader, words[4]),
                       constant_of(reader, words[5]));
    }
}

static bool check_sizes(struct reader *reader)
{
    const struct interface_limits *limits = reader->limits;
    const uint32_t *size = reader->group_size;

    if (reader->private_bytes > INTERFACE_PRIVATE_MAX) {
        return refuse(reader, "variables of more than %u bytes", INTERFACE_PRIVATE_MAX);
    }
    if (reader->stage != BG_PVGPU_STAGE_COMPUTE) {
        return true;
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (size[i] == 0 || size[i] > limits->group_size[i]) {
            return refuse(reader, "a group of %u x %u x %u is too large", size[0], size[1],
                          size[2]);
        }
    }
    if ((uint64_t)size[0] * size[1] * size[2] > limits->group_invocations) {
        return refuse(reader, "a group of %u x %u x %u is too large", size[0], size[1], size[2]);
    }
    return reader->group_bytes <= limits->shared_size ||
           refuse(reader, "a group shares more than %u bytes", limits->shared_size);
}

static bool open_module(struct reader *reader, const uint32_t *words, size_t count)
{
    if (count < SPIRV_HEADER_WORDS || words[0] != SPIRV_MAGIC) {
        return refuse(reader, "not SPIR-V");
    }
    reader->words = words;
    reader->end = words + count;
    reader->bound = words[3];
    if (reader->bound > INTERFACE_IDS_MAX) {
        return refuse(reader, "more than %u ids", INTERFACE_IDS_MAX);
    }
    reader->ids = calloc(reader->bound + 1, sizeof(*reader->ids));
    if (reader->ids == NULL) {
        return refuse(reader, "no memory");
    }
    for (uint32_t i = 0; i < reader->bound; i++) {
        reader->ids[i].set = reader->ids[i].binding = reader->ids[i].location = NONE;
    }
    return true;
}

bool interface_read(struct interface *interface, const uint32_t *words, size_t count,
                    enum bg_pvgpu_stage stage, const struct interface_limits *limits, char *reason,
                    size_t size)
{
    struct reader reader = {
        .interface = interface,
        .limits = limits,
        .stage = stage,
        .reason = reason,
        .reason_size = size,
    };
    bool ok;

    memset(interface, 0, sizeof(*interface));
    ok =
        open_module(&reader, words, count) && read_declarations(&reader) && read_variables(&reader);
    if (ok) {
        read_group_size(&reader);
        ok = check_sizes(&reader);
    }
    free(reader.ids);
    return ok;
}
