/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI Express hot-plug slots: what is plugged in while the kernel runs is listed and gets its
 * addresses, what is asked for is let go.
 *
 *     bg_pci_slot_open(&slot, host, port)          a root port or downstream port with such a slot
 *     bg_pci_slot_poll(&slot)                      now and then, or when its interrupt says so:
 *       BG_PCI_SLOT_CHANGED, is occupied           bg_pci_slot_plug: its functions are in the
 * host's list BG_PCI_SLOT_BUTTON, is occupied            somebody wants it out: the drivers close
 * it, then bg_pci_slot_unplug
 *
 * Sections are those of the PCI Express Base Specification 5.0. The caller owns struct bg_pci_slot.
 * Calls are not for interrupt handlers, but for bg_pci_slot_has_events, and not reentrant for one
 * host, as those of baregpu/pci_ecam.h.
 */
#ifndef BAREGPU_PCI_HOTPLUG_H
#define BAREGPU_PCI_HOTPLUG_H

#include "baregpu/pci_ecam.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* Private, but for `number`. */
struct bg_pci_slot {
    struct bg_pci_host *host;
    struct bg_pci_device *port;
    uint16_t number;     /* as it is written on the box (7.5.3.9) */
    uint16_t capability; /* its offset in the port */
    uint32_t capabilities;
    bool has_link_state;
};

/* The next port behind `after` (NULL: from the start) with a hot-plug slot; NULL: none. */
struct bg_pci_device *bg_pci_slot_find(const struct bg_pci_host *host,
                                       const struct bg_pci_device *after);

/* Turns the slot's events on, not its interrupt. What happened before is an event, too. NOT_FOUND:
 * the port has no hot-plug slot. UNSUPPORTED: the host's functions are adopted. `host` and `port`
 * are used as long as the slot is. */
int bg_pci_slot_open(struct bg_pci_slot *slot, struct bg_pci_host *host,
                     struct bg_pci_device *port);

#define BG_PCI_SLOT_CHANGED 1 /* something came or went */
#define BG_PCI_SLOT_BUTTON 2  /* the attention button: unplug it, or plug it in */

/* What has happened since the last call, which is then forgotten: PCI_SLOT_* bits, 0; UNAVAILABLE:
 * the port itself is gone. */
int bg_pci_slot_poll(struct bg_pci_slot *slot);

bool bg_pci_slot_is_occupied(const struct bg_pci_slot *slot);

/*
 * Takes in what is in the slot: turns its power on, waits until it answers, lists its functions in
 * host->config.devices and gives them addresses, as bg_pci_host_enumerate does. Bridges in there
 * get no bus behind them. Addresses come from what is left where the port is; pointers to other
 * devices stay valid. Returns how many functions there are; NOT_FOUND (it is empty), BUSY (what
 * was in there is still listed), TIMEOUT (it does not answer; its power is off again).
 */
int bg_pci_slot_plug(struct bg_pci_slot *slot, uint64_t deadline_ns);

/*
 * Lets it go. Its drivers are closed, its interrupts given back. Its functions leave the list: the
 * pointers to them are dead. Its power is turned off: it may be taken out. Also for what has been
 * taken out without a word. TIMEOUT: the slot does not carry the command out.
 */
int bg_pci_slot_unplug(struct bg_pci_slot *slot, uint64_t deadline_ns);

/* ---- Its interrupt, which is one of the port's (6.7.3.4): opened by bg_pci_interrupt_open, whose
 * first message it is ---- */

/* Whether events interrupt. */
void bg_pci_slot_set_interrupt(struct bg_pci_slot *slot, bool is_on);

/* Something is there for bg_pci_slot_poll. Callable from an interrupt handler. */
bool bg_pci_slot_has_events(const struct bg_pci_slot *slot);

BG_END_DECLS

#endif
