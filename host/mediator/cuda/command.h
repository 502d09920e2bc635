/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of protocol/cuda_command.h, whoever carried them: checked, and given to the driver.
 *
 * A new command is a row of command.c's table and the function that it names, which gets a call
 * whose parameters have the size that the row says and are a private copy. What it gives back is
 * the guest's CUresult.
 */
#ifndef MEDIATOR_CUDA_COMMAND_H
#define MEDIATOR_CUDA_COMMAND_H

#include "host/mediator/cuda/carrier.h"
#include "host/mediator/cuda/session.h"

struct cuda_call {
    struct cuda_session *cuda;
    const void *params;
    size_t params_size; /* bytes */
    /* The carrier's, or what was staged. The guest may change it meanwhile. */
    const uint8_t *data;
    uint64_t data_size;
    struct operation *operation; /* where the answer goes */
    uint64_t answer_size;        /* all of it, of which the carrier may have a part */
};

/* The answer: what the carrier has no room for is kept for BG_CUDA_ANSWER. */
CUresult cuda_answer(struct cuda_call *call, const void *bytes, uint64_t size);

/* The same, written in place: where, or NULL without memory; then what becomes of it. */
uint8_t *cuda_answer_begin(struct cuda_call *call, uint64_t size);
void cuda_answer_end(struct cuda_call *call, uint64_t size);

/* ---- The commands, by file ---- */

#define CUDA_COMMAND(name) CUresult name(struct cuda_session *cuda, struct cuda_call *call)

/* box.c */
CUDA_COMMAND(cuda_run_copy_box);
/* copy.c */
/* Counts what goes between the guest and the device: kinds of places, as BG_CUDA_PLACE_*. */
void cuda_count_copy(const struct cuda_session *cuda, uint32_t from, uint32_t to, uint64_t size);
CUDA_COMMAND(cuda_run_copy);
/* event.c */
CUDA_COMMAND(cuda_run_event_create);
CUDA_COMMAND(cuda_run_event_destroy);
CUDA_COMMAND(cuda_run_event_record);
CUDA_COMMAND(cuda_run_event_elapsed);
CUDA_COMMAND(cuda_run_event_sync);
CUDA_COMMAND(cuda_run_event_query);
CUDA_COMMAND(cuda_run_stream_wait);
/* fill.c */
CUDA_COMMAND(cuda_run_fill);
/* function.c */
CUDA_COMMAND(cuda_run_function_set);
CUDA_COMMAND(cuda_run_occupancy);
CUDA_COMMAND(cuda_run_limit_get);
CUDA_COMMAND(cuda_run_limit_set);
/* graph.c */
CUDA_COMMAND(cuda_run_graph_create);
CUDA_COMMAND(cuda_run_graph_update);
CUDA_COMMAND(cuda_run_graph_launch);
CUDA_COMMAND(cuda_run_graph_destroy);
/* array.c, texture.c */
CUDA_COMMAND(cuda_run_array_create);
CUDA_COMMAND(cuda_run_array_destroy);
CUDA_COMMAND(cuda_run_texture_create);
CUDA_COMMAND(cuda_run_texture_destroy);
CUDA_COMMAND(cuda_run_surface_create);
CUDA_COMMAND(cuda_run_surface_destroy);
/* launch.c */
CUDA_COMMAND(cuda_run_launch);
/* print.c */
CUDA_COMMAND(cuda_run_print);
/* memory.c */
CUDA_COMMAND(cuda_run_memory_alloc);
CUDA_COMMAND(cuda_run_memory_free);
CUDA_COMMAND(cuda_run_memory_info);
/* link.c */
CUDA_COMMAND(cuda_run_link);
/* module.c */
CUDA_COMMAND(cuda_run_module_load);
CUDA_COMMAND(cuda_run_module_unload);
CUDA_COMMAND(cuda_run_module_global);
/* stream.c */
CUDA_COMMAND(cuda_run_stream_create);
CUDA_COMMAND(cuda_run_stream_destroy);
CUDA_COMMAND(cuda_run_stream_mark);
CUDA_COMMAND(cuda_run_stream_host);
CUDA_COMMAND(cuda_run_stream_sync);
CUDA_COMMAND(cuda_run_stream_query);
/* value.c */
CUDA_COMMAND(cuda_run_stream_write);
CUDA_COMMAND(cuda_run_stream_watch);
/* blas.c */
CUDA_COMMAND(cuda_run_blas);
/* No stream has work any more. */
void cuda_blas_destroy(struct cuda_session *cuda);

#endif
