/* SPDX-License-Identifier: BSD-2-Clause */
/* A square that faces the eye for each particle: a strip of four vertices without a buffer. */
#version 450
#extension GL_GOOGLE_include_directive : require

#include "scene_frame.glsl"

layout(location = 0) in vec4 place; /* w: its age, 0 to 1 */
layout(location = 1) in vec4 tint;

layout(location = 0) out vec2 corner;
layout(location = 1) out vec4 color;

void main()
{
    vec4 center = to_clip * vec4(place.xyz, 1);

    corner = vec2(gl_VertexIndex >> 1, gl_VertexIndex & 1) * 2 - 1; /* clockwise: its front */
    color = vec4(tint.rgb, (1 - place.w) * 0.6);
    gl_Position = center + vec4(corner * vec2(1, aspect) * 0.055, 0, 0);
}
