/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(CUDA_CPU_HERE_SRC) $(filter-out %/driver.c,$(CUBLAS_CPU_SRC)) tests/fake/cublas.c
// libs: -ldl
/* cuBLAS on the CPU device: each function against the same in plain C, and what it refuses. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/cuda-cpu/blas/blas.h"
#include "host/cuda-cpu/blas/number.h"

#define CHECK(call) assert_int_equal(call, 0)

static cublasHandle_t handle;

/* ---- Numbers ---- */

static uint32_t random_state = 1;

static double small_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (double)(int)(random_state >> 24) - 128;
}

static void put(cudaDataType type, void *array, size_t index, double number)
{
    switch (type) {
    case CUDA_R_8I:
        ((int8_t *)array)[index] = (int8_t)number;
        break;
    case CUDA_R_16F:
        ((uint16_t *)array)[index] = number_to_f16((float)number);
        break;
    case CUDA_R_16BF:
        ((uint16_t *)array)[index] = number_to_bf16((float)number);
        break;
    case CUDA_R_32I:
        ((int32_t *)array)[index] = (int32_t)number;
        break;
    case CUDA_R_32F:
        ((float *)array)[index] = (float)number;
        break;
    default:
        ((double *)array)[index] = number;
    }
}

static double get(cudaDataType type, const void *array, size_t index)
{
    return blas_number(type, (const char *)array + index * cublas_type_size(type));
}

/* Numbers of a type, the same in the device's memory. */
struct numbers {
    cudaDataType type;
    size_t count;
    void *host;
    CUdeviceptr device;
};

static struct numbers make(cudaDataType type, size_t count, double scale)
{
    struct numbers numbers = {.type = type, .count = count > 0 ? count : 1};
    size_t size = numbers.count * cublas_type_size(type);

    numbers.host = malloc(size);
    for (size_t i = 0; i < numbers.count; i++) {
        put(type, numbers.host, i, small_random() * scale);
    }
    CHECK(cuMemAlloc(&numbers.device, size));
    CHECK(cuMemcpyHtoD(numbers.device, numbers.host, size));
    return numbers;
}

static void *on_device(const struct numbers *numbers)
{
    return (void *)(uintptr_t)numbers->device;
}

static void fetch(const struct numbers *numbers)
{
    CHECK(cuMemcpyDtoH(numbers->host, numbers->device,
                       numbers->count * cublas_type_size(numbers->type)));
}

static void drop(struct numbers *numbers)
{
    free(numbers->host);
    CHECK(cuMemFree(numbers->device));
}

/* ---- Products of matrices ---- */

static double element(const struct numbers *matrix, bool is_transposed, int ld, int row, int column)
{
    return get(matrix->type, matrix->host,
               is_transposed ? (size_t)column + (size_t)row * (size_t)ld
                             : (size_t)row + (size_t)column * (size_t)ld);
}

struct shape {
    int m, n, k;
    cublasOperation_t transa, transb;
    int lda, ldb, ldc;
};

static double product(const struct shape *shape, const struct numbers *a, const struct numbers *b,
                      int row, int column)
{
    double sum = 0;

    for (int i = 0; i < shape->k; i++) {
        sum += element(a, shape->transa != CUBLAS_OP_N, shape->lda, row, i) *
               element(b, shape->transb != CUBLAS_OP_N, shape->ldb, i, column);
    }
    return sum;
}

/* Within what the result's type can tell, and some of what the sums lose. */
static void assert_near(cudaDataType type, double found, double expected, double magnitude)
{
    double epsilon = type == CUDA_R_64F    ? 1e-14
                     : type == CUDA_R_16F  ? 1e-3
                     : type == CUDA_R_16BF ? 8e-3
                     : type == CUDA_R_32I  ? 0
                                           : 4e-6;

    if (!(fabs(found - expected) <= epsilon * (fabs(expected) + magnitude))) {
        fail_msg("%.17g is not %.17g", found, expected);
    }
}

static const void *scalar(cudaDataType type, double value, double *place)
{
    put(type, place, 0, value);
    return place;
}

