/* SPDX-License-Identifier: BSD-2-Clause */
/* A fountain: particles fly, bounce off the ground, and start again at the end of their lives. */

cbuffer Frame : register(b0)
{
    column_major float4x4 to_clip;
    float4 eye, light, background;
    float seconds, step_seconds, aspect;
};

struct Particle {
    float3 place;
    float age; /* 0 to 1 */
    float3 velocity;
    uint color;
};

RWStructuredBuffer<Particle> particles : register(u0);

static const float life_seconds = 2.6, gravity = 6.5, bounce = 0.45;

float3 random(uint seed)
{
    uint3 bits = seed * uint3(747796405u, 2891336453u, 1664525u) + uint3(1u, 77u, 1013904223u);

    bits = (bits ^ (bits >> 15)) * 2246822519u;
    return float3(bits >> 8) / 16777216.0;
}

Particle launched(uint index, uint color)
{
    float3 dice = random(index + asuint(seconds));
    float angle = dice.x * 6.2831853, out_speed = 0.5 + 1.3 * dice.y;
    Particle particle;

    particle.place = float3(0, 0.3, 0);
    particle.age = 0;
    particle.velocity = float3(cos(angle) * out_speed, 5.0 + 2.0 * dice.z, sin(angle) * out_speed);
    particle.color = color;
    return particle;
}

[numthreads(64, 1, 1)]
void main(uint3 thread : SV_DispatchThreadID)
{
    Particle particle = particles[thread.x];

    particle.age += step_seconds / life_seconds;
    particle.velocity.y -= gravity * step_seconds;
    particle.place += particle.velocity * step_seconds;
    if (particle.place.y < 0) {
        particle.place.y = -particle.place.y;
        particle.velocity *= float3(0.8, -bounce, 0.8);
    }
    if (particle.age >= 1) {
        particle = launched(thread.x, particle.color);
    }
    particles[thread.x] = particle;
}
