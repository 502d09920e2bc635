// SPDX-License-Identifier: BSD-2-Clause
#version 450
// A triangle over the whole target, its colour and depth from a constant buffer.
layout(set = 0, binding = 1) uniform Constants { vec4 colour; vec4 depth; } constants;
layout(location = 0) out vec4 shade;

void main()
{
    vec2 corner = vec2(gl_VertexIndex == 1 ? 3 : -1, gl_VertexIndex == 2 ? 3 : -1);

    gl_Position = vec4(corner, constants.depth.x, 1);
    shade = constants.colour;
}
