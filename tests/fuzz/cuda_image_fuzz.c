/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/cuda-cpu/device/image.c host/cuda-cpu/device/places.c host/cuda-cpu/device/relocation.c
/*
 * Any bytes as the object file that the compiler's process sends. Held: it is linked, or refused,
 * without a byte read or written outside; the code is not run.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/kernel.h"
#include "host/cuda-cpu/device/image.h"
#include "host/cuda-cpu/device/places.h"
#include "tests/fuzz/input.h"

static void link_for(unsigned machine, const uint8_t *data, size_t size)
{
    char reason[IMAGE_REASON_SIZE] = "";
    struct image *image = image_link(data, size, machine, reason);
    struct places places;
    const void *bytes;
    size_t length;

    CHECK((image == NULL) == (reason[0] != '\0'));
    if (image != NULL) {
        image_function(image, KERNEL_SYMBOL);
        bytes = image_data(image, KERNEL_PLACES, &length);
        if (bytes != NULL) {
            places_read(&places, bytes, length);
        }
        image_unload(image);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    link_for(EM_X86_64, data, size);
    link_for(EM_AARCH64, data, size);
    return 0;
}
