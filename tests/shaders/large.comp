// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Refused: a variable of 256 KiB in each invocation.
layout(std430, set = 5, binding = 160) buffer Data { uint data[]; };

void main()
{
    uint many[65536];

    many[data[0]] = data[1];
    data[2] = many[data[3]];
}
