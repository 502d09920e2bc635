/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of make bench (baregpu_bench.c), for the files that fill them. */
#ifndef TESTS_BENCH_ROWS_H
#define TESTS_BENCH_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define ROUNDS 3 /* the median of them counts: machines are noisy */

enum better { LESS_IS_BETTER, MORE_IS_BETTER };

struct bench_row {
    const char *name;
    double value;
    const char *unit;
    const char *reference; /* what it is held against, or why there is nothing */
    double reference_value;
    enum better better;
    double goal; /* the ratio's largest good value; 0: none, the row is for reading */
    bool has_no_value, has_no_reference; /* null in the row, and the ratio too */
};

/* Prints the row and appends it. Returns it, for further members; it belongs to the list. */
json_t *add_row_of(const struct bench_row *in);

void add_row(const char *name, double value, const char *unit, const char *reference,
             double reference_value, enum better better, double goal);

/* Sorts them. */
double median(double *values, size_t count);

/* The member `key` of the JSON object named `name` in a line of `output`; fails when there is
 * none. */
double find_figure(const char *output, const char *name, const char *key);

/* Runs a tool of the build; its output, to be freed. */
char *run_tool(const char *name, const char *const *arguments);

/* What `measure` finds at `socket` while a process of its own does `work` at `work_socket`, over
 * and over. */
double measure_beside(double (*measure)(const char *), const char *socket,
                      void (*work)(const char *), const char *work_socket);

struct guest_options;

/* Runs a guest, which must end well; its output, to be freed. */
char *run_guest_to_end(const struct guest_options *options);

struct syscalls;

/* A row of the system calls that a request needs, beside the fewest there can be. What depends on
 * the machine is printed below it, and in the row's members. */
void add_syscalls_row(const char *name, const struct syscalls *calls, const char *fewest,
                      double fewest_count);

/* pvgpu_rows.c: bytes per second of up to 15 copies of `size` bytes, between memory that has been
 * touched. */
double memcpy_rate(size_t size, int count);

/* virtio_rows.c: virtqueues, screens, boot to the first pixel. */
void bench_virtio(void);
/* interrupt_rows.c: waiting by interrupt beside polling, the way to a handler and back. */
void bench_interrupts(void);

/* smp_rows.c: N queues on N CPUs. */
void bench_smp(void);

/* connect_rows.c: requests beside a guest that connects and leaves. */
void bench_connect(void);

/* metrics_rows.c: requests while metrics are scraped. */
void bench_metrics(void);

/* pvgpu_rows.c: fences, commands, copies and frames of a pvgpu. */
void bench_pvgpu(void);

/* draw_rows.c: what a pvgpu's guest draws. */
void bench_pvgpu_draw(void);

/* cuda_rows.c: a guest's CUDA. */
void bench_cuda(void);

/* sst_rows.c: simulated accelerators. */
void bench_sst(void);

/* ptx_rows.c: kernels of PTX on the CPU device. */
void bench_ptx(void);

#endif