static void check_product(cublasComputeType_t compute, cudaDataType ab, cudaDataType c_type,
                          cudaDataType scalar_type, const struct shape *shape, double alpha,
                          double beta)
{
    int a_columns = shape->transa == CUBLAS_OP_N ? shape->k : shape->m;
    int b_columns = shape->transb == CUBLAS_OP_N ? shape->n : shape->k;
    double scale = c_type == CUDA_R_32I || ab == CUDA_R_8I ? 1 : 1.0 / 128;
    struct numbers a = make(ab, (size_t)shape->lda * (size_t)a_columns, scale);
    struct numbers b = make(ab, (size_t)shape->ldb * (size_t)b_columns, scale);
    struct numbers c = make(c_type, (size_t)shape->ldc * (size_t)shape->n, scale);
    struct numbers before = make(c_type, c.count, 0);
    double places[2];

    memcpy(before.host, c.host, c.count * cublas_type_size(c_type));
    CHECK(cublasGemmEx(handle, shape->transa, shape->transb, shape->m, shape->n, shape->k,
                       scalar(scalar_type, alpha, &places[0]), on_device(&a), ab, shape->lda,
                       on_device(&b), ab, shape->ldb, scalar(scalar_type, beta, &places[1]),
                       on_device(&c), c_type, shape->ldc, compute, CUBLAS_GEMM_DEFAULT));
    fetch(&c);
    for (int j = 0; j < shape->n; j++) {
        for (int i = 0; i < shape->ldc; i++) {
            size_t at = (size_t)i + (size_t)j * (size_t)shape->ldc;
            double was = get(c_type, before.host, at);
            double expected =
                i < shape->m ? alpha * product(shape, &a, &b, i, j) + (beta != 0 ? beta * was : 0)
                             : was;

            assert_near(c_type, get(c_type, c.host, at), expected,
                        i < shape->m ? (double)shape->k / 16 : 0);
        }
    }
    drop(&a);
    drop(&b);
    drop(&c);
    drop(&before);
}

static const struct shape shapes[] = {
    {1, 1, 1, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1},
    {7, 5, 3, CUBLAS_OP_N, CUBLAS_OP_N, 9, 4, 8},
    {7, 5, 3, CUBLAS_OP_T, CUBLAS_OP_N, 3, 3, 7},
    {7, 5, 3, CUBLAS_OP_N, CUBLAS_OP_C, 7, 6, 7},
    {17, 33, 9, CUBLAS_OP_T, CUBLAS_OP_T, 11, 34, 20},
    {300, 20, 270, CUBLAS_OP_N, CUBLAS_OP_N, 300, 270, 301},
    {20, 300, 520, CUBLAS_OP_T, CUBLAS_OP_T, 520, 300, 20},
    {4, 4, 0, CUBLAS_OP_N, CUBLAS_OP_N, 4, 1, 4},
};

static void check_shapes(cublasComputeType_t compute, cudaDataType ab, cudaDataType c,
                         cudaDataType scalar_type)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        check_product(compute, ab, c, scalar_type, &shapes[i], 1, 0);
        check_product(compute, ab, c, scalar_type, &shapes[i], 2, -1);
    }
}

static void test_products(void **state)
{
    (void)state;
    check_shapes(CUBLAS_COMPUTE_32F, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F);
    check_shapes(CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F, CUDA_R_32F, CUDA_R_32F);
    check_shapes(CUBLAS_COMPUTE_64F, CUDA_R_64F, CUDA_R_64F, CUDA_R_64F);
    check_shapes(CUBLAS_COMPUTE_32F, CUDA_R_16F, CUDA_R_16F, CUDA_R_32F);
    check_shapes(CUBLAS_COMPUTE_32F, CUDA_R_16F, CUDA_R_32F, CUDA_R_32F);
    check_shapes(CUBLAS_COMPUTE_16F, CUDA_R_16F, CUDA_R_16F, CUDA_R_16F);
    check_shapes(CUBLAS_COMPUTE_32F, CUDA_R_16BF, CUDA_R_16BF, CUDA_R_32F);
    check_shapes(CUBLAS_COMPUTE_32F, CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F);
    check_shapes(CUBLAS_COMPUTE_32F, CUDA_R_8I, CUDA_R_32F, CUDA_R_32F);
}

static void test_integers(void **state)
{
    const struct shape deep = {3, 2, 5000, CUBLAS_OP_T, CUBLAS_OP_N, 5000, 5000, 3};

    (void)state;
    check_shapes(CUBLAS_COMPUTE_32I, CUDA_R_8I, CUDA_R_32I, CUDA_R_32I);
    check_product(CUBLAS_COMPUTE_32I, CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, &deep, 3, 5);
}

