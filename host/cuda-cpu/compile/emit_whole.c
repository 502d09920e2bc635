/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads and stores of a whole warp: whole.h. Device and kernel never touch the same bytes: !tbaa.
 */
#include <stdio.h>

#include "host/cuda-cpu/compile/again.h"
#include "host/cuda-cpu/compile/aside.h"
#include "host/cuda-cpu/compile/emitter.h"
#include "host/cuda-cpu/compile/whole_place.h"

#define LIST_MAX 4096

struct whole_access *whole_find(const struct emitter *emitter)
{
    size_t number = (size_t)(emitter->instruction - emitter->function->instructions);

    if (emitter->whole.accesses == NULL || !emitter->whole.accesses[number].is_planned) {
        return NULL;
    }
    return &emitter->whole.accesses[number];
}

/* ---- IR ---- */

/* A list of constants: "<i64 0, i64 4, ...>". */
struct list {
    char text[LIST_MAX];
    size_t used;
};

static void add_number(struct list *list, const char *type, long long number)
{
    list->used += (size_t)snprintf(list->text + list->used, sizeof(list->text) - list->used,
                                   "%s%s %lld", list->used ? ", " : "<", type, number);
}

static const char *end_list(struct list *list)
{
    snprintf(list->text + list->used, sizeof(list->text) - list->used, ">");
    return list->text;
}

static value both(struct emitter *emitter, value a, value b)
{
    return emit_value(emitter, "and i1 %%t%u, %%t%u", a, b);
}

static value in_all(struct emitter *emitter, value vector)
{
    value bits = emit_mask_bits(emitter, vector);

    return emit_value(emitter, "icmp eq i32 %%t%u, -1", bits);
}

value whole_pointer_to(struct emitter *emitter, const struct whole_access *access, value row,
                       int64_t offset)
{
    value address = emit_value(emitter, "add i64 %%t%u, %lld", row, (long long)offset);

    if (access->is_shared) {
        value shared = emit_fixed_field(emitter, offsetof(struct warp, shared), "ptr");

        return emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %%t%u", shared, address);
    }
    return emit_value(emitter, "inttoptr i64 %%t%u to ptr", address);
}

/* ---- Places ---- */

/* One of 32 bits has a sign in shared memory, so that what is added may lead back over zero. */
static value base_address(struct emitter *emitter, const struct whole_access *access)
{
    struct ptx_operand base = *access->base;

    base.offset = 0;
    return emit_get(emitter, &base, access->is_shared ? PTX_W_S64 : PTX_W_B64);
}

static int64_t step_of(const struct whole_access *access)
{
    return access->kind == WHOLE_ROWS ? (int64_t)access->size * access->count : 0;
}

static bool is_affine(const struct emitter *emitter, const struct whole_access *access)
{
    return (access->kind == WHOLE_ROWS || access->kind == WHOLE_ROW_SAME) &&
           access->base->kind == PTX_O_REGISTER && affine_is_kept(emitter, access->base->reg) &&
           emitter->affine.steps[access->base->reg] == step_of(access);
}

/* From bases alone. */
static void find_rows(struct emitter *emitter, const struct whole_access *access,
                      struct whole_place *place)
{
    emitter->is_narrow = true;
    for (emitter->row = 0; emitter->row < place->row_count; emitter->row++) {
        place->rows[emitter->row] = base_address(emitter, access);
    }
    emitter->is_narrow = false;
    emitter->row = 0;
}

struct whole_place whole_find_place(struct emitter *emitter, const struct whole_access *access)
{
    unsigned lanes = emitter->is_half ? WARP_LANES / 2 : WARP_LANES;
    unsigned row = emitter->is_half || !emitter->options->row ? lanes : emitter->options->row;
    struct whole_place place = {.row = row, .row_count = lanes / row};

