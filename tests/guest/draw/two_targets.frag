/* SPDX-License-Identifier: BSD-2-Clause */
/* The colour to one target, its parts the other way round to the second. */
#version 450

layout(location = 0) in vec4 color;

layout(location = 0) out vec4 first;
layout(location = 1) out vec4 second;

void main()
{
    first = color;
    second = color.bgra;
}