/* C is not read when beta is 0. */
static void test_nan(void **state)
{
    const float one = 1, zero = 0, nan = NAN;
    struct numbers a = make(CUDA_R_32F, 4, 1), c = make(CUDA_R_32F, 4, 1);

    (void)state;
    CHECK(cuMemcpyHtoD(c.device, &nan, 4));
    CHECK(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one, on_device(&a), 2,
                      on_device(&a), 2, &zero, on_device(&c), 2));
    fetch(&c);
    assert_false(isnan(((float *)c.host)[0]));
    drop(&a);
    drop(&c);
}

static void test_batches(void **state)
{
    const struct shape shape = {3, 3, 3, CUBLAS_OP_N, CUBLAS_OP_N, 3, 3, 3};
    const double one = 1, zero = 0;
    struct numbers a = make(CUDA_R_64F, 27, 1), b = make(CUDA_R_64F, 9, 1);
    struct numbers c = make(CUDA_R_64F, 27, 0), pointers = make(CUDA_R_64F, 9, 0);
    CUdeviceptr places[9];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        places[i] = a.device + (uint64_t)i * 72;
        places[3 + i] = b.device;
        places[6 + i] = c.device + (uint64_t)i * 72;
    }
    CHECK(cuMemcpyHtoD(pointers.device, places, sizeof(places)));
    for (int way = 0; way < 2; way++) {
        CHECK(cuMemsetD8(c.device, 0, 27 * sizeof(double)));
        if (way == 0) {
            CHECK(cublasDgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_N, 3, 3, 3, &one,
                                            on_device(&a), 3, 9, on_device(&b), 3, 0, &zero,
                                            on_device(&c), 3, 9, 3));
        } else {
            CHECK(cublasDgemmBatched(
                handle, CUBLAS_OP_N, CUBLAS_OP_N, 3, 3, 3, &one, on_device(&pointers), 3,
                (const double *const *)(uintptr_t)(pointers.device + 24), 3, &zero,
                (double *const *)(uintptr_t)(pointers.device + 48), 3, 3));
        }
        fetch(&c);
        for (int i = 0; i < 27; i++) {
            struct numbers part = a;

            part.host = (double *)a.host + i / 9 * 9;
            assert_near(CUDA_R_64F, ((double *)c.host)[i],
                        product(&shape, &part, &b, i % 3, i % 9 / 3), 1);
        }
    }
    drop(&a);
    drop(&b);
    drop(&c);
    drop(&pointers);
}

/* ---- Vectors ---- */

static void test_vectors(void **state)
{
    struct numbers x = make(CUDA_R_32F, 200, 1.0 / 16), y = make(CUDA_R_32F, 200, 1.0 / 16);
    const float alpha = 2, half = 0.5f;
    float *xs = x.host, *ys = y.host, dot, norm;
    double expected_dot = 0, expected_norm = 0;

    (void)state;
    CHECK(cublasSaxpy(handle, 100, &alpha, on_device(&x), 2, on_device(&y), 1));
    for (int i = 0; i < 100; i++) {
        ys[i] += 2 * xs[2 * i];
    }
    CHECK(cublasSscal(handle, 100, &half, on_device(&x), 2));
    for (int i = 0; i < 100; i++) {
        xs[2 * i] /= 2;
    }
    CHECK(cublasSdot(handle, 100, on_device(&x), 1, on_device(&y), -2, &dot));
    CHECK(cublasSnrm2(handle, 200, on_device(&y), 1, &norm));
    for (int i = 0; i < 200; i++) {
        expected_dot += i < 100 ? (double)xs[i] * ys[198 - 2 * i] : 0;
        expected_norm += (double)ys[i] * ys[i];
    }
    assert_near(CUDA_R_32F, dot, expected_dot, 1000);
    assert_near(CUDA_R_32F, norm, sqrt(expected_norm), 0);
    drop(&x);
    drop(&y);
}

static void test_empty_vectors(void **state)
{
    const double alpha = 2;
    double dot = 7, norm = 7;

    (void)state;
    CHECK(cublasDaxpy(handle, 0, &alpha, NULL, 1, NULL, 1));
    CHECK(cublasDscal(handle, -1, &alpha, NULL, 1));
    CHECK(cublasDdot(handle, 0, NULL, 1, NULL, 1, &dot));
    CHECK(cublasDnrm2(handle, 3, NULL, 0, &norm));
    assert_true(dot == 0 && norm == 0);
}

