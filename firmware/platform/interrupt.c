/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/interrupt.h"

#include <stddef.h>
#include <string.h>

#include "baregpu/barrier.h"
#include "baregpu/error.h"
#include "firmware/memory/lock.h"
#include "firmware/memory/pages.h"
#include "firmware/platform/console.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/gic.h"
#include "firmware/platform/gic_its.h"
#include "firmware/platform/timer.h"

#define QUIET_NS 1000000000ull /* handlers are short */
#define REPORTS_MAX 8

struct interrupt_slot {
    bg_hal_interrupt_handler *handler; /* NULL: not attached, or masked for all CPUs */
    void *context;
    bg_hal_interrupt_handler *attached;
    bool is_edge;
};

struct interrupt_cpu {
    uint64_t sequence;            /* odd while an interrupt is taken, 2 more for each */
    struct interrupt_slot *lines; /* SGIs, PPIs, SPIs: the same for all CPUs */
    struct interrupt_slot *lpis;
    uint32_t line_count;
    uint32_t lpi_count;
    uint32_t is_ready;
    bool is_v3;
    bool has_timer;
    uint64_t seen; /* `sequence` as the last sleep left it */
    uint64_t spurious;
    uint64_t unhandled;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct interrupt_cpu) == 64, "one cache line");

static struct interrupt_cpu interrupt_cpus[MACHINE_CPUS_MAX];

static struct {
    struct interrupt_slot *lines; /* copied to each CPU that starts */
    struct lock lock;             /* attachments, and registers of several interrupts */
    uint32_t banked;              /* bit n: SGI or PPI n comes to CPUs that start */
    bool is_tried;
    int error;
    uint32_t reports;
    const char *problem;
} interrupts;

static struct interrupt_cpu *self_get(void)
{
    return &interrupt_cpus[cpu_index()];
}

/* ---- The way of an interrupt ---- */

static void put_unhandled(uint32_t intid)
{
    if (__atomic_fetch_add(&interrupts.reports, 1, __ATOMIC_RELAXED) < REPORTS_MAX) {
        console_print("interrupt %u has no handler: it is masked\n", intid);
    }
}

/*
 * Masked or detached after it was acknowledged. Under the lock: whoever did that has done all of
 * it, and the ITS's queue is shared. An edge that is only masked waits; a level comes by itself.
 */
static bool put_back(const struct interrupt_slot *slot, uint32_t intid)
{
    if (slot != NULL && slot->attached != NULL) {
        if (slot->is_edge && gic_is_line(intid)) {
            gic_set_pending(intid, true);
        } else if (slot->is_edge) {
            its_lpi_set_pending(intid, true);
        }
        return true;
    }
    return !gic_is_line(intid) || !gic_is_enabled(intid);
}

static __attribute__((noinline, cold)) void
take_unhandled(struct interrupt_cpu *self, const struct interrupt_slot *slot, uint32_t acknowledged)
{
    uint32_t intid = gic_intid(self->is_v3, acknowledged);
    bool was_handled;

    if (intid >= GIC_SPECIAL_FIRST && intid < GIC_SPECIAL_FIRST + 4) {
        self->spurious++;
        return;
    }
    lock_take(&interrupts.lock);
    was_handled = put_back(slot, intid);
    if (!was_handled) {
        gic_disable(intid);
    }
    lock_release(&interrupts.lock);
    if (was_handled) {
        self->spurious++;
    } else {
        self->unhandled++;
        put_unhandled(intid);
    }
    gic_end(self->is_v3, acknowledged);
}

static inline struct interrupt_slot *slot_in(const struct interrupt_cpu *self, uint32_t intid)
{
    if (intid < self->line_count) {
        return &self->lines[intid];
    }
    if (intid - GIC_LPI_FIRST < self->lpi_count) {
        return &self->lpis[intid - GIC_LPI_FIRST];
    }
    return NULL;
}

