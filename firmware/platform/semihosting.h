/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm semihosting (Semihosting for AArch32 and AArch64, version 3): calls to the machine's host.
 * Everything here may be called when there is none: it then fails.
 */
#ifndef FIRMWARE_PLATFORM_SEMIHOSTING_H
#define FIRMWARE_PLATFORM_SEMIHOSTING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds out whether somebody answers, and opens the host's standard output. Needs the vectors:
 * without semihosting HLT is an undefined instruction, and that exception is the answer.
 */
void semihosting_init(void);
bool semihosting_present(void);

/* Writes to the host's standard output. Returns the bytes written. */
size_t semihosting_write(const char *text, size_t size);

/*
 * The host's command line for this program, ended by NUL. Returns its length, or a negative
 * error: TOO_LARGE, or NOT_FOUND where nobody answers or there is none.
 */
int semihosting_command_line(char *buffer, size_t size);

/* Ends the run with an exit status (modulo 256). Returns only if nobody answers. */
void semihosting_exit(int status);

#endif
