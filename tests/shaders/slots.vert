// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Inputs of every class, and a constant buffer.
layout(location = 0) in vec3 position;
layout(location = 1) in ivec2 offset;
layout(location = 3) in uint number;
layout(location = 4) in mat2 turn;
layout(set = 0, binding = 2) uniform Constants { mat4 view; } constants;
layout(location = 0) out vec2 texture_place;

void main()
{
    texture_place = turn * position.xy + vec2(offset) + float(number);
    gl_Position = constants.view * vec4(position, 1);
}
