/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/matrix.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "host/cuda-cpu/device/half.h"
#include "host/cuda-cpu/device/spend.h"

#define A_MAX (16 * 256) /* elements */
#define B_MAX (256 * 8)
#define C_MAX (16 * 16)

/* The widest vectors that the processor has. */
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define WIDE __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define WIDE __attribute__((noinline))
#endif

/* ---- Fragments ---- */

/* A matrix in registers: register r of lane l is number r * 32 + l. */
struct fragment {
    enum matrix_element type;
    enum matrix_layout layout;
    enum matrix_which which;
    unsigned rows, columns;
    unsigned bits; /* of an element */
    unsigned each; /* elements of a register */
    unsigned own;  /* elements of a lane */
    unsigned registers;
    bool is_row; /* of MATRIX_QUAD, and in memory: rows are contiguous */
    bool down;   /* the elements of a register are of a column */
};

static unsigned element_bits(enum matrix_element type)
{
    static const unsigned char bits[] = {
        [MATRIX_F16] = 16, [MATRIX_BF16] = 16, [MATRIX_TF32] = 32, [MATRIX_F32] = 32,
        [MATRIX_F64] = 64, [MATRIX_E4M3] = 8,  [MATRIX_E5M2] = 8,  [MATRIX_S32] = 32,
        [MATRIX_S8] = 8,   [MATRIX_U8] = 8,    [MATRIX_S4] = 4,    [MATRIX_U4] = 4,
        [MATRIX_B1] = 1,
    };

    return bits[type];
}

static struct fragment fragment_of(const struct matrix_form *form, enum matrix_which which,
                                   enum matrix_element type)
{
    unsigned bits = element_bits(type);
    struct fragment fragment = {
        .type = type,
        .layout = (enum matrix_layout)form->layout,
        .which = which,
        .rows = which == MATRIX_B ? form->k : form->m,
        .columns = which == MATRIX_A ? form->k >> form->is_sparse : form->n,
        .bits = bits,
        .each = bits < 32 ? 32 / bits : 1,
        .is_row = which == MATRIX_A ? form->a_is_row : form->b_is_row,
    };

    fragment.down =
        which != MATRIX_C && (form->layout == MATRIX_QUAD ? !fragment.is_row : which == MATRIX_B);
    fragment.own = fragment.rows * fragment.columns / (form->layout == MATRIX_QUAD ? 8 : 32);
    fragment.registers = fragment.own / fragment.each;
    return fragment;
}

/* Where the first element of a register belongs. */
struct place {
    unsigned row, column;
};

/* Groups of four lanes hold a row (of B a column), each lane the elements of a register. */
static struct place mma_place(const struct fragment *fragment, unsigned reg, unsigned lane)
{
    unsigned group = lane / 4, member = lane % 4, each = fragment->each;
    unsigned tall = fragment->rows == 16;

    switch (fragment->which) {
    case MATRIX_A:
        return (struct place){group + (tall ? reg % 2 * 8 : 0),
                              (4 * (tall ? reg / 2 : reg) + member) * each};
    case MATRIX_B:
        return (struct place){(4 * reg + member) * each, group};
    default:
        return (struct place){group + reg * each / 2 * 8, member * 2 + reg * each % 2};
    }
}

/* A product of four lanes and those 16 above them. */
static struct place quad_place(const struct fragment *fragment, unsigned reg, unsigned lane)
{
    unsigned member = lane % 4, upper = lane / 16 * 4, index = reg * fragment->each;

    switch (fragment->which) {
    case MATRIX_A:
        return fragment->is_row ? (struct place){member + upper, index}
                                : (struct place){index + upper, member};
    case MATRIX_B:
        return fragment->is_row ? (struct place){member, index + upper}
                                : (struct place){index, member + upper};
    default:
        return fragment->type == MATRIX_F16
                   ? (struct place){member + upper, index}
                   : (struct place){(lane & 1) + (index & 2) + upper,
                                    (index & 4) + (lane & 2) + (index & 1)};
    }
}

/* The lane's element of this index, and those that follow it. Sides are powers of 2. */
static struct place wmma_place(const struct fragment *fragment, unsigned index, unsigned lane)
{
    unsigned at = lane * fragment->own + index;
    unsigned length = fragment->which == MATRIX_B ? fragment->rows : fragment->columns;
    unsigned along = at & (length - 1), across = at >> __builtin_ctz(length);

