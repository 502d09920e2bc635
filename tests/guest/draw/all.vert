/* SPDX-License-Identifier: BSD-2-Clause */
/* One triangle over the whole target, without a buffer. */
#version 450

layout(location = 0) out vec2 place;

void main()
{
    place = vec2(gl_VertexIndex == 1 ? 2 : 0, gl_VertexIndex == 2 ? 2 : 0);
    gl_Position = vec4(place.x * 2 - 1, 1 - place.y * 2, 0.5, 1);
}
