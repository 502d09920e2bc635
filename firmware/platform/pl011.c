/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/console.h"

#include "baregpu/mmio.h"

#define UARTDR 0x000
#define UARTFR 0x018
#define UARTLCR_H 0x02c
#define UARTCR 0x030
#define UARTIMSC 0x038

#define UARTFR_RXFE (1u << 4)
#define UARTFR_TXFF (1u << 5)
#define UARTLCR_H_FEN (1u << 4)
#define UARTLCR_H_WLEN8 (3u << 5)
#define UARTCR_UARTEN (1u << 0)
#define UARTCR_TXE (1u << 8)
#define UARTCR_RXE (1u << 9)

/* A FIFO that stays full this long has nobody at its end: the character is dropped. */
#define PL011_POLLS_MAX 1000000

static void *pl011_base;

void pl011_init(uintptr_t base)
{
    void *uart = (void *)base;

    /* The line control register may only change while the UART is off (DDI 0183, 3.3.8). */
    bg_mmio_write32(uart, UARTCR, 0);
    bg_mmio_write32(uart, UARTIMSC, 0);
    bg_mmio_write32(uart, UARTLCR_H, UARTLCR_H_FEN | UARTLCR_H_WLEN8);
    bg_mmio_write32(uart, UARTCR, UARTCR_UARTEN | UARTCR_TXE | UARTCR_RXE);
    pl011_base = uart;
}

static void pl011_put(char c)
{
    for (uint32_t polls = 0; polls < PL011_POLLS_MAX; polls++) {
        if (!(bg_mmio_read32(pl011_base, UARTFR) & UARTFR_TXFF)) {
            bg_mmio_write32(pl011_base, UARTDR, (uint8_t)c);
            return;
        }
    }
}

void pl011_write(const char *text, size_t size)
{
    if (pl011_base == NULL) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            pl011_put('\r');
        }
        pl011_put(text[i]);
    }
}

bool pl011_read(char *c)
{
    if (pl011_base == NULL || (bg_mmio_read32(pl011_base, UARTFR) & UARTFR_RXFE)) {
        return false;
    }
    *c = (char)bg_mmio_read32(pl011_base, UARTDR);
    return true;
}