/*
 * `sequence` is odd before the acknowledgement, whose barrier stands between it and the look for a
 * handler: who has taken a handler away and finds the sequence even, or changed, is sure that the
 * handler does not run and will not (wait_until_quiet).
 */
static inline __attribute__((always_inline)) void take(struct interrupt_cpu *self, bool is_v3)
{
    struct interrupt_slot *slot;
    bg_hal_interrupt_handler *handler;
    uint32_t acknowledged;

    __atomic_store_n(&self->sequence, self->sequence + 1, __ATOMIC_RELAXED);
    acknowledged = gic_acknowledge(is_v3);
    slot = slot_in(self, gic_intid(is_v3, acknowledged));
    if (slot != NULL && (handler = __atomic_load_n(&slot->handler, __ATOMIC_RELAXED)) != NULL) {
        handler(slot->context);
        gic_end(is_v3, acknowledged);
    } else {
        take_unhandled(self, slot, acknowledged);
    }
    bg_store_release64(&self->sequence, self->sequence + 1);
}

void interrupt_take(void)
{
    struct interrupt_cpu *self = cpu_current()->interrupts;

    if (self->is_v3) {
        take(self, true);
    } else {
        take(self, false);
    }
}

void interrupt_wakes_nobody(void)
{
    self_get()->seen += 2;
}

/* ---- Bringing it up ---- */

static struct interrupt_slot *make_slots(uint32_t count)
{
    uint64_t bytes = count * sizeof(struct interrupt_slot);
    uint64_t address = pages_alloc((bytes + PAGE_SIZE - 1) / PAGE_SIZE, PAGE_SIZE);

    if (address == PAGES_NONE) {
        return NULL;
    }
    memset((void *)address, 0, bytes);
    return (struct interrupt_slot *)address;
}

static int init_once(void)
{
    if (interrupts.is_tried) {
        return interrupts.error;
    }
    interrupts.is_tried = true;
    interrupts.error = gic_init(&interrupts.problem);
    if (interrupts.error) {
        return interrupts.error;
    }
    interrupts.lines = make_slots(gic.spi_end);
    if (interrupts.lines == NULL) {
        interrupts.problem = "no memory for the handlers";
        interrupts.error = BG_ERR_UNSUPPORTED;
    }
    return interrupts.error;
}

/* Long before the first LPI comes: no CPU looks yet. */
int interrupt_lpis_begin(uint32_t count)
{
    struct interrupt_slot *lpis;

    if (interrupt_cpus[0].lpi_count) {
        return BG_OK;
    }
    lpis = make_slots(count);
    if (lpis == NULL) {
        return BG_ERR_NO_MEMORY;
    }
    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        interrupt_cpus[cpu].lpis = lpis;
        interrupt_cpus[cpu].lpi_count = count;
    }
    return BG_OK;
}

uint64_t interrupt_lock(void)
{
    return lock_take_masked(&interrupts.lock);
}

void interrupt_unlock(uint64_t state)
{
    lock_release_masked(&interrupts.lock, state);
}

static int init_cpu(uint32_t cpu)
{
    struct interrupt_cpu *self = &interrupt_cpus[cpu];
    uint64_t state = lock_take_masked(&interrupts.lock);
    int error = init_once() ?: gic_init_cpu(cpu, &interrupts.problem);

    if (!error) {
        for (uint32_t intid = 0; intid < GIC_BANKED_COUNT; intid++) {
            if (interrupts.banked >> intid & 1) {
                gic_enable(intid);
            }
        }
        self->lines = interrupts.lines;
        self->line_count = gic.spi_end;
        self->is_v3 = gic.version == 3;
        cpu_current()->interrupts = self;
        bg_store_release32(&self->is_ready, 1);
    }
    lock_release_masked(&interrupts.lock, state);
    return error;
}

