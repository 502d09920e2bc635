/* SPDX-License-Identifier: BSD-2-Clause */
#version 450

layout(binding = 0) uniform Constants {
    uint endless;
};
layout(location = 0) out vec4 color;

void main()
{
    color = vec4(0);
    while (endless != 0) {
        color = color * 0.5 + gl_FragCoord;
    }
}
