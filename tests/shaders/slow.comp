// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Over at once, and long to compile into a processor's code, where each step is a loop over the lanes.
layout(local_size_x = 8) in;
layout(std430, set = 5, binding = 160) buffer Words { uint words[]; };

#define ONCE(x) x = atomicAdd(words[x & 15], x);
#define FOUR(x) ONCE(x) ONCE(x) ONCE(x) ONCE(x)
#define SIXTEEN(x) FOUR(x) FOUR(x) FOUR(x) FOUR(x)
#define MANY(x) SIXTEEN(x) SIXTEEN(x) SIXTEEN(x) SIXTEEN(x)

void main()
{
    uint x = gl_LocalInvocationIndex;

    MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x)
    MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x)
}
