/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which devices a driver has. It is loaded in a child process only: it starts threads, opens
 * devices, and can hang or crash, none of which the supervisor may suffer.
 */
#ifndef MEDIATOR_PROBE_H
#define MEDIATOR_PROBE_H

#include <stdint.h>

#define PROBE_ARGUMENT "--internal-probe"
#define PROBE_DEVICES 16
#define PROBE_REASON_SIZE 160
#define PROBE_PATH_SIZE 512
#define PROBE_NAME_SIZE 64
#define PROBE_UUID_SIZE 41

struct probe {
    int count;                      /* of devices */
    char reason[PROBE_REASON_SIZE]; /* why there are none */
    char path[PROBE_PATH_SIZE];     /* of the driver's library */
    int version;                    /* of its interface: 13000 is CUDA 13.0 */
    /* The first ones'; a driver that is too old for UUIDs has none, and they are empty. */
    char names[PROBE_DEVICES][PROBE_NAME_SIZE];
    char uuids[PROBE_DEVICES][PROBE_UUID_SIZE]; /* as nvidia-smi has them: "GPU-..." */
    uint64_t memory[PROBE_DEVICES];             /* bytes */
};

/* `driver` as in worker/device.h, the folder as in cuda_driver.h. Waits for the child. That of the
 * CPU has the mediator's kernels compiled when this returns, and in its cache, so that no worker
 * compiles them. */
void probe_run(const char *driver, int device_folder, struct probe *probe);

/* The child. Its exit status. `find_drawing` fills in a Vulkan device, or why there is none. */
int probe_main(const char *driver, void (*find_drawing)(const char *wanted, struct probe *probe));

#endif
