// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Refused: push constants, which Direct3D does not have.
layout(push_constant) uniform Constants { vec4 place; } constants;

void main()
{
    gl_Position = constants.place;
}
