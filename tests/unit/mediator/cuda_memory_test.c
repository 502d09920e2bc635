/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl -Wl,--wrap=calloc
/* A guest's device memory: allocated within its limit, filled, copied, and never beyond what it
 * has. */
#include <pthread.h>

#include "tests/unit/mediator/cuda_fixture.h"
#include "tests/unit/mediator/cuda_gate.h"

#define SIZE 4096u

static uint64_t left(void)
{
    struct bg_cuda_memory_info info;

    OK(ASK_NOTHING(BG_CUDA_MEMORY_INFO));
    memcpy(&info, done.answer, sizeof(info));
    assert_int_equal(info.total, MEMORY_LIMIT);
    return info.free;
}

/* ---- Allocations ---- */

static CUresult alloc(uint64_t size, uint32_t stream)
{
    return ASK(BG_CUDA_MEMORY_ALLOC, (struct bg_cuda_memory_alloc){size, stream, 0});
}

static void test_allocations(void **state)
{
    uint64_t memory[100];

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        memory[i] = allocate(i + 1);
    }
    assert_int_equal(left(), MEMORY_LIMIT - 5050);
    for (uint32_t i = 0; i < 100; i += 2) {
        OK(give_back(memory[i]));
        EXPECT(CUDA_ERROR_INVALID_VALUE, give_back(memory[i]));
    }
    assert_int_equal(left(), MEMORY_LIMIT - 2550);
    EXPECT(CUDA_ERROR_INVALID_VALUE, give_back(memory[1] + 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, give_back(0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, give_back((uintptr_t)heap));
    EXPECT(CUDA_ERROR_INVALID_VALUE, alloc(0, BG_CUDA_NONE));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, alloc(1, 2));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, alloc(1, BG_CUDA_STREAMS_MAX));
}

static void test_limit(void **state)
{
    uint64_t memory;

    (void)state;
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, alloc(MEMORY_LIMIT + 1, BG_CUDA_NONE));
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, alloc(UINT64_MAX, BG_CUDA_NONE));
    memory = allocate(MEMORY_LIMIT);
    assert_int_equal(left(), 0);
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, alloc(1, BG_CUDA_STREAM_LEGACY));
    OK(give_back(memory));
    assert_int_equal(left(), MEMORY_LIMIT);
}

static uint64_t allocate_in(uint64_t size, uint32_t stream)
{
    struct bg_cuda_range range;

    OK(alloc(size, stream));
    memcpy(&range, done.answer, sizeof(range));
    return range.address;
}

static CUresult free_in(uint64_t address, uint32_t stream)
{
    return ASK(BG_CUDA_MEMORY_FREE, (struct bg_cuda_memory_free){address, stream, 0});
}

static void test_memory_of_streams(void **state)
{
    uint64_t memory = allocate_in(SIZE, BG_CUDA_STREAM_PER_THREAD);

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_HANDLE, free_in(memory, 9));
    OK(free_in(memory, BG_CUDA_STREAM_LEGACY));
    EXPECT(CUDA_ERROR_INVALID_VALUE, free_in(memory, BG_CUDA_STREAM_LEGACY));
    OK(sync_stream(BG_CUDA_ALL));
    memory = allocate(SIZE);
    OK(free_in(memory, BG_CUDA_STREAM_LEGACY));
}

/* ---- Memory that leaves while streams work ---- */

static void test_free_does_not_wait(void **state)
{
    struct gate gate = CLOSED_GATE;
    uint64_t memory = allocate(SIZE), other = allocate(SIZE);

    (void)state;
    close_gate(&gate, BG_CUDA_STREAM_LEGACY);
    OK(give_back(memory));
    OK(free_in(other, BG_CUDA_STREAM_LEGACY));
    EXPECT(CUDA_ERROR_INVALID_VALUE, give_back(memory));
    assert_int_equal(left(), MEMORY_LIMIT - 2 * SIZE); /* it is used still */
    assert_true(cuda_is_busy(session));
    open_gate(&gate);
    wait_until_idle();
    assert_int_equal(left(), MEMORY_LIMIT);
}

