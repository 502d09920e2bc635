/* SPDX-License-Identifier: BSD-2-Clause */
/* A soft spot; what it is blended with is added to. */
#version 450

layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 color;

layout(location = 0) out vec4 result;

void main()
{
    float spot = max(1 - dot(corner, corner), 0);

    result = vec4(color.rgb, color.a * spot * spot);
}
