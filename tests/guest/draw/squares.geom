/* SPDX-License-Identifier: BSD-2-Clause */
/* A square of 4 x 4 pixels of 16 x 16 right of and below each point. */
#version 450

layout(points) in;
layout(triangle_strip, max_vertices = 4) out;

layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 out_color;

void main()
{
    for (int i = 0; i < 4; i++) {
        gl_Position = gl_in[0].gl_Position + vec4(i & 1, -(i >> 1), 0, 0) * 0.5;
        out_color = color[0];
        EmitVertex();
    }
}
