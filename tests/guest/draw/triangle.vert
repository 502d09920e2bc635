/* SPDX-License-Identifier: BSD-2-Clause */
#version 450

layout(location = 0) out vec3 color;

void main()
{
    color = vec3(gl_VertexIndex == 0, gl_VertexIndex == 1, gl_VertexIndex == 2);
    gl_Position = vec4((gl_VertexIndex - 1) * 0.8, gl_VertexIndex == 1 ? 0.8 : -0.8, 0, 1);
}
