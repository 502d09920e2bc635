// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Places of vertices, from a buffer's and a constant, and a picture of the groups.
layout(local_size_x = 4) in;
layout(set = 5, binding = 3) uniform Constants { vec4 step; } constants;
layout(std430, set = 5, binding = 16) readonly buffer From { vec4 from[]; };
layout(std430, set = 5, binding = 160) buffer To { vec4 to[]; };
layout(set = 5, binding = 162, r32ui) uniform uimage2D groups;

void main()
{
    uint i = gl_GlobalInvocationID.x;

    to[i] = from[i] + constants.step;
    imageAtomicAdd(groups, ivec2(gl_WorkGroupID.xy), 1);
}
