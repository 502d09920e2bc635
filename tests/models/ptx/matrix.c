/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Products of matrices whose elements are spread over the lanes of a warp: mma and wmma, PTX ISA
 * 9.7.14. The ISA says which lane holds what of mma's; of wmma's it does not, so that here it is
 * the simplest: the elements in the order of rows, each lane the next few.
 */
#include <stdio.h>
#include <string.h>

#include "tests/models/ptx/families.h"
#include "tests/models/ptx/float.h"

#define ELEMENTS_MAX (16 * 256)

enum which { MATRIX_A, MATRIX_B, MATRIX_C };

struct shape {
    unsigned m, n, k;
};

/* Elements by their bits, row by row. */
struct matrix {
    unsigned rows, columns;
    enum ptx_word type;
    uint64_t elements[ELEMENTS_MAX];
};

struct place {
    unsigned row, column;
};

/* Where in the matrix the lane's element of this index belongs. */
typedef struct place layout(const struct ptx_instruction *in, enum which which,
                            const struct matrix *matrix, unsigned lane, unsigned index);

/* ---- Shapes and types ---- */

static struct shape shape_of(const struct ptx_instruction *in)
{
    struct shape shape = {0};

    for (unsigned i = 0; i < in->word_count && !shape.k; i++) {
        const char *text = ptx_word_name((enum ptx_word)in->words[i]);

        if (sscanf(text, "m%un%uk%u", &shape.m, &shape.n, &shape.k) != 3) {
            shape = (struct shape){0};
        }
    }
    return shape;
}

/* Of the columns of a sparse A, every second one is stored. */
static bool is_sparse(const struct ptx_instruction *in)
{
    return has(in, PTX_W_SP) || has(in, PTX_W_SP_ORDERED_METADATA);
}

/* Of the element; where wmma names two types, A and B are halves. */
static enum ptx_word element_type(const struct ptx_instruction *in, unsigned operand)
{
    if (type_of(in, 2) == PTX_W_NONE) {
        return operand == 0 ? type_of(in, 0) : operand == 3 ? type_of(in, 1) : PTX_W_F16;
    }
    return type_of(in, operand);
}

static void start_matrix(struct matrix *matrix, const struct ptx_instruction *in, enum which which,
                         enum ptx_word type)
{
    struct shape shape = shape_of(in);

    memset(matrix, 0, sizeof(*matrix));
    matrix->rows = which == MATRIX_B ? shape.k : shape.m;
    matrix->columns = which != MATRIX_A ? shape.n : is_sparse(in) ? shape.k / 2 : shape.k;
    matrix->type = type;
}

static uint64_t *element(struct matrix *matrix, struct place place)
{
    return &matrix->elements[place.row * matrix->columns + place.column];
}

/* ---- Layouts ---- */

static unsigned elements_per_register(const struct matrix *matrix)
{
    unsigned bits = ptx_type_bits(matrix->type);

    return bits < 32 ? 32 / bits : 1;
}

/* Groups of four lanes hold a row (of B a column), each lane the elements of a register. */
static struct place mma_layout(const struct ptx_instruction *in, enum which which,
                               const struct matrix *matrix, unsigned lane, unsigned index)
{
    unsigned group = lane / 4, member = lane % 4, each = elements_per_register(matrix);
    unsigned reg = index / each, tall = matrix->rows == 16;
    unsigned along = member * each + index % each;

    (void)in;
    switch (which) {
    case MATRIX_A:
        return (struct place){group + (tall ? reg % 2 * 8 : 0),
                              (tall ? reg / 2 : reg) * 4 * each + along};
    case MATRIX_B:
        return (struct place){reg * 4 * each + along, group};
    default:
        return (struct place){group + index / 2 * 8, member * 2 + index % 2};
    }
}

/* The first of .row and .col is A's, the second B's. */
static bool is_row(const struct ptx_instruction *in, enum which which)
{
    unsigned skip = which == MATRIX_B;

    for (unsigned i = 0; i < in->word_count; i++) {
        if ((in->words[i] == PTX_W_ROW || in->words[i] == PTX_W_COL) && !skip--) {
            return in->words[i] == PTX_W_ROW;
        }
    }
    return true;
}