    place.is_affine = is_affine(emitter, access);
    place.across = place.is_affine ? affine_across(emitter, access->base->reg) : AFFINE_NOT;
    if (access->kind == WHOLE_UNIFORM) {
        place.row = lanes;
        place.row_count = 1;
    }
    if (access->kind == WHOLE_UNIFORM || place.is_affine) {
        find_rows(emitter, access, &place);
        return place;
    }
    if (access->scaled.index != NULL) {
        place.index = emit_get(emitter, access->scaled.index, PTX_W_B32);
        emitter->is_narrow = true;
        place.base = emit_get(emitter, access->scaled.base, PTX_W_B64);
        emitter->is_narrow = false;
    }
    place.vector = base_address(emitter, access);
    for (unsigned i = 0; i < place.row_count; i++) {
        place.rows[i] =
            emit_value(emitter, "extractelement <32 x i64> %%t%u, i32 %u", place.vector, i * row);
    }
    return place;
}

/* ---- What is looked at before ---- */

/* Whether each lane is as far from the first of its row as was guessed. */
static value is_as_guessed(struct emitter *emitter, const struct whole_access *access,
                           const struct whole_place *place)
{
    struct list firsts = {.used = 0}, steps = {.used = 0};
    value expected;

    for (unsigned lane = 0; lane < WARP_LANES; lane++) {
        add_number(&firsts, "i32", lane / place->row * place->row);
        add_number(&steps, "i64", lane % place->row * step_of(access));
    }
    expected =
        emit_value(emitter, "shufflevector <32 x i64> %%t%u, <32 x i64> poison, <32 x i32> %s",
                   place->vector, end_list(&firsts));
    expected = emit_value(emitter, "add <32 x i64> %%t%u, %s", expected, end_list(&steps));
    return in_all(emitter,
                  emit_value(emitter, "icmp eq <32 x i64> %%t%u, %%t%u", place->vector, expected));
}

struct bounds {
    value start, end, places; /* 0: of shared memory */
};

static value site_field(struct emitter *emitter, value site, size_t field)
{
    value pointer = emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %zu", site, field);

    return emit_value(emitter, "load i64, ptr %%t%u, align 8, !tbaa !1", pointer);
}

/* The memory that this access met last, or the block's shared memory. A launch may give a block
 * more than the kernel's variables take, which is looked up lane by lane. */
static struct bounds find_bounds(struct emitter *emitter, const struct whole_access *access)
{
    struct bounds bounds = {.places = 0};
    value sites;

    if (access->is_shared) {
        bounds.start = emit_value(emitter, "add i64 0, 0");
        bounds.end = emitter->shared_size
                         ? emit_value(emitter, "add i64 0, %u", emitter->shared_size)
                         : emit_fixed_field(emitter, offsetof(struct warp, shared_size), "i64");
        return bounds;
    }
    sites = emit_fixed_field(emitter, offsetof(struct warp, sites), "ptr");
    sites = emit_value(emitter, "getelementptr i8, ptr %%t%u, i64 %zu", sites,
                       access->bounded->site * sizeof(struct warp_site));
    bounds.start = site_field(emitter, sites, offsetof(struct warp_site, start));
    bounds.end = site_field(emitter, sites, offsetof(struct warp_site, end));
    bounds.places = site_field(emitter, sites, offsetof(struct warp_site, places));
    return bounds;
}

/* From `low` on `length` bytes lie within the bounds: start <= low, of numbers with a sign, and
 * low + length <= end, of such without one. No memory is at addresses below zero, so `low` is not
 * either, and the sum does not pass the end of numbers. Where the bounds are numbers of the code,
 * that is one comparison. */
static value lies_within(struct emitter *emitter, const struct whole_access *access, value low,
                         struct bounds bounds, int64_t length)
{
    value behind, above;

    if (access->is_shared && emitter->shared_size >= length) {
        return emit_value(emitter, "icmp ule i64 %%t%u, %lld", low,
                          (long long)(emitter->shared_size - length));
    }
    behind = emit_value(emitter, "add i64 %%t%u, %lld", low, (long long)length);
    above = emit_value(emitter, "icmp sge i64 %%t%u, %%t%u", low, bounds.start);
    return both(emitter, above,
                emit_value(emitter, "icmp ule i64 %%t%u, %%t%u", behind, bounds.end));
}

/* `low` is one of the places: the elements between it and the first one are fewer than places.
 * Where it is none, those bits of the distance that make it so are the number's highest ones. */
