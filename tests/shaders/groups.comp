// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Shared memory of 4096 bytes, a group of 16 x 8 x 2.
layout(local_size_x = 16, local_size_y = 8, local_size_z = 2) in;
layout(std430, set = 5, binding = 160) buffer Data { uint data[]; };
shared uint totals[1024];

void main()
{
    totals[gl_LocalInvocationIndex] = gl_GlobalInvocationID.x;
    barrier();
    data[gl_LocalInvocationIndex] = totals[255 - gl_LocalInvocationIndex];
}
