// SPDX-License-Identifier: BSD-2-Clause
#version 450
#extension GL_EXT_samplerless_texture_functions : require
// Depth, and the stencil beside it in 255ths.
layout(set = 1, binding = 16) uniform texture2D depth;    // t0
layout(set = 1, binding = 17) uniform utexture2D stencil; // t1
layout(location = 0) in vec4 shade;
layout(location = 0) out vec4 colour;

void main()
{
    ivec2 place = ivec2(gl_FragCoord.xy);

    colour = vec4(texelFetch(depth, place, 0).r, float(texelFetch(stencil, place, 0).r) / 255, 0, 1);
}