/* A stream that works on does not keep what was given back before. */
static void test_free_goes_on(void **state)
{
    struct gate first = CLOSED_GATE, second = CLOSED_GATE;
    uint64_t memory = allocate(SIZE);
    uint64_t until_ns = clock_now_ns() + DEADLINE_NS;

    (void)state;
    close_gate(&first, BG_CUDA_STREAM_LEGACY);
    OK(give_back(memory));
    close_gate(&second, BG_CUDA_STREAM_LEGACY);
    open_gate(&first);
    while (session->memory_used > 0) {
        assert_true(cuda_is_busy(session));
        assert_true(clock_now_ns() < until_ns);
    }
    open_gate(&second);
    wait_until_idle();
}

static void *open_later(void *context)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    open_gate(context);
    return NULL;
}

/* As cuMemFree would have waited, cuMemAlloc does when there is no other memory. */
static void test_memory_that_leaves_is_waited_for(void **state)
{
    struct gate gate = CLOSED_GATE;
    uint64_t memory = allocate(MEMORY_LIMIT);
    pthread_t thread;

    (void)state;
    close_gate(&gate, BG_CUDA_STREAM_LEGACY);
    OK(give_back(memory));
    assert_int_equal(pthread_create(&thread, NULL, open_later, &gate), 0);
    allocate(MEMORY_LIMIT);
    pthread_join(thread, NULL);
}

static _Thread_local bool calloc_fails; /* no other thread's: it may be what opens the gate */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

/* The next one. */
void *__wrap_calloc(size_t count, size_t size)
{
    bool fails = calloc_fails;

    calloc_fails = false;
    return fails ? NULL : __real_calloc(count, size);
}

/* What cannot be noted down is waited for; it is lost neither here nor in the driver. */
static void test_free_without_memory(void **state)
{
    struct gate gate = CLOSED_GATE;
    uint64_t memory = allocate(SIZE);
    size_t before, after, total;
    pthread_t thread;

    (void)state;
    assert_int_equal(cuMemGetInfo(&before, &total), CUDA_SUCCESS);
    close_gate(&gate, BG_CUDA_STREAM_LEGACY);
    assert_true(cuda_is_busy(session)); /* it needs no memory to look again */
    assert_int_equal(pthread_create(&thread, NULL, open_later, &gate), 0);
    calloc_fails = true;
    OK(give_back(memory));
    assert_false(calloc_fails);
    pthread_join(thread, NULL);
    wait_until_idle();
    assert_int_equal(left(), MEMORY_LIMIT);
    assert_int_equal(cuMemGetInfo(&after, &total), CUDA_SUCCESS);
    assert_int_equal(after, before + SIZE);
}

static void test_end_waits(void **state)
{
    struct gate gate = CLOSED_GATE;
    uint64_t memory = allocate(SIZE);
    pthread_t thread;

    (void)state;
    close_gate(&gate, BG_CUDA_STREAM_LEGACY);
    OK(give_back(memory));
    assert_int_equal(pthread_create(&thread, NULL, open_later, &gate), 0);
    OK(ASK_NOTHING(BG_CUDA_END));
    assert_int_equal(session->memory_used, 0);
    assert_true(gate.is_open);
    pthread_join(thread, NULL);
}

/* ---- Fills ---- */

static CUresult fill(uint64_t address, uint64_t pitch, uint64_t width, uint64_t height,
                     uint32_t size, uint32_t value)
{
    return ASK(BG_CUDA_FILL, (struct bg_cuda_fill){address, pitch, width, height, size, value,
                                                   BG_CUDA_STREAM_LEGACY, 0});
}

static void test_fills(void **state)
{
    uint64_t memory = allocate(SIZE);
    const uint8_t *bytes;

    (void)state;
    OK(fill(memory, 0, SIZE / 4, 1, 4, 0x44332211));
    OK(fill(memory + 16, 0, 4, 1, 2, 0xBEEFAABB));
    OK(fill(memory + 33, 0, 3, 1, 1, 0x1FF));
    bytes = read_memory(memory, 64);
    for (uint32_t i = 0; i < 64; i++) {
        uint8_t wanted = i >= 16 && i < 24   ? (i % 2 ? 0xAA : 0xBB)
                         : i >= 33 && i < 36 ? 0xFF
                                             : (uint8_t)(0x11 * (i % 4 + 1));

        assert_int_equal(bytes[i], wanted);
    }
}

