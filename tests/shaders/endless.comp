// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Never ends, and no compiler can tell: the word is the guest's.
layout(local_size_x = 1) in;
layout(std430, set = 5, binding = 160) volatile buffer Words { uint go_on; uint turns; };

void main()
{
    while (go_on == 0) {
        turns++;
    }
}
