/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test_smp: CPUs on and off, calls, locks, once, and what they share: heap, pages, streams.
 * cycles=N starts and stops, rounds=N of the rest; expect_cpus=N. tests/boot/smp_test.c drives it
 * and reads the lines of the storm.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "baregpu/hal.h"
#include "baregpu/mmio.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/smp.h"
#include "tests/guest/lib/tap.h"
#include "firmware/memory/heap.h"
#include "firmware/memory/lock.h"
#include "firmware/memory/once.h"
#include "firmware/memory/pages.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/exception.h"
#include "firmware/platform/timer.h"

#define DEADLINE_NS 60000000000ull
#define SHORT_NS 2000000ull
#define CYCLES 1000
#define ROUNDS 200
#define ONCE_DELAY_NS 2000ull
#define BLOCKS 32
#define BLOCK_MAX 3000

static uint32_t cpu_total;
static uint32_t rounds;

static uint64_t soon(void)
{
    return timer_deadline_ns(DEADLINE_NS);
}

static bool run_all(void (*function)(uint32_t cpu, void *context), void *context)
{
    return smp_run(cpu_total, function, context, soon());
}

/* ---- On and off ---- */

struct visit {
    uint32_t cpu;
    uint32_t visits;
    uint32_t wrong;
};

static void visit(void *argument)
{
    struct visit *v = argument;
    double half = v->cpu * 0.5;
    uint64_t low;
    uint64_t high;
    bool right = cpu_index() == v->cpu && errno == 0 && half * 2 == v->cpu &&
                 cpu_stack_of((uintptr_t)&half, &low, &high);

    errno = ERANGE; /* the next life of this CPU begins with 0 */
    v->wrong += !right;
    v->visits++;
}

static void test_power(void)
{
    uint32_t cycles = (uint32_t)smp_option("cycles", CYCLES);
    struct visit visits[MACHINE_CPUS_MAX] = {0};
    uint32_t wrong = 0;
    uint32_t errors = 0;
    uint64_t start_ns = bg_hal_time_ns();

    if (cpu_total < 2) {
        tap_skip("one CPU", "CPUs are turned on and off");
        return;
    }
    for (uint32_t i = 0; i < cycles; i++) {
        uint32_t cpu = 1 + i % (cpu_total - 1);
        int error;

        visits[cpu].cpu = cpu;
        error = cpu_start(cpu, visit, &visits[cpu]);
        if (!error) {
            error = cpu_stop(cpu, soon());
        }
        if (error && errors++ == 0) {
            tap_diag("cycle %u, CPU %u: %s", i, cpu, bg_strerror(error));
        }
        if (errors > 10) {
            break;
        }
    }
    for (uint32_t cpu = 1, expected; cpu < cpu_total; cpu++) {
        expected = cycles / (cpu_total - 1) + (cpu - 1 < cycles % (cpu_total - 1));
        wrong += visits[cpu].wrong + (visits[cpu].visits != expected);
    }
    tap_equal(errors, 0, "%u times a CPU was turned on and off", cycles);
    tap_equal(wrong, 0, "and ran its function each time, as itself, with a fresh errno");
    tap_diag("%llu us a cycle",
             (unsigned long long)((bg_hal_time_ns() - start_ns) / 1000 / cycles));
}

static void print_number(void *argument)
{
    char text[32];

    snprintf(text, sizeof(text), "%.3f %s", 1e9 / 3, (const char *)argument);
}

/* What newlib keeps for a CPU is kept while it is off, and not lost. */
static void test_memory_of_cpus(void)
{
    struct heap_statistics first = {0};
    struct heap_statistics last;

    if (cpu_total < 2) {
        return;
    }
    for (unsigned i = 0; i < 20; i++) {
        cpu_start(1, print_number, "");
        cpu_stop(1, soon());
        heap_statistics(i == 0 ? &first : &last);
    }
    tap_equal(last.bytes_in_use, first.bytes_in_use,
              "a CPU that prints floating point and is turned off leaves no memory behind");
}

static void stop_flag_wait(void *argument)
{
    while (!bg_load_acquire32(argument)) {
        bg_hal_wait(UINT64_MAX);
    }
}

