/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Products of matrices. Those of f32 and f64 are OpenBLAS's; others go through tiles of f32, with
 * sums in f32, rounded once at the end. Of 8-bit integers a tile's sums are exact.
 */
#include <stdlib.h>

#include "host/cuda-cpu/blas/blas.h"
#include "host/cuda-cpu/blas/number.h"

/* A tile's three parts stay in a cache of 2 MiB. */
#define TILE 256
#define TILE_DEPTH 256

struct side {
    const void *matrix;
    cudaDataType type;
    int64_t ld;
    int64_t stride; /* elements, from one of a batch to the next */
    bool is_transposed;
};

struct gemm {
    int64_t m, n, k;
    struct side a, b, c;
    struct blas_scalar alpha, beta;
    cublasComputeType_t compute;
    int64_t count; /* of the batch */
    bool fits;     /* by cublas_gemm_fits */
};

/* Wherever that is, before it was checked. */
static char *element(const struct side *side, int64_t batch, int64_t row, int64_t column)
{
    uint64_t index = (uint64_t)(batch * side->stride + row + column * side->ld);

    return (char *)((uintptr_t)side->matrix + index * cublas_type_size(side->type));
}

static int trans_of(const struct side *side)
{
    return side->is_transposed ? BLAS_TRANS : BLAS_NO_TRANS;
}

/* ---- f32, f64 ---- */

static void run_single(const struct gemm *gemm, int64_t batch)
{
    openblas_get()->sgemm(BLAS_COL_MAJOR, trans_of(&gemm->a), trans_of(&gemm->b), (int)gemm->m,
                          (int)gemm->n, (int)gemm->k, (float)blas_scalar_get(&gemm->alpha),
                          (const float *)(const void *)element(&gemm->a, batch, 0, 0),
                          (int)gemm->a.ld,
                          (const float *)(const void *)element(&gemm->b, batch, 0, 0),
                          (int)gemm->b.ld, (float)blas_scalar_get(&gemm->beta),
                          (float *)(void *)element(&gemm->c, batch, 0, 0), (int)gemm->c.ld);
}

static void run_double(const struct gemm *gemm, int64_t batch)
{
    openblas_get()->dgemm(BLAS_COL_MAJOR, trans_of(&gemm->a), trans_of(&gemm->b), (int)gemm->m,
                          (int)gemm->n, (int)gemm->k, blas_scalar_get(&gemm->alpha),
                          (const double *)(const void *)element(&gemm->a, batch, 0, 0),
                          (int)gemm->a.ld,
                          (const double *)(const void *)element(&gemm->b, batch, 0, 0),
                          (int)gemm->b.ld, blas_scalar_get(&gemm->beta),
                          (double *)(void *)element(&gemm->c, batch, 0, 0), (int)gemm->c.ld);
}

/* ---- Others, in tiles ---- */

struct tile {
    float a[TILE * TILE_DEPTH], b[TILE_DEPTH * TILE], c[TILE * TILE];
};

/* `count` elements in a row of memory. */
static void widen(cudaDataType type, const char *from, float *to, int64_t count)
{
    if (type == CUDA_R_16F) {
        for (int64_t i = 0; i < count; i++) {
            to[i] = number_from_f16(((const uint16_t *)(const void *)from)[i]);
        }
    } else if (type == CUDA_R_16BF) {
        for (int64_t i = 0; i < count; i++) {
            to[i] = number_from_bf16(((const uint16_t *)(const void *)from)[i]);
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            to[i] = ((const int8_t *)from)[i];
        }
    }
}

/* Part of a matrix as it lies in memory, packed: rows from `row`, columns from `column`. */
static void load(const struct side *side, int64_t batch, int64_t row, int64_t column, int64_t rows,
                 int64_t columns, float *to)
{
    for (int64_t j = 0; j < columns; j++) {
        widen(side->type, element(side, batch, row, column + j), to + j * rows, rows);
    }
}

/* As the product has it: op(side)'s part, and how its rows lie afterwards. */
static int64_t load_operand(const struct side *side, int64_t batch, int64_t row, int64_t column,
                            int64_t rows, int64_t columns, float *to)
{
    if (side->is_transposed) {
        load(side, batch, column, row, columns, rows, to);
        return columns;
    }
    load(side, batch, row, column, rows, columns, to);
    return rows;
}

static void store_number(cudaDataType type, char *place, float number)
{
    uint16_t half = type == CUDA_R_16F ? number_to_f16(number) : number_to_bf16(number);

    if (type == CUDA_R_32F) {
        memcpy(place, &number, sizeof(number));
    } else {
        memcpy(place, &half, sizeof(half));
    }
}