static void test_matrix_and_vector(void **state)
{
    struct numbers a = make(CUDA_R_64F, 8 * 5, 1), x = make(CUDA_R_64F, 10, 1);
    struct numbers y = make(CUDA_R_64F, 7, 1);
    const double alpha = 3, beta = -1;
    double *as = a.host, *xs = x.host, *ys = y.host, before[7];

    (void)state;
    for (int transposed = 0; transposed < 2; transposed++) {
        int rows = transposed ? 5 : 7, columns = 12 - rows;

        fetch(&y);
        memcpy(before, ys, sizeof(before));
        CHECK(cublasDgemv(handle, transposed ? CUBLAS_OP_T : CUBLAS_OP_N, 7, 5, &alpha,
                          on_device(&a), 8, on_device(&x), 1, &beta, on_device(&y), 1));
        fetch(&y);
        for (int i = 0; i < rows; i++) {
            double sum = 0;

            for (int j = 0; j < columns; j++) {
                sum += as[transposed ? i * 8 + j : i + j * 8] * xs[j];
            }
            assert_near(CUDA_R_64F, ys[i], 3 * sum - before[i], 1000);
        }
    }
    drop(&a);
    drop(&x);
    drop(&y);
}

/* ---- Where scalars are; streams ---- */

static void test_pointer_mode(void **state)
{
    struct numbers x = make(CUDA_R_32F, 8, 1), place = make(CUDA_R_32F, 2, 0);
    const float three = 3;
    cublasPointerMode_t mode;
    CUstream stream;
    float sum = 0;

    (void)state;
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    CHECK(cublasSetStream(handle, stream));
    CHECK(cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_DEVICE));
    CHECK(cublasGetPointerMode(handle, &mode));
    assert_int_equal(mode, CUBLAS_POINTER_MODE_DEVICE);
    /* What the stream has put there when it comes to it. */
    CHECK(cuMemcpyHtoDAsync(place.device, &three, sizeof(three), stream));
    CHECK(cublasSscal(handle, 8, on_device(&place), on_device(&x), 1));
    CHECK(
        cublasSdot(handle, 8, on_device(&x), 1, on_device(&x), 1, (float *)on_device(&place) + 1));
    CHECK(cuStreamSynchronize(stream));
    for (int i = 0; i < 8; i++) {
        sum += 9 * ((float *)x.host)[i] * ((float *)x.host)[i];
    }
    fetch(&place);
    assert_near(CUDA_R_32F, ((float *)place.host)[1], sum, 0);
    CHECK(cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_HOST));
    CHECK(cublasSetStream(handle, NULL));
    CHECK(cuStreamDestroy(stream));
    drop(&x);
    drop(&place);
}

/* ---- Refusals ---- */

static void test_handles(void **state)
{
    int version;
    cublasMath_t mode;

    (void)state;
    assert_int_equal(cublasCreate(NULL), CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(cublasDestroy(NULL), CUBLAS_STATUS_NOT_INITIALIZED);
    CHECK(cublasGetVersion(NULL, &version));
    assert_int_equal(version, CUBLAS_VERSION);
    assert_int_equal(cublasSetMathMode(handle, (cublasMath_t)77), CUBLAS_STATUS_INVALID_VALUE);
    CHECK(cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH));
    CHECK(cublasGetMathMode(handle, &mode));
    assert_int_equal(mode, CUBLAS_TF32_TENSOR_OP_MATH);
    CHECK(cublasSetMathMode(handle, CUBLAS_DEFAULT_MATH));
    assert_int_equal(cublasSetPointerMode(handle, (cublasPointerMode_t)2),
                     CUBLAS_STATUS_INVALID_VALUE);
    assert_string_equal(cublasGetStatusName(CUBLAS_STATUS_NOT_SUPPORTED),
                        "CUBLAS_STATUS_NOT_SUPPORTED");
}

static cublasStatus_t multiply(int m, int n, int k, int lda, cudaDataType type, const void *a,
                               const void *b, void *c, const float *alpha)
{
    const float zero = 0;

    return cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, alpha, a, type, lda, b, type, 4,
                        &zero, c, type, 4, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
}