static value is_at_place(struct emitter *emitter, const struct whole_access *access, value low,
                         struct bounds bounds)
{
    value distance = emit_value(emitter, "sub i64 %%t%u, %%t%u", low, bounds.start);

    distance = emit_value(emitter, "call i64 @llvm.fshr.i64(i64 %%t%u, i64 %%t%u, i64 %d)",
                          distance, distance, __builtin_ctz(access->size * access->count));
    return emit_value(emitter, "icmp ult i64 %%t%u, %%t%u", distance, bounds.places);
}

static value is_row_within(struct emitter *emitter, const struct whole_access *access, value row,
                           struct bounds bounds, int64_t length)
{
    uint32_t element = access->size * access->count;
    value low = emit_value(emitter, "add i64 %%t%u, %lld", row, (long long)access->least), rest;

    if (bounds.places && element <= WARP_ACCESS_MAX && length == (int64_t)element * WARP_LANES) {
        return is_at_place(emitter, access, low, bounds);
    }
    rest = emit_value(emitter, "and i64 %%t%u, %u", low, element - 1);
    return both(emitter, lies_within(emitter, access, low, bounds, length),
                emit_value(emitter, "icmp eq i64 %%t%u, 0", rest));
}

/* All rows, where their distance is known and keeps what is aligned so. */
static value are_rows_within(struct emitter *emitter, const struct whole_access *access,
                             const struct whole_place *place, struct bounds bounds, int64_t length)
{
    int64_t distance = place->across * (place->row_count - 1);
    value first = emit_value(emitter, "add i64 %%t%u, %lld", place->rows[0],
                             distance < 0 ? (long long)distance : 0);

    return is_row_within(emitter, access, first, bounds,
                         length + (distance < 0 ? -distance : distance));
}

/* base + index * times, of one index. */
static value scaled_address(struct emitter *emitter, const struct whole_access *access,
                            const struct whole_place *place, value index)
{
    value distance = emit_value(emitter, "%s i32 %%t%u to i64",
                                access->scaled.is_signed ? "sext" : "zext", index);

    distance =
        emit_value(emitter, "mul i64 %%t%u, %lld", distance, (long long)access->scaled.times);
    return emit_value(emitter, "add i64 %%t%u, %%t%u", place->base, distance);
}

/* From the least lane's address to what the greatest one touches. */
static value are_scaled_within(struct emitter *emitter, const struct whole_access *access,
                               const struct whole_place *place, struct bounds bounds,
                               int64_t length)
{
    value ends[2], above, below, rest;

    for (int i = 0; i < 2; i++) {
        value index =
            emit_value(emitter, "call i32 @llvm.vector.reduce.%c%s.v32i32(<32 x i32> %%t%u)",
                       access->scaled.is_signed ? 's' : 'u', i ? "max" : "min", place->index);

        ends[i] = emit_value(emitter, "add i64 %%t%u, %lld",
                             scaled_address(emitter, access, place, index),
                             (long long)(access->least + (i ? length : 0)));
    }
    above = emit_value(emitter, "icmp sge i64 %%t%u, %%t%u", ends[0], bounds.start);
    below = emit_value(emitter, "icmp ule i64 %%t%u, %%t%u", ends[1], bounds.end);
    rest = emit_value(emitter, "and i64 %%t%u, %u", ends[0], access->size * access->count - 1);
    return both(emitter, both(emitter, above, below),
                emit_value(emitter, "icmp eq i64 %%t%u, 0", rest));
}

static value is_each_within(struct emitter *emitter, const struct whole_access *access,
                            value vector, struct bounds bounds, int64_t length)
{
    value last = emit_value(emitter, "sub i64 %%t%u, %lld", bounds.end, (long long)length);
    value low = emit_value(emitter, "add <32 x i64> %%t%u, splat (i64 %lld)", vector,
                           (long long)access->least);
    value above = emit_value(emitter, "icmp sge <32 x i64> %%t%u, %%t%u", low,
                             emit_splat_scalar(emitter, PTX_W_B64, bounds.start));
    value below = emit_value(emitter, "icmp sle <32 x i64> %%t%u, %%t%u", low,
                             emit_splat_scalar(emitter, PTX_W_B64, last));
    value within = emit_value(emitter, "and <32 x i1> %%t%u, %%t%u", above, below);
    value rest = emit_value(emitter, "and <32 x i64> %%t%u, splat (i64 %u)", low,
                            access->size * access->count - 1);
    value aligned = emit_value(emitter, "icmp eq <32 x i64> %%t%u, zeroinitializer", rest);

    return in_all(emitter, emit_value(emitter, "and <32 x i1> %%t%u, %%t%u", within, aligned));
}

