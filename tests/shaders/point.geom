// SPDX-License-Identifier: BSD-2-Clause
#version 450
// A square from each point to the right and down, half of the target's sides long.
layout(points) in;
layout(triangle_strip, max_vertices = 4) out;
layout(location = 0) in vec4 shade[];
layout(location = 0) out vec4 shaded;

void main()
{
    for (int i = 0; i < 4; i++) {
        gl_Position = gl_in[0].gl_Position + vec4(i & 1, -(i >> 1), 0, 0);
        shaded = shade[0];
        EmitVertex();
    }
}
