/* SPDX-License-Identifier: BSD-2-Clause */
/* A vertex moved by its instance, and by a constant. */

cbuffer Constants : register(b3)
{
    float4 by;
};

struct Output {
    float4 position : SV_Position;
    float4 color : COLOR;
};

Output main(float3 position : POSITION, float4 color : COLOR, float2 instance : INSTANCE)
{
    Output output;

    output.position = float4(position + by.xyz + float3(instance, 0), 1);
    output.color = color;
    return output;
}