static value is_safe(struct emitter *emitter, const struct whole_access *access,
                     const struct whole_place *place)
{
    int64_t length = access->end - access->least + step_of(access) * (place->row - 1);
    const struct bounds bounds = find_bounds(emitter, access);
    value safe = 0;

    if (access->scaled.index != NULL) {
        return are_scaled_within(emitter, access, place, bounds, length);
    }
    if (access->kind == WHOLE_SCATTERED) {
        return is_each_within(emitter, access, place->vector, bounds, length);
    }
    if (place->across != AFFINE_NOT && place->across % (access->size * access->count) == 0) {
        return are_rows_within(emitter, access, place, bounds, length);
    }
    for (unsigned i = 0; i < place->row_count; i++) {
        value within = is_row_within(emitter, access, place->rows[i], bounds, length);

        safe = i ? both(emitter, safe, within) : within;
    }
    return access->kind == WHOLE_UNIFORM || place->is_affine
               ? safe
               : both(emitter, safe, is_as_guessed(emitter, access, place));
}

value whole_fits(struct emitter *emitter, const struct whole_access *access)
{
    const struct whole_place place = whole_find_place(emitter, access);

    return is_safe(emitter, access, &place);
}

/* ---- What a check is asked before ---- */

/* One for each of the group, one behind the other. */
static uint32_t sites_of_group(struct emitter *emitter, const struct whole_access *leader)
{
    const struct ptx_instruction *first = emitter->instruction;
    const struct whole_access *access = leader;
    uint32_t site = emit_site(emitter);

    for (uint32_t i = 1; i < leader->members; emitter->instruction++, access++) {
        if (access->leader == leader) {
            emit_site(emitter);
            i++;
        }
    }
    emitter->instruction = first;
    return site;
}

static value is_known(struct emitter *emitter, const struct whole_access *access,
                      const struct whole_place *place)
{
    uint32_t word = access->size * access->count | (access->is_store ? WARP_ACCESS_WRITE : 0) |
                    (access->kind != WHOLE_ROWS ? WARP_ACCESS_SAME : 0);
    value pointer = whole_pointer_to(emitter, access, place->rows[0], access->offset);
    value first = emit_value(emitter, "ptrtoint ptr %%t%u to i64", pointer);
    value callee = emit_field(emitter, offsetof(struct warp, reach), "ptr");
    value known = emit_value(emitter, "call i32 %%t%u(ptr %%w, i64 %%t%u, i32 %u, i32 %u, i32 %u)",
                             callee, first, word, sites_of_group(emitter, access), access->members);

    return emit_value(emitter, "icmp ne i32 %%t%u, 0", known);
}

/* Only what lies as was guessed is asked for: with that it is done. */
static value ask_before(struct emitter *emitter, const struct whole_access *access,
                        const struct whole_place *place, unsigned number)
{
    if (access->kind != WHOLE_UNIFORM && !place->is_affine) {
        emit(emitter, "br i1 %%t%u, label %%k%u, label %%o%u, !prof !7",
             is_as_guessed(emitter, access, place), number, number);
        text_add(emitter->out, "k%u:\n", number);
    }
    return is_known(emitter, access, place);
}

/* On from here under a mask of all lanes, when the access cannot be done in line. */
void whole_look_before(struct emitter *emitter, const struct whole_access *access,
                       const struct whole_place *place)
{
    unsigned number = ++emitter->labels;
    value safe;

    if (emitter->straight.is_made) {
        return;
    }
    safe = emitter->options->is_checked ? ask_before(emitter, access, place, number)
                                        : is_safe(emitter, access, place);
    emit(emitter, "br i1 %%t%u, label %%b%u, label %%o%u, !prof !7", safe, number, number);
    whole_give_up(emitter, number);
}

