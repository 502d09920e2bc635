// SPDX-License-Identifier: BSD-2-Clause
#version 450
// A texture, texel by texel of the target, beside a buffer's words.
layout(set = 1, binding = 19) uniform texture2D picture;
layout(set = 1, binding = 146) uniform sampler filtering;
layout(std430, set = 1, binding = 20) readonly buffer Words { uint words[]; };
layout(set = 1, binding = 0) uniform Constants { vec4 size; vec4 tint; } constants;
layout(location = 0) in vec4 shade;
layout(location = 0) out vec4 colour;
layout(location = 1) out uint word;

void main()
{
    colour = texture(sampler2D(picture, filtering), gl_FragCoord.xy / constants.size.xy) *
             constants.tint;
    word = words[int(gl_FragCoord.x)];
}