static void count_call(void *argument)
{
    __atomic_fetch_add((uint32_t *)argument, 1, __ATOMIC_RELAXED);
}

static void test_refusals(void)
{
    static uint32_t flag;
    static uint32_t calls;
    struct cpu_ticket last = {0};
    int error = 0;
    unsigned accepted = 0;

    tap_equal((unsigned)cpu_start(0, NULL, NULL), (unsigned)BG_ERR_NOT_FOUND,
              "the boot CPU is not started");
    tap_equal((unsigned)cpu_start(cpu_total, NULL, NULL), (unsigned)BG_ERR_NOT_FOUND,
              "a CPU that is not there is not started");
    tap_equal((unsigned)cpu_stop(0, soon()), (unsigned)BG_ERR_NOT_FOUND,
              "the boot CPU is not stopped");
    tap_equal((unsigned)cpu_call(0, count_call, &calls, soon()), (unsigned)BG_ERR_INVALID,
              "nobody waits for himself");
    if (cpu_total < 2) {
        return;
    }
    tap_equal((unsigned)cpu_stop(1, soon()), 0, "stopping a CPU that is off");
    tap_equal((unsigned)cpu_call(1, count_call, &calls, soon()), (unsigned)BG_ERR_NOT_FOUND,
              "a CPU that is off takes no calls");
    tap_equal((unsigned)cpu_start(1, stop_flag_wait, &flag), 0, "a CPU starts");
    tap_equal((unsigned)cpu_start(1, NULL, NULL), (unsigned)BG_ERR_BUSY,
              "a CPU that is on does not start again");
    while (accepted <= CPU_CALLS_MAX + 1 &&
           !(error = cpu_call_async(1, count_call, &calls, &last))) {
        accepted++;
    }
    tap_ok(error == BG_ERR_LIMITED && accepted >= CPU_CALLS_MAX - 1 && accepted <= CPU_CALLS_MAX,
           "%u calls wait, more are refused", accepted);
    tap_equal((unsigned)cpu_call_wait(last, timer_deadline_ns(SHORT_NS)), (unsigned)BG_ERR_TIMEOUT,
              "a wait ends at its deadline");
    tap_equal((unsigned)cpu_stop(1, timer_deadline_ns(SHORT_NS)), (unsigned)BG_ERR_TIMEOUT,
              "a CPU that is busy does not stop");
    tap_equal((unsigned)cpu_call_async(1, count_call, &calls, NULL), (unsigned)BG_ERR_NOT_FOUND,
              "but takes no more calls");
    bg_store_release32(&flag, 1);
    tap_equal((unsigned)cpu_stop(1, soon()), 0, "it stops when its function has ended");
    tap_equal(calls, accepted, "after all the calls that it had been given");
    tap_equal((unsigned)cpu_call_wait(last, soon()), 0, "which are done");
}

/* ---- Calls ---- */

#define TOKENS 8 /* fewer than CPU_CALLS_MAX: no queue is ever full */

/* Goes from CPU to CPU: each call makes the next one. */
struct token {
    uint32_t next_cpu;
    uint32_t hops;
    uint32_t hops_end;
    uint32_t wrong;
    uint32_t *finished;
};

static void token_hop(void *argument)
{
    struct token *token = argument;

    token->wrong += cpu_index() != token->next_cpu;
    if (++token->hops == token->hops_end) {
        __atomic_fetch_add(token->finished, 1, __ATOMIC_RELEASE);
        return;
    }
    token->next_cpu = 1 + token->next_cpu % (cpu_total - 1);
    if (cpu_call_async(token->next_cpu, token_hop, token, NULL)) {
        token->wrong++;
        __atomic_fetch_add(token->finished, 1, __ATOMIC_RELEASE);
    }
}

struct sum {
    uint64_t a;
    uint64_t b;
    uint64_t result;
};

static void add(void *argument)
{
    struct sum *sum = argument;

    sum->result = sum->a + sum->b;
}