void whole_leave_others(struct emitter *emitter)
{
    uint32_t end = aside_end(emitter, emitter->block);

    affine_leave_to(emitter, end);
    emit(emitter, "store i32 %%t%u, ptr %%p%u, align 4",
         emit_value(emitter, "xor i32 %%t%u, -1", emitter->lanes.bits), end);
    emit(emitter, "store i32 %%t%u, ptr %%apart, align 4", emitter->lanes.bits);
}

void whole_give_up(struct emitter *emitter, unsigned number)
{
    uint32_t here = (uint32_t)(emitter->instruction - emitter->function->instructions);

    text_add(emitter->out, "o%u:\n", number);
    if (again_may(emitter, here)) {
        emitter->is_again = true;
        emit(emitter, "br label %%%c%u", emitter->is_aside ? 'n' : 'g', emitter->block);
    } else if (emitter->is_aside) {
        affine_leave_here(emitter);
        whole_leave_others(emitter);
        emit(emitter, "br label %%s%u", here);
    } else {
        affine_leave_here(emitter);
        emit(emitter, "store i32 -1, ptr %%apart, align 4");
        emit(emitter, "br label %%s%u", here);
    }
    text_add(emitter->out, "b%u:\n", number);
}

/* ---- Loads ---- */

static value pointers_to(struct emitter *emitter, const struct whole_access *access, value vector,
                         int64_t offset)
{
    value shared;

    vector =
        emit_value(emitter, "add <32 x i64> %%t%u, splat (i64 %lld)", vector, (long long)offset);
    if (!access->is_shared) {
        return emit_value(emitter, "inttoptr <32 x i64> %%t%u to <32 x ptr>", vector);
    }
    shared = emit_fixed_field(emitter, offsetof(struct warp, shared), "ptr");
    return emit_value(emitter, "getelementptr i8, ptr %%t%u, <32 x i64> %%t%u", shared, vector);
}

static value gathered(struct emitter *emitter, const struct whole_access *access, value vector,
                      int64_t offset)
{
    unsigned bits = access->size * 8;
    value pointers = pointers_to(emitter, access, vector, offset);

    return emit_value(emitter,
                      "call <32 x i%u> @llvm.masked.gather.v32i%u.v32p0(<32 x ptr> %%t%u, i32 %u, "
                      "<32 x i1> splat (i1 true), <32 x i%u> poison), !tbaa !2",
                      bits, bits, pointers, access->size, bits);
}

#define INDEX_SLOT 0

/* Lane by lane: each index is taken from memory, which is less than to take it out of a vector. */
static value loaded_each(struct emitter *emitter, const struct whole_access *access,
                         const struct whole_place *place, int64_t offset)
{
    unsigned bits = access->size * 8;
    value slot = emit_spill(emitter, INDEX_SLOT, PTX_W_B32, place->index);
    value vector = emit_value(emitter, "freeze <32 x i%u> poison", bits);

    for (unsigned lane = 0; lane < WARP_LANES; lane++) {
        value from = emit_value(emitter, "getelementptr i32, ptr %%t%u, i64 %u", slot, lane);
        value index = emit_value(emitter, "load i32, ptr %%t%u, align 4", from);
        value pointer = whole_pointer_to(emitter, access,
                                         scaled_address(emitter, access, place, index), offset);
        value loaded = emit_value(emitter, "load i%u, ptr %%t%u, align %u, !tbaa !2", bits, pointer,
                                  access->size);

        vector = emit_value(emitter, "insertelement <32 x i%u> %%t%u, i%u %%t%u, i32 %u", bits,
                            vector, bits, loaded, lane);
    }
    return vector;
}

