/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Test harness: processes with deadlines, their output, Unix sockets, a temporary directory.
 *
 * Nothing here waits without a deadline. What a test can not go on without (a program that does not
 * start, a deadline that passes) ends in harness_fail(). Processes that are still there when the
 * test ends, however it ends, are killed with their whole process groups.
 *
 * One thread only. Times are milliseconds of the monotonic clock.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Generous: machines are busy, and nobody waits for either unless something is broken. */
#define HARNESS_TIMEOUT_MS 60000u          /* for what should take no time */
#define HARNESS_PROCESS_TIMEOUT_MS 120000u /* a whole process: seconds on an idle machine */

/*
 * Reports a failure of what surrounds the test and does not return. harness_on_failure, when set,
 * is called with the message first, so that a test framework can leave the test by a longjmp
 * (cmocka: a function that calls fail_msg()); else the program ends with "Bail out!".
 */
extern void (*harness_on_failure)(const char *message);
__attribute__((noreturn, format(printf, 1, 2))) void harness_fail(const char *format, ...);

uint64_t harness_now_ms(void);

/* The value of an environment variable, or @fallback. */
const char *harness_setting(const char *name, const char *fallback);

/* $BAREGPU_BUILD/<name> (default build/<name>), to be freed. */
char *harness_build_path(const char *name);

/* A formatted string, to be freed. */
__attribute__((format(printf, 1, 2))) char *harness_format(const char *format, ...);

/* ---- Temporary files: one directory per program, removed with all in it at the end ---- */

/* A short path without spaces, fit for a socket. */
const char *harness_temp_dir(void);
/* A path in it, to be freed. */
char *harness_temp_path(const char *name);

/* A file with just this text. */
__attribute__((format(printf, 2, 3))) void harness_write_file(const char *path, const char *format,
                                                              ...);

/* ---- Processes ---- */

struct process;

struct process_options {
    const char *const *environment; /* "NAME=value" to add, ended by NULL; NULL: nothing */
    unsigned deadline_ms; /* from now, for the whole process; 0: HARNESS_PROCESS_TIMEOUT_MS */
    uid_t uid;            /* not 0: run as this user (only root can) */
};

/* argv ends with NULL; argv[0] is searched in PATH. @options may be NULL. */
struct process *process_start(const char *const *argv, const struct process_options *options);

/* The pipe to its standard input is closed with process_close_input(). */
void process_write(struct process *process, const char *text);
void process_close_input(struct process *process);

pid_t process_pid(const struct process *process);

/* Until it has ended: 0 to 255 is its exit status, a negative value -signal. When its deadline
 * passes it is killed, its output is printed, and harness_fail() is called. */
int process_wait(struct process *process);

/* Like process_wait(), but only looks; false: it still runs. */
bool process_has_ended(struct process *process, int *status);

/* Until its output or its errors contain @text. Fails when it ends without, after
 * HARNESS_TIMEOUT_MS, or at its deadline. */
void process_wait_text(struct process *process, const char *text);

/* What it has printed so far; valid until the next call of the harness. */
const char *process_output(struct process *process); /* standard output */
const char *process_errors(struct process *process); /* standard error */

/* To the process itself. */
void process_signal(struct process *process, int signal_number);

/* Prints both, all of it, for a test that fails: cmocka's own printing cuts. */
void process_show(struct process *process);

/* Kills it and its group if it still runs, and frees it. NULL is allowed. */
void process_end(struct process *process);

/* ---- Sockets ---- */

/* @path is replaced when it exists. */
int unix_listen(const char *path, int backlog);
/* For root: whoever connects sees user HARNESS_NOBODY. */
#define HARNESS_NOBODY 65534
int unix_listen_as_nobody(const char *path);
/* The next connection, or -1 when none comes. */
int unix_accept(int listener, unsigned timeout_ms);
/* Tries until someone listens, or fails. */
int unix_connect(const char *path, unsigned timeout_ms);

/* True when @fd can be read (data, or its end) before the time is over. Also takes the output of
 * all processes meanwhile, so that none of them blocks. */
bool harness_wait_readable(int fd, unsigned timeout_ms);

/* Bytes read: @size, or less when the peer closes first. Fails at the deadline. */
size_t socket_read(int fd, void *data, size_t size, unsigned timeout_ms);
/* False when the peer has closed. */
bool socket_write(int fd, const void *data, size_t size);
/* True when the peer closes, and sends nothing more, before the time is over. */
bool socket_wait_closed(int fd, unsigned timeout_ms);

#endif
