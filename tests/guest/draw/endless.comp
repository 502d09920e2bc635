/* SPDX-License-Identifier: BSD-2-Clause */
/* lavapipe leaves a loop after 65535 rounds: dispatched often, it takes for ever there, too. */
#version 450

layout(binding = 0) uniform Constants {
    uint endless;
};
layout(binding = 0) buffer Words {
    uint words[];
};

void main()
{
    while (endless != 0) {
        words[0]++;
    }
}