int interrupt_init_cpu(void)
{
    uint32_t cpu = cpu_index();
    int error;

    if (interrupt_cpus[cpu].is_ready) {
        return BG_OK;
    }
    error = init_cpu(cpu);
    if (error) {
        return error;
    }
    /* A machine without a timer's interrupt has the others, and nobody sleeps. */
    interrupt_cpus[cpu].has_timer = timer_init_cpu() == BG_OK;
    __asm__ volatile("msr daifclr, #2" ::: "memory");
    return BG_OK;
}

void interrupt_stop_cpu(void)
{
    interrupts_mask();
    bg_store_release32(&self_get()->is_ready, 0);
}

const char *interrupt_problem(void)
{
    return interrupts.problem;
}

/* ---- Attaching ---- */

/* The slot of an interrupt that exists, be it attached or not. */
static struct interrupt_slot *slot_of(uint32_t intid)
{
    return slot_in(self_get(), intid);
}

static bool is_lpi(uint32_t intid)
{
    return intid >= GIC_LPI_FIRST;
}

static bool is_attached(uint32_t intid)
{
    struct interrupt_slot *slot = slot_of(intid);

    return slot != NULL && __atomic_load_n(&slot->attached, __ATOMIC_RELAXED) != NULL;
}

static bool is_in_handler(void)
{
    return self_get()->sequence & 1;
}

/* Until every other CPU that takes an interrupt now has done with it. */
static void wait_until_quiet(void)
{
    uint64_t deadline_ns = timer_deadline_ns(QUIET_NS);

    if (is_in_handler()) {
        return;
    }
    bg_barrier_full();
    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        uint64_t sequence = bg_load_acquire64(&interrupt_cpus[cpu].sequence);

        if (cpu == cpu_index() || sequence % 2 == 0) {
            continue;
        }
        while (bg_load_acquire64(&interrupt_cpus[cpu].sequence) == sequence &&
               !timer_has_passed(deadline_ns)) {
            bg_hal_wait(deadline_ns);
        }
    }
}

static int target_find(uint32_t intid, uint32_t *cpu)
{
    if (*cpu == BG_HAL_CPU_SELF) {
        *cpu = cpu_index();
    } else if (intid < GIC_BANKED_COUNT) {
        return BG_ERR_INVALID;
    } else {
        *cpu -= BG_HAL_CPU(0);
    }
    if (*cpu >= machine.cpu_count || !bg_load_acquire32(&interrupt_cpus[*cpu].is_ready)) {
        return BG_ERR_INVALID;
    }
    return BG_OK;
}

static void attach_line(uint32_t intid, enum bg_hal_trigger trigger, uint32_t cpu)
{
    gic_disable(intid);
    gic_set_edge(intid, trigger == BG_HAL_TRIGGER_EDGE);
    if (intid >= GIC_BANKED_COUNT) {
        gic_set_target(intid, cpu);
    } else {
        interrupts.banked |= 1u << intid;
    }
    /* What came before the attachment is not delivered; only an edge leaves anything behind. */
    gic_set_pending(intid, false);
}

/* The slot has all that the handler needs; from here on it may be called. */
static int let_in(uint32_t intid, struct interrupt_slot *slot)
{
    __atomic_store_n(&slot->handler, slot->attached, __ATOMIC_RELEASE);
    if (is_lpi(intid)) {
        return its_lpi_set_enabled(intid, true);
    }
    bg_barrier_full_outer(); /* the register's write comes after */
    gic_enable(intid);
    return BG_OK;
}

/*
 * SGIs and PPIs are masked on this CPU only, by their register. Of the others the handler is hidden
 * too: another CPU may have acknowledged one and not yet looked for it.
 */
static void keep_out(uint32_t intid, struct interrupt_slot *slot)
{
    if (intid >= GIC_BANKED_COUNT) {
        __atomic_store_n(&slot->handler, NULL, __ATOMIC_RELAXED);
    }
    if (is_lpi(intid)) {
        its_lpi_set_enabled(intid, false);
    } else {
        gic_disable(intid);
    }
}

