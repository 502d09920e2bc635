// SPDX-License-Identifier: BSD-2-Clause
#version 450
// A cube in t0, layers in t1, slices in t2: the colour's first channel says which, and where.
layout(location = 0) in vec4 pixel_colour;
layout(location = 1) in vec2 pixel_place;
layout(set = 1, binding = 16) uniform textureCube cube;
layout(set = 1, binding = 17) uniform texture2DArray layers;
layout(set = 1, binding = 18) uniform texture3D slices;
layout(set = 1, binding = 144) uniform sampler filtered;
layout(location = 0) out vec4 colour;

const vec3 axes[6] = vec3[6](vec3(1, 0, 0), vec3(-1, 0, 0), vec3(0, 1, 0), vec3(0, -1, 0),
                             vec3(0, 0, 1), vec3(0, 0, -1));

void main()
{
    int face = int(pixel_place.x * 6);

    if (pixel_colour.r < 0.25) {
        colour = texture(samplerCube(cube, filtered), axes[face]);
    } else if (pixel_colour.r < 0.75) {
        colour = texture(sampler2DArray(layers, filtered), vec3(0.5, 0.5, face));
    } else {
        colour = texture(sampler3D(slices, filtered), vec3(0.5, 0.5, (face + 0.5) / 6));
    }
}
