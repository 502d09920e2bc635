/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* Graphs as a guest makes them, of all their nodes at once. */
#include "tests/unit/mediator/cuda_fixture.h"
#include "tests/unit/mediator/cuda_gate.h"

#define COUNT 64u
#define NODES 1024u /* of a large graph */
#define HEAP_PLACE 16384u

/* p[i] += n */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry add(.param .u64 p, .param .u32 n) {\n"
    ".reg .b32 %r<4>; .reg .b64 %d<4>;\n"
    "ld.param.u64 %d1, [p]; ld.param.u32 %r2, [n]; mov.u32 %r1, %tid.x;\n"
    "mul.wide.u32 %d2, %r1, 4; add.s64 %d1, %d1, %d2;\n"
    "ld.global.u32 %r3, [%d1]; add.u32 %r3, %r3, %r2; st.global.u32 [%d1], %r3; ret; }\n";

/* ---- Nodes, one behind the other ---- */

static _Alignas(8) uint8_t bytes[1 << 16];
static size_t size;
static uint32_t count;
static size_t last; /* where the last one begins */

static void clear_nodes(void)
{
    size = count = 0;
}

/* Behind the one before, or none. */
static struct bg_cuda_node *add_node(uint32_t type, const void *body, size_t body_size)
{
    uint32_t dependencies = count > 0 ? 1 : 0;
    size_t head = (sizeof(struct bg_cuda_node) + dependencies * 4 + 7) / 8 * 8;
    struct bg_cuda_node *node = (struct bg_cuda_node *)(void *)(bytes + size);

    memset(bytes + size, 0, head + body_size + 7);
    node->type = type;
    node->enabled = 1;
    node->dependency_count = dependencies;
    if (dependencies > 0) {
        ((uint32_t *)(void *)(node + 1))[0] = count - 1;
    }
    memcpy(bytes + size + head, body, body_size);
    node->size = (uint32_t)(head + (body_size + 7) / 8 * 8);
    last = size;
    size += node->size;
    count++;
    return node;
}

static struct bg_cuda_node *add_fill(uint64_t memory, uint32_t value)
{
    const struct bg_cuda_fill fill = {
        .address = memory, .width = COUNT, .height = 1, .element_size = 4, .value = value};

    return add_node(BG_CUDA_NODE_FILL, &fill, sizeof(fill));
}

struct launch {
    struct bg_cuda_launch head;
    uint64_t memory;
    uint32_t number;
};

static struct bg_cuda_node *add_launch(uint64_t memory, uint32_t number)
{
    const struct launch launch = {
        .head = {.grid = {1, 1, 1}, .block = {COUNT, 1, 1}, .param_size = 12},
        .memory = memory,
        .number = number,
    };

    return add_node(BG_CUDA_NODE_LAUNCH, &launch, sizeof(launch.head) + 12);
}

static struct bg_cuda_node *add_copy(uint64_t memory)
{
    const struct bg_cuda_copy_box box = {
        .to = {.place = {.kind = BG_CUDA_PLACE_HEAP, .offset = HEAP_PLACE}},
        .from = {.place = {.kind = BG_CUDA_PLACE_DEVICE, .offset = memory}},
        .width = COUNT * 4,
        .height = 1,
        .depth = 1,
    };

    return add_node(BG_CUDA_NODE_COPY_BOX, &box, sizeof(box));
}

static struct bg_cuda_node *add_event(uint32_t type, uint32_t event)
{
    const struct bg_cuda_handle handle = {event};

    return add_node(type, &handle, sizeof(handle));
}

/* ---- Graphs ---- */

static CUresult create(uint32_t graph)
{
    bring(bytes, size);
    return ASK(BG_CUDA_GRAPH_CREATE, (struct bg_cuda_graph_create){graph, count});
}

static CUresult update(uint32_t graph)
{
    bring(bytes, size);
    return ASK(BG_CUDA_GRAPH_UPDATE, (struct bg_cuda_graph_create){graph, count});
}

static CUresult launch(uint32_t graph)
{
    return ASK(BG_CUDA_GRAPH_LAUNCH, (struct bg_cuda_graph_launch){graph, 0});
}

static void expect_in_heap(uint32_t value)
{
    const uint32_t *words = (const uint32_t *)(const void *)(heap + HEAP_PLACE);

    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(words[i], value);
    }
}

