// SPDX-License-Identifier: BSD-2-Clause
#version 450
// u0[i] = t0[i] squared, plus what b0 says.
layout(local_size_x = 64) in;
layout(set = 5, binding = 0) uniform Constants { uint count; uint more; } constants;
layout(set = 5, binding = 16) readonly buffer Source { uint numbers[]; } source;
layout(set = 5, binding = 160) buffer Target { uint numbers[]; } target;

void main()
{
    uint i = gl_GlobalInvocationID.x;

    if (i < constants.count) {
        target.numbers[i] = source.numbers[i] * source.numbers[i] + constants.more;
    }
}
