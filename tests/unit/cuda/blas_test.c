/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* cuBLAS in the guest. Numbers of all types and shapes are cublas_test's. */
#include "tests/unit/cuda/fixture.h"

#include "baregpu/cublas_v2.h"

#define N 5

static cublasHandle_t handle;
static const float one = 1, zero = 0;

/* N x N numbers from `first` on, for the device. */
static float *make(float first)
{
    float numbers[N * N];
    CUdeviceptr address;

    for (int i = 0; i < N * N; i++) {
        numbers[i] = first + (float)i;
    }
    OK(cuMemAlloc(&address, sizeof(numbers)));
    OK(cuMemcpyHtoD(address, numbers, sizeof(numbers)));
    return (float *)(uintptr_t)address;
}

static void fetch(float *to, const float *from, size_t count)
{
    OK(cuMemcpyDtoH(to, (CUdeviceptr)(uintptr_t)from, count * sizeof(*to)));
}

static void check_product(const float *a, const float *b, const float *c)
{
    float as[N * N], bs[N * N], cs[N * N];

    fetch(as, a, N * N);
    fetch(bs, b, N * N);
    fetch(cs, c, N * N);
    for (int i = 0; i < N * N; i++) {
        float sum = 0;

        for (int k = 0; k < N; k++) {
            sum += as[i % N + k * N] * bs[k + i / N * N];
        }
        assert_true(cs[i] == sum); /* small whole numbers */
    }
}

static void test_products(void **state)
{
    float *a = make(1), *b = make(7), *c = make(0);

    (void)state;
    OK(cublasCreate(&handle));
    OK(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, &one, a, N, b, N, &zero, c, N));
    OK(cuCtxSynchronize());
    check_product(a, b, c);
    OK(cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, &one, b, CUDA_R_32F, N, a,
                    CUDA_R_32F, N, &zero, c, CUDA_R_32F, N, CUBLAS_COMPUTE_32F,
                    CUBLAS_GEMM_DEFAULT));
    check_product(b, a, c);
    OK(cublasDestroy(handle));
    assert_int_equal(cublasDestroy(handle), CUBLAS_STATUS_NOT_INITIALIZED);
}

static void test_batches(void **state)
{
    float *a = make(1), *b = make(7), *c = make(0), *pointers[3] = {a, b, c};
    CUdeviceptr array;
    const float *const *as, *const *bs;
    float *const *cs;

    (void)state;
    OK(cublasCreate(&handle));
    OK(cublasSgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, &one, a, N, 0, b, N, 0,
                                 &zero, c, N, 0, 1));
    check_product(a, b, c);
    OK(cuMemAlloc(&array, sizeof(pointers)));
    OK(cuMemcpyHtoD(array, pointers, sizeof(pointers)));
    as = (const float *const *)(uintptr_t)array;
    bs = as + 1;
    cs = (float *const *)(uintptr_t)array + 2;
    OK(cuMemsetD8((CUdeviceptr)(uintptr_t)c, 0, N * N * sizeof(float)));
    OK(cublasSgemmBatched(handle, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, &one, as, N, bs, N, &zero, cs,
                          N, 1));
    check_product(a, b, c);
    OK(cublasDestroy(handle));
}

static void test_vectors(void **state)
{
    float *x = make(1), *y = make(0), *result = make(0), numbers[4], dot, norm;
    const float two = 2;

    (void)state;
    OK(cublasCreate(&handle));
    OK(cublasSaxpy(handle, 4, &two, x, 1, y, 1)); /* 2 5 8 11 */
    OK(cublasSscal(handle, 4, &two, y, 1));       /* 4 10 16 22 */
    OK(cublasSdot(handle, 4, x, 1, y, 1, &dot));
    assert_true(dot == 4 + 20 + 48 + 88);
    OK(cublasSnrm2(handle, 1, y, 1, &norm));
    assert_true(norm == 4);
    OK(cublasSgemv(handle, CUBLAS_OP_N, 2, 2, &one, x, 2, y, 1, &zero, result, 1));
    fetch(numbers, result, 2);
    assert_true(numbers[0] == 4 + 30 && numbers[1] == 8 + 40);

    OK(cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_DEVICE));
    OK(cublasSdot(handle, 4, x, 1, y, 1, result));
    fetch(numbers, result, 1);
    assert_true(numbers[0] == dot);
    OK(cublasDestroy(handle));
}

static void test_streams(void **state)
{
    float *a = make(1), *b = make(7), *c = make(0);
    CUstream stream, found;

    (void)state;
    OK(cublasCreate(&handle));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cublasSetStream(handle, stream));
    OK(cublasGetStream(handle, &found));
    assert_ptr_equal(found, stream);
    OK(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, &one, a, N, b, N, &zero, c, N));
    OK(cuStreamSynchronize(stream));
    check_product(a, b, c);
    OK(cuStreamDestroy(stream));
    assert_int_equal(cublasSscal(handle, 1, &one, c, 1), CUBLAS_STATUS_EXECUTION_FAILED);
    OK(cublasDestroy(handle));
}

static void test_refusals(void **state)
{
    float *a = make(1), *c = make(0);
    cublasMath_t mode;

    (void)state;
    assert_int_equal(cublasCreate(NULL), CUBLAS_STATUS_INVALID_VALUE);
    OK(cublasCreate(&handle));
    assert_int_equal(
        cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, -1, N, N, &one, a, N, a, N, &zero, c, N),
        CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(
        cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, NULL, a, N, a, N, &zero, c, N),
        CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, &one, a, CUDA_R_64F, N,
                                  a, CUDA_R_32F, N, &zero, c, CUDA_R_32F, N, CUBLAS_COMPUTE_32F,
                                  CUBLAS_GEMM_DEFAULT),
                     CUBLAS_STATUS_NOT_SUPPORTED);
    assert_int_equal(cublasSdot(handle, 1, a, 1, a, 1, NULL), CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(cublasSetMathMode(handle, (cublasMath_t)9), CUBLAS_STATUS_INVALID_VALUE);
    OK(cublasGetMathMode(handle, &mode));
    assert_int_equal(mode, CUBLAS_DEFAULT_MATH);
    assert_int_equal(cublasSscal(NO_HANDLE(cublasHandle_t), 1, &one, a, 1),
                     CUBLAS_STATUS_NOT_INITIALIZED);
    OK(cublasSscal(handle, 0, &one, NULL, 1));
    OK(cublasDestroy(handle));
}

/* Behind the matrix: the worker finds it, and the next wait tells. */
static void test_bounds(void **state)
{
    float *a = make(1), *c = make(0);

    (void)state;
    OK(cublasCreate(&handle));
    OK(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, &one, a, N, a, N, &zero, c + 1, N));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxSynchronize());
    OK(cuCtxSynchronize());
    OK(cublasDestroy(handle));
}

/* The handle goes with its context. */
static void test_context(void **state)
{
    CUcontext other;

    (void)state;
    OK(cuCtxCreate(&other, NULL, 0, 0));
    OK(cublasCreate(&handle));
    OK(cuCtxDestroy(other));
    assert_int_equal(cublasDestroy(handle), CUBLAS_STATUS_NOT_INITIALIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_products), BOTH(test_batches), BOTH(test_vectors), BOTH(test_streams),
        BOTH(test_refusals), RING(test_bounds),  RING(test_context),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
