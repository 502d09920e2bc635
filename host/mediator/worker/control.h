/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between the supervisor and one worker, over a Unix SOCK_SEQPACKET pair: one struct,
 * one packet. The supervisor checks what a worker sends: a worker holds a guest's data and may
 * have been taken over.
 *
 * A worker may be older than its supervisor, which took it over: whoever changes a message changes
 * CONTROL_VERSION.
 */
#ifndef MEDIATOR_CONTROL_H
#define MEDIATOR_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "host/mediator/config.h"

#define CONTROL_VERSION 1u

enum control_type {
    /* supervisor to worker */
    CONTROL_START = 1,  /* with the connection's descriptor; once, first */
    CONTROL_ATTACHED,   /* answers ATTACH */
    CONTROL_GRANT,      /* the lease asked for */
    CONTROL_REVOKE,     /* others wait: give the lease back when its quantum is over */
    CONTROL_CHECK,      /* answer with CHECKED */
    CONTROL_QUARANTINE, /* this guest was quarantined, or released */
    CONTROL_DRAIN,      /* finish what was accepted, then end */
    CONTROL_OPENED,     /* answers OPEN, with a descriptor or an error */
    CONTROL_RESUME,     /* of a supervisor that took the worker over: answer with RESUMED */
    /* worker to supervisor */
    CONTROL_ATTACH,  /* the first request's identity */
    CONTROL_ASK,     /* for the lease of the device attached to */
    CONTROL_RELEASE, /* of the lease */
    CONTROL_YIELD,   /* releases the lease and asks for it again */
    CONTROL_CHECKED, /* statistics */
    CONTROL_FAULT,   /* this session hit a fault; the worker ends */
    CONTROL_DETACH,  /* statistics; the worker ends, all is well */
    CONTROL_OPEN,    /* the shared memory that an older pvgpu names; once */
    CONTROL_EXPOSED, /* what this system does not allow of its sandbox, and why */
    CONTROL_RESUMED, /* how things stand: all that was said before has been read */
};

enum control_lease {
    CONTROL_LEASE_NONE,
    CONTROL_LEASE_ASKED,
    CONTROL_LEASE_HELD,
};

struct control_start {
    uint32_t session;
    uint32_t
        outlive_s; /* without a word of a supervisor, until the worker ends; 0: it ends with it */
    uint32_t log_level;
    enum config_listener_device device;
    bool cuda_possible; /* some pool of the listener is on a GPU */
    bool cuda_loose;    /* config.h's cuda_loose */
    bool draws;         /* its guests may, where a device was named that does */
    char listener[CONFIG_NAME_SIZE];
    char checks[CONFIG_CHECKS_SIZE];
    struct config_limits limits;
};

struct control_attached {
    uint32_t status; /* BG_COMPUTE_OK or BG_COMPUTE_INVALID_POOL */
    bool cuda;
    int32_t ordinal; /* of the CUDA device */
    bool quarantined;
    uint32_t tokens; /* of the rate limit, to start with */
};

struct control_attach {
    uint32_t vm_id;
    uint8_t pool_id;
};

/* What the supervisor before this one knew of the worker. Not bool, which any byte is not. */
struct control_resumed {
    uint64_t supervisor; /* that of the RESUME which this answers */
    uint8_t asked;       /* ATTACH was sent, */
    uint8_t answered;    /* and answered, */
    uint8_t placed;      /* with a device */
    uint8_t cuda;        /* which */
    int32_t ordinal;
    struct control_attach attach; /* as it was sent */
    uint32_t lease;               /* enum control_lease */
    uint32_t priority;            /* that it was asked for with */
};

struct control_statistics {
    uint64_t requests; /* answered */
    uint64_t errors;   /* of them, with another status than OK */
    uint64_t memory_used;
    uint64_t bytes_in, bytes_out; /* copied to the device for the guest, and from it */
    uint32_t queued;
    uint32_t tokens; /* left of the rate limit */
};

struct control_message {
    uint32_t type;
    union {
        struct control_start start;
        struct control_attached attached;
        struct control_attach attach;
        struct control_statistics statistics;
        uint32_t priority;   /* ASK, YIELD: enum bg_vgpu_stub_priority */
        bool contended;      /* GRANT: as if REVOKE came with it */
        bool quarantined;    /* QUARANTINE */
        char reason[128];    /* FAULT, EXPOSED: for the log; not necessarily terminated */
        char name[256];      /* OPEN; not necessarily terminated */
        uint64_t supervisor; /* RESUME: which one asks */
        struct control_resumed resumed;
        int32_t error; /* OPENED: an errno; 0: the descriptor comes along */
    };
};

/* Sends one message, with a descriptor when fd >= 0. 0, or -1 with errno. Never blocks. */
int control_send(int socket, const struct control_message *message, int fd);

/* A worker's: without a descriptor. Why it failed is a log line, and nothing follows from it: a
 * supervisor that reads no more is gone, or about to end this worker. */
void control_tell(int socket, const struct control_message *message);

/*
 * Receives one message and its descriptor (-1 when there is none; fd NULL: there must be none).
 * 1, 0 at the end of the stream or after an empty packet, -1 with errno (EAGAIN: none there;
 * EPROTO: not a control message, or with other descriptors, which are closed). Never blocks.
 */
int control_receive(int socket, struct control_message *message, int *fd);

#endif
