/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a run. */
#ifndef PLATFORM_POWER_H
#define PLATFORM_POWER_H

/*
 * Ends the run: with the exit status over semihosting, else by switching the machine off (the
 * status is then the last line on the console), else by stopping this CPU. Callable from anywhere.
 */
void power_exit(int status) __attribute__((noreturn));

/*
 * Starts the machine anew, from boot.S on; memory keeps what it holds but for the image, devices
 * are reset. Where there is no way to do that it says so and stops. From any CPU.
 */
void power_reset(void) __attribute__((noreturn));

#endif
