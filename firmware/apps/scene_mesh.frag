/* SPDX-License-Identifier: BSD-2-Clause */
/* A textured surface under one light, which fades into the background. */
#version 450
#extension GL_GOOGLE_include_directive : require

#include "scene_frame.glsl"
layout(binding = 0) uniform texture2D colors;
layout(binding = 0) uniform sampler trilinear;

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 texture_place;
layout(location = 3) in vec3 tint;

layout(location = 0) out vec4 color;

void main()
{
    vec3 to_eye = eye.xyz - position, up = normalize(normal);
    float far = length(to_eye);
    vec3 halfway = normalize(light.xyz + to_eye / far);
    float diffuse = max(dot(up, light.xyz), 0), shine = pow(max(dot(up, halfway), 0), 48);
    float ambient = 0.22 + 0.12 * up.y;
    vec3 surface = texture(sampler2D(colors, trilinear), texture_place).rgb * tint;
    vec3 lit = surface * (ambient + 0.85 * diffuse) + 0.35 * shine;

    color = vec4(mix(lit, background.rgb, smoothstep(9, 26, far)), 1);
}
