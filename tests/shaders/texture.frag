// SPDX-License-Identifier: BSD-2-Clause
#version 450
layout(location = 1) in vec2 pixel_place;
layout(set = 1, binding = 16) uniform texture2D picture; // t0
layout(set = 1, binding = 144) uniform sampler filtered; // s0
layout(location = 0) out vec4 colour;

void main()
{
    colour = texture(sampler2D(picture, filtered), pixel_place);
}
