/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/draw/scene.h"

#include <math.h>
#include <stddef.h>

#define TURN 6.283185307f
#define AROUND 20u /* the ring's parts along it, and across it */
#define ACROSS 10u
#define TUBE 0.42f /* its radius; the ring's is 1 */
#define GROUND 40.0f
#define GROUND_TILES 24.0f
#define SUNFLOWER 2.399963f /* radians from one seed to the next */

_Static_assert(SCENE_RING_VERTICES == (AROUND + 1) * (ACROSS + 1), "a seam for the texture");
_Static_assert(SCENE_RING_INDICES == AROUND * ACROSS * 6, "two triangles each");

static uint32_t rgba(uint32_t red, uint32_t green, uint32_t blue)
{
    return red | green << 8 | blue << 16 | 0xFF000000u;
}

/* From -1 to 1, the same for a number every time. */
static float noise(uint32_t number)
{
    number = (number ^ 61u ^ number >> 16) * 9u;
    number = (number ^ number >> 4) * 0x27D4EB2Du;
    return (float)((number ^ number >> 15) & 0xFFFF) / 32767.5f - 1.0f;
}

/* ---- Meshes ---- */

static struct scene_vertex ring_vertex(unsigned along, unsigned across)
{
    float a = TURN * (float)along / AROUND, b = TURN * (float)across / ACROSS;
    float away = 1.0f + TUBE * cosf(b);

    return (struct scene_vertex){
        .position = {away * cosf(a), TUBE * sinf(b), away * sinf(a)},
        .normal = {cosf(a) * cosf(b), sinf(b), sinf(a) * cosf(b)},
        .texture_place = {4.0f * (float)along / AROUND, 2.0f * (float)across / ACROSS},
    };
}

static void ring_indices(uint16_t *indices)
{
    for (unsigned i = 0; i < AROUND * ACROSS; i++) {
        unsigned corner = i / ACROSS * (ACROSS + 1) + i % ACROSS, next = corner + ACROSS + 1;
        const unsigned corners[6] = {corner, corner + 1, next, next, corner + 1, next + 1};

        for (unsigned j = 0; j < 6; j++) {
            *indices++ = (uint16_t)corners[j];
        }
    }
}

static struct scene_vertex ground_vertex(unsigned corner)
{
    float x = corner & 1 ? 1 : -1, z = corner & 2 ? 1 : -1;

    return (struct scene_vertex){
        .position = {GROUND * x, 0, GROUND * z},
        .normal = {0, 1, 0},
        .texture_place = {GROUND_TILES * x, GROUND_TILES * z},
    };
}

void scene_mesh(struct scene_vertex vertices[SCENE_VERTICES], uint16_t indices[SCENE_INDICES])
{
    static const uint16_t ground[6] = {0, 2, 1, 1, 2, 3};

    for (unsigned i = 0; i < SCENE_RING_VERTICES; i++) {
        vertices[i] = ring_vertex(i / (ACROSS + 1), i % (ACROSS + 1));
    }
    ring_indices(indices);
    for (unsigned i = 0; i < 4; i++) {
        vertices[SCENE_RING_VERTICES + i] = ground_vertex(i);
    }
    for (unsigned i = 0; i < 6; i++) {
        indices[SCENE_RING_INDICES + i] = ground[i]; /* drawn with a base vertex */
    }
}

/* ---- Instances: as a sunflower's seeds ---- */

static uint32_t tint_of(unsigned number)
{
    static const uint8_t tints[5][3] = {
        {240, 120, 60}, {250, 200, 80}, {70, 180, 200}, {90, 120, 230}, {220, 90, 150}};
    const uint8_t *tint = tints[number % 5];

    return rgba(tint[0], tint[1], tint[2]);
}

void scene_instances(struct scene_instance instances[SCENE_INSTANCES])
{
    for (unsigned i = 0; i < SCENE_RINGS; i++) {
        float away = 1.2f + 0.75f * sqrtf((float)i), angle = SUNFLOWER * (float)i;

        instances[i] = (struct scene_instance){
            .place = {away * cosf(angle), 0.75f, away * sinf(angle), 0.26f},
            .tint = tint_of(i),
            .motion = {angle, 1.0f + 0.5f * noise(i), 0.3f},
        };
    }
    instances[SCENE_RINGS] =
        (struct scene_instance){.place = {0, 0, 0, 1}, .tint = rgba(150, 160, 170)};
}

/* ---- The texture ---- */

