// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Refused: an array of descriptors.
layout(set = 1, binding = 16) uniform texture2D textures[4];
layout(set = 1, binding = 144) uniform sampler filtering;
layout(location = 0) out vec4 colour;

void main()
{
    colour = texture(sampler2D(textures[2], filtering), gl_FragCoord.xy);
}
