/* SPDX-License-Identifier: BSD-2-Clause */
/* struct scene_frame of draw/scene.h. */
layout(binding = 0) uniform Frame {
    mat4 to_clip;
    vec4 eye, light, background;
    float seconds, step_seconds, aspect;
};