static void test_rows_of_fills(void **state)
{
    uint64_t memory = allocate(SIZE);
    const uint8_t *bytes;

    (void)state;
    OK(fill(memory, 64, 5, 3, 1, 0x11));
    OK(fill(memory + 1024, 64, 5, 3, 2, 0x2222));
    OK(fill(memory + 2048, 64, 5, 3, 4, 0x44444444));
    bytes = read_memory(memory, SIZE);
    for (uint32_t i = 0; i < 3072; i++) {
        uint32_t element = 1u << (i / 1024), row = i % 1024 / 64, column = i % 64;
        uint8_t wanted = row < 3 && column < 5 * element ? (uint8_t)(0x11 * element) : 0;

        assert_int_equal(bytes[i], wanted);
    }
}

static void test_bad_fills(void **state)
{
    uint64_t memory = allocate(SIZE);

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, 0, SIZE + 1, 1, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory - 1, 0, 1, 1, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory + SIZE, 0, 1, 1, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(0, 0, 1, 1, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory + 1, 0, 1, 1, 2, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory + 2, 0, 1, 1, 4, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, 0, 1, 1, 3, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, 0, 1, 1, 8, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, 0, 1, 0, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, 0, 0, 1, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, 0, UINT64_MAX, 1, 4, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, 7, 4, 2, 2, 0));  /* rows overlap */
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, 10, 2, 2, 4, 0)); /* not aligned */
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, 64, 1, SIZE / 64 + 1, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, fill(memory, UINT64_MAX / 2 + 1, 1, 3, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           ASK(BG_CUDA_FILL,
               (struct bg_cuda_fill){
                   .address = memory, .width = 1, .height = 1, .element_size = 1, .stream = 77}));
    OK(fill(memory, 64, 64, SIZE / 64, 1, 1));
    OK(fill((uintptr_t)heap + DATA_OFFSET, 0, 16, 1, 1, 5)); /* the heap is the guest's, too */
    OK(sync_stream(BG_CUDA_ALL));
    assert_int_equal(heap[DATA_OFFSET + 15], 5);
}

/* ---- Copies ---- */

static const struct bg_cuda_place carrier = {.kind = BG_CUDA_PLACE_CARRIER};

static struct bg_cuda_place at(uint64_t address)
{
    return (struct bg_cuda_place){.kind = BG_CUDA_PLACE_DEVICE, .offset = address};
}

static struct bg_cuda_place in_heap(uint64_t offset)
{
    return (struct bg_cuda_place){.kind = BG_CUDA_PLACE_HEAP, .offset = offset};
}

static CUresult copy(struct bg_cuda_place to, struct bg_cuda_place from, uint64_t size)
{
    return ASK(BG_CUDA_COPY, (struct bg_cuda_copy){to, from, size, BG_CUDA_STREAM_LEGACY, 0});
}

