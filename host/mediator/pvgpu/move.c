/* SPDX-License-Identifier: BSD-2-Clause */
/* A session moves: from the memory renderer, where it begins, to the one that draws, and back. */
#include "host/mediator/pvgpu/context.h"

static const struct pvgpu_renderer_ops *drawing_of(const struct pvgpu_context *context)
{
    return context->drawing->ops;
}

/* ---- All resources ---- */

typedef struct pvgpu_outcome step_fn(struct pvgpu_context *context,
                                     struct pvgpu_resource *resource);

/* Those with an id, and those that views alone have; some come more than once. Up to the first
 * failure. */
static struct pvgpu_outcome each_resource(struct pvgpu_context *context, step_fn *step)
{
    struct pvgpu_outcome outcome = pvgpu_ok();

    for (uint32_t i = 0; i < PVGPU_ID_SLOTS && outcome.code == BG_PVGPU_OK; i++) {
        struct pvgpu_resource *resource = context->resources.slots[i].object;
        const struct pvgpu_view *view = context->views.slots[i].object;

        if (resource != NULL) {
            outcome = step(context, resource);
        }
        if (view != NULL && outcome.code == BG_PVGPU_OK) {
            outcome = step(context, view->resource);
        }
    }
    return outcome;
}

static struct pvgpu_outcome adopt(struct pvgpu_context *context, struct pvgpu_resource *resource)
{
    return resource->object != NULL ? pvgpu_ok() : drawing_of(context)->adopt(context, resource);
}

/* In either renderer: there is nothing of it any more. */
static struct pvgpu_outcome leave_memory(struct pvgpu_context *context,
                                         struct pvgpu_resource *resource)
{
    if (resource->address != 0) {
        pvgpu_memory_renderer.ops->destroy(context, resource);
    }
    return pvgpu_ok();
}

static struct pvgpu_outcome leave_drawing(struct pvgpu_context *context,
                                          struct pvgpu_resource *resource)
{
    if (resource->object != NULL) {
        drawing_of(context)->destroy(context, resource);
    }
    return pvgpu_ok();
}

/* ---- Views ---- */

static struct pvgpu_outcome create_views(struct pvgpu_context *context)
{
    struct pvgpu_outcome outcome = pvgpu_ok();

    for (uint32_t i = 0; i < PVGPU_ID_SLOTS && outcome.code == BG_PVGPU_OK; i++) {
        struct pvgpu_view *view = context->views.slots[i].object;

        if (view != NULL) {
            outcome = drawing_of(context)->create_view(context, view);
        }
    }
    return outcome;
}

static void destroy_views(struct pvgpu_context *context)
{
    for (uint32_t i = 0; i < PVGPU_ID_SLOTS; i++) {
        struct pvgpu_view *view = context->views.slots[i].object;

        if (view != NULL && view->object != NULL) {
            drawing_of(context)->destroy_view(context, view);
        }
    }
}

/* ---- The session ---- */

struct pvgpu_outcome pvgpu_move(struct pvgpu_context *context)
{
    struct pvgpu_outcome outcome = context->renderer->ops->finish(context);

    if (outcome.code == BG_PVGPU_OK) {
        outcome = each_resource(context, adopt);
    }
    if (outcome.code == BG_PVGPU_OK) {
        outcome = create_views(context);
    }
    if (outcome.code != BG_PVGPU_OK) {
        destroy_views(context);
        each_resource(context, leave_drawing);
        return outcome;
    }
    each_resource(context, leave_memory);
    context->renderer = context->drawing;
    context->renderer->ops->set_targets(context);
    return outcome;
}

void pvgpu_move_back(struct pvgpu_context *context)
{
    if (context->renderer == context->drawing) {
        context->renderer->ops->reset(context);
        context->renderer->ops->finish(context); /* what was charged is given back */
        context->renderer = &pvgpu_memory_renderer;
    }
}