/* One number for each row, in all of its lanes. */
static value repeated(struct emitter *emitter, const struct whole_access *access,
                      const struct whole_place *place, int64_t offset)
{
    struct list firsts = {.used = 0};
    unsigned bits = access->size * 8;
    value vector = emit_value(emitter, "freeze <32 x i%u> poison", bits);

    for (unsigned i = 0; i < place->row_count; i++) {
        value pointer = whole_pointer_to(emitter, access, place->rows[i], offset);
        value loaded = emit_value(emitter, "load i%u, ptr %%t%u, align %u, !tbaa !2", bits, pointer,
                                  access->size);

        vector = emit_value(emitter, "insertelement <32 x i%u> %%t%u, i%u %%t%u, i32 %u", bits,
                            vector, bits, loaded, i * place->row);
    }
    for (unsigned lane = 0; lane < WARP_LANES; lane++) {
        add_number(&firsts, "i32", lane / place->row * place->row);
    }
    return emit_value(emitter, "shufflevector <32 x i%u> %%t%u, <32 x i%u> poison, <32 x i32> %s",
                      bits, vector, bits, end_list(&firsts));
}

/* Vectors one behind the other, two by two, until there are `most`. Their length comes back. */
static unsigned append(struct emitter *emitter, value *parts, unsigned *count, unsigned length,
                       unsigned bits, unsigned most)
{
    for (; *count > most; *count /= 2, length *= 2) {
        struct list all = {.used = 0};

        for (unsigned i = 0; i < length * 2; i++) {
            add_number(&all, "i32", i);
        }
        end_list(&all);
        for (unsigned i = 0; i < *count / 2; i++) {
            parts[i] = emit_value(
                emitter, "shufflevector <%u x i%u> %%t%u, <%u x i%u> %%t%u, <%u x i32> %s", length,
                bits, parts[2 * i], length, bits, parts[2 * i + 1], length * 2, all.text);
        }
    }
    return length;
}

/* One item of each lane, from the rows. */
static value picked(struct emitter *emitter, const struct whole_access *access, value *parts,
                    unsigned count, unsigned length, unsigned item)
{
    struct list lanes = {.used = 0};
    unsigned bits = access->size * 8;

    for (unsigned lane = 0; lane < WARP_LANES; lane++) {
        add_number(&lanes, "i32", lane * access->count + item);
    }
    return emit_value(emitter, "shufflevector <%u x i%u> %%t%u, <%u x i%u> %%t%u, <32 x i32> %s",
                      length, bits, parts[0], length, bits, parts[count - 1], end_list(&lanes));
}

#define ROUNDS_AHEAD 8
#define WARPS_AHEAD 4
#define LINE 64

/* How far on there is what will be touched soon: what the loop reads in some rounds, wherever that
 * is, unless others touch what lies beside it before; outside of loops what a later warp does, as
 * what processors foresee ends with a page. 0: nobody knows. */
static value distance_ahead(struct emitter *emitter, const struct whole_access *access)
{
    uint32_t loop = emitter->flow->blocks[emitter->block].loop;
    value by;

    if (access->advance.by == NULL) {
        return access->is_shared || loop != FLOW_END || emitter->straight.is_made
                   ? 0
                   : emit_value(emitter, "add i64 0, %u",
                                WARPS_AHEAD * WARP_LANES * access->size * access->count);
    }
    emitter->is_narrow = true;
    by = emit_get(emitter, access->advance.by, PTX_W_S64);
    emitter->is_narrow = false;
    by = emit_value(emitter, "mul i64 %%t%u, %lld", by,
                    (long long)access->advance.times * ROUNDS_AHEAD);
    return !rest_is_at(emitter, loop) ? by
                                      : emit_value(emitter, "select i1 %%t%u, i64 0, i64 %%t%u",
                                                   rest_goes_far(emitter, loop), by);
}

/* To the second cache: what a column of a matrix needs lies in few sets of the first one. */
static void fetch_ahead(struct emitter *emitter, const struct whole_access *access,
                        const struct whole_place *place)
{
    value by = distance_ahead(emitter, access);

    for (unsigned row = 0; by != 0 && row < place->row_count; row++) {
        value there = emit_value(emitter, "add i64 %%t%u, %%t%u", place->rows[row], by);

        for (unsigned at = 0; at < place->row * access->size * access->count; at += LINE) {
            value pointer = whole_pointer_to(emitter, access, there, access->offset + at);

            emit(emitter, "call void @llvm.prefetch.p0(ptr %%t%u, i32 %d, i32 2, i32 1)", pointer,
                 access->is_store);
        }
    }
}

