/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Direct3D's bytecode, word by word: no compiler of it is at hand. A container with signatures and
 * the tokens of one shader.
 */
#ifndef TESTS_SHADERS_DXBC_H
#define TESTS_SHADERS_DXBC_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DXBC_SIZE_MAX 4096u

struct dxbc_element {
    const char *name;
    uint32_t index, system_value, type; /* 1 position; 1 uint, 3 float */
    uint32_t place, mask;               /* register, components */
};

struct dxbc_signature {
    const struct dxbc_element *elements;
    uint32_t count;
};

enum dxbc_kind {
    DXBC_PIXEL,
    DXBC_VERTEX,
    DXBC_GEOMETRY,
    DXBC_HULL,
    DXBC_DOMAIN,
    DXBC_COMPUTE,
};

struct dxbc_shader {
    enum dxbc_kind kind;
    uint32_t model; /* 4, 5 */
    struct dxbc_signature inputs, outputs;
    struct dxbc_signature patch; /* constants of a patch: of hull and domain shaders */
    const uint32_t *tokens;
    uint32_t token_count;
};

#define DXBC_SIGNATURE(array) {(array), sizeof(array) / sizeof((array)[0])}
/* The last members of a struct dxbc_shader. */
#define DXBC_TOKENS(array) .tokens = (array), .token_count = sizeof(array) / sizeof((array)[0])

struct dxbc_blob {
    uint8_t bytes[DXBC_SIZE_MAX];
    uint32_t size;
};

/* ---- The checksum: MD5's blocks, with another end ---- */

