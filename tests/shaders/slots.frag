// SPDX-License-Identifier: BSD-2-Clause
#version 450
// A binding of each type that a slot can have.
#extension GL_EXT_samplerless_texture_functions : require
layout(location = 0) in vec2 place;
layout(set = 1, binding = 16) uniform texture2D flat_texture;
layout(set = 1, binding = 17) uniform textureCubeArray cubes;
layout(set = 1, binding = 18) uniform utextureBuffer texels;
layout(std430, set = 1, binding = 19) readonly buffer Words { vec4 words[]; };
layout(set = 1, binding = 20) uniform texture2DMS samples;
layout(set = 1, binding = 144) uniform sampler filtering;
layout(set = 1, binding = 160, rgba8) uniform image2D picture;
layout(std430, set = 1, binding = 161) buffer Counter { uint counter; };
layout(set = 1, binding = 167, r32ui) uniform uimageBuffer numbers;
layout(location = 0) out vec4 colour;
layout(location = 2) out uvec4 other;

void main()
{
    colour = texture(sampler2D(flat_texture, filtering), place) +
             texture(samplerCubeArray(cubes, filtering), vec4(place, 1, 0)) + words[1] +
             texelFetch(samples, ivec2(place), 1);
    other = texelFetch(texels, 3);
    imageStore(picture, ivec2(place), colour);
    imageStore(numbers, 2, uvec4(atomicAdd(counter, 1)));
}