static void load_rows(struct emitter *emitter, const struct whole_access *access,
                      const struct whole_place *place, value *items)
{
    unsigned bits = access->size * 8, length = place->row * access->count;
    unsigned count = place->row_count;
    value parts[WHOLE_ROWS_MAX];

    for (unsigned i = 0; i < count; i++) {
        value pointer = whole_pointer_to(emitter, access, place->rows[i], access->offset);

        parts[i] = emit_value(emitter, "load <%u x i%u>, ptr %%t%u, align %u, !tbaa !2", length,
                              bits, pointer, access->size);
    }
    if (count == 1 && access->count == 1) {
        items[0] = parts[0];
        return;
    }
    length = append(emitter, parts, &count, length, bits, 2);
    for (unsigned i = 0; i < access->count; i++) {
        items[i] = picked(emitter, access, parts, count, length, i);
    }
}

static value load_item(struct emitter *emitter, const struct whole_access *access,
                       const struct whole_place *place, unsigned item)
{
    int64_t offset = access->offset + (int64_t)item * access->size;
    value pointer;

    if (access->kind == WHOLE_ROW_SAME) {
        return repeated(emitter, access, place, offset);
    }
    if (access->scaled.index != NULL) {
        return loaded_each(emitter, access, place, offset);
    }
    if (access->kind == WHOLE_SCATTERED) {
        return gathered(emitter, access, place->vector, offset);
    }
    pointer = whole_pointer_to(emitter, access, place->rows[0], offset);
    return emit_value(emitter, "load i%u, ptr %%t%u, align %u, !tbaa !2", access->size * 8, pointer,
                      access->size);
}

void whole_load(struct emitter *emitter, const struct whole_access *access)
{
    enum ptx_word type = emit_memory_type(emitter);
    const struct whole_place place = whole_find_place(emitter, access);
    struct ptx_operand to[EMIT_ITEMS];
    value items[EMIT_ITEMS];

    emit_items(emitter, &emitter->instruction->operands[0], to);
    if (access->leads) {
        whole_look_before(emitter, access, &place);
    }
    if (access->kind == WHOLE_ROWS) {
        fetch_ahead(emitter, access, &place);
        load_rows(emitter, access, &place, items);
    }
    for (unsigned i = 0; access->kind != WHOLE_ROWS && i < access->count; i++) {
        items[i] = load_item(emitter, access, &place, i);
    }
    emitter->is_narrow = access->kind == WHOLE_UNIFORM;
    for (unsigned i = 0; i < access->count; i++) {
        emit_put(emitter, &to[i], type, items[i]);
    }
    emitter->is_narrow = false;
}

/* ---- Stores ---- */

/* Of one row, of the lanes that take part. Nobody else is at a block's shared memory meanwhile. */
static void store_some(struct emitter *emitter, const struct whole_access *access, value pointer,
                       value stored)
{
    unsigned bits = access->size * 8;
    value old;

    if (!access->is_shared) {
        emit(emitter,
             "call void @llvm.masked.store.v32i%u.p0(<32 x i%u> %%t%u, ptr %%t%u, i32 %u, "
             "<32 x i1> %%t%u), !tbaa !2",
             bits, bits, stored, pointer, access->size, emitter->lanes.vector);
        return;
    }
    old = emit_value(emitter, "load <32 x i%u>, ptr %%t%u, align %u, !tbaa !2", bits, pointer,
                     access->size);
    stored = emit_value(emitter, "select <32 x i1> %%t%u, <32 x i%u> %%t%u, <32 x i%u> %%t%u",
                        emitter->lanes.vector, bits, stored, bits, old);
    emit(emitter, "store <32 x i%u> %%t%u, ptr %%t%u, align %u, !tbaa !2", bits, stored, pointer,
         access->size);
}

