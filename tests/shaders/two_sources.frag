// SPDX-License-Identifier: BSD-2-Clause
#version 450
// The second source of blending: what of the target stays, channel by channel.
layout(location = 0) in vec4 shade;
layout(location = 0, index = 0) out vec4 colour;
layout(location = 0, index = 1) out vec4 factor;

void main()
{
    colour = shade;
    factor = vec4(1, 0, 1, 0);
}
