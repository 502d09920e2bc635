/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: $(SPIRV_LIBS) -ldl
// needs: build/tests/shaders/flat.vert.spv build/tests/shaders/flat.frag.spv
// needs: build/tests/shaders/constants.vert.spv build/tests/shaders/textured.frag.spv
// needs: build/tests/shaders/move.comp.spv
/* Draws and dispatches on Vulkan, pixel by pixel. */
#include "tests/unit/mediator/pvgpu_draw_fixture.h"

#define RED 0xFF0000FFu
#define GREEN 0xFF00FF00u

/* The hypotenuse runs through pixels' centres, which the top-left rule leaves out. */
static const struct vertex triangle[] = {
    {{-1, 1, 0, 1}, {255, 0, 0, 255}},
    {{1, 1, 0, 1}, {255, 0, 0, 255}},
    {{-1, -1, 0, 1}, {255, 0, 0, 255}},
};

static bool upper_left(uint32_t x, uint32_t y)
{
    return x + y < SIDE - 1;
}

static void test_triangle(void **state)
{
    (void)state;
    make_target(TARGET, BG_PVGPU_FORMAT_R8G8B8A8_UNORM);
    bind_targets(TARGET, 0, 0);
    use_flat_shaders();
    make_filled(VERTICES, BG_PVGPU_BIND_VERTEX_BUFFER, triangle, sizeof(triangle));
    bind_vertices(0, VERTICES, sizeof(struct vertex), 0);
    draw_now(3, 0);
    expect_pixels(TARGET, upper_left, RED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_triangle, setup, teardown),
    };

    return run_draw_tests("draws", tests, sizeof(tests) / sizeof(tests[0]));
}
