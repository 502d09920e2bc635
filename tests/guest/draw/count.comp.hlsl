/* SPDX-License-Identifier: BSD-2-Clause */
/* Each word of one buffer, multiplied, and its number added, into another. */

cbuffer Constants : register(b0)
{
    uint factor;
};

StructuredBuffer<uint> from : register(t1);
RWStructuredBuffer<uint> to : register(u2);

[numthreads(32, 1, 1)]
void main(uint3 thread : SV_DispatchThreadID)
{
    to[thread.x] = from[thread.x] * factor + thread.x;
}