static void test_refusals(void **state)
{
    struct numbers a = make(CUDA_R_32F, 16, 1), b = make(CUDA_R_32F, 16, 1);
    struct numbers c = make(CUDA_R_32F, 16, 1);
    void *pa = on_device(&a), *pb = on_device(&b), *pc = on_device(&c);
    const float one = 1;

    (void)state;
    CHECK(multiply(4, 4, 4, 4, CUDA_R_32F, pa, pb, pc, &one));
    assert_int_equal(multiply(-1, 4, 4, 4, CUDA_R_32F, pa, pb, pc, &one),
                     CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(multiply(4, 4, 4, 3, CUDA_R_32F, pa, pb, pc, &one),
                     CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(multiply(4, 4, 4, 4, CUDA_R_32F, pa, pb, pc, NULL),
                     CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(multiply(4, 4, 4, 4, CUDA_R_64F, pa, pb, pc, &one),
                     CUBLAS_STATUS_NOT_SUPPORTED);
    CHECK(multiply(0, 4, 4, 4, CUDA_R_32F, NULL, NULL, NULL, &one));
    drop(&a);
    drop(&b);
    drop(&c);
}

/* One element too many on each side, and addresses that are none. */
static void test_bounds(void **state)
{
    struct numbers a = make(CUDA_R_32F, 16, 1), b = make(CUDA_R_32F, 16, 1);
    struct numbers c = make(CUDA_R_32F, 16, 1);
    float *pa = on_device(&a), *pb = on_device(&b), *pc = on_device(&c), one = 1;

    (void)state;
    assert_int_equal(multiply(4, 4, 4, 4, CUDA_R_32F, pa + 1, pb, pc, &one),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(multiply(4, 4, 4, 4, CUDA_R_32F, pa, pb + 1, pc, &one),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(multiply(4, 4, 4, 4, CUDA_R_32F, pa, pb, pc + 1, &one),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(multiply(4, 4, 4, 4, CUDA_R_32F, pa, pb, pc - 1, &one),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(multiply(4, 4, 4, 4, CUDA_R_32F, NULL, pb, pc, &one),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(multiply(4, 4, 4, 4, CUDA_R_32F, a.host, pb, pc, &one),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(cublasSscal(handle, 17, &one, pa, 1), CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(cublasSscal(handle, 2, &one, pa, 16), CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(cublasSscal(handle, INT32_MAX, &one, pa, INT32_MAX),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(cublasSaxpy(handle, 16, &one, pa, INT32_MIN, pb, 1),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(cublasSgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, pa,
                                               4, 0, pb, 4, 0, &one, pc, 4, 1, 2),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_int_equal(cublasSgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, pa,
                                               4, INT64_MAX, pb, 4, 0, &one, pc, 4, 0, 2),
                     CUBLAS_STATUS_INVALID_VALUE);
    CHECK(cuCtxSynchronize());
    drop(&a);
    drop(&b);
    drop(&c);
}

/* ---- Numbers of 16 bits ---- */

static void test_halves(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x10000; i++) {
        uint16_t half = (uint16_t)i;
        float f16 = number_from_f16(half), bf16 = number_from_bf16(half);

        if (!isnan(f16)) {
            assert_int_equal(number_to_f16(f16), half);
        }
        if (!isnan(bf16)) {
            assert_int_equal(number_to_bf16(bf16), half);
        }
    }
    assert_int_equal(number_to_f16(65519.9f), 0x7bff);
    assert_int_equal(number_to_f16(65520), 0x7c00);
    assert_int_equal(number_to_f16(0x1p-25f), 0); /* a tie */
    assert_int_equal(number_to_f16(0x1.000002p-25f), 1);
    assert_int_equal(number_to_f16(1 + 0x1p-11f), 0x3c00);
    assert_int_equal(number_to_f16(1 + 0x3p-11f), 0x3c02);
    assert_int_equal(number_to_f16(-0.0f), 0x8000);
    assert_int_equal(number_to_f16(NAN), 0x7fff);
    assert_int_equal(number_to_bf16(NAN), 0x7fff);
    assert_int_equal(number_to_bf16(0x1.01p0f), 0x3f80);
    assert_int_equal(number_to_bf16(0x1.03p0f), 0x3f82);
}

static int open_all(void **state)
{
    CUcontext context;
    CUdevice device;

    (void)state;
    if (cuInit(0) || cuDeviceGet(&device, 0) || cuDevicePrimaryCtxRetain(&context, device)) {
        return -1;
    }
    assert_int_equal(cublasCreate(&handle), CUBLAS_STATUS_NOT_INITIALIZED);
    CHECK(cuCtxSetCurrent(context));
    return cublasCreate(&handle);
}

static int close_all(void **state)
{
    (void)state;
    return cublasDestroy(handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_nan),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_empty_vectors),
        cmocka_unit_test(test_matrix_and_vector),
        cmocka_unit_test(test_pointer_mode),
        cmocka_unit_test(test_handles),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_halves),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("cublas", tests, open_all, close_all);
}
