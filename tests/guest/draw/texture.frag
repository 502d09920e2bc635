/* SPDX-License-Identifier: BSD-2-Clause */
#version 450

layout(binding = 5) uniform texture2D colors;
layout(binding = 2) uniform sampler how;
layout(binding = 0) uniform Constants {
    float level;
};

layout(location = 0) in vec2 place;

layout(location = 0) out vec4 result;

void main()
{
    result = textureLod(sampler2D(colors, how), place, level);
}
