// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Refused: an address of the shader's own choice.
#extension GL_EXT_buffer_reference : require
layout(buffer_reference, std430) buffer Anywhere { uint word; };
layout(std430, set = 5, binding = 160) buffer Data { Anywhere where; };

void main()
{
    where.word = 1;
}