static int attach_locked(uint32_t intid, enum bg_hal_trigger trigger, uint32_t cpu,
                         bg_hal_interrupt_handler *handler, void *context)
{
    struct interrupt_slot *slot = slot_of(intid);
    int error = BG_OK;

    if (slot == NULL || (is_lpi(intid) && !its_lpi_is_reserved(intid))) {
        return BG_ERR_INVALID;
    }
    /* Another CPU joins in with its own. */
    if (slot->attached != NULL &&
        (intid >= GIC_BANKED_COUNT || slot->attached != handler || slot->context != context)) {
        return BG_ERR_BUSY;
    }
    if (is_lpi(intid)) {
        error = its_lpi_set_cpu(intid, cpu) ?: its_lpi_set_pending(intid, false);
    } else {
        attach_line(intid, trigger, cpu);
    }
    if (error) {
        return error;
    }
    slot->context = context;
    slot->is_edge = trigger == BG_HAL_TRIGGER_EDGE;
    __atomic_store_n(&slot->attached, handler, __ATOMIC_RELAXED);
    return let_in(intid, slot);
}

int interrupt_attach(uint32_t intid, enum bg_hal_trigger trigger, uint32_t cpu,
                     bg_hal_interrupt_handler *handler, void *context)
{
    uint64_t state;
    int error = interrupt_init_cpu();

    if (error) {
        return error;
    }
    if (handler == NULL) {
        return BG_ERR_INVALID;
    }
    error = target_find(intid, &cpu);
    if (error) {
        return error;
    }
    state = lock_take_masked(&interrupts.lock);
    error = attach_locked(intid, trigger, cpu, handler, context);
    lock_release_masked(&interrupts.lock, state);
    return error;
}

void interrupt_mask(uint32_t intid)
{
    uint64_t state = lock_take_masked(&interrupts.lock);
    bool is_there = is_attached(intid);

    if (is_there) {
        keep_out(intid, slot_of(intid));
    }
    lock_release_masked(&interrupts.lock, state);
    if (is_there) {
        wait_until_quiet();
    }
}

void interrupt_unmask(uint32_t intid)
{
    uint64_t state = lock_take_masked(&interrupts.lock);

    if (is_attached(intid)) {
        let_in(intid, slot_of(intid));
    }
    lock_release_masked(&interrupts.lock, state);
}

void interrupt_detach(uint32_t intid)
{
    struct interrupt_slot *slot = slot_of(intid);
    uint64_t state = lock_take_masked(&interrupts.lock);
    bool is_there = is_attached(intid);

    if (is_there) {
        keep_out(intid, slot);
        __atomic_store_n(&slot->handler, NULL, __ATOMIC_RELAXED);
        __atomic_store_n(&slot->attached, NULL, __ATOMIC_RELAXED);
        if (intid < GIC_BANKED_COUNT) {
            interrupts.banked &= ~(1u << intid);
        }
    }
    lock_release_masked(&interrupts.lock, state);
    if (is_there) {
        wait_until_quiet();
    }
}

/* ---- Settings ---- */

int interrupt_set_priority(uint32_t intid, uint8_t priority)
{
    uint64_t state;
    int error = BG_OK;

    if (!is_attached(intid) || priority > INTERRUPT_PRIORITY_LOWEST) {
        return BG_ERR_INVALID;
    }
    state = lock_take_masked(&interrupts.lock);
    if (is_lpi(intid)) {
        error = its_lpi_set_priority(intid, priority);
    } else {
        gic_set_priority(intid, priority);
    }
    lock_release_masked(&interrupts.lock, state);
    return error;
}

