/* SPDX-License-Identifier: BSD-2-Clause */
/* The system calls that newlib's stdio and exit need. There are no files: only the console. */
#include <errno.h>
#include <stdbool.h>
#include <sys/lock.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "baregpu/hal.h"
#include "firmware/platform/console.h"
#include "firmware/platform/exception.h"
#include "firmware/platform/power.h"

int _write(int file, const char *text, int size);
int _read(int file, char *text, int size);
int _close(int file);
int _fstat(int file, struct stat *status);
int _isatty(int file);
off_t _lseek(int file, off_t offset, int whence);
int _kill(int process, int signal);
int _getpid(void);
int _gettimeofday(struct timeval *time, void *zone);
void *_sbrk(ptrdiff_t increment);
void __assert_func(const char *file, int line, const char *function, const char *expression);

static bool is_console(int file)
{
    return file >= STDIN_FILENO && file <= STDERR_FILENO;
}

/* One write at a time: standard output and standard error are streams with a lock each. What the
 * mirror prints comes back here. */
__LOCK_INIT_RECURSIVE(static, console_lock);

int _write(int file, const char *text, int size)
{
    if (!is_console(file) || size < 0) {
        errno = EBADF;
        return -1;
    }
    __lock_acquire_recursive(console_lock);
    console_write(text, (size_t)size);
    console_write_mirror(text, (size_t)size);
    __lock_release_recursive(console_lock);
    return size;
}

int _read(int file, char *text, int size)
{
    (void)file;
    (void)text;
    (void)size;
    return 0; /* the end of the file: nobody types */
}

int _close(int file)
{
    (void)file;
    return 0;
}

int _fstat(int file, struct stat *status)
{
    if (!is_console(file)) {
        errno = EBADF;
        return -1;
    }
    *status = (struct stat){.st_mode = S_IFCHR, .st_blksize = 1024};
    return 0;
}

int _isatty(int file)
{
    return is_console(file);
}

off_t _lseek(int file, off_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    errno = ESPIPE;
    return -1;
}

int _kill(int process, int signal)
{
    (void)process;
    panic_detail("abort: signal", (uint64_t)signal);
}

int _getpid(void)
{
    return 1;
}

/* Since boot: there is no calendar here. */
int _gettimeofday(struct timeval *time, void *zone)
{
    uint64_t now_ns = bg_hal_time_ns();

    (void)zone;
    time->tv_sec = (time_t)(now_ns / 1000000000);
    time->tv_usec = (suseconds_t)(now_ns % 1000000000 / 1000);
    return 0;
}

/* malloc is our own (memory/malloc.c): whoever gets here linked the wrong one. */
void *_sbrk(ptrdiff_t increment)
{
    (void)increment;
    panic("sbrk is not used here");
}

void _exit(int status)
{
    power_exit(status);
}

void __assert_func(const char *file, int line, const char *function, const char *expression)
{
    console_print("\nassertion failed: %s\n  %s:%u%s%s", expression, file, (unsigned)line,
                  function != NULL ? ", " : "", function != NULL ? function : "");
    panic("assertion failed");
}