/* m8n8k4 of halves: four products, each of four lanes and those 16 above them. */
static struct place quad_layout(const struct ptx_instruction *in, enum which which,
                                const struct matrix *matrix, unsigned lane, unsigned index)
{
    unsigned member = lane % 4, upper = lane / 16 * 4;

    if (which == MATRIX_A) {
        return is_row(in, which) ? (struct place){member + upper, index}
                                 : (struct place){index + upper, member};
    }
    if (which == MATRIX_B) {
        return is_row(in, which) ? (struct place){member, index + upper}
                                 : (struct place){index, member + upper};
    }
    if (matrix->type == PTX_W_F16) {
        return (struct place){member + upper, index};
    }
    return (struct place){(lane & 1) + (index & 2) + upper, (index & 4) + (lane & 2) + (index & 1)};
}

static struct place wmma_layout(const struct ptx_instruction *in, enum which which,
                                const struct matrix *matrix, unsigned lane, unsigned index)
{
    unsigned each = matrix->rows * matrix->columns / WARP;
    unsigned at = lane * each + index % each; /* halves of A and B come twice */

    (void)in;
    (void)which;
    return (struct place){at / matrix->columns, at % matrix->columns};
}

/* ---- Fragments ---- */

static unsigned fragment_registers(const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_LIST ? (unsigned)operand->count : 1;
}

static enum ptx_word register_type(const struct matrix *matrix)
{
    return matrix->type == PTX_W_F64 ? PTX_W_B64 : PTX_W_B32;
}

static void gather_lane(struct thread *thread, unsigned operand, enum which which, layout *layout,
                        struct matrix *matrix)
{
    const struct ptx_instruction *in = thread->waits_at;
    unsigned each = elements_per_register(matrix), bits = ptx_type_bits(matrix->type);

    for (unsigned i = 0; i < fragment_registers(&in->operands[operand]) * each; i++) {
        u128 reg = read_part(thread, &in->operands[operand], i / each, register_type(matrix));
        struct place place = layout(in, which, matrix, thread->index % WARP, i);

        *element(matrix, place) = (uint64_t)low_bits(reg >> (i % each * bits), bits);
    }
}

static void scatter_lane(struct thread *thread, unsigned operand, enum which which, layout *layout,
                         struct matrix *matrix)
{
    const struct ptx_instruction *in = thread->waits_at;
    unsigned each = elements_per_register(matrix), bits = ptx_type_bits(matrix->type);

    for (unsigned reg = 0; reg < fragment_registers(&in->operands[operand]); reg++) {
        u128 value = 0;

        for (unsigned i = 0; i < each; i++) {
            struct place place = layout(in, which, matrix, thread->index % WARP, reg * each + i);

            value |= (u128)*element(matrix, place) << (i * bits);
        }
        write_part(thread, &in->operands[operand], reg, register_type(matrix), value);
    }
}

static void gather(struct thread *any, uint32_t lanes, unsigned operand, enum which which,
                   layout *layout, struct matrix *matrix)
{
    for (unsigned i = 0; i < WARP; i++) {
        if (lanes >> i & 1) {
            gather_lane(lane_of(any, i), operand, which, layout, matrix);
        }
    }
}

static void scatter(struct thread *any, uint32_t lanes, unsigned operand, enum which which,
                    layout *layout, struct matrix *matrix)
{
    for (unsigned i = 0; i < WARP; i++) {
        if (lanes >> i & 1) {
            scatter_lane(lane_of(any, i), operand, which, layout, matrix);
        }
    }
}

/* ---- Sparse A: PTX ISA 9.7.14.6 ---- */

/* For each row and stored column of A: the row of B that it is multiplied with. */
struct positions {
    unsigned char at[32][256];
};

static void start_positions(struct positions *positions)
{
    for (unsigned row = 0; row < 32; row++) {
        for (unsigned column = 0; column < 256; column++) {
            positions->at[row][column] = (unsigned char)column;
        }
    }
}

/* What the code of a chunk says of its row. Indices that the ISA does not define are taken as they
 * are. */
static void note_code(struct positions *positions, enum ptx_word type, unsigned row, unsigned chunk,
                      unsigned code)
{
    unsigned char *at = positions->at[row];
    unsigned low = code & 3, high = code >> 2;

    switch (ptx_type_bits(type)) {
    case 32: /* one of two elements: 0b0100 or 0b1110 */
        at[chunk] = (unsigned char)(2 * chunk + low / 2);
        break;
    case 4: /* two pairs of four */
        for (unsigned i = 0; i < 2; i++) {
            at[4 * chunk + i] = (unsigned char)(8 * chunk + 2 * low + i);
            at[4 * chunk + 2 + i] = (unsigned char)(8 * chunk + 2 * high + i);
        }
        break;
    default: /* two elements of four */
        at[2 * chunk] = (unsigned char)(4 * chunk + low);
        at[2 * chunk + 1] = (unsigned char)(4 * chunk + high);
        break;
    }
}

