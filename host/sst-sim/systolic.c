/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A systolic array of side x side cells that multiplies matrices, output stationary: a tile of C
 * stays in the cells while A comes in from the left and B from above, each row and column one cycle
 * after the one before; then the tile leaves. Moving the matrices overlaps with the work, so the
 * slower of the two counts.
 */

#include <stdlib.h>
#include <string.h>

#include "host/sst-sim/accelerator.h"
#include "protocol/sst_systolic.h"

#define CELLS_SIDE 16

struct systolic {
    struct accelerator accelerator; /* first */
    uint64_t rows, inner, columns;
    uint64_t a, b, c;
    uint64_t element;
    uint64_t side;
};

static uint64_t bytes_of(uint64_t rows, uint64_t columns)
{
    return rows * columns * 4;
}

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static uint32_t check(void *model, const struct bg_sst_compute *compute)
{
    const struct systolic *s = model;
    uint64_t a = bytes_of(s->rows, s->inner), b = bytes_of(s->inner, s->columns);
    uint64_t c = bytes_of(s->rows, s->columns);

    (void)compute;
    if (!memory_has(s->a, a) || !memory_has(s->b, b) || !memory_has(s->c, c) ||
        ((s->a | s->b | s->c) & 3) != 0 || overlaps(s->c, c, s->a, a) ||
        overlaps(s->c, c, s->b, b)) {
        return BG_SST_INVALID;
    }
    return BG_SST_OK;
}

static struct accelerator_cost cost(void *model, const struct bg_sst_compute *compute)
{
    struct systolic *s = model;
    struct memory *memory = &s->accelerator.memory;
    uint64_t tiles = (s->rows + s->side - 1) / s->side * ((s->columns + s->side - 1) / s->side);
    uint64_t work = tiles * (s->inner + 2 * s->side - 2) + s->side;
    uint64_t moves = memory_cycles(memory, s->a, bytes_of(s->rows, s->inner)) +
                     memory_cycles(memory, s->b, bytes_of(s->inner, s->columns)) +
                     memory_cycles(memory, s->c, bytes_of(s->rows, s->columns));
    struct accelerator_cost result;

    (void)compute;
    result.cycles = result.interval = work > moves ? work : moves;
    return result;
}

#define DEFINE_MULTIPLY(name, type)                                                                \
    static void name(const struct systolic *s, type *c, const type *a, const type *b)              \
    {                                                                                              \
        for (uint64_t row = 0; row < s->rows; row++) {                                             \
            for (uint64_t k = 0; k < s->inner; k++) {                                              \
                type factor = a[row * s->inner + k];                                               \
                for (uint64_t column = 0; column < s->columns; column++) {                         \
                    type product = factor * b[k * s->columns + column];                            \
                    c[row * s->columns + column] += product;                                       \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_MULTIPLY(multiply_int, uint32_t)
DEFINE_MULTIPLY(multiply_float, float)

/* What the parameters say now is multiplied, if it can be. */
static uint32_t finish(void *model, const struct bg_sst_compute *compute)
{
    struct systolic *s = model;
    uint8_t *bytes = s->accelerator.memory.bytes;

    if (check(model, compute) != BG_SST_OK) {
        return BG_SST_INVALID;
    }
    memset(bytes + s->c, 0, bytes_of(s->rows, s->columns));
    if (s->element == BG_COMPUTE_ELEMENT_FLOAT32) {
        multiply_float(s, (float *)(bytes + s->c), (const float *)(bytes + s->a),
                       (const float *)(bytes + s->b));
    } else {
        multiply_int(s, (uint32_t *)(bytes + s->c), (const uint32_t *)(bytes + s->a),
                     (const uint32_t *)(bytes + s->b));
    }
    return BG_SST_OK;
}

static const struct accelerator_compute systolic_compute = {
    .check = check,
    .cost = cost,
    .finish = finish,
};

/* ---- Life ---- */

static void set_start(struct systolic *s)
{
    s->rows = s->inner = s->columns = 1;
    s->a = 0;
    s->b = 4;
    s->c = 8;
    s->element = BG_COMPUTE_ELEMENT_INT32;
    s->side = CELLS_SIDE;
}

static void add_params(struct systolic *s)
{
    const uint64_t last = BG_SST_INFO_MEMORY_SIZE - 4;
    const struct accelerator_param params[] = {
        {BG_SST_SYSTOLIC_ROWS, &s->rows, 1, BG_SST_SYSTOLIC_SIDE_MAX, false},
        {BG_SST_SYSTOLIC_INNER, &s->inner, 1, BG_SST_SYSTOLIC_SIDE_MAX, false},
        {BG_SST_SYSTOLIC_COLUMNS, &s->columns, 1, BG_SST_SYSTOLIC_SIDE_MAX, false},
        {BG_SST_SYSTOLIC_A, &s->a, 0, last, false},
        {BG_SST_SYSTOLIC_B, &s->b, 0, last, false},
        {BG_SST_SYSTOLIC_C, &s->c, 0, last, false},
        {BG_SST_SYSTOLIC_ELEMENT, &s->element, BG_COMPUTE_ELEMENT_UINT32,
         BG_COMPUTE_ELEMENT_FLOAT32, false},
        {BG_SST_SYSTOLIC_SIDE, &s->side, 1, BG_SST_SYSTOLIC_SIDE_MAX, false},
    };

    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
        accelerator_add_param(&s->accelerator, &params[i]);
    }
}

static void *create(struct sst_device *device)
{
    struct systolic *s = malloc(sizeof(*s));

    if (s != NULL && !accelerator_init(&s->accelerator, device, &systolic_compute)) {
        free(s);
        return NULL;
    }
    if (s != NULL) {
        set_start(s);
        add_params(s);
    }
    return s;
}

static void destroy(void *model)
{
    accelerator_free(model);
    free(model);
}

static void reset(void *model)
{
    accelerator_reset(model);
    set_start(model);
}

const struct sst_model_ops systolic_model = {
    .name = "systolic",
    .create = create,
    .destroy = destroy,
    .reset = reset,
    .request = accelerator_request,
    .clock_hz = accelerator_clock_hz,
};