static void test_calls(void)
{
    struct token tokens[TOKENS];
    uint64_t deadline_ns = soon();
    uint64_t start_ns = bg_hal_time_ns();
    uint32_t finished = 0;
    uint32_t wrong = 0;
    uint32_t hops = 0;

    for (uint32_t i = 0; i < TOKENS; i++) {
        tokens[i] = (struct token){1 + i % (cpu_total - 1), 0, rounds * 5, 0, &finished};
        wrong += cpu_call_async(tokens[i].next_cpu, token_hop, &tokens[i], NULL) != 0;
    }
    for (uint32_t i = 0; i < rounds; i++) {
        struct sum sum = {i, i * 3ull, 0};

        wrong += cpu_call(1 + i % (cpu_total - 1), add, &sum, deadline_ns) != 0;
        wrong += sum.result != i * 4ull;
    }
    tap_equal(wrong, 0, "%u calls, waited for one by one", rounds);
    while (bg_load_acquire32(&finished) < TOKENS && !timer_has_passed(deadline_ns)) {
        bg_hal_wait(deadline_ns);
    }
    for (uint32_t i = 0; i < TOKENS; i++) {
        hops += tokens[i].hops;
        wrong += tokens[i].wrong;
    }
    tap_ok(finished == TOKENS && hops == TOKENS * rounds * 5 && wrong == 0,
           "%u calls made by calls", hops);
    tap_diag("%llu ms", (unsigned long long)((bg_hal_time_ns() - start_ns) / 1000000));
}

static uint32_t served;

static void call_home(void *argument)
{
    (void)argument;
    cpu_call_async(0, count_call, &served, NULL);
}

static void serve_inside(void *argument)
{
    *(uint32_t *)argument = cpu_serve();
}

static void test_serve(void)
{
    uint64_t deadline_ns = soon();
    uint32_t served_inside = 7;
    uint32_t flag = 0;
    uint32_t count = 0;

    tap_equal((unsigned)cpu_call(1, call_home, NULL, deadline_ns), 0, "a call to the boot CPU");
    while (count == 0 && !timer_has_passed(deadline_ns)) {
        count = cpu_serve();
    }
    tap_ok(count == 1 && served == 1, "is run when it serves");

    /* While CPU 1 waits for the flag, two more calls queue up behind it. */
    count = cpu_call_async(1, stop_flag_wait, &flag, NULL) != 0;
    count += cpu_call_async(1, serve_inside, &served_inside, NULL) != 0;
    count += cpu_call_async(1, count_call, &served, NULL) != 0;
    bg_store_release32(&flag, 1);
    count += cpu_call(1, count_call, &served, deadline_ns) != 0;
    tap_ok(count == 0 && served_inside == 0 && served == 3, "calls do not nest");
}

/* ---- Locks ---- */

static struct {
    struct lock lock;
    struct lock masked;
    struct lock tried;
    uint64_t plain[3]; /* each under its lock */
    uint32_t inside;
    uint32_t overlaps;
} locks;

static void locks_by(uint32_t cpu, void *context)
{
    uint64_t masked;

    (void)cpu;
    (void)context;
    for (uint32_t i = 0; i < rounds; i++) {
        lock_take(&locks.lock);
        if (__atomic_fetch_add(&locks.inside, 1, __ATOMIC_RELAXED) != 0) {
            locks.overlaps++;
        }
        locks.plain[0]++;
        __atomic_fetch_sub(&locks.inside, 1, __ATOMIC_RELAXED);
        lock_release(&locks.lock);

        masked = lock_take_masked(&locks.masked);
        locks.plain[1]++;
        lock_release_masked(&locks.masked, masked);

        while (!lock_try(&locks.tried)) {
            __asm__ volatile("yield");
        }
        locks.plain[2]++;
        lock_release(&locks.tried);
    }
}

