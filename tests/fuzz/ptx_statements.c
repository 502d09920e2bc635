/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/ptx_statements.h"

#include "tests/fuzz/ptx_linear.h"
#include "tests/fuzz/ptx_text.h"

static const struct kind {
    void (*say)(void);
    unsigned weight;
    bool is_of_entry, nests;
} kinds[SAY_KINDS] = {
    [SAY_INTEGERS] = {say_integers, 8, false, false},
    [SAY_WIDE] = {say_wide, 5, false, false},
    [SAY_FLOATS] = {say_floats, 4, false, false},
    [SAY_HALVES] = {say_halves, 3, false, false},
    [SAY_ALIKE] = {say_alike, 4, true, false},
    [SAY_STEPS] = {say_steps, 6, true, false},
    [SAY_OWN_MEMORY] = {say_own_memory, 4, true, false},
    [SAY_LOCAL_MEMORY] = {say_local_memory, 2, true, false},
    [SAY_GATHER] = {say_gather, 4, true, false},
    [SAY_TABLE] = {read_table, 2, true, false},
    [SAY_SUM] = {say_global_sum, 2, true, false},
    [SAY_SHARED_SUM] = {say_shared_sum, 3, true, false},
    [SAY_MEETING] = {say_meeting, 4, true, false},
    [SAY_EXCHANGE] = {exchange, 2, true, false},
    [SAY_PRODUCT] = {product_of_tiles, 1, true, false},
    [SAY_BRANCH] = {say_branches, 5, false, true},
    [SAY_LOOP] = {say_loop, 5, false, true},
    [SAY_WALK] = {say_walk, 5, true, true},
    [SAY_ROUNDS] = {say_rounds, 4, false, true},
    [SAY_ASIDE] = {say_aside, 5, true, true},
    [SAY_WAY_OUT] = {say_way_out, 4, false, false},
    [SAY_EXIT] = {say_exit, 1, true, false},
    [SAY_CALL] = {say_call, 2, true, false},
    [SAY_ASSERTION] = {say_assertion, 1, true, false},
    [SAY_ELEMENT] = {say_element, 4, true, false},
};

bool has_kind(enum statement kind)
{
    return program.kinds >> kind & 1;
}

static unsigned weight_now(enum statement kind)
{
    bool is_there = has_kind(kind) && !(kinds[kind].is_of_entry && program.in_function) &&
                    !(kinds[kind].nests && program.depth == DEPTH_MAX) &&
                    (program.is_together || (kind != SAY_EXCHANGE && kind != SAY_PRODUCT)) &&
                    (program.is_warp_together || kind != SAY_MEETING) &&
                    (program.loops || kind != SAY_WAY_OUT) &&
                    (program.has_function || kind != SAY_CALL);

    return is_there ? kinds[kind].weight : 0;
}

static void say_statement(void)
{
    unsigned total = 0, chosen, kind = 0;

    for (unsigned i = 0; i < SAY_KINDS; i++) {
        total += weight_now(i);
    }
    chosen = choose(total ? total : 1);
    while (kind + 1 < SAY_KINDS && chosen >= weight_now(kind)) {
        chosen -= weight_now(kind++);
    }
    (weight_now(kind) ? kinds[kind].say : say_integers)();
}

void say_block(void)
{
    for (unsigned left = choose(5) + 1; left && program.statements; left--) {
        program.statements--;
        say_statement();
    }
}
