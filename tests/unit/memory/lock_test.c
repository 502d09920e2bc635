/* SPDX-License-Identifier: BSD-2-Clause */
// tsan
/*
 * firmware/memory/lock.h and once.h between threads: ThreadSanitizer sees whether they order what
 * they guard. That they work between CPUs of the guest is tested there (tests/guest/smp.c).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firmware/memory/lock.h"
#include "firmware/memory/once.h"

#define THREADS 3
#define ROUNDS 2000

static struct {
    struct lock lock;
    struct lock tried;
    struct lock masked;
    uint64_t plain[3];
    struct once once[ROUNDS];
    uint32_t made[ROUNDS];
    uint32_t wrong[THREADS];
} shared;

static void run_threads(void *(*function)(void *))
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, function, (void *)i), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void *take_locks(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        lock_take(&shared.lock);
        shared.plain[0]++;
        lock_release(&shared.lock);
        while (!lock_try(&shared.tried)) {
        }
        shared.plain[1]++;
        lock_release(&shared.tried);
        uint64_t state = lock_take_masked(&shared.masked);

        shared.plain[2]++;
        lock_release_masked(&shared.masked, state);
    }
    return NULL;
}

static void locks(void **state)
{
    (void)state;
    /* Tickets go round. */
    shared.lock = (struct lock){UINT32_MAX - ROUNDS, UINT32_MAX - ROUNDS};
    shared.tried = (struct lock){UINT32_MAX - ROUNDS, UINT32_MAX - ROUNDS};
    run_threads(take_locks);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(shared.plain[i], THREADS * ROUNDS);
    }
}

static void make(void *argument)
{
    ++*(uint32_t *)argument;
}

static void *do_once(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        once_run(&shared.once[i], make, &shared.made[i]);
        shared.wrong[(uintptr_t)argument] += shared.made[i] != 1;
    }
    return NULL;
}

static void once(void **state)
{
    (void)state;
    run_threads(do_once);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(shared.wrong[i], 0);
    }
}

static void trying(void **state)
{
    struct lock lock = {0};

    (void)state;
    assert_true(lock_try(&lock));
    assert_false(lock_try(&lock));
    lock_release(&lock);
    lock_take(&lock);
    assert_false(lock_try(&lock));
    lock_release(&lock);
    assert_true(lock_try(&lock));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trying),
        cmocka_unit_test(locks),
        cmocka_unit_test(once),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
