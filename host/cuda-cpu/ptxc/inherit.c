/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* dl_iterate_phdr */
#include "host/cuda-cpu/ptxc/inherit.h"

#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct search {
    const char *library;
    int memory; /* this process's */
};

/* Linux's fork copies page tables of a file's mapping where one of its pages is the process's own:
 * the first one becomes that by writing to it what is there. Most pages that are mapped now were
 * read to find symbols, and are not worth copying. */
static void inherit_segment(void *address, size_t size, int memory)
{
    ssize_t written;

    madvise(address, size, MADV_DONTNEED);
    written = pwrite(memory, address, 1, (off_t)(uintptr_t)address);
    (void)written; /* no matter */
}

static int look_at(struct dl_phdr_info *info, size_t size, void *context)
{
    const struct search *search = context;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size;
    for (unsigned i = 0; strcmp(info->dlpi_name, search->library) == 0 && i < info->dlpi_phnum;
         i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = (info->dlpi_addr + part->p_vaddr) & ~(page - 1);

        if (part->p_type == PT_LOAD && (part->p_flags & PF_W) == 0) {
            inherit_segment((void *)start, info->dlpi_addr + part->p_vaddr + part->p_memsz - start,
                            search->memory);
        }
    }
    return 0;
}

void inherit_text(const char *library)
{
    struct search search = {library, open("/proc/self/mem", O_RDWR | O_CLOEXEC)};

    if (search.memory >= 0) {
        dl_iterate_phdr(look_at, &search);
        close(search.memory);
    }
}
