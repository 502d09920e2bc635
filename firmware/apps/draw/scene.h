/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scene of `run=pvgpu-draw`: meshes, their instances, a texture, particles, a camera, as the
 * shaders firmware/apps/scene_* take them. Knows nothing of a GPU, so that another program can draw
 * the same.
 */
#ifndef FIRMWARE_APPS_DRAW_SCENE_H
#define FIRMWARE_APPS_DRAW_SCENE_H

#include <stdint.h>

/* ---- Meshes: a ring, and the ground behind it in the same buffers ---- */

struct scene_vertex {
    float position[3], normal[3];
    float texture_place[2];
};

#define SCENE_RING_VERTICES (21u * 11u)
#define SCENE_RING_INDICES (20u * 10u * 6u)
#define SCENE_VERTICES (SCENE_RING_VERTICES + 4u)
#define SCENE_INDICES (SCENE_RING_INDICES + 6u)

/* Triangles run clockwise seen from outside. */
void scene_mesh(struct scene_vertex vertices[SCENE_VERTICES], uint16_t indices[SCENE_INDICES]);

/* ---- Instances: the rings, and the ground behind them ---- */

struct scene_instance {
    float place[4];  /* the fourth: its size */
    uint32_t tint;   /* R8G8B8A8 */
    float motion[3]; /* radians at the start, radians per second, height of the wave */
};

#define SCENE_RINGS 128u
#define SCENE_INSTANCES (SCENE_RINGS + 1u)

void scene_instances(struct scene_instance instances[SCENE_INSTANCES]);

/* ---- The texture: R8G8B8A8, a square with all its levels, one behind the other ---- */

#define SCENE_TEXTURE_SIDE 128u
#define SCENE_TEXTURE_LEVELS 8u
#define SCENE_TEXTURE_TEXELS ((SCENE_TEXTURE_SIDE * SCENE_TEXTURE_SIDE * 4u - 1u) / 3u)

void scene_texture(uint32_t texels[SCENE_TEXTURE_TEXELS]);

/* ---- Particles ---- */

struct scene_particle {
    float place[3];
    float age; /* 0 to 1 */
    float velocity[3];
    uint32_t tint; /* R8G8B8A8 */
};

#define SCENE_PARTICLES 4096u
#define SCENE_PARTICLES_PER_GROUP 64u
#define SCENE_PARTICLE_CORNERS 4u /* a strip */

/* Out of sight, and of all ages, so that they are launched one after the other. */
void scene_particles(struct scene_particle particles[SCENE_PARTICLES]);

/* ---- A frame: the shaders' constants ---- */

struct scene_frame {
    float to_clip[4][4]; /* columns */
    float eye[4], light[4], background[4];
    float seconds, step_seconds, aspect;
    float zero;
};

#define SCENE_FRAMES_PER_SECOND 60u

/* Linear; a target of an sRGB format shows it as the rest. */
extern const float scene_background[4];

/* The same at every run: frame n is n / 60 seconds after the start. */
void scene_frame(struct scene_frame *frame, uint32_t number, uint32_t width, uint32_t height);

#endif
