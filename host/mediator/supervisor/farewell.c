/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/farewell.h"

#include <sys/socket.h>

#include "host/mediator/stub/mailbox.h"
#include "protocol/pvgpu.h"

/* What a full socket does not take is lost. */
static void send_bytes(int connection, const void *bytes, size_t size)
{
    (void)!send(connection, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_busy(int connection)
{
    static uint8_t bytes[MAILBOX_MESSAGE_MAX], answer[MAILBOX_MESSAGE_MAX];
    struct mailbox_parser parser = {.form = MAILBOX_FORM_UNKNOWN};
    struct mailbox_message message;
    ssize_t length = recv(connection, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (length > 0 &&
        mailbox_parse(&parser, bytes, (size_t)length, true, &message) == MAILBOX_MESSAGE &&
        message.type == BG_VGPU_STUB_MESSAGE_REQUEST) {
        send_bytes(connection, answer,
                   mailbox_build(answer, BG_VGPU_STUB_MESSAGE_BUSY, &message, NULL, 0));
    }
}

void farewell_send(int connection, enum config_listener_device device)
{
    const struct bg_pvgpu_message shutdown = {.type = BG_PVGPU_MESSAGE_SHUTDOWN};

    if (device == CONFIG_LISTENER_PVGPU) {
        send_bytes(connection, &shutdown, sizeof(shutdown));
    } else {
        send_busy(connection);
    }
}