/* alpha * sum + beta * C, which is not read when beta is 0. */
static void store(const struct gemm *gemm, int64_t batch, int64_t row, int64_t column, int64_t rows,
                  int64_t columns, const float *sums)
{
    float alpha = (float)blas_scalar_get(&gemm->alpha), beta = (float)blas_scalar_get(&gemm->beta);
    int64_t step = (int64_t)cublas_type_size(gemm->c.type);

    for (int64_t j = 0; j < columns; j++) {
        char *place = element(&gemm->c, batch, row, column + j);

        for (int64_t i = 0; i < rows; i++, place += step) {
            float before = beta != 0 ? beta * (float)blas_number(gemm->c.type, place) : 0;

            store_number(gemm->c.type, place, alpha * sums[j * rows + i] + before);
        }
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void run_tile(const struct gemm *gemm, int64_t batch, int64_t row, int64_t column,
                     struct tile *tile)
{
    int64_t rows = least(gemm->m - row, TILE), columns = least(gemm->n - column, TILE);

    memset(tile->c, 0, sizeof(tile->c));
    for (int64_t at = 0; at < gemm->k; at += TILE_DEPTH) {
        int64_t depth = least(gemm->k - at, TILE_DEPTH);
        int64_t lda = load_operand(&gemm->a, batch, row, at, rows, depth, tile->a);
        int64_t ldb = load_operand(&gemm->b, batch, at, column, depth, columns, tile->b);

        openblas_get()->sgemm(BLAS_COL_MAJOR, trans_of(&gemm->a), trans_of(&gemm->b), (int)rows,
                              (int)columns, (int)depth, 1, tile->a, (int)lda, tile->b, (int)ldb, 1,
                              tile->c, (int)rows);
    }
    store(gemm, batch, row, column, rows, columns, tile->c);
}

/* ---- Integers ---- */

/* Of 8 bits: 256 products are below 2^22, so a tile's sums are exact in f32. */
_Static_assert(TILE_DEPTH * 128 * 128 <= 1 << 24, "exact");

struct integer_tile {
    struct tile part;
    uint32_t sums[TILE * TILE];
};

static void add_sums(uint32_t *sums, const float *part, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        sums[i] += (uint32_t)(int32_t)part[i];
    }
}

/* Modulo 2^32. */
static void store_integers(const struct gemm *gemm, int64_t batch, int64_t row, int64_t column,
                           int64_t rows, int64_t columns, const uint32_t *sums)
{
    uint32_t alpha = (uint32_t)(int32_t)blas_scalar_get(&gemm->alpha);
    uint32_t beta = (uint32_t)(int32_t)blas_scalar_get(&gemm->beta);

    for (int64_t j = 0; j < columns; j++) {
        for (int64_t i = 0; i < rows; i++) {
            uint32_t *place = (uint32_t *)(void *)element(&gemm->c, batch, row + i, column + j);

            *place = alpha * sums[j * rows + i] + (beta != 0 ? beta * *place : 0);
        }
    }
}

static void run_integer_tile(const struct gemm *gemm, int64_t batch, int64_t row, int64_t column,
                             struct integer_tile *tile)
{
    int64_t rows = least(gemm->m - row, TILE), columns = least(gemm->n - column, TILE);

    memset(tile->sums, 0, sizeof(tile->sums));
    for (int64_t at = 0; at < gemm->k; at += TILE_DEPTH) {
        int64_t depth = least(gemm->k - at, TILE_DEPTH);
        int64_t lda = load_operand(&gemm->a, batch, row, at, rows, depth, tile->part.a);
        int64_t ldb = load_operand(&gemm->b, batch, at, column, depth, columns, tile->part.b);

        openblas_get()->sgemm(BLAS_COL_MAJOR, trans_of(&gemm->a), trans_of(&gemm->b), (int)rows,
                              (int)columns, (int)depth, 1, tile->part.a, (int)lda, tile->part.b,
                              (int)ldb, 0, tile->part.c, (int)rows);
        add_sums(tile->sums, tile->part.c, rows * columns);
    }
    store_integers(gemm, batch, row, column, rows, columns, tile->sums);
}

/* ---- Which way ---- */

static bool is_integer(const struct gemm *gemm)
{
    return gemm->c.type == CUDA_R_32I;
}

static void run_tiles(const struct gemm *gemm, int64_t batch)
{
    /* A stream's thread, one at a time. */
    static _Thread_local struct integer_tile tile;

    for (int64_t column = 0; column < gemm->n; column += TILE) {
        for (int64_t row = 0; row < gemm->m; row += TILE) {
            if (is_integer(gemm)) {
                run_integer_tile(gemm, batch, row, column, &tile);
            } else {
                run_tile(gemm, batch, row, column, &tile.part);
            }
        }
    }
}

static void run_gemm(void *work)
{
    const struct gemm *gemm = work;

    for (int64_t batch = 0; batch < gemm->count; batch++) {
        if (gemm->a.type == CUDA_R_32F) {
            run_single(gemm, batch);
        } else if (gemm->a.type == CUDA_R_64F) {
            run_double(gemm, batch);
        } else {
            run_tiles(gemm, batch);
        }
    }
}

/* ---- What is asked for ---- */

/* How many rows and columns a matrix has in memory. */
static int64_t rows_of(const struct side *side, int64_t rows, int64_t columns)
{
    return side->is_transposed ? columns : rows;
}

/* All of a batch, and what is between, as one matrix with more columns would be. */
static bool side_is_there(const struct side *side, int64_t count, int64_t rows, int64_t columns)
{
    int64_t span = (count - 1) * side->stride, extent = (columns - 1) * side->ld + rows;
    const char *first = element(side, span < 0 ? count - 1 : 0, 0, 0);

    return rows == 0 || columns == 0 || blas_has_vector(first, side->type, llabs(span) + extent, 1);
}

static bool sides_are_there(const struct gemm *gemm)
{
    int64_t a_rows = rows_of(&gemm->a, gemm->m, gemm->k);
    int64_t b_rows = rows_of(&gemm->b, gemm->k, gemm->n);

    return side_is_there(&gemm->a, gemm->count, a_rows, gemm->m + gemm->k - a_rows) &&
           side_is_there(&gemm->b, gemm->count, b_rows, gemm->k + gemm->n - b_rows) &&
           side_is_there(&gemm->c, gemm->count, gemm->m, gemm->n);
}

/* Of values that are the call's own; the matrices may be elsewhere yet. */
static cublasStatus_t check(cublasHandle_t handle, struct gemm *gemm, const void *alpha,
                            const void *beta)
{
    const struct cublas_combination *combination =
        cublas_find_combination(gemm->compute, gemm->a.type, gemm->b.type, gemm->c.type);

    if (!gemm->fits) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (combination == NULL) {
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    return blas_scalar_take(handle, combination->scalar, alpha, &gemm->alpha) &&
                   blas_scalar_take(handle, combination->scalar, beta, &gemm->beta)
               ? CUBLAS_STATUS_SUCCESS
               : CUBLAS_STATUS_INVALID_VALUE;
}

/* More is at no memory, and 2^31 of them are below 2^63. */
#define STRIDE_MAX (INT64_C(1) << 31)

static bool strides_are_sound(const struct gemm *gemm)
{
    return llabs(gemm->a.stride) <= STRIDE_MAX && llabs(gemm->b.stride) <= STRIDE_MAX &&
           llabs(gemm->c.stride) <= STRIDE_MAX;
}

static cublasStatus_t mark_written(cublasHandle_t handle, const struct gemm *gemm)
{
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    bool reads_c = gemm->beta.place != NULL || gemm->beta.value != 0;

    for (int64_t i = 0; i < gemm->count && !reads_c && status == CUBLAS_STATUS_SUCCESS; i++) {
        status = blas_will_write(handle, element(&gemm->c, i, 0, 0), gemm->c.type, gemm->m, gemm->n,
                                 gemm->c.ld);
    }
    return status;
}

static cublasStatus_t submit(cublasHandle_t handle, const struct gemm *gemm)
{
    cublasStatus_t status;

    if (gemm->m == 0 || gemm->n == 0 || gemm->count == 0) {
        return CUBLAS_STATUS_SUCCESS;
    }
    if (!sides_are_there(gemm)) {
        return CUBLAS_STATUS_EXECUTION_FAILED;
    }
    status = mark_written(handle, gemm);
    return status == CUBLAS_STATUS_SUCCESS ? blas_submit(handle, run_gemm, gemm, sizeof(*gemm))
                                           : status;
}

static cublasStatus_t run_strided(cublasHandle_t handle, struct gemm *gemm, const void *alpha,
                                  const void *beta)
{
    cublasStatus_t status;

    if (!blas_handle_is_valid(handle)) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    status = check(handle, gemm, alpha, beta);
    if (status == CUBLAS_STATUS_SUCCESS && !strides_are_sound(gemm)) {
        status = CUBLAS_STATUS_INVALID_VALUE;
    }
    return status == CUBLAS_STATUS_SUCCESS ? submit(handle, gemm) : status;
}

/* The pointers are in the device's memory, and are looked at when the stream has come so far: so
 * the call waits for it. */
static cublasStatus_t run_batched(cublasHandle_t handle, struct gemm *gemm, const void *alpha,
                                  const void *beta, const void *const *as, const void *const *bs,
                                  void *const *cs)
{
    cublasStatus_t status;

    if (!blas_handle_is_valid(handle)) {
        return CUBLAS_STATUS_NOT_INITIALIZED;
    }
    status = check(handle, gemm, alpha, beta);
    if (status == CUBLAS_STATUS_SUCCESS && (!blas_has_vector(as, CUDA_R_64F, gemm->count, 1) ||
                                            !blas_has_vector(bs, CUDA_R_64F, gemm->count, 1) ||
                                            !blas_has_vector(cs, CUDA_R_64F, gemm->count, 1))) {
        status = CUBLAS_STATUS_INVALID_VALUE;
    }
    if (status == CUBLAS_STATUS_SUCCESS) {
        status = blas_wait(handle);
    }
    for (int64_t i = 0, count = gemm->count; i < count && status == CUBLAS_STATUS_SUCCESS; i++) {
        gemm->a.matrix = as[i];
        gemm->b.matrix = bs[i];
        gemm->c.matrix = cs[i];
        gemm->count = 1;
        status = submit(handle, gemm);
    }
    return status;
}

static struct gemm describe(cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k,
                            struct side a, struct side b, struct side c, int count,
                            cublasComputeType_t compute)
{
    struct gemm gemm = {.m = m, .n = n, .k = k, .a = a, .b = b, .c = c};

    gemm.a.is_transposed = cublas_op_transposes(transa);
    gemm.b.is_transposed = cublas_op_transposes(transb);
    gemm.fits = cublas_gemm_fits(transa, transb, m, n, k, (int)a.ld, (int)b.ld, (int)c.ld, count);
    gemm.count = count;
    gemm.compute = compute;
    return gemm;
}

/* ---- The API ---- */

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa,
                                          cublasOperation_t transb, int m, int n, int k,
                                          const void *alpha, const void *A, cudaDataType Atype,
                                          int lda, long long int strideA, const void *B,
                                          cudaDataType Btype, int ldb, long long int strideB,
                                          const void *beta, void *C, cudaDataType Ctype, int ldc,
                                          long long int strideC, int batchCount,
                                          cublasComputeType_t computeType, cublasGemmAlgo_t algo)
{
    struct gemm gemm = describe(transa, transb, m, n, k, (struct side){A, Atype, lda, strideA, 0},
                                (struct side){B, Btype, ldb, strideB, 0},
                                (struct side){C, Ctype, ldc, strideC, 0}, batchCount, computeType);

    (void)algo;
    return run_strided(handle, &gemm, alpha, beta);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa,
                            cublasOperation_t transb, int m, int n, int k, const void *alpha,
                            const void *A, cudaDataType Atype, int lda, const void *B,
                            cudaDataType Btype, int ldb, const void *beta, void *C,
                            cudaDataType Ctype, int ldc, cublasComputeType_t computeType,
                            cublasGemmAlgo_t algo)
{
    return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, A, Atype, lda, 0, B,
                                      Btype, ldb, 0, beta, C, Ctype, ldc, 0, 1, computeType, algo);
}

cublasStatus_t cublasGemmBatchedEx(cublasHandle_t handle, cublasOperation_t transa,
                                   cublasOperation_t transb, int m, int n, int k, const void *alpha,
                                   const void *const Aarray[], cudaDataType Atype, int lda,
                                   const void *const Barray[], cudaDataType Btype, int ldb,
                                   const void *beta, void *const Carray[], cudaDataType Ctype,
                                   int ldc, int batchCount, cublasComputeType_t computeType,
                                   cublasGemmAlgo_t algo)
{
    struct gemm gemm = describe(transa, transb, m, n, k, (struct side){NULL, Atype, lda, 0, 0},
                                (struct side){NULL, Btype, ldb, 0, 0},
                                (struct side){NULL, Ctype, ldc, 0, 0}, batchCount, computeType);

    (void)algo;
    return run_batched(handle, &gemm, alpha, beta, Aarray, Barray, Carray);
}

CUBLAS_GEMM_OF_TYPE(S, float, CUDA_R_32F, CUBLAS_COMPUTE_32F)
CUBLAS_GEMM_OF_TYPE(D, double, CUDA_R_64F, CUBLAS_COMPUTE_64F)