static void test_locks(void)
{
    uint64_t daif;
    uint64_t daif_after;
    uint64_t expected = (uint64_t)rounds * cpu_total;

    __asm__ volatile("mrs %0, daif" : "=r"(daif));
    locks = (typeof(locks)){0};
    tap_ok(run_all(locks_by, NULL), "all CPUs take locks");
    __asm__ volatile("mrs %0, daif" : "=r"(daif_after));
    tap_ok(locks.plain[0] == expected && locks.overlaps == 0, "one at a time: %llu of %llu",
           (unsigned long long)locks.plain[0], (unsigned long long)expected);
    tap_equal(locks.plain[1], expected, "with interrupts masked");
    tap_equal(locks.plain[2], expected, "by trying");
    tap_ok(daif == daif_after, "the mask is as it was");
    lock_take(&locks.lock);
    tap_ok(!lock_try(&locks.lock), "a lock that is held cannot be taken");
    lock_release(&locks.lock);
    tap_ok(lock_try(&locks.lock), "one that is free can");
    lock_release(&locks.lock);
}

/* ---- Once ---- */

static struct {
    struct smp_meeting meeting;
    struct once once;
    uint32_t runs;
    uint32_t made[4]; /* by whoever is first, without atomics */
    uint32_t wrong;
} once;

static void once_make(void *argument)
{
    uint32_t round = *(uint32_t *)argument;

    once.runs++;
    for (unsigned i = 0; i < 4; i++) {
        once.made[i] = round + i;
        timer_delay_ns(ONCE_DELAY_NS); /* time for the others to come too early */
    }
}

static void once_by(uint32_t cpu, void *context)
{
    (void)context;
    for (uint32_t round = 1; round <= rounds; round++) {
        bool wrong = false;

        smp_meet(&once.meeting, cpu_total);
        once_run(&once.once, once_make, &round);
        for (unsigned i = 0; i < 4; i++) {
            wrong = wrong || once.made[i] != round + i;
        }
        if (wrong) {
            __atomic_fetch_add(&once.wrong, 1, __ATOMIC_RELAXED);
        }
        smp_meet(&once.meeting, cpu_total);
        if (cpu == 0) {
            once.once = (struct once){0};
        }
    }
}

static void test_once(void)
{
    once = (typeof(once)){0};
    tap_ok(run_all(once_by, NULL), "all CPUs initialise something at the same time");
    tap_equal(once.runs, rounds, "which is done once");
    tap_equal(once.wrong, 0, "and seen by all, whole");
}

/* ---- Heap and pages ---- */

static struct {
    char *swap[BLOCKS]; /* blocks that one CPU allocated and another frees */
    uint32_t failed;
} storm;

static void fill(char *block, size_t size, uint32_t seed)
{
    memcpy(block, &size, sizeof(size));
    memset(block + sizeof(size), (int)(seed & 0xff), size - sizeof(size));
}

static bool is_whole(const char *block)
{
    size_t size;

    memcpy(&size, block, sizeof(size));
    for (size_t i = sizeof(size) + 1; i < size; i++) {
        if (block[i] != block[sizeof(size)]) {
            return false;
        }
    }
    return true;
}

static void storm_by(uint32_t cpu, void *context)
{
    uint32_t random = cpu * 7919 + 1;
    uint32_t failed = 0;

    (void)context;
    for (uint32_t i = 0; i < rounds * 5; i++) {
        uint32_t slot = smp_random(&random) % BLOCKS;
        size_t size = sizeof(size_t) + 1 + smp_random(&random) % BLOCK_MAX;
        char *mine = malloc(size);
        char *other;

        if (mine != NULL) {
            fill(mine, size, random);
        }
        other = __atomic_exchange_n(&storm.swap[slot], mine, __ATOMIC_ACQ_REL);
        failed += mine == NULL || (other != NULL && !is_whole(other));
        free(other);
        if (i % 8 == 0) {
            uint64_t bus;
            uint64_t *memory = bg_hal_dma_alloc(8192, 4096, &bus);

            failed += memory == NULL || memory[0] != 0 || memory[1023] != 0;
            if (memory != NULL) {
                memory[0] = memory[1023] = i;
            }
            bg_hal_dma_free(memory, 8192);
        }
    }
    __atomic_fetch_add(&storm.failed, failed, __ATOMIC_RELAXED);
}

