/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Test harness, second part: QEMU under qtest and QMP, the mediator, guests.
 *
 * Command lines are printf formats, cut into words at spaces. The programs are those of
 * $BAREGPU_BUILD; BAREGPU_QEMU names another qemu-system-aarch64. BAREGPU_TARGET (x86_64, riscv64)
 * has qtests run on that target's machine.
 */
#ifndef TESTS_HARNESS_QEMU_H
#define TESTS_HARNESS_QEMU_H

#include <jansson.h>

#include "harness.h"

/* ---- QEMU ---- */

struct qemu {
    struct process *process;
    int qtest; /* descriptor, or -1 */
    int qmp;
    json_t *events;                /* array of those that came and were not waited for */
    char *qtest_input, *qmp_input; /* what was read and not used */
};

/* Path of build/qemu/qemu-system-<target>, to be freed; NULL when it is not built. */
char *qemu_path(const char *target);

/* A machine on which devices are tested: what qtest has to know of it. */
struct qtest_machine {
    const char *target, *words;  /* "aarch64", "-M virt ..." */
    uint64_t ecam, mem32, mem64; /* of PCI; mem32 of 256 MiB and more, mem64 of 16 GiB */
    uint64_t ram;
    uint64_t mmio, mmio_size; /* its first virtio-mmio transport; 0: it has none */
};

/* -M virt of aarch64, or $BAREGPU_TARGET's: q35, or virt of riscv64. */
const struct qtest_machine *qtest_machine(void);
bool qtest_is_aarch64(void);
/* Makes the machine's configuration space appear, at the start and after each reset. */
void qtest_enable_ecam(struct qemu *qemu);

/* The machine above under "-accel qtest" and nothing else, with qtest and QMP. The device is found
 * on bus 0 from slot 1 on. Does not return before QEMU answers on both. */
__attribute__((format(printf, 1, 2))) struct qemu *qemu_start_qtest(const char *format, ...);

/* QEMU with nothing but what is given (and -display none, -nodefaults): to see it fail. */
__attribute__((format(printf, 1, 2))) struct process *qemu_start_plain(const char *format, ...);

/* Ends it; NULL is allowed. */
void qemu_end(struct qemu *qemu);

/* ---- qtest: memory and time ---- */

uint64_t qtest_read(struct qemu *qemu, unsigned size, uint64_t address); /* 1, 2, 4, 8 bytes */
void qtest_write(struct qemu *qemu, unsigned size, uint64_t address, uint64_t value);
void qtest_read_block(struct qemu *qemu, uint64_t address, void *data, size_t size);
void qtest_write_block(struct qemu *qemu, uint64_t address, const void *data, size_t size);
/* Virtual time goes on by this; timers that are due run before it returns. */
void qtest_clock_step_ns(struct qemu *qemu, uint64_t ns);

/* ---- PCI, through ECAM ---- */

#define PCI_MEM32_BASE (qtest_machine()->mem32)

uint64_t pci_config_address(unsigned bus, unsigned device, unsigned function, unsigned offset);

/* ---- QMP ---- */

/* The "return" value, to be decref'd; fails when QEMU answers with an error. @arguments is a
 * json_pack() format with its values, or NULL. */
json_t *qmp_command(struct qemu *qemu, const char *command, const char *arguments, ...);
/* The same, but returns the whole reply, with "return" or "error". */
json_t *qmp_try_command(struct qemu *qemu, const char *command, const char *arguments, ...);
/* The next event of this name, also one that has come already. To be decref'd. */
json_t *qmp_wait_event(struct qemu *qemu, const char *name, unsigned timeout_ms);
/* A property of an object, as integer (booleans: 0 and 1). */
int64_t qmp_get_integer(struct qemu *qemu, const char *path, const char *property);

/* ---- Mediator ---- */

/* build/host/baregpu-mediator with these words; returns when it says READY=1 (sd_notify). */
__attribute__((format(printf, 1, 2))) struct process *mediator_start(const char *format, ...);

/* Its children, whichever of its threads started them; how many, at most `max`. */
size_t mediator_workers(struct process *mediator, pid_t *workers, size_t max);

/* That one of its children that serves metrics. */
pid_t mediator_exporter(struct process *mediator);

/* ---- Guest ---- */

/*
 * The image that has the program which @append names: the guest's tests and benchmarks are in
 * $BAREGPU_BUILD/firmware/baregpu-test, all else is in the product's. @format: "elf" or "img". To
 * be freed.
 */
char *harness_guest_image(const char *append, const char *format);

struct guest_options {
    const char *machine;   /* NULL: "virt" */
    const char *cpu;       /* NULL: "max" */
    const char *memory;    /* NULL: "256M" */
    const char *kernel;    /* NULL: harness_guest_image(append, "elf") */
    const char *append;    /* NULL: nothing */
    const char *arguments; /* further words, cut at spaces; NULL: nothing */
    unsigned deadline_ms;  /* 0: HARNESS_PROCESS_TIMEOUT_MS */
};

/* Its exit status is the guest's; output is the serial line, errors the rest. */
struct process *guest_start(const struct guest_options *options);

/* Runs to the end: the exit status; *output (when not NULL) is output and errors, to be freed. */
int guest_run(const struct guest_options *options, char **output);

#endif