/* The eight codes that a lane has. Number: which of the lanes of its group of four it is that have
 * any. */
static void note_metadata(struct positions *positions, enum ptx_word type, unsigned group,
                          unsigned number, uint32_t metadata)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned code = metadata >> (4 * i) & 15;

        if (ptx_type_bits(type) >= 16) { /* four chunks of two rows */
            note_code(positions, type, group + (i < 4 ? 0 : 8), 4 * number + i % 4, code);
        } else { /* eight of one, the rows in turn */
            note_code(positions, type, group + number % 2 * 8, number / 2 * 8 + i, code);
        }
    }
}

static void read_metadata(struct thread *any, uint32_t lanes, struct positions *positions)
{
    const struct ptx_instruction *in = any->waits_at;
    enum ptx_word type = element_type(in, 1);
    unsigned wide = type == PTX_W_TF32 ? 2 : ptx_type_bits(type) == 4 ? 8 : 4;
    unsigned count = shape_of(in).k / wide / 4;
    unsigned first = (unsigned)in->operands[5].bits * count;

    for (unsigned group = 0; group < WARP / 4; group++) {
        for (unsigned number = 0; number < count; number++) {
            unsigned lane = group * 4 + first + number;
            uint32_t metadata = 0;

            if (lanes >> lane & 1) {
                metadata = (uint32_t)read_bits(lane_of(any, lane), &in->operands[4], PTX_W_B32);
            }
            note_metadata(positions, type, group, number, metadata);
        }
    }
}

/* ---- Products ---- */

struct product {
    const struct ptx_instruction *in;
    struct matrix a, b, c, d;
    struct positions positions;
};

static uint64_t *element_of_b(struct product *product, unsigned row_of_a, unsigned k,
                              unsigned column)
{
    struct place place = {product->positions.at[row_of_a][k], column};

    return element(&product->b, place);
}

static double float_dot(struct product *product, unsigned row, unsigned column, double sum)
{
    enum rounding rounding = rounding_of(product->in);
    enum ptx_word type = product->d.type;

    for (unsigned k = 0; k < product->a.columns; k++) {
        double a = decode(product->a.type, *element(&product->a, (struct place){row, k}));
        double b = decode(product->b.type, *element_of_b(product, row, k, column));

        sum = type == PTX_W_F64 ? compute(PTX_FMA, type, rounding, a, b, sum) : sum + a * b;
    }
    return sum;
}

/* .u4 and .s4 are no types of registers. */
static s128 integer_of(enum ptx_word type, uint64_t bits)
{
    bool negative = (type == PTX_W_S8 && bits >> 7) || (type == PTX_W_S4 && bits >> 3);

    return (s128)bits - (negative ? (s128)1 << ptx_type_bits(type) : 0);
}

static s128 integer_dot(struct product *product, unsigned row, unsigned column)
{
    bool is_xor = has(product->in, PTX_W_XOR), is_bit = product->a.type == PTX_W_B1;
    s128 sum = 0;

    for (unsigned k = 0; k < product->a.columns; k++) {
        s128 a = integer_of(product->a.type, *element(&product->a, (struct place){row, k}));
        s128 b = integer_of(product->b.type, *element_of_b(product, row, k, column));

        sum += is_bit && is_xor ? a ^ b : a * b;
    }
    return sum;
}

static uint64_t integer_element(struct product *product, unsigned row, unsigned column)
{
    uint64_t c = *element(&product->c, (struct place){row, column});
    s128 sum = integer_dot(product, row, column) + (int32_t)c;

    if (has(product->in, PTX_W_SATFINITE)) {
        sum = sum < INT32_MIN ? INT32_MIN : sum > INT32_MAX ? INT32_MAX : sum;
    }
    return (uint32_t)sum;
}

