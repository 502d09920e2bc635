/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/semihosting.h"

#include <errno.h>
#include <string.h>

#include "baregpu/error.h"
#include "firmware/platform/exception.h"

enum semihosting_operation {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_ERRNO = 0x13,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT = 0x18,
    SYS_EXIT_EXTENDED = 0x20,
};

#define ADP_STOPPED_APPLICATION_EXIT 0x20026
#define OPEN_MODE_R 0
#define OPEN_MODE_W 4

/* The file ":semihosting-features" (2.4 of the specification). */
#define FEATURES_MAGIC "SHFB"
#define FEATURE_EXIT_EXTENDED 0x01

static struct {
    bool present;
    bool exit_extended;
    int stdout_handle;
} semihosting = {.stdout_handle = -1};

static int64_t semihosting_call(enum semihosting_operation operation, const void *block)
{
    register uint64_t x0 __asm__("x0") = operation;
    register uint64_t x1 __asm__("x1") = (uintptr_t)block;

    __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return (int64_t)x0;
}

static void semihosting_probe(void *argument)
{
    (void)argument;
    semihosting_call(SYS_ERRNO, NULL);
}

static int semihosting_open(const char *path, uint64_t mode)
{
    uint64_t block[3] = {(uintptr_t)path, mode, strlen(path)};

    return (int)semihosting_call(SYS_OPEN, block);
}

/* SYS_WRITE and SYS_READ return the bytes they did not handle. */
static int64_t semihosting_transfer(enum semihosting_operation operation, int handle,
                                    const void *data, size_t size)
{
    uint64_t block[3] = {(uint64_t)handle, (uintptr_t)data, size};
    int64_t left = semihosting_call(operation, block);

    return left < 0 || (uint64_t)left > size ? BG_ERR_IO : (int64_t)size - left;
}

static void semihosting_close(int handle)
{
    uint64_t block[1] = {(uint64_t)handle};

    semihosting_call(SYS_CLOSE, block);
}

static bool semihosting_has_exit_extended(void)
{
    uint8_t features[5] = {0};
    int handle = semihosting_open(":semihosting-features", OPEN_MODE_R);

    if (handle < 0) {
        return false;
    }
    semihosting_transfer(SYS_READ, handle, features, sizeof(features));
    semihosting_close(handle);
    return !memcmp(features, FEATURES_MAGIC, 4) && (features[4] & FEATURE_EXIT_EXTENDED);
}

void semihosting_init(void)
{
    struct exception_record record;

    if (exception_probe(semihosting_probe, NULL, &record)) {
        return;
    }
    semihosting.present = true;
    semihosting.exit_extended = semihosting_has_exit_extended();
    semihosting.stdout_handle = semihosting_open(":tt", OPEN_MODE_W);
}

bool semihosting_present(void)
{
    return semihosting.present;
}

size_t semihosting_write(const char *text, size_t size)
{
    int64_t written;

    if (!semihosting.present || semihosting.stdout_handle < 0) {
        return 0;
    }
    written = semihosting_transfer(SYS_WRITE, semihosting.stdout_handle, text, size);
    return written < 0 ? 0 : (size_t)written;
}

int semihosting_command_line(char *buffer, size_t size)
{
    uint64_t block[2] = {(uintptr_t)buffer, size};

    if (!semihosting.present) {
        return BG_ERR_NOT_FOUND;
    }
    if (semihosting_call(SYS_GET_CMDLINE, block) != 0) {
        return semihosting_call(SYS_ERRNO, NULL) == E2BIG ? BG_ERR_TOO_LARGE : BG_ERR_NOT_FOUND;
    }
    if (block[1] >= size) {
        return BG_ERR_TOO_LARGE;
    }
    buffer[block[1]] = '\0';
    return (int)block[1];
}

void semihosting_exit(int status)
{
    uint64_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, (uint64_t)(unsigned)status};

    if (!semihosting.present) {
        return;
    }
    if (semihosting.exit_extended) {
        semihosting_call(SYS_EXIT_EXTENDED, block);
    }
    /* In AArch64 SYS_EXIT takes the same block. */
    semihosting_call(SYS_EXIT, block);
}