    return fragment->which == MATRIX_B ? (struct place){along, across}
                                       : (struct place){across, along};
}

static struct place place_of(const struct fragment *fragment, unsigned reg, unsigned lane)
{
    switch (fragment->layout) {
    case MATRIX_MMA:
        return mma_place(fragment, reg, lane);
    case MATRIX_QUAD:
        return quad_place(fragment, reg, lane);
    default:
        return wmma_place(fragment, reg * fragment->each, lane);
    }
}

static uint64_t get_register(const struct fragment *fragment, const void *registers,
                             unsigned number)
{
    return fragment->bits == 64 ? ((const uint64_t *)registers)[number]
                                : ((const uint32_t *)registers)[number];
}

static void set_register(const struct fragment *fragment, void *registers, unsigned number,
                         uint64_t bits)
{
    if (fragment->bits == 64) {
        ((uint64_t *)registers)[number] = bits;
    } else {
        ((uint32_t *)registers)[number] = (uint32_t)bits;
    }
}

/* ---- Numbers ---- */

static double double_of(uint64_t bits)
{
    double number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

static double single_of(uint32_t bits)
{
    float number;

    memcpy(&number, &bits, sizeof(number));
    return (double)number;
}

/* A format of `fraction` bits behind `exponent` ones; all of these set are infinity, or NaN. */
static double decode_small(uint32_t bits, unsigned exponent, unsigned fraction)
{
    uint32_t sign = bits >> (exponent + fraction) & 1, most = (1u << exponent) - 1;
    uint32_t magnitude = bits & ((1u << (exponent + fraction)) - 1);
    uint64_t wide = (uint64_t)magnitude << (52 - fraction) | (uint64_t)sign << 63;
    double scale = double_of((uint64_t)(1023 + 1023 - (most >> 1)) << 52);

    if (magnitude >> fraction == most) {
        return double_of(wide | UINT64_C(0x7FF) << 52);
    }
    return double_of(wide) * scale;
}

/* It has no infinity, and one NaN. */
static double decode_e4m3(uint32_t bits)
{
    if ((bits & 0x78) != 0x78) {
        return decode_small(bits, 4, 3);
    }
    return (bits & 7) == 7 ? NAN : (bits & 0x80 ? -32.0 : 32.0) * (double)(8 + (bits & 7));
}

static int32_t sign_extended(uint32_t bits, unsigned width)
{
    return (int32_t)(bits << (32 - width)) >> (32 - width);
}

static inline double decode(enum matrix_element type, uint64_t bits)
{
    uint32_t word = (uint32_t)bits;

    switch (type) {
    case MATRIX_F16:
        return decode_small(word & 0xFFFF, 5, 10);
    case MATRIX_BF16:
        return single_of(word << 16);
    case MATRIX_TF32:
        return single_of(word & ~0x1FFFu);
    case MATRIX_F32:
        return single_of(word);
    case MATRIX_F64:
        return double_of(bits);
    case MATRIX_E4M3:
        return decode_e4m3(word & 0xFF);
    case MATRIX_E5M2:
        return decode_small(word & 0xFF, 5, 2);
    case MATRIX_S32:
        return (int32_t)word;
    case MATRIX_S8:
        return sign_extended(word, 8);
    case MATRIX_U8:
        return word & 0xFF;
    case MATRIX_S4:
        return sign_extended(word, 4);
    case MATRIX_U4:
        return word & 0xF;
    default:
        return word & 1;
    }
}

static uint64_t encode_f64(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return isnan(number) ? UINT64_C(0x7FF8000000000000) : bits;
}

static uint64_t encode_f32(double number)
{
    float single = (float)number;
    uint32_t bits;

    memcpy(&bits, &single, sizeof(bits));
    return isnan(number) ? 0x7FFFFFFF : bits;
}

static double limited(double number, double least, double most)
{
    return number < least ? least : number > most ? most : number;
}

static uint64_t encode(enum matrix_element type, bool saturates, double number)
{
    switch (type) {
    case MATRIX_F16:
        return half_encode_f16(saturates ? limited(number, -65504, 65504) : number);
    case MATRIX_F32:
        return encode_f32(saturates ? limited(number, -FLT_MAX, FLT_MAX) : number);
    case MATRIX_F64:
        return encode_f64(number);
    default:
        number = saturates ? limited(number, INT32_MIN, INT32_MAX) : number;
        return (uint32_t)(int64_t)number;
    }
}

/* ---- Products ---- */

/* Row by row; what lanes that take no part hold is zero. */
static void unpack(const struct fragment *fragment, const void *registers, uint32_t lanes,
                   double *elements)
{
    if (lanes != UINT32_MAX) {
        memset(elements, 0, fragment->rows * fragment->columns * sizeof(*elements));
    }
    for (unsigned number = 0; number < fragment->registers * WARP_LANES; number++) {
        unsigned lane = number % WARP_LANES, step = fragment->down ? fragment->columns : 1;

        if (lanes >> lane & 1) {
            struct place place = place_of(fragment, number / WARP_LANES, lane);
            uint64_t bits = get_register(fragment, registers, number);
            double *to = &elements[place.row * fragment->columns + place.column];

            for (unsigned i = 0; i < fragment->each; i++) {
                to[i * step] = decode(fragment->type, bits >> (i * fragment->bits));
            }
        }
    }
}

static void pack(const struct fragment *fragment, bool saturates, const double *elements,
                 uint32_t lanes, void *registers)
{
    for (unsigned number = 0; number < fragment->registers * WARP_LANES; number++) {
        unsigned lane = number % WARP_LANES;

        if (lanes >> lane & 1) {
            struct place place = place_of(fragment, number / WARP_LANES, lane);
            uint64_t bits = 0;

            for (unsigned i = 0; i < fragment->each; i++) {
                bits |= encode(fragment->type, saturates,
                               elements[place.row * fragment->columns + place.column + i])
                        << (i * fragment->bits);
            }
            set_register(fragment, registers, number, bits);
        }
    }
}

#define COLUMNS 8 /* n is a multiple of it */
typedef double vector __attribute__((vector_size(COLUMNS * sizeof(double)), aligned(8)));

struct product {
    unsigned m, n, k;
    double a[A_MAX], b[B_MAX], c[C_MAX]; /* D comes to lie where C is */
};

/* Products of all types but doubles are exact, so that it does not matter here whether the
 * compiler fuses them with their sums. */
WIDE static void multiply(struct product *product)
{
    for (unsigned row = 0; row < product->m; row++) {
        for (unsigned column = 0; column < product->n; column += COLUMNS) {
            vector *c = (vector *)(void *)&product->c[row * product->n + column], sum = *c;

            for (unsigned k = 0; k < product->k; k++) {
                const double *b = &product->b[k * product->n + column];

                sum += product->a[row * product->k + k] * *(const vector *)(const void *)b;
            }
            *c = sum;
        }
    }
}

WIDE static void multiply_doubles(struct product *product)
{
    for (unsigned row = 0; row < product->m; row++) {
        for (unsigned k = 0; k < product->k; k++) {
            for (unsigned column = 0; column < product->n; column++) {
                double *c = &product->c[row * product->n + column];

                *c = fma(product->a[row * product->k + k], product->b[k * product->n + column], *c);
            }
        }
    }
}

/* Bits that differ: half of k, less half of what remains of k ones, a bit of 0 being -1. */
static void prepare_xor(struct product *product)
{
    for (unsigned i = 0; i < product->m * product->k; i++) {
        product->a[i] = 0.5 - product->a[i];
    }
    for (unsigned i = 0; i < product->k * product->n; i++) {
        product->b[i] = 2 * product->b[i] - 1;
    }
    for (unsigned i = 0; i < product->m * product->n; i++) {
        product->c[i] += product->k / 2.0;
    }
}

/* ---- Sparse A: PTX ISA 9.7.14.6 ---- */

/* Of each chunk of a row two quarters are there, and four bits say which: two indices, the lower
 * bits' first. Of tf32 a quarter is half an element. */
struct metadata {
    const uint32_t *words;
    uint32_t lanes;
    unsigned chunk;   /* elements */
    unsigned per_row; /* chunks */
    unsigned first;   /* of four lanes: the one that has the first chunks */
    bool is_narrow;   /* elements of less than 16 bits */
};

static struct metadata metadata_of(const struct matrix_form *form, const uint32_t *words,
                                   uint32_t lanes)
{
    unsigned bits = element_bits((enum matrix_element)form->a);
    unsigned chunk = (bits < 16 ? 32 : 64) / bits, per_row = form->k / chunk;

    return (struct metadata){.words = words,
                             .lanes = lanes,
                             .chunk = chunk,
                             .per_row = per_row,
                             .first = form->selector * per_row / 4,
                             .is_narrow = bits < 16};
}

/* Four lanes have the metadata of rows g and g + 8. A lane has four chunks of each; of narrow
 * elements eight of one, the second lane those of row g + 8. 9.7.14.6.2, figures 119 to 147. */
static unsigned code_of(const struct metadata *metadata, unsigned row, unsigned chunk)
{
    unsigned group = row % 8, upper = row / 8, member, number, lane;

    if (metadata->is_narrow) {
        member = chunk / 8 * 2 + upper;
        number = chunk % 8;
    } else {
        member = chunk / 4;
        number = upper * 4 + chunk % 4;
    }
    lane = group * 4 + (metadata->first + member) % 4;
    return metadata->lanes >> lane & 1 ? metadata->words[lane] >> (number * 4) & 0xF : 0;
}

/* The row of B for an element of A, within its chunk whatever the metadata is. */
static unsigned place_in_b(const struct metadata *metadata, unsigned row, unsigned element)
{
    unsigned chunk = metadata->chunk, kept = chunk / 2, at = element % kept;
    unsigned code = code_of(metadata, row, element / kept);
    unsigned quarter = code >> (at * 2 / kept * 2) & 3;

    return element / kept * chunk + quarter * chunk / 4 + (chunk == 8 ? at % 2 : 0);
}

/* In the order in which A has its elements. What it has not is not multiplied, not by infinity
 * either. */
static void multiply_sparse(struct product *product, const struct matrix_form *form,
                            const uint32_t *words, uint32_t lanes)
{
    struct metadata metadata = metadata_of(form, words, lanes);
    unsigned kept = product->k / 2;

    for (unsigned row = 0; row < product->m; row++) {
        double *c = &product->c[row * product->n];

        for (unsigned i = 0; i < kept; i++) {
            const double *b = &product->b[place_in_b(&metadata, row, i) * product->n];

            for (unsigned column = 0; column < product->n; column++) {
                c[column] += product->a[row * kept + i] * b[column];
            }
        }
    }
}

static struct matrix_form form_of(uint64_t bits)
{
    struct matrix_form form;

    memcpy(&form, &bits, sizeof(form));
    return form;
}

/* metadata: of a sparse A, else NULL. */
static void multiply_lanes(const struct matrix_form *form, void *d, const void *a, const void *b,
                           const void *c, const uint32_t *metadata, uint32_t lanes)
{
    static const int roundings[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
    struct fragment of_a = fragment_of(form, MATRIX_A, (enum matrix_element)form->a);
    struct fragment of_b = fragment_of(form, MATRIX_B, (enum matrix_element)form->b);
    struct fragment of_c = fragment_of(form, MATRIX_C, (enum matrix_element)form->c);
    struct fragment of_d = fragment_of(form, MATRIX_C, (enum matrix_element)form->d);
    struct product product;

    product.m = form->m;
    product.n = form->n;
    product.k = form->k;
    unpack(&of_a, a, lanes, product.a);
    unpack(&of_b, b, lanes, product.b);
    unpack(&of_c, c, lanes, product.c);
    if (form->is_xor) {
        prepare_xor(&product);
    }
    if (form->is_sparse) {
        multiply_sparse(&product, form, metadata, lanes);
    } else if (form->d == MATRIX_F64) {
        fesetround(roundings[form->rounding]);
        multiply_doubles(&product);
        fesetround(FE_TONEAREST);
    } else {
        multiply(&product);
    }
    pack(&of_d, form->saturates, product.c, lanes, d);
}

static void spend_product(struct warp *warp, const struct matrix_form *form)
{
    spend(warp, (uint32_t)(form->m * form->n * form->k / WARP_LANES));
}

void matrix_multiply(struct warp *warp, void *d, const void *a, const void *b, const void *c,
                     uint64_t bits, uint32_t lanes)
{
    struct matrix_form form = form_of(bits);

    spend_product(warp, &form);
    if (form.layout != MATRIX_QUAD) {
        multiply_lanes(&form, d, a, b, c, NULL, lanes);
        return;
    }
    for (unsigned quad = 0; quad < 4; quad++) {
        multiply_lanes(&form, d, a, b, c, NULL, lanes & 0x000F000Fu << (quad * 4));
    }
}

void matrix_multiply_sparse(struct warp *warp, void *d, const void *a, const void *b, const void *c,
                            const uint32_t *metadata, uint64_t bits, uint32_t lanes)
{
    struct matrix_form form = form_of(bits);

    spend_product(warp, &form);
    multiply_lanes(&form, d, a, b, c, metadata, lanes);
}

/* ---- Loads and stores ---- */

/* Elements move by the register where they lie beside each other, as all do that are smaller than
 * a byte; else one by one. */
static unsigned step_of(const struct fragment *fragment, uint64_t address, uint64_t stride)
{
    bool is_adjacent = fragment->down != fragment->is_row;
    bool is_aligned = ((address | stride * fragment->bits / 8) & 3) == 0;

    return fragment->bits < 8 || (is_adjacent && is_aligned) ? fragment->each : 1;
}

static uint64_t get_bits(const unsigned char *bytes, unsigned lane, unsigned size)
{
    switch (size) {
    case 1:
        return bytes[lane];
    case 2:
        return ((const uint16_t *)(const void *)bytes)[lane];
    case 4:
        return ((const uint32_t *)(const void *)bytes)[lane];
    default:
        return ((const uint64_t *)(const void *)bytes)[lane];
    }
}

/* Of each lane's element of this index. stride: elements. */
static void find_addresses(const struct fragment *fragment, uint64_t address, uint64_t stride,
                           unsigned index, uint64_t addresses[WARP_LANES])
{
    for (unsigned lane = 0; lane < WARP_LANES; lane++) {
        struct place place = wmma_place(fragment, index, lane);
        uint64_t element = fragment->is_row ? place.row * stride + place.column
                                            : place.column * stride + place.row;

        addresses[lane] = address + element * fragment->bits / 8;
    }
}

static struct fragment in_memory(uint64_t bits)
{
    struct matrix_form form = form_of(bits);
    struct fragment fragment =
        fragment_of(&form, (enum matrix_which)form.which, (enum matrix_element)form.c);

    fragment.is_row = form.is_row;
    return fragment;
}

/* Of halves of A and B there are copies behind them: more registers than these. */
static unsigned copies_of(const struct fragment *fragment)
{
    return fragment->type == MATRIX_F16 && fragment->which != MATRIX_C ? 8 / fragment->registers
                                                                       : 1;
}

void matrix_load(struct warp *warp, void *registers, uint64_t address, uint64_t stride,
                 uint64_t form, uint32_t lanes, uint32_t site)
{
    struct fragment fragment = in_memory(form);
    unsigned step = step_of(&fragment, address, stride), size = fragment.bits * step / 8;
    size_t bytes = (size_t)fragment.registers * WARP_LANES * (fragment.bits == 64 ? 8 : 4);
    uint64_t addresses[WARP_LANES];
    _Alignas(uint64_t) unsigned char loaded[WARP_LANES * sizeof(uint64_t)] = {0};

    memset(registers, 0, bytes);
    for (unsigned index = 0; index < fragment.own; index += step) {
        find_addresses(&fragment, address, stride, index, addresses);
        warp->gather(warp, loaded, addresses, lanes, size, site);
        for (unsigned lane = 0; lane < WARP_LANES; lane++) {
            unsigned number = index / fragment.each * WARP_LANES + lane;
            uint64_t bits = get_bits(loaded, lane, size) << (index % fragment.each * fragment.bits);

            set_register(&fragment, registers, number,
                         get_register(&fragment, registers, number) | bits);
        }
    }
    for (unsigned copy = 1; copy < copies_of(&fragment); copy++) {
        memcpy((unsigned char *)registers + copy * bytes, registers, bytes);
    }
}

void matrix_store(struct warp *warp, const void *registers, uint64_t address, uint64_t stride,
                  uint64_t form, uint32_t lanes, uint32_t site)
{
    struct fragment fragment = in_memory(form);
    unsigned step = step_of(&fragment, address, stride), size = fragment.bits * step / 8;
    uint64_t addresses[WARP_LANES];
    unsigned char stored[WARP_LANES * sizeof(uint64_t)];

    for (unsigned index = 0; index < fragment.own; index += step) {
        find_addresses(&fragment, address, stride, index, addresses);
        for (unsigned lane = 0; lane < WARP_LANES; lane++) {
            uint64_t bits =
                get_register(&fragment, registers, index / fragment.each * WARP_LANES + lane) >>
                (index % fragment.each * fragment.bits);

            memcpy(stored + lane * size, &bits, size);
        }
        warp->scatter(warp, stored, addresses, lanes, size | WARP_ACCESS_WRITE, site);
    }
}