static inline void dxbc_block(uint32_t state[4], const uint8_t *block)
{
    static const uint8_t turns[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const uint32_t sines[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
        0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
        0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
        0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
        0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
        0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
        0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
        0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
        0xeb86d391};
    uint32_t words[16], a = state[0], b = state[1], c = state[2], d = state[3];

    memcpy(words, block, sizeof(words));
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t round = i / 16, f, word, sum;

        switch (round) {
        case 0:
            f = (b & c) | (~b & d);
            word = i;
            break;
        case 1:
            f = (d & b) | (~d & c);
            word = (5 * i + 1) % 16;
            break;
        case 2:
            f = b ^ c ^ d;
            word = (3 * i + 5) % 16;
            break;
        default:
            f = c ^ (b | ~d);
            word = 7 * i % 16;
        }
        sum = a + f + sines[i] + words[word];
        a = d;
        d = c;
        c = b;
        b += sum << turns[round][i % 4] | sum >> (32 - turns[round][i % 4]);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

static inline void dxbc_checksum(const uint8_t *bytes, uint32_t size, uint32_t state[4])
{
    static const uint32_t start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    const uint32_t bits = size * 8, end = (bits >> 2) | 1;
    uint8_t last[128] = {0};
    uint32_t rest = size % 64, from = rest < 56 ? 4 : 0, blocks = rest < 56 ? 1 : 2;

    memcpy(state, start, sizeof(start));
    for (uint32_t i = 0; i + 64 <= size; i += 64) {
        dxbc_block(state, bytes + i);
    }
    memcpy(last + from, bytes + size - rest, rest);
    last[from + rest] = 0x80;
    memcpy(last + (blocks - 1) * 64, &bits, 4);
    memcpy(last + blocks * 64 - 4, &end, 4);
    for (uint32_t i = 0; i < blocks; i++) {
        dxbc_block(state, last + i * 64);
    }
}

/* ---- The container ---- */

static inline void dxbc_add(struct dxbc_blob *blob, const void *bytes, uint32_t size)
{
    assert(size <= DXBC_SIZE_MAX - blob->size);
    memcpy(blob->bytes + blob->size, bytes, size);
    blob->size += size;
}

static inline void dxbc_add_word(struct dxbc_blob *blob, uint32_t word)
{
    dxbc_add(blob, &word, sizeof(word));
}

static inline void dxbc_set_word(struct dxbc_blob *blob, uint32_t at, uint32_t word)
{
    memcpy(blob->bytes + at, &word, sizeof(word));
}

/* Elements of a geometry shader's outputs have a stream before their name. The components behind
 * the mask are those that are read, of an output those that never are written. */
static inline void dxbc_add_elements(struct dxbc_blob *blob, const struct dxbc_signature *signature,
                                     bool streams, bool inputs)
{
    uint32_t names = 8 + signature->count * (streams ? 28 : 24);

    for (uint32_t i = 0; i < signature->count; i++) {
        const struct dxbc_element *element = &signature->elements[i];

        if (streams) {
            dxbc_add_word(blob, 0);
        }
        dxbc_add_word(blob, names);
        dxbc_add_word(blob, element->index);
        dxbc_add_word(blob, element->system_value);
        dxbc_add_word(blob, element->type);
        dxbc_add_word(blob, element->place);
        dxbc_add_word(blob, element->mask | (inputs ? element->mask : ~element->mask & 0xF) << 8);
        names += (uint32_t)strlen(element->name) + 1;
    }
}

static inline void dxbc_add_signature(struct dxbc_blob *blob, const char *tag,
                                      const struct dxbc_signature *signature)
{
    uint32_t start = blob->size + 8;

    dxbc_add(blob, tag, 4);
    dxbc_add_word(blob, 0);
    dxbc_add_word(blob, signature->count);
    dxbc_add_word(blob, 8);
    dxbc_add_elements(blob, signature, strcmp(tag, "OSG5") == 0, strcmp(tag, "ISGN") == 0);
    for (uint32_t i = 0; i < signature->count; i++) {
        const char *name = signature->elements[i].name;

        dxbc_add(blob, name, (uint32_t)strlen(name) + 1);
    }
    while (blob->size % 4 != 0) {
        dxbc_add(blob, "", 1);
    }
    dxbc_set_word(blob, start - 4, blob->size - start);
}

static inline void dxbc_add_code(struct dxbc_blob *blob, const struct dxbc_shader *shader)
{
    dxbc_add(blob, shader->model >= 5 ? "SHEX" : "SHDR", 4);
    dxbc_add_word(blob, (shader->token_count + 2) * 4);
    dxbc_add_word(blob, (uint32_t)shader->kind << 16 | shader->model << 4);
    dxbc_add_word(blob, shader->token_count + 2);
    dxbc_add(blob, shader->tokens, shader->token_count * 4);
}

static inline void dxbc_build(struct dxbc_blob *blob, const struct dxbc_shader *shader)
{
    const bool patches = shader->kind == DXBC_HULL || shader->kind == DXBC_DOMAIN;
    const bool streams = shader->kind == DXBC_GEOMETRY && shader->model >= 5;
    const uint32_t chunks = patches ? 4 : 3;
    uint32_t checksum[4], entry = 32;

    memset(blob, 0, sizeof(*blob));
    dxbc_add(blob, "DXBC", 4);
    blob->size = 20;
    dxbc_add_word(blob, 1);
    dxbc_add_word(blob, 0);
    dxbc_add_word(blob, chunks);
    blob->size += chunks * 4;
    dxbc_set_word(blob, entry, blob->size);
    dxbc_add_signature(blob, "ISGN", &shader->inputs);
    dxbc_set_word(blob, entry += 4, blob->size);
    dxbc_add_signature(blob, streams ? "OSG5" : "OSGN", &shader->outputs);
    if (patches) {
        dxbc_set_word(blob, entry += 4, blob->size);
        dxbc_add_signature(blob, "PCSG", &shader->patch);
    }
    dxbc_set_word(blob, entry += 4, blob->size);
    dxbc_add_code(blob, shader);
    dxbc_set_word(blob, 24, blob->size);
    dxbc_checksum(blob->bytes + 20, blob->size - 20, checksum);
    memcpy(blob->bytes + 4, checksum, sizeof(checksum));
}

/* ---- Tokens ---- */

#define DXBC_OP(opcode, length) ((opcode) | (length) << 24)

/* Operands of four components, and the place behind them. */
#define DXBC_INPUT(n) 0x00101E46, (n)
#define DXBC_CONSTANT(slot, n) 0x00208E46, (slot), (n)
#define DXBC_OUTPUT(n) 0x001020F2, (n)
#define DXBC_MASKED_INPUT(n) 0x001010F2, (n)
#define DXBC_TEMP(n) 0x001000F2, (n)
#define DXBC_FROM_TEMP(n) 0x00100E46, (n)
/* A vertex's input in a geometry or hull shader, a control point's in a domain shader. */
#define DXBC_VERTEX_OF(vertex, n) 0x00201E46, (vertex), (n)
#define DXBC_MASKED_VERTEX(count, n) 0x002010F2, (count), (n)
#define DXBC_CONTROL_POINT(point, n) 0x00219E46, (point), (n)
#define DXBC_FLOATS(x, y, z, w) 0x00004002, (x), (y), (z), (w) /* their bits */

/* Of one. */
#define DXBC_TEMP_X(n) 0x00100012, (n)
#define DXBC_TEMP_Y(n) 0x00100022, (n)
#define DXBC_FROM_TEMP_X(n) 0x0010000A, (n)
#define DXBC_FROM_TEMP_Y(n) 0x0010001A, (n)
#define DXBC_WORD(bits) 0x00004001, (bits)
#define DXBC_STREAM(n) 0x00110000, (n)
#define DXBC_DOMAIN_X 0x0001C006
#define DXBC_DOMAIN_Y 0x0001C556
#define DXBC_DOMAIN_Z 0x0001CAA6

#define DXBC_RET DXBC_OP(62, 1)

#endif
