// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Over at once, and long to compile into a processor's code, where each step is a loop over the lanes.
layout(location = 0) out vec4 colour;
layout(std430, set = 1, binding = 160) buffer Words { uint words[]; };

#define ONCE(x) x = atomicAdd(words[x & 15], x);
#define FOUR(x) ONCE(x) ONCE(x) ONCE(x) ONCE(x)
#define SIXTEEN(x) FOUR(x) FOUR(x) FOUR(x) FOUR(x)
#define MANY(x) SIXTEEN(x) SIXTEEN(x) SIXTEEN(x) SIXTEEN(x)

void main()
{
    uint x = uint(gl_FragCoord.x);

    MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x)
    MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x) MANY(x)
    colour = vec4(x);
}
