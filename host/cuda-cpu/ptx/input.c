/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/input.h"

#include <string.h>

void ptx_inputs_init(struct ptx_inputs *inputs, const char *text, size_t length)
{
    *inputs = (struct ptx_inputs){.next = text, .end = text + length, .line = 1};
}

/* The first one in a part of the text, or its end. */
static const char *find(const char *from, const char *end, char wanted)
{
    const char *found = memchr(from, wanted, (size_t)(end - from));

    return found != NULL ? found : end;
}

static unsigned count_lines(const char *from, const char *end)
{
    unsigned lines = 0;

    for (from = find(from, end, '\n'); from < end; from = find(from + 1, end, '\n')) {
        lines++;
    }
    return lines;
}

static void take_name(struct ptx_inputs *inputs, struct ptx_input *input)
{
    const char *end = find(inputs->next, inputs->end, '\n');

    input->name = inputs->next + 1;
    input->name_length = (size_t)(end - input->name);
    inputs->next = end < inputs->end ? end + 1 : end;
    inputs->line++;
}

bool ptx_inputs_next(struct ptx_inputs *inputs, struct ptx_input *input)
{
    const char *end;

    if (inputs->next == NULL) {
        return false;
    }
    *input = (struct ptx_input){.name = NULL};
    if (inputs->next < inputs->end && *inputs->next == PTX_INPUT_MARK) {
        take_name(inputs, input);
    }
    end = input->name != NULL ? find(inputs->next, inputs->end, PTX_INPUT_MARK) : inputs->end;
    input->text = inputs->next;
    input->length = (size_t)(end - inputs->next);
    input->line = inputs->line;
    inputs->line += count_lines(inputs->next, end);
    inputs->next = end < inputs->end ? end : NULL;
    return true;
}
