/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens on an exception at EL1: a report and the end of the run with EXCEPTION_EXIT_STATUS,
 * unless a probe expects it.
 */
#ifndef FIRMWARE_PLATFORM_EXCEPTION_H
#define FIRMWARE_PLATFORM_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

#define EXCEPTION_EXIT_STATUS 124

/* As vectors.S stores it. */
struct exception_frame {
    uint64_t x[31];
    uint64_t sp;
    uint64_t elr;
    uint64_t spsr;
    uint64_t esr;
    uint64_t far;
};

_Static_assert(sizeof(struct exception_frame) == 288, "vectors.S: FRAME_SIZE");

struct exception_record {
    uint64_t esr;
    uint64_t far;
    uint64_t elr;
};

#define EXCEPTION_CLASS(esr) ((unsigned)((esr) >> 26 & 0x3f))
#define EXCEPTION_CLASS_UNKNOWN 0x00
#define EXCEPTION_CLASS_SVC 0x15
#define EXCEPTION_CLASS_INSTRUCTION 0x21 /* instruction abort, same level */
#define EXCEPTION_CLASS_PC_ALIGNMENT 0x22
#define EXCEPTION_CLASS_DATA 0x25 /* data abort, same level */
#define EXCEPTION_CLASS_BRK 0x3c

#define EXCEPTION_FAULT_STATUS(esr) ((unsigned)((esr) & 0x3f))
#define EXCEPTION_IS_WRITE(esr) ((esr) >> 6 & 1)

/* A call that may end in an exception: for exception.c and vectors.S. */
struct exception_probe {
    uint64_t registers[21]; /* as exception_probe_call stores them */
    struct exception_probe *outer;
    struct exception_record *record;
};

/*
 * Calls function(argument). Returns true if it ended in a synchronous exception, described in
 * *record; what it had begun stays half done. Probes nest; each CPU has its own.
 */
bool exception_probe(void (*function)(void *), void *argument, struct exception_record *record);

/*
 * Ends the run with a message and a backtrace, for bugs of our own: "panic: <what>: <detail>".
 * Needs no heap, no printf. Callable from anywhere.
 */
void panic(const char *what) __attribute__((noreturn));
void panic_detail(const char *what, uint64_t detail) __attribute__((noreturn));

/* "data abort" and so on, never NULL. */
const char *exception_class_name(uint64_t esr);
/* "translation fault, level 3" and so on; NULL where the class has no fault status. */
const char *exception_fault_name(uint64_t esr);

#endif