static uint32_t tile_texel(unsigned x, unsigned y)
{
    unsigned half = SCENE_TEXTURE_SIDE / 2, joint = SCENE_TEXTURE_SIDE / 32;
    int shade = x / half == y / half ? 235 : 150;

    if (x % half < joint || y % half < joint) {
        shade = 70;
    }
    shade += (int)(16.0f * noise(y * SCENE_TEXTURE_SIDE + x));
    return rgba((uint32_t)shade, (uint32_t)shade, (uint32_t)shade);
}

/* The average of four texels of the level before, channel by channel. */
static uint32_t smaller_texel(const uint32_t *from, unsigned side)
{
    const uint32_t four[4] = {from[0], from[1], from[side], from[side + 1]};
    uint32_t result = 0;

    for (unsigned shift = 0; shift < 32; shift += 8) {
        uint32_t sum = 2;

        for (unsigned i = 0; i < 4; i++) {
            sum += four[i] >> shift & 0xFF;
        }
        result |= sum / 4 << shift;
    }
    return result;
}

void scene_texture(uint32_t texels[SCENE_TEXTURE_TEXELS])
{
    uint32_t *before = texels, *level = texels;

    for (unsigned side = SCENE_TEXTURE_SIDE; side != 0; side /= 2) {
        for (unsigned i = 0; i < side * side; i++) {
            unsigned x = i % side, y = i / side;

            level[i] = side == SCENE_TEXTURE_SIDE
                           ? tile_texel(x, y)
                           : smaller_texel(&before[(size_t)y * 4 * side + 2 * x], 2 * side);
        }
        before = level;
        level += side * side;
    }
}

/* ---- Particles ---- */

void scene_particles(struct scene_particle particles[SCENE_PARTICLES])
{
    for (unsigned i = 0; i < SCENE_PARTICLES; i++) {
        particles[i] = (struct scene_particle){
            .place = {0, 100, 0},
            .age = (float)i / SCENE_PARTICLES,
            .tint = i % 3 != 0 ? rgba(90, 170, 255) : rgba(255, 190, 110),
        };
    }
}

/* ---- The camera: around the fountain, looking at its middle ---- */

#define DISTANCE 8.5f
#define HEIGHT 3.6f
#define LOOKS_AT 1.2f
#define NEAR_PLANE 0.1f
#define FAR_PLANE 60.0f
#define FOCAL_LENGTH 1.5f /* of half the screen's height */
#define TURN_SECONDS 30.0f

const float scene_background[4] = {0.02f, 0.035f, 0.07f, 1};

static float dot(const float a[3], const float b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* Clip space: x to the right, y up, depth from 0 near to 1 far. */
static void look(struct scene_frame *frame, const float right[3], const float up[3],
                 const float ahead[3])
{
    float depth = FAR_PLANE / (FAR_PLANE - NEAR_PLANE);

    for (unsigned i = 0; i < 3; i++) {
        frame->to_clip[i][0] = FOCAL_LENGTH / frame->aspect * right[i];
        frame->to_clip[i][1] = FOCAL_LENGTH * up[i];
        frame->to_clip[i][2] = depth * ahead[i];
        frame->to_clip[i][3] = ahead[i];
    }
    frame->to_clip[3][0] = -FOCAL_LENGTH / frame->aspect * dot(right, frame->eye);
    frame->to_clip[3][1] = -FOCAL_LENGTH * dot(up, frame->eye);
    frame->to_clip[3][2] = -depth * (dot(ahead, frame->eye) + NEAR_PLANE);
    frame->to_clip[3][3] = -dot(ahead, frame->eye);
}

void scene_frame(struct scene_frame *frame, uint32_t number, uint32_t width, uint32_t height)
{
    float seconds = (float)number / SCENE_FRAMES_PER_SECOND, angle = TURN * seconds / TURN_SECONDS;
    float c = cosf(angle), s = sinf(angle), down = HEIGHT - LOOKS_AT;
    float length = sqrtf(DISTANCE * DISTANCE + down * down);
    float level = DISTANCE / length, tilt = down / length;
    const float right[3] = {-c, 0, s}, up[3] = {-s * tilt, level, -c * tilt};
    const float ahead[3] = {-s * level, -tilt, -c * level};

    *frame = (struct scene_frame){
        .eye = {s * DISTANCE, HEIGHT, c * DISTANCE},
        .light = {0.48f, 0.8f, 0.36f},
        .background = {scene_background[0], scene_background[1], scene_background[2], 1},
        .seconds = seconds,
        .step_seconds = 1.0f / SCENE_FRAMES_PER_SECOND,
        .aspect = (float)width / (float)height,
    };
    look(frame, right, up, ahead);
}