int interrupt_set_cpu(uint32_t intid, uint32_t cpu)
{
    uint64_t state;
    int error;

    if (!is_attached(intid) || intid < GIC_BANKED_COUNT || target_find(intid, &cpu)) {
        return BG_ERR_INVALID;
    }
    state = lock_take_masked(&interrupts.lock);
    error = BG_OK;
    if (is_lpi(intid)) {
        error = its_lpi_set_cpu(intid, cpu);
    } else {
        gic_set_target(intid, cpu);
    }
    lock_release_masked(&interrupts.lock, state);
    return error;
}

int interrupt_set_trigger(uint32_t intid, enum bg_hal_trigger trigger)
{
    uint64_t state;
    bool was_enabled;

    if (!is_attached(intid) || is_lpi(intid) || intid < GIC_SGI_COUNT) {
        return BG_ERR_INVALID;
    }
    state = lock_take_masked(&interrupts.lock);
    was_enabled = gic_is_enabled(intid);
    gic_disable(intid);
    gic_set_edge(intid, trigger == BG_HAL_TRIGGER_EDGE);
    slot_of(intid)->is_edge = trigger == BG_HAL_TRIGGER_EDGE;
    if (was_enabled) {
        gic_enable(intid);
    }
    lock_release_masked(&interrupts.lock, state);
    return BG_OK;
}

int interrupt_set_pending(uint32_t intid, bool pending)
{
    if (!is_attached(intid)) {
        return BG_ERR_INVALID;
    }
    if (!is_lpi(intid)) {
        gic_set_pending(intid, pending);
        return BG_OK;
    }

    uint64_t state = lock_take_masked(&interrupts.lock);
    int error = its_lpi_set_pending(intid, pending);

    lock_release_masked(&interrupts.lock, state);
    return error;
}

bool interrupt_is_pending(uint32_t intid)
{
    return is_attached(intid) && !is_lpi(intid) && gic_is_pending(intid);
}

int interrupt_sgi_send(uint32_t sgi, uint64_t cpus)
{
    uint64_t ready = 0;

    if (sgi >= GIC_SGI_COUNT) {
        return BG_ERR_INVALID;
    }
    for (uint32_t cpu = 0; cpu < machine.cpu_count; cpu++) {
        ready |= (uint64_t)bg_load_acquire32(&interrupt_cpus[cpu].is_ready) << cpu;
    }
    if (cpus & ready) {
        gic_send_sgi(sgi, cpus & ready);
    }
    return BG_OK;
}

/* ---- Sleep ---- */

/*
 * Interrupts are masked from the look at the sequence to the WFI, which a pending interrupt ends
 * all the same: one that comes in between is not lost. It is taken when they are unmasked.
 */
void interrupt_sleep(uint64_t deadline_ns)
{
    struct interrupt_cpu *self = self_get();
    uint64_t state;

    if (interrupt_init_cpu() || !self->has_timer) {
        bg_hal_wait(deadline_ns);
        return;
    }
    state = interrupts_mask();
    if (self->sequence == self->seen) {
        timer_sleep_begin(deadline_ns);
        while (self->sequence == self->seen && !timer_has_passed(deadline_ns)) {
            __asm__ volatile("dsb sy\n\t"
                             "wfi\n\t"
                             "msr daifclr, #2\n\t"
                             "isb\n\t"
                             "msr daifset, #2" ::
                                 : "memory");
        }
        timer_sleep_end();
    }
    self->seen = self->sequence;
    interrupts_restore(state);
}

struct interrupt_statistics interrupt_statistics(uint32_t cpu)
{
    const struct interrupt_cpu *of = &interrupt_cpus[cpu < MACHINE_CPUS_MAX ? cpu : 0];

    return (struct interrupt_statistics){
        .taken = __atomic_load_n(&of->sequence, __ATOMIC_RELAXED) / 2,
        .spurious = __atomic_load_n(&of->spurious, __ATOMIC_RELAXED),
        .unhandled = __atomic_load_n(&of->unhandled, __ATOMIC_RELAXED),
    };
}
