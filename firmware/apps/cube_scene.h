/* SPDX-License-Identifier: BSD-2-Clause */
/* The cube that run=cube draws: its geometry, its shaders, and where it is at an angle. */
#ifndef FIRMWARE_APPS_CUBE_SCENE_H
#define FIRMWARE_APPS_CUBE_SCENE_H

#include <stdint.h>

struct cube_vertex {
    float position[3], normal[3], color[3];
};

#define CUBE_VERTICES 24u
#define CUBE_INDICES 36u

void cube_vertices(struct cube_vertex vertices[CUBE_VERTICES]);
void cube_indices(uint16_t indices[CUBE_INDICES]);

/* TGSI. Inputs as in struct cube_vertex, constants as in struct cube_constants. */
extern const char cube_vertex_shader[], cube_fragment_shader[];
#define CUBE_SHADER_TOKENS 512u

struct cube_constants {
    float to_clip[4][4];  /* rows: from the cube's space to clip space */
    float rotation[3][4]; /* rows: of normals, into the eye's space */
    float light[4];       /* from where it comes, a unit vector in the eye's space */
};

/* Turned by `degrees` around its upright axis, seen from a little above. */
void cube_constants(struct cube_constants *constants, float degrees, uint32_t width,
                    uint32_t height);

#endif