static void store_rows(struct emitter *emitter, const struct whole_access *access,
                       const struct whole_place *place, value *items)
{
    unsigned bits = access->size * 8, count = access->count;
    unsigned length = append(emitter, items, &count, WARP_LANES, bits, 2);
    unsigned row_length = place->row * access->count;

    if (emitter->is_half) {
        emit(emitter, "store <32 x i%u> %%t%u, ptr %%t%u, align %u, !tbaa !2", bits, items[0],
             whole_pointer_to(emitter, access, place->rows[0], access->offset), access->size);
        return;
    }
    for (unsigned row = 0; row < place->row_count; row++) {
        struct list lanes = {.used = 0};
        value pointer = whole_pointer_to(emitter, access, place->rows[row], access->offset), stored;

        for (unsigned i = 0; i < row_length; i++) {
            add_number(&lanes, "i32",
                       i % access->count * WARP_LANES + row * place->row + i / access->count);
        }
        stored = emit_value(
            emitter, "shufflevector <%u x i%u> %%t%u, <%u x i%u> %%t%u, <%u x i32> %s", length,
            bits, items[0], length, bits, items[count - 1], row_length, end_list(&lanes));
        if (emitter->is_aside) {
            store_some(emitter, access, pointer, stored);
            return;
        }
        emit(emitter, "store <%u x i%u> %%t%u, ptr %%t%u, align %u, !tbaa !2", row_length, bits,
             stored, pointer, access->size);
    }
}

static void scattered(struct emitter *emitter, const struct whole_access *access, value vector,
                      int64_t offset, value stored)
{
    unsigned bits = access->size * 8;
    value pointers = pointers_to(emitter, access, vector, offset);

    emit(emitter,
         "call void @llvm.masked.scatter.v32i%u.v32p0(<32 x i%u> %%t%u, <32 x ptr> %%t%u, i32 %u, "
         "<32 x i1> splat (i1 true)), !tbaa !2",
         bits, bits, stored, pointers, access->size);
}

/* That takes part; of a row, or of a way aside, where all are one. */
static value last_lane(struct emitter *emitter, unsigned of_row)
{
    value above;

    if (!emitter->is_aside) {
        return emit_value(emitter, "or i32 0, %u", of_row);
    }
    above =
        emit_value(emitter, "call i32 @llvm.ctlz.i32(i32 %%t%u, i1 false)", emitter->lanes.bits);
    return emit_value(emitter, "and i32 %%t%u, 31",
                      emit_value(emitter, "xor i32 %%t%u, 31", above));
}

/* Of lanes that write to one place, the last one's. */
static void store_last(struct emitter *emitter, const struct whole_access *access,
                       const struct whole_place *place, int64_t offset, value stored)
{
    unsigned bits = access->size * 8;

    for (unsigned row = 0; row < place->row_count; row++) {
        value pointer = whole_pointer_to(emitter, access, place->rows[row], offset);
        value lane = last_lane(emitter, row * place->row + place->row - 1);
        value last =
            emit_value(emitter, "extractelement <32 x i%u> %%t%u, i32 %%t%u", bits, stored, lane);

        emit(emitter, "store i%u %%t%u, ptr %%t%u, align %u, !tbaa !2", bits, last, pointer,
             access->size);
    }
}

void whole_store(struct emitter *emitter, const struct whole_access *access)
{
    enum ptx_word type = emit_bits(emit_memory_type(emitter));
    const struct whole_place place = whole_find_place(emitter, access);
    struct ptx_operand from[EMIT_ITEMS];
    value items[EMIT_ITEMS];

    emit_items(emitter, &emitter->instruction->operands[1], from);
    if (access->leads) {
        whole_look_before(emitter, access, &place);
    }
    for (unsigned i = 0; i < access->count; i++) {
        items[i] = emit_get(emitter, &from[i], type);
    }
    if (access->kind == WHOLE_ROWS) {
        fetch_ahead(emitter, access, &place);
        store_rows(emitter, access, &place, items);
        return;
    }
    for (unsigned i = 0; i < access->count; i++) {
        int64_t offset = access->offset + (int64_t)i * access->size;

        if (access->kind == WHOLE_SCATTERED) {
            scattered(emitter, access, place.vector, offset, items[i]);
        } else {
            store_last(emitter, access, &place, offset, items[i]);
        }
    }
}
