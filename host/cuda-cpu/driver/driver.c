/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/driver.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/cuda-cpu/device/pool.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/extension.h"
#include "host/cuda-cpu/driver/fatbin.h"
#include "host/cuda-cpu/driver/mempool.h"
#include "host/cuda-cpu/driver/task.h"
#include "host/cuda-cpu/program/cache.h"
#include "host/cuda-cpu/ptxc/compiler.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct driver_settings settings;
static bool initialised;
_Thread_local CUstream driver_default_stream = CU_STREAM_LEGACY;
static _Thread_local bool forbidden;
static struct pool *pool;

void driver_lock(void)
{
    pthread_mutex_lock(&lock);
}

void driver_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void driver_wait(pthread_cond_t *condition)
{
    pthread_cond_wait(condition, &lock);
}

uint64_t driver_thread(void)
{
    static uint64_t last;
    static _Thread_local uint64_t number;

    if (number == 0) {
        number = ++last;
    }
    return number;
}

/* ---- Settings ---- */

static uint64_t setting(const char *name, uint64_t fallback, uint64_t maximum)
{
    const char *text = getenv(name);
    uint64_t value;
    char *end;

    if (text == NULL) {
        return fallback;
    }
    value = strtoull(text, &end, 0);
    return end != text && *end == '\0' && value <= maximum ? value : fallback;
}

static bool is_set(const char *name, const char *value)
{
    const char *text = getenv(name);

    return text != NULL && strcmp(text, value) == 0;
}

static unsigned processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* Three quarters of the machine's. */
static uint64_t default_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGE_SIZE) / 4 * 3;
}

/* Again by each cuInit. What threads look at without the lock is not touched when it is the same.
 */
static void read_settings(void)
{
    const struct driver_settings now = {
        .threads = (unsigned)setting("BAREGPU_CUDA_THREADS", processors(), 1024),
        .arch = (unsigned)setting("BAREGPU_CUDA_ARCH", 90, 999),
        .memory = setting("BAREGPU_CUDA_MEMORY", default_memory(), UINT64_MAX),
        .schedule = setting("BAREGPU_CUDA_SCHEDULE", 0, UINT64_MAX),
        .time_limit_ms = setting("BAREGPU_CUDA_TIME_LIMIT", 0, UINT64_C(1) << 40),
        .quiet = setting("BAREGPU_CUDA_QUIET", 0, 1) != 0,
        .is_eager = is_set("CUDA_MODULE_LOADING", "EAGER"),
    };

    if (memcmp(&settings, &now, sizeof(now)) != 0) {
        settings = now;
    }
}

static void prepare_compiler(void)
{
    char text[256];
    struct ptx_log log;

    ptx_log_init(&log, text, sizeof(text));
    cache_open_default();
    if (is_set("BAREGPU_CUDA_SEALED", "1") && !compiler_start(&log)) {
        driver_say("%s", text);
    }
}

const struct driver_settings *driver_settings(void)
{
    return &settings;
}

struct pool *driver_pool(void)
{
    if (pool == NULL) {
        pool = pool_create(settings.threads > 1 ? settings.threads - 1 : 0);
    }
    return pool;
}

/* ---- What is said ---- */

static struct cuda_cpu_host host;

void cudaCpuSetHost(const struct cuda_cpu_host *new_host)
{
    host = *new_host;
    compiler_on_wait(host.compiling, host.context);
}

bool driver_has_host(void)
{
    return host.say != NULL;
}

void driver_print(const char *text, size_t length)
{
    if (host.say != NULL) {
        host.say(host.context, text, length);
    } else {
        fwrite(text, 1, length, stdout);
        fflush(stdout);
    }
}

void driver_say(const char *format, ...)
{
    char text[1024], line[1040];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    snprintf(line, sizeof(line), "cuda: %s\n", text);
    if (host.say != NULL) {
        host.say(host.context, line, strlen(line));
    } else if (!settings.quiet) {
        fputs(line, stderr);
    }
}

/* ---- Calls ---- */

CUresult cuInit(unsigned flags)
{
    if (flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    driver_lock();
    read_settings();
    if (!initialised) {
        fatbin_prepare();
        prepare_compiler();
        initialised = true;
    } else if (is_set("BAREGPU_CUDA_CACHE", "0")) {
        cache_close(); /* for who goes on with what others must not learn of */
    }
    driver_unlock();
    return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version)
{
    if (version == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *version = CUDA_VERSION;
    return CUDA_SUCCESS;
}

void driver_forbid(bool is_forbidden)
{
    forbidden = is_forbidden;
}

CUresult driver_enter(void)
{
    driver_lock();
    if (forbidden) {
        return CUDA_ERROR_NOT_PERMITTED;
    }
    return initialised ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
}

CUresult driver_enter_context(struct context **context)
{
    CUresult result = driver_enter();

    if (result == CUDA_SUCCESS) {
        result = context_current(context);
    }
    if (result == CUDA_SUCCESS && (*context)->error != CUDA_SUCCESS) {
        print_flush(*context); /* what was printed before, or an assertion's words */
        result = (*context)->error;
    }
    return result;
}

CUresult driver_yield(CUresult result)
{
    if (result == CUDA_ERROR_NOT_READY) {
        sched_yield();
    }
    return result;
}

/* When the library goes, so do its threads, in the middle of kernels if need be. */
__attribute__((destructor)) static void close_driver(void)
{
    driver_lock();
    context_stop_all();
    task_stop_workers();
    mempool_close();
    if (pool != NULL) {
        pool_destroy(pool);
        pool = NULL;
    }
    driver_unlock();
}