static void expect_launched(uint32_t graph, uint32_t value)
{
    memset(heap + HEAP_PLACE, 0, COUNT * 4);
    OK(launch(graph));
    OK(sync_stream(0));
    expect_in_heap(value);
}

/* value, then + first, + second. */
static void describe(uint64_t memory, uint32_t value, uint32_t first, uint32_t second)
{
    clear_nodes();
    add_fill(memory, value);
    add_launch(memory, first);
    add_node(BG_CUDA_NODE_EMPTY, "", 0);
    add_launch(memory, second);
    add_copy(memory);
}

static void test_launch(void **state)
{
    uint64_t memory = allocate(COUNT * 4);

    (void)state;
    OK(load_module(0, text));
    describe(memory, 100, 20, 3);
    OK(create(9));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create(9));
    for (int i = 0; i < 3; i++) {
        expect_launched(9, 123);
    }
    OK(ASK_HANDLE(BG_CUDA_GRAPH_DESTROY, 9));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, launch(9));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_GRAPH_DESTROY, 9));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, update(9));
    OK(create(9));
    expect_launched(9, 123);
}

static void test_no_nodes(void **state)
{
    (void)state;
    clear_nodes();
    OK(create(0));
    OK(launch(0));
}

static void test_update(void **state)
{
    uint64_t memory = allocate(COUNT * 4);

    (void)state;
    OK(load_module(0, text));
    describe(memory, 100, 20, 3);
    OK(create(0));
    describe(memory, 200, 40, 5);
    OK(update(0));
    expect_launched(0, 245);
    clear_nodes();
    add_fill(memory, 1);
    EXPECT(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, update(0)); /* another number of nodes */
    describe(memory, 1, 2, 3);
    ((struct bg_cuda_node *)(void *)(bytes + last))->dependency_count = 0;
    EXPECT(CUDA_ERROR_INVALID_VALUE, update(0)); /* no nodes */
    clear_nodes();
    for (int i = 0; i < 5; i++) {
        add_fill(memory, 1);
    }
    EXPECT(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE, update(0)); /* others */
    expect_launched(0, 245);
}

static void test_disabled(void **state)
{
    uint64_t memory = allocate(COUNT * 4);

    (void)state;
    OK(load_module(0, text));
    clear_nodes();
    add_fill(memory, 100);
    add_launch(memory, 20)->enabled = 0;
    add_copy(memory);
    OK(create(0));
    expect_launched(0, 100);
    clear_nodes();
    add_fill(memory, 200)->enabled = 0;
    add_launch(memory, 20);
    add_copy(memory);
    OK(update(0));
    expect_launched(0, 120);
}

static void test_events(void **state)
{
    uint64_t memory = allocate(COUNT * 4);

    (void)state;
    OK(ASK(BG_CUDA_EVENT_CREATE, (struct bg_cuda_event_create){1, 0}));
    OK(ASK(BG_CUDA_EVENT_CREATE, (struct bg_cuda_event_create){2, 0}));
    clear_nodes();
    add_event(BG_CUDA_NODE_RECORD, 1);
    add_fill(memory, 5);
    add_event(BG_CUDA_NODE_WAIT, 1);
    add_event(BG_CUDA_NODE_RECORD, 2);
    OK(create(0));
    OK(launch(0));
    OK(sync_stream(0));
    OK(ASK(BG_CUDA_EVENT_ELAPSED, (struct bg_cuda_event_elapsed){1, 2}));
    OK(ASK_HANDLE(BG_CUDA_EVENT_DESTROY, 2));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, launch(0));
}