static void test_copies(void **state)
{
    uint64_t a = allocate(SIZE), b = allocate(SIZE);
    uint8_t bytes[SIZE];

    (void)state;
    for (uint32_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    memcpy(heap + DATA_OFFSET, bytes, SIZE);
    OK(copy(at(a), in_heap(DATA_OFFSET), SIZE));
    OK(copy(at(b + 1), at(a), SIZE - 1));
    OK(copy(in_heap(DATA_OFFSET + SIZE), at(b), SIZE));
    OK(copy(in_heap(DATA_OFFSET + 2 * SIZE), in_heap(DATA_OFFSET + SIZE), SIZE));
    OK(copy(at((uintptr_t)heap + DATA_OFFSET + 3 * SIZE), at(a), SIZE));
    OK(sync_stream(BG_CUDA_STREAM_LEGACY));
    assert_int_equal(heap[DATA_OFFSET + SIZE], 0);
    assert_memory_equal(heap + DATA_OFFSET + SIZE + 1, bytes, SIZE - 1);
    assert_memory_equal(heap + DATA_OFFSET + 2 * SIZE + 1, bytes, SIZE - 1);
    assert_memory_equal(heap + DATA_OFFSET + 3 * SIZE, bytes, SIZE);
    OK(copy(at(a), at(b), 0));
}

static void test_bad_copies(void **state)
{
    uint64_t a = allocate(SIZE), b = allocate(SIZE);
    struct bg_cuda_place odd = {.kind = 99}, array = {.kind = BG_CUDA_PLACE_ARRAY};
    struct bg_cuda_place shifted = {.kind = BG_CUDA_PLACE_CARRIER, .offset = 1};

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(at(a), at(b), SIZE + 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(at(a + 1), at(b), SIZE));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(at(a), at(b), UINT64_MAX));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(at(UINT64_MAX), at(b), 2));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(at(a), in_heap(HEAP_SIZE - 1), 2));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(at(a), in_heap(UINT64_MAX), 2));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(odd, at(b), 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(array, at(b), 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(carrier, carrier, 0));
    bring("abc", 3);
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(at(a), carrier, 2));
    bring("abc", 3);
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(at(a), shifted, 3));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(shifted, at(a), 3));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(carrier, at(a), SIZE + 1));
    OK(give_back(b));
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(at(a), at(b), 1));
}

static void test_copies_by_mailbox(void **state)
{
    uint64_t memory = allocate(SIZE);
    uint8_t bytes[SIZE], got[SIZE];
    uint32_t size = 0;

    (void)state;
    for (uint32_t i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)(i * 5);
    }
    for (uint32_t offset = 0; offset < SIZE; offset += 512) {
        bring(bytes + offset, 512);
        OK(ASK(BG_CUDA_STAGE, (struct bg_cuda_stage){offset, SIZE}));
    }
    OK(copy(at(memory), carrier, SIZE));
    OK(copy(carrier, at(memory), SIZE));
    assert_int_equal(done.results[1], SIZE);
    for (;;) {
        memcpy(got + size, done.answer, done.answer_size);
        size += (uint32_t)done.answer_size;
        if (size == SIZE) {
            break;
        }
        OK(ASK(BG_CUDA_ANSWER, (struct bg_cuda_answer){size}));
    }
    assert_memory_equal(got, bytes, SIZE);
    EXPECT(CUDA_ERROR_INVALID_VALUE, copy(in_heap(0), at(memory), 1));
}

/* ---- Boxes ---- */

/* 4 slices of 8 rows of 32 bytes, of which 3 x 5 x 7 are copied from (2, 1, 1). */
static struct bg_cuda_copy_box make_box(struct bg_cuda_place to, struct bg_cuda_place from)
{
    return (struct bg_cuda_copy_box){
        .to = {.place = to, .pitch = 7, .height = 5},
        .from = {.place = from, .x = 2, .y = 1, .z = 1, .pitch = 32, .height = 8},
        .width = 7,
        .height = 5,
        .depth = 3,
    };
}

static CUresult copy_box(const struct bg_cuda_copy_box *box)
{
    return ask(BG_CUDA_COPY_BOX, box, sizeof(*box));
}

static void test_boxes(void **state)
{
    uint64_t memory = allocate(1024), packed = allocate(105);
    struct bg_cuda_copy_box box = make_box(at(packed), at(memory));
    uint8_t bytes[1024];
    const uint8_t *got;

    (void)state;
    for (uint32_t i = 0; i < 1024; i++) {
        bytes[i] = (uint8_t)(i % 251);
    }
    write_memory(memory, bytes, sizeof(bytes));
    OK(copy_box(&box));
    got = read_memory(packed, 105);
    for (uint32_t i = 0; i < 105; i++) {
        uint32_t x = i % 7, y = i / 7 % 5, z = i / 35;

        assert_int_equal(got[i], bytes[((z + 1) * 8 + y + 1) * 32 + x + 2]);
    }
    box = make_box(in_heap(HEAP_SIZE - 105), at(memory)); /* to its last byte */
    OK(copy_box(&box));
    OK(sync_stream(BG_CUDA_STREAM_LEGACY));
    assert_int_equal(heap[HEAP_SIZE - 1], bytes[(3 * 8 + 5) * 32 + 8]);
    box = make_box(at(memory), in_heap(0));
    box.from.pitch = box.from.height = 0; /* of one row they mean nothing */
    box.from.y = box.from.z = 0;
    box.height = box.depth = 1;
    OK(copy_box(&box));
}

