/* SPDX-License-Identifier: BSD-2-Clause */
/* Instances of a mesh, each turning by itself and riding on a wave that runs outwards. */
#version 450
#extension GL_GOOGLE_include_directive : require

#include "scene_frame.glsl"

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 texture_place;
layout(location = 3) in vec4 place; /* of the instance; w: its size */
layout(location = 4) in vec4 tint;
layout(location = 5) in vec3 motion; /* angle at the start, radians per second, the wave's height */

layout(location = 0) out vec3 out_position;
layout(location = 1) out vec3 out_normal;
layout(location = 2) out vec2 out_texture_place;
layout(location = 3) out vec3 out_tint;

mat3 turned(float angle)
{
    float c = cos(angle), s = sin(angle), c2 = cos(angle * 0.7), s2 = sin(angle * 0.7);

    return mat3(c, 0, -s, 0, 1, 0, s, 0, c) * mat3(1, 0, 0, 0, c2, s2, 0, -s2, c2);
}

void main()
{
    mat3 turn = turned(motion.x + seconds * motion.y);
    float wave = motion.z * sin(length(place.xz) * 1.1 - seconds * 2.0);

    out_position = turn * position * place.w + place.xyz + vec3(0, wave, 0);
    out_normal = turn * normal;
    out_texture_place = texture_place;
    out_tint = tint.rgb;
    gl_Position = to_clip * vec4(out_position, 1);
}
