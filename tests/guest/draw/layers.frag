/* SPDX-License-Identifier: BSD-2-Clause */
/* The left half from a texture's layer 1, the right one from a cube's face towards -z. */
#version 450

layout(binding = 0) uniform texture2DArray layers;
layout(binding = 1) uniform textureCube cube;
layout(binding = 0) uniform sampler how;

layout(location = 0) in vec2 place;

layout(location = 0) out vec4 result;

void main()
{
    result = place.x < 0.5 ? texture(sampler2DArray(layers, how), vec3(place, 1))
                           : texture(samplerCube(cube, how), vec3(0, 0, -1));
}