static void test_heap(void)
{
    struct heap_statistics before;
    struct heap_statistics after;

    heap_statistics(&before);
    tap_ok(run_all(storm_by, NULL), "all CPUs allocate and free");
    for (unsigned i = 0; i < BLOCKS; i++) {
        storm.failed += storm.swap[i] != NULL && !is_whole(storm.swap[i]);
        free(storm.swap[i]);
        storm.swap[i] = NULL;
    }
    heap_statistics(&after);
    tap_equal(storm.failed, 0, "no block was another CPU's too");
    tap_ok(heap_check() == NULL, "the heap is sound");
    tap_equal(after.bytes_in_use, before.bytes_in_use, "nothing is left");
}

/* ---- What belongs to a CPU ---- */

static struct {
    struct smp_meeting meeting;
    uint32_t wrong;
} own;

static void read_bad_address(void *argument)
{
    bg_mmio_read32(argument, 0);
}

static void own_by(uint32_t cpu, void *context)
{
    (void)context;
    for (uint32_t i = 0; i < rounds / 4; i++) {
        struct exception_record record = {0};
        uint64_t address = 16 + 64 * cpu; /* page 0 is never mapped */
        bool faulted;

        errno = (int)(100 + cpu);
        smp_meet(&own.meeting, cpu_total);
        faulted = exception_probe(read_bad_address, (void *)address, &record);
        if (!faulted || record.far != address || errno != (int)(100 + cpu)) {
            __atomic_fetch_add(&own.wrong, 1, __ATOMIC_RELAXED);
        }
        smp_meet(&own.meeting, cpu_total);
    }
}

static void test_own(void)
{
    own = (typeof(own)){0};
    tap_ok(run_all(own_by, NULL), "all CPUs fault at the same time");
    tap_equal(own.wrong, 0, "each has its own probe, exception stack and errno");
}

/* ---- Streams ---- */

static void print_line(FILE *stream, uint32_t cpu, uint32_t number, uint32_t length)
{
    char text[1600];

    memset(text, 'a' + (int)(cpu % 26), length);
    text[length] = 0;
    if (number % 3 == 0) { /* in parts */
        flockfile(stream);
        fprintf(stream, "# line cpu=%u number=%u ", cpu, number);
        fprintf(stream, "length=%u %s", length, text);
        fputs("|\n", stream);
        funlockfile(stream);
    } else {
        fprintf(stream, "# line cpu=%u number=%u length=%u %s|\n", cpu, number, length, text);
    }
}

/* Of many lengths, some longer than the stream's buffer; the host checks each. */
static void print_by(uint32_t cpu, void *context)
{
    uint32_t random = cpu * 104729 + 1;

    (void)context;
    for (uint32_t i = 0; i < rounds; i++) {
        print_line(stdout, cpu, i, smp_random(&random) % (i % 16 == 0 ? 1500 : 60));
    }
}

/* Two streams with a lock each, one console: lines that are written at once are whole. */
static void print_both_by(uint32_t cpu, void *context)
{
    uint32_t random = cpu * 7907 + 1;

    (void)context;
    for (uint32_t i = 0; i < rounds; i++) {
        print_line((i + cpu) % 2 ? stdout : stderr, cpu, rounds + i, smp_random(&random) % 60);
    }
}

static void test_streams(void)
{
    tap_ok(run_all(print_by, NULL), "all CPUs print %u lines each", rounds);
    tap_ok(run_all(print_both_by, NULL), "and %u on two streams", rounds);
}

static int test_smp(void)
{
    uint32_t expected = (uint32_t)smp_option("expect_cpus", machine.cpu_count);
    int started;

    tap_plan(0);
    rounds = (uint32_t)smp_option("rounds", ROUNDS);
    cpu_total = machine.cpu_count;
    tap_equal(cpu_total, expected, "%u CPUs", expected);
    test_power();
    test_memory_of_cpus();
    test_refusals();
    started = smp_start();
    if (!tap_equal((unsigned)started, cpu_total, "all CPUs start")) {
        return tap_done();
    }
    if (cpu_total > 1) {
        test_calls();
        test_serve();
    }
    test_locks();
    test_once();
    test_heap();
    test_own();
    test_streams();
    tap_equal((unsigned)smp_stop(), 0, "all CPUs stop");
    return tap_done();
}

APP(test_smp, "tests several CPUs: on and off, calls, locks, heap and streams", test_smp,
    "cycles rounds expect_cpus");
