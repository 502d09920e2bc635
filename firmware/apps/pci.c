/* SPDX-License-Identifier: BSD-2-Clause */
/* run=pci: what is on the bus. */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"

#include <stdio.h>

static int run_pci(void)
{
    struct bg_pci_host *host = machine_pci();

    if (host == NULL) {
        return 1;
    }
    bg_pci_list_tree(host, machine_pci_print, NULL);
    printf("\n");
    bg_pci_list_verbose(host, machine_pci_print, NULL);
    printf("\n%u functions, %u problems\n", (unsigned)host->device_count, host->problem_count);
    return host->problem_count == 0 ? 0 : 1;
}

APP(pci, "lists the PCI bus: tree, windows, BARs, capabilities", run_pci, "");
