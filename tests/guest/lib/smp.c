/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/lib/smp.h"

#include <stddef.h>
#include <stdlib.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "firmware/apps/app.h"
#include "firmware/memory/lock.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/timer.h"

#define SMP_STOP_NS 10000000000ull

int smp_start(void)
{
    for (uint32_t i = 1; i < machine.cpu_count; i++) {
        int error = cpu_is_on(i) ? 0 : cpu_start(i, NULL, NULL);

        if (error) {
            return error;
        }
    }
    return (int)machine.cpu_count;
}

int smp_stop(void)
{
    uint64_t deadline_ns = timer_deadline_ns(SMP_STOP_NS);
    int first_error = 0;

    for (uint32_t i = 1; i < machine.cpu_count; i++) {
        int error = cpu_stop(i, deadline_ns);

        if (error && !first_error) {
            first_error = error;
        }
    }
    return first_error;
}

struct smp_job {
    void (*function)(uint32_t cpu, void *context);
    void *context;
    uint32_t users; /* the last one frees it: a CPU that comes late may still read it */
};

static void job_release(struct smp_job *job)
{
    if (__atomic_sub_fetch(&job->users, 1, __ATOMIC_ACQ_REL) == 0) {
        free(job);
    }
}

static void job_run(void *argument)
{
    struct smp_job *job = argument;

    job->function(cpu_index(), job->context);
    job_release(job);
}

bool smp_run(uint32_t count, void (*function)(uint32_t cpu, void *context), void *context,
             uint64_t deadline_ns)
{
    struct smp_job *job = malloc(sizeof(*job));
    struct cpu_ticket tickets[MACHINE_CPUS_MAX];
    bool good = true;

    if (job == NULL) {
        return false;
    }
    *job = (struct smp_job){function, context, count};
    for (uint32_t i = 1; i < count; i++) {
        if (cpu_call_async(i, job_run, job, &tickets[i])) {
            tickets[i].number = 0; /* which is done */
            job_release(job);
            good = false;
        }
    }
    job_run(job);
    for (uint32_t i = 1; i < count; i++) {
        good = cpu_call_wait(tickets[i], deadline_ns) == BG_OK && good;
    }
    return good;
}

void smp_meet(struct smp_meeting *meeting, uint32_t count)
{
    uint32_t round = bg_load_acquire32(&meeting->round);

    if (__atomic_add_fetch(&meeting->arrived, 1, __ATOMIC_ACQ_REL) == count) {
        __atomic_store_n(&meeting->arrived, 0, __ATOMIC_RELAXED);
        bg_store_release32(&meeting->round, round + 1);
        return;
    }
    lock_wait_for(&meeting->round, round + 1);
}

uint64_t smp_option(const char *key, uint64_t otherwise)
{
    return (uint64_t)app_option_number(key, (int64_t)otherwise, 0, UINT32_MAX);
}
