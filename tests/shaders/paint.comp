// SPDX-License-Identifier: BSD-2-Clause
#version 450
// A texture's texels by their places.
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 5, binding = 161, rgba8) uniform writeonly image2D picture; // u1

void main()
{
    ivec2 place = ivec2(gl_GlobalInvocationID.xy);

    imageStore(picture, place, vec4(place.x * 4, place.y * 4, place.x ^ place.y, 255) / 255);
}