/* What a graph names can go, and something else come in its place: memory of the process, then. */
static void test_gone(void **state)
{
    uint64_t memory = allocate(COUNT * 4), other = allocate(COUNT * 4);

    (void)state;
    OK(load_module(0, text));
    clear_nodes();
    add_fill(memory, 1);
    OK(create(0));
    clear_nodes();
    add_copy(memory);
    OK(create(1));
    clear_nodes();
    add_launch(memory, 1);
    OK(create(2));
    OK(give_back(other));
    OK(launch(0));
    OK(launch(1));
    OK(launch(2));
    OK(give_back(memory));
    EXPECT(CUDA_ERROR_INVALID_VALUE, launch(0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, launch(1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, launch(1));
    OK(ASK_HANDLE(BG_CUDA_MODULE_UNLOAD, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, launch(2));
    OK(load_module(0, text));
    assert_int_not_equal(launch(2), CUDA_SUCCESS);
}

/* One that runs is there until it is done. */
static void test_destroyed_while_it_runs(void **state)
{
    uint64_t memory = allocate(COUNT * 4);
    struct gate gate = CLOSED_GATE;

    (void)state;
    OK(load_module(0, text));
    describe(memory, 100, 20, 3);
    OK(create(0));
    close_gate(&gate, 0);
    OK(launch(0));
    OK(ASK_HANDLE(BG_CUDA_GRAPH_DESTROY, 0));
    OK(ASK_HANDLE(BG_CUDA_MODULE_UNLOAD, 0));
    describe(memory, 1, 1, 1);
    OK(give_back(memory));
    open_gate(&gate);
    OK(sync_stream(0));
    expect_in_heap(123);
    wait_until_idle();
}

static void test_bad_nodes(void **state)
{
    uint64_t memory = allocate(COUNT * 4);

    (void)state;
    OK(load_module(0, text));
#define BAD(error, node, change)                                                                   \
    do {                                                                                           \
        clear_nodes();                                                                             \
        add_node(BG_CUDA_NODE_EMPTY, "", 0);                                                       \
        struct bg_cuda_node *bad = (node);                                                         \
        change;                                                                                    \
        (void)bad;                                                                                 \
        EXPECT(error, create(0));                                                                  \
    } while (0)
#define BODY(type) ((type *)(void *)((uint8_t *)bad + 24))
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->type = 0);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->type = 7);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->size = 0);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->size += 8);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->size -= 8);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->size -= 4);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->size = UINT32_MAX - 7);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->enabled = 2);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->dependency_count = 2);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), bad->dependency_count = UINT32_MAX);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), ((uint32_t *)(void *)(bad + 1))[0] = 1);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), size -= 8);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), size += 8);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), count++);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), count--);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory, 1), BODY(struct bg_cuda_fill)->stream = 1);
    BAD(CUDA_ERROR_INVALID_VALUE, add_fill(memory + 4, 1), (void)bad);
    BAD(CUDA_ERROR_INVALID_VALUE, add_copy(memory + 4), (void)bad);
    BAD(CUDA_ERROR_INVALID_VALUE, add_copy(memory), BODY(struct bg_cuda_copy_box)->stream = 1);
    BAD(CUDA_ERROR_INVALID_VALUE, add_node(BG_CUDA_NODE_EMPTY, "", 0), bad->enabled = 0);
    BAD(CUDA_ERROR_INVALID_VALUE, add_node(BG_CUDA_NODE_EMPTY, "12345678", 8), (void)bad);
    BAD(CUDA_ERROR_INVALID_HANDLE, add_event(BG_CUDA_NODE_WAIT, 0), (void)bad);
    BAD(CUDA_ERROR_INVALID_HANDLE, add_event(BG_CUDA_NODE_RECORD, UINT32_MAX), (void)bad);
    BAD(CUDA_ERROR_INVALID_VALUE, add_launch(memory, 1), BODY(struct bg_cuda_launch)->stream = 1);
    BAD(CUDA_ERROR_INVALID_HANDLE, add_launch(memory, 1), BODY(struct bg_cuda_launch)->module = 1);
    BAD(CUDA_ERROR_INVALID_VALUE, add_launch(memory, 1), BODY(struct bg_cuda_launch)->grid[1] = 0);
    BAD(CUDA_ERROR_INVALID_VALUE, add_launch(memory, 1), BODY(struct bg_cuda_launch)->flags = 2);
    BAD(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, add_launch(memory, 1),
        (BODY(struct bg_cuda_launch)->flags = BG_CUDA_LAUNCH_COOPERATIVE,
         BODY(struct bg_cuda_launch)->grid[0] = 1u << 20));
    BAD(CUDA_ERROR_INVALID_VALUE, add_launch(memory, 1),
        BODY(struct bg_cuda_launch)->param_size = 11);
    BAD(CUDA_ERROR_INVALID_VALUE, add_launch(memory, 1),
        BODY(struct bg_cuda_launch)->param_size = 0);
    BAD(CUDA_ERROR_INVALID_VALUE, add_launch(memory, 1),
        BODY(struct bg_cuda_launch)->param_size = UINT32_MAX);
