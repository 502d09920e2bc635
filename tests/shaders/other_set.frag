// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Refused: the set of another stage.
layout(set = 0, binding = 0) uniform Constants { vec4 colour; } constants;
layout(location = 0) out vec4 colour;

void main()
{
    colour = constants.colour;
}