static uint64_t float_element(struct product *product, unsigned row, unsigned column)
{
    double c = decode(product->c.type, *element(&product->c, (struct place){row, column}));
    double sum = float_dot(product, row, column, c);

    if (has(product->in, PTX_W_SATFINITE) && sum == sum) {
        double most = largest(product->d.type);

        sum = sum > most ? most : sum < -most ? -most : sum;
    }
    return encode(sum, product->d.type, ROUND_NEAREST);
}

static void multiply(struct product *product)
{
    start_matrix(&product->d, product->in, MATRIX_C, element_type(product->in, 0));
    for (unsigned row = 0; row < product->d.rows; row++) {
        for (unsigned column = 0; column < product->d.columns; column++) {
            *element(&product->d, (struct place){row, column}) =
                product->d.type == PTX_W_S32 ? integer_element(product, row, column)
                                             : float_element(product, row, column);
        }
    }
}

static void multiply_lanes(struct thread *any, uint32_t lanes, layout *layout)
{
    const struct ptx_instruction *in = any->waits_at;
    static struct product product;

    product.in = in;
    start_matrix(&product.a, in, MATRIX_A, element_type(in, 1));
    start_matrix(&product.b, in, MATRIX_B, element_type(in, 2));
    start_matrix(&product.c, in, MATRIX_C, element_type(in, 3));
    gather(any, lanes, 1, MATRIX_A, layout, &product.a);
    gather(any, lanes, 2, MATRIX_B, layout, &product.b);
    gather(any, lanes, 3, MATRIX_C, layout, &product.c);
    start_positions(&product.positions);
    if (is_sparse(in)) {
        read_metadata(any, lanes, &product.positions);
    }
    multiply(&product);
    scatter(any, lanes, 0, MATRIX_C, layout, &product.d);
}

void perform_mma(struct thread *any, uint32_t lanes)
{
    const struct ptx_instruction *in = any->waits_at;

    if (!has(in, PTX_W_M8N8K4) || type_of(in, 1) != PTX_W_F16) {
        multiply_lanes(any, lanes, mma_layout);
        return;
    }
    for (unsigned quad = 0; quad < 4; quad++) {
        multiply_lanes(any, lanes & 0x000F000FU << (quad * 4), quad_layout);
    }
}

/* ---- Loads and stores of wmma ---- */

static enum which which_of(const struct ptx_instruction *in)
{
    return has(in, PTX_W_A) ? MATRIX_A : has(in, PTX_W_B) ? MATRIX_B : MATRIX_C;
}

/* In elements; what is not said is the length of a row or column. */
static uint64_t stride_of(struct thread *thread, const struct matrix *matrix)
{
    const struct ptx_instruction *in = thread->waits_at;

    if (in->operand_count > 2) {
        return (uint64_t)read_bits(thread, &in->operands[2], PTX_W_U32);
    }
    return is_row(in, MATRIX_A) ? matrix->columns : matrix->rows;
}

static uint64_t element_number(struct thread *thread, const struct matrix *matrix, unsigned i)
{
    uint64_t row = i / matrix->columns, column = i % matrix->columns;
    uint64_t stride = stride_of(thread, matrix);

    return is_row(thread->waits_at, MATRIX_A) ? row * stride + column : column * stride + row;
}

static void load_matrix(struct thread *any, struct matrix *matrix)
{
    enum ptx_word space = space_of(any->waits_at);
    uint64_t address = operand_address(any, &any->waits_at->operands[1], space);
    unsigned bits = ptx_type_bits(matrix->type);
    unsigned size = bits < 8 ? 1 : bits / 8;

    for (unsigned i = 0; i < matrix->rows * matrix->columns; i++) {
        uint64_t at = element_number(any, matrix, i) * bits;
        u128 bytes = load_memory(any, space, address + at / 8, size);

        matrix->elements[i] = (uint64_t)low_bits(bytes >> at % 8, bits);
    }
}

static void store_matrix(struct thread *any, struct matrix *matrix)
{
    enum ptx_word space = space_of(any->waits_at);
    uint64_t address = operand_address(any, &any->waits_at->operands[0], space);
    unsigned size = ptx_type_bits(matrix->type) / 8;

    for (unsigned i = 0; i < matrix->rows * matrix->columns; i++) {
        store_memory(any, space, address + element_number(any, matrix, i) * size, size,
                     matrix->elements[i]);
    }
}