#define EXPECT_BAD_BOX(field, value)                                                               \
    do {                                                                                           \
        struct bg_cuda_copy_box bad = make_box(at(packed), at(memory));                            \
        bad.field = (value);                                                                       \
        EXPECT(CUDA_ERROR_INVALID_VALUE, copy_box(&bad));                                          \
    } while (0)

static void test_bad_boxes(void **state)
{
    uint64_t memory = allocate(1024), packed = allocate(105);
    struct bg_cuda_copy_box box = make_box(at(packed), at(memory));

    (void)state;
    EXPECT_BAD_BOX(width, 0);
    EXPECT_BAD_BOX(height, 0);
    EXPECT_BAD_BOX(depth, 0);
    EXPECT_BAD_BOX(width, 8);
    EXPECT_BAD_BOX(height, 6);
    EXPECT_BAD_BOX(depth, 4);
    EXPECT_BAD_BOX(to.pitch, 6);
    EXPECT_BAD_BOX(to.pitch, UINT64_MAX);
    EXPECT_BAD_BOX(to.height, 4);
    EXPECT_BAD_BOX(to.height, UINT64_MAX / 2);
    EXPECT_BAD_BOX(to.x, 1);
    EXPECT_BAD_BOX(to.y, 1);
    EXPECT_BAD_BOX(to.z, UINT64_MAX);
    EXPECT_BAD_BOX(to.level, 1);
    EXPECT_BAD_BOX(from.x, 26);
    EXPECT_BAD_BOX(from.x, UINT64_MAX);
    EXPECT_BAD_BOX(from.y, 4);
    EXPECT_BAD_BOX(from.z, 2);
    EXPECT_BAD_BOX(from.place.kind, BG_CUDA_PLACE_CARRIER);
    EXPECT_BAD_BOX(from.place.kind, BG_CUDA_PLACE_HEAP);
    EXPECT_BAD_BOX(from.place.offset, memory + 1024);
    box.stream = 3;
    EXPECT(CUDA_ERROR_INVALID_HANDLE, copy_box(&box));
    box.stream = 0;
    OK(copy_box(&box));
}

/* ---- A GPU ---- */

static CUresult dirty_alloc(CUdeviceptr *pointer, size_t size, CUstream stream)
{
    return cuMemAllocAsync(pointer, size, stream) ?: cuMemsetD8Async(*pointer, 0xA5, size, stream);
}

/* What another guest left there is not seen. */
static void test_fresh_memory(void **state)
{
    static const uint8_t zero[SIZE];

    (void)state;
    driver.on_cpu = false;
    driver.cuMemAllocAsync = dirty_alloc;
    assert_memory_equal(read_memory(allocate(SIZE), SIZE), zero, SIZE);
    assert_memory_equal(read_memory(allocate_in(SIZE, BG_CUDA_STREAM_LEGACY), SIZE), zero, SIZE);
}

static CUresult full_alloc(CUdeviceptr *pointer, size_t size, CUstream stream)
{
    (void)pointer;
    (void)size;
    (void)stream;
    return CUDA_ERROR_OUT_OF_MEMORY;
}

static void test_full_device(void **state)
{
    (void)state;
    driver.cuMemAllocAsync = full_alloc;
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, alloc(SIZE, BG_CUDA_NONE));
    assert_int_equal(left(), MEMORY_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_allocations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_of_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_does_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_that_leaves_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fills, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_of_fills, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_fills, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_copies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies_by_mailbox, setup_mailbox, teardown),
        cmocka_unit_test_setup_teardown(test_boxes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_boxes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fresh_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_device, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