#undef BAD
    clear_nodes();
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create(BG_CUDA_GRAPHS_MAX));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create(UINT32_MAX));
    count = BG_CUDA_NODES_MAX + 1;
    EXPECT(CUDA_ERROR_INVALID_VALUE, create(0));
    clear_nodes();
    OK(create(0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           ASK(BG_CUDA_GRAPH_LAUNCH, (struct bg_cuda_graph_launch){0, 200}));
}

/* Graphs count as memory: there are not as many as there are handles. */
static void test_memory(void **state)
{
    CUresult result = CUDA_SUCCESS;
    uint32_t made = 0;

    (void)state;
    clear_nodes();
    for (uint32_t i = 0; i < 2000; i++) {
        add_node(BG_CUDA_NODE_EMPTY, "", 0);
    }
    while (result == CUDA_SUCCESS && made < BG_CUDA_GRAPHS_MAX) {
        result = create(made);
        made += result == CUDA_SUCCESS;
    }
    assert_int_equal(result, CUDA_ERROR_OUT_OF_MEMORY);
    assert_true(made > 10);
    OK(ASK_HANDLE(BG_CUDA_GRAPH_DESTROY, 3));
    OK(create(3));
}

/* Nodes count as operations: a driver keeps each of them. */
static void test_many_launches(void **state)
{
    static struct bg_cuda_node nodes[NODES];
    const struct bg_cuda_graph_launch launch = {.stream = BG_CUDA_STREAM_PER_THREAD};
    CUresult result = CUDA_SUCCESS;
    uint32_t count = 0;

    (void)state;
    for (uint32_t i = 0; i < NODES; i++) {
        nodes[i] = (struct bg_cuda_node){BG_CUDA_NODE_EMPTY, sizeof(nodes[i]), 1, 0};
    }
    bring(nodes, sizeof(nodes));
    OK(ASK(BG_CUDA_GRAPH_CREATE, (struct bg_cuda_graph_create){.node_count = NODES}));
    OK(ASK(BG_CUDA_STREAM_HOST, (struct bg_cuda_mark){BG_CUDA_STREAM_PER_THREAD, 0, 1}));
    wait_until_reached(&page()->completed[BG_CUDA_STREAM_PER_THREAD], 1);
    for (; result == CUDA_SUCCESS && count < BG_CUDA_QUEUED_MAX; count++) {
        result = ASK(BG_CUDA_GRAPH_LAUNCH, launch);
    }
    assert_int_equal(result, CUDA_ERROR_OUT_OF_MEMORY);
    assert_in_range(count, 8, 17);
    __atomic_store_n(&page()->acknowledged[BG_CUDA_STREAM_PER_THREAD], 1, __ATOMIC_RELEASE);
    while (cuda_is_busy(session)) {
    }
    OK(ASK(BG_CUDA_GRAPH_LAUNCH, launch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_launch),
        TEST(test_no_nodes),
        TEST(test_update),
        TEST(test_disabled),
        TEST(test_events),
        TEST(test_gone),
        TEST(test_destroyed_while_it_runs),
        TEST(test_bad_nodes),
        TEST(test_memory),
#undef TEST
        cmocka_unit_test_setup_teardown(test_many_launches, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