void perform_wmma(struct thread *any, uint32_t lanes)
{
    const struct ptx_instruction *in = any->waits_at;
    static struct matrix matrix;

    if (has(in, PTX_W_MMA)) {
        multiply_lanes(any, lanes, wmma_layout);
        return;
    }
    start_matrix(&matrix, in, which_of(in), type_of(in, 0));
    if (has(in, PTX_W_LOAD)) {
        load_matrix(any, &matrix);
        scatter(any, lanes, 0, which_of(in), wmma_layout, &matrix);
    } else {
        gather(any, lanes, 1, MATRIX_C, wmma_layout, &matrix);
        store_matrix(any, &matrix);
    }
}

/* ---- Moves of 8 x 8 halves ---- */

/* Lane l holds two neighbours of row l / 4; transposed, of column l / 4. */
static struct place move_place(unsigned lane, unsigned half, bool transposed)
{
    struct place place = {lane / 4, lane % 4 * 2 + half};

    return transposed ? (struct place){place.column, place.row} : place;
}

/* Which lane's address is that of the row; of 16 bytes. */
static uint64_t row_address(struct thread *any, unsigned operand, unsigned number, unsigned row)
{
    struct thread *lane = lane_of(any, number * 8 + row);

    return lane != NULL
               ? operand_address(lane, &lane->waits_at->operands[operand], space_of(lane->waits_at))
               : 0;
}

static void load_rows(struct thread *any, unsigned number, struct matrix *matrix)
{
    for (unsigned row = 0; row < 8; row++) {
        u128 bytes =
            load_memory(any, space_of(any->waits_at), row_address(any, 1, number, row), 16);

        for (unsigned column = 0; column < 8; column++) {
            *element(matrix, (struct place){row, column}) =
                (uint64_t)low_bits(bytes >> (column * 16), 16);
        }
    }
}

static void store_rows(struct thread *any, unsigned number, struct matrix *matrix)
{
    for (unsigned row = 0; row < 8; row++) {
        u128 bytes = 0;

        for (unsigned column = 0; column < 8; column++) {
            bytes |= (u128)*element(matrix, (struct place){row, column}) << (column * 16);
        }
        store_memory(any, space_of(any->waits_at), row_address(any, 0, number, row), 16, bytes);
    }
}

static void write_halves(struct thread *any, uint32_t lanes, unsigned part, bool transposed,
                         struct matrix *matrix)
{
    for (unsigned i = 0; i < WARP; i++) {
        if (lanes >> i & 1) {
            struct thread *lane = lane_of(any, i);

            write_part(lane, &lane->waits_at->operands[0], part, PTX_W_B32,
                       *element(matrix, move_place(i, 0, transposed)) |
                           *element(matrix, move_place(i, 1, transposed)) << 16);
        }
    }
}

static void read_halves(struct thread *any, uint32_t lanes, unsigned part, bool transposed,
                        struct matrix *matrix)
{
    for (unsigned i = 0; i < WARP; i++) {
        if (lanes >> i & 1) {
            struct thread *lane = lane_of(any, i);
            u128 value = read_part(lane, &lane->waits_at->operands[1], part, PTX_W_B32);

            *element(matrix, move_place(i, 0, transposed)) = (uint64_t)low_bits(value, 16);
            *element(matrix, move_place(i, 1, transposed)) = (uint64_t)(value >> 16);
        }
    }
}

void perform_ldmatrix(struct thread *any, uint32_t lanes)
{
    static struct matrix matrices[4];
    unsigned count = fragment_registers(&any->waits_at->operands[0]);

    for (unsigned i = 0; i < count; i++) { /* all addresses, before a register changes */
        matrices[i].columns = 8;
        load_rows(any, i, &matrices[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        write_halves(any, lanes, i, has(any->waits_at, PTX_W_TRANS), &matrices[i]);
    }
}

void perform_stmatrix(struct thread *any, uint32_t lanes)
{
    static struct matrix matrix = {.columns = 8};

    for (unsigned i = 0; i < fragment_registers(&any->waits_at->operands[1]); i++) {
        read_halves(any, lanes, i, has(any->waits_at, PTX_W_TRANS), &matrix);
        store_rows(any, i, &matrix);
    }
}

void perform_movmatrix(struct thread *any, uint32_t lanes)
{
    static struct matrix matrix = {.columns = 8};

    read_halves(any, lanes, 0, false, &matrix);
    write_halves(any, lanes, 0, true, &matrix);
}
