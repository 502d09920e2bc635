/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors and matrices. A sum of n products is within n roundings of the sum of their sizes. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guest/lib/tap.h"

#define EDGE 16u

/* ---- Vectors ---- */

static void add(CUmodule module)
{
    enum { COUNT = 100003 };
    unsigned n = COUNT;
    float *a = kernels_random_floats(n, 1, -1e6f, 1e6f), *b = kernels_random_floats(n, 2, -1, 1);
    float *c = kernels_memory(4 * n), *expected = kernels_memory(4 * n);
    CUdeviceptr da = kernels_upload(a, 4 * n), db = kernels_upload(b, 4 * n);
    CUdeviceptr dc = kernels_upload(NULL, 4 * n);

    LAUNCH(module, "vector_add", kernels_line(n, 256), &dc, &da, &db, &n);
    kernels_download(c, dc, 4 * n);
    kernels_free(da);
    kernels_free(db);
    for (unsigned i = 0; i < n; i++) {
        expected[i] = a[i] + b[i];
    }
    kernels_same(c, expected, n, "vector add");
    free(a);
    free(b);
    free(c);
    free(expected);
}

static void saxpy(CUmodule module)
{
    unsigned n = 70001;
    float factor = 1.7f;
    float *x = kernels_random_floats(n, 3, -9, 9), *y = kernels_random_floats(n, 4, -9, 9);
    float *got = kernels_memory(4 * n);
    CUdeviceptr dx = kernels_upload(x, 4 * n), dy = kernels_upload(y, 4 * n);

    LAUNCH(module, "saxpy", ((struct kernels_shape){.grid_x = 32, .block_x = 192}), &dy, &dx,
           &factor, &n);
    kernels_download(got, dy, 4 * n);
    kernels_free(dx);
    for (unsigned i = 0; i < n; i++) {
        y[i] = fmaf(factor, x[i], y[i]);
    }
    kernels_same(got, y, n, "saxpy, in a grid-stride loop");
    free(x);
    free(y);
    free(got);
}

/* ---- Products of matrices ---- */

struct product {
    unsigned n;
    float *a, *b, *c;
    CUdeviceptr da, db, dc;
};

/* Values of few bits: exact as halves, too. */
static float *new_matrix(unsigned n, uint32_t seed)
{
    float *m = kernels_memory(4 * n * n);

    for (unsigned i = 0; i < n * n; i++) {
        m[i] = (float)((int)(kernels_random(&seed) % 2001) - 1000) / 1024;
    }
    return m;
}

static struct product new_product(unsigned n)
{
    struct product p = {.n = n, .a = new_matrix(n, 5), .b = new_matrix(n, 6)};

    p.c = kernels_memory(4 * n * n);
    p.da = kernels_upload(p.a, 4 * n * n);
    p.db = kernels_upload(p.b, 4 * n * n);
    p.dc = kernels_upload(NULL, 4 * n * n);
    return p;
}

static bool is_product(const struct product *p)
{
    for (unsigned i = 0; i < p->n * p->n; i++) {
        double sum = 0, size = 0;

        for (unsigned k = 0; k < p->n; k++) {
            double term = (double)p->a[i / p->n * p->n + k] * p->b[k * p->n + i % p->n];

            sum += term;
            size += fabs(term);
        }
        if (!kernels_near(i, p->c[i], sum, p->n * FLOAT_EPSILON * size)) {
            return false;
        }
    }
    return true;
}

static void end_product(struct product *p, const char *what)
{
    kernels_download(p->c, p->dc, 4 * p->n * p->n);
    kernels_free(p->da);
    kernels_free(p->db);
    tap_ok(is_product(p), "%s, %u x %u", what, p->n, p->n);
    free(p->a);
    free(p->b);
    free(p->c);
}

static struct kernels_shape tiles(unsigned width, unsigned height, unsigned edge)
{
    return (struct kernels_shape){.grid_x = (width + edge - 1) / edge,
                                  .grid_y = (height + edge - 1) / edge,
                                  .block_x = edge,
                                  .block_y = edge};
}

static void matrix_products(CUmodule module)
{
    struct product p = new_product(75);

    LAUNCH(module, "matmul_naive", tiles(p.n, p.n, EDGE), &p.dc, &p.da, &p.db, &p.n);
    end_product(&p, "matrix product, naive");
    p = new_product(100);
    LAUNCH(module, "matmul", tiles(p.n, p.n, 32), &p.dc, &p.da, &p.db, &p.n);
    end_product(&p, "matrix product, tiled");
}

static void matrix_product_of_warps(CUmodule module)
{
    struct product p = new_product(64);
    unsigned words = p.n * p.n;
    CUdeviceptr ha = kernels_upload(NULL, 2 * words), hb = kernels_upload(NULL, 2 * words);

    LAUNCH(module, "to_half", kernels_line(words, 128), &ha, &p.da, &words);
    LAUNCH(module, "to_half", kernels_line(words, 128), &hb, &p.db, &words);
    LAUNCH(module, "matmul_wmma",
           ((struct kernels_shape){.grid_x = p.n / 16, .grid_y = p.n / 16, .block_x = 32}), &p.dc,
           &ha, &hb, &p.n);
    end_product(&p, "matrix product, wmma");
    kernels_free(ha);
    kernels_free(hb);
}

static void transpose(CUmodule module)
{
    unsigned width = 211, height = 97, n = width * height;
    float *from = kernels_random_floats(n, 7, -1, 1), *to = kernels_memory(4 * n);
    float *expected = kernels_memory(4 * n);
    CUdeviceptr dfrom = kernels_upload(from, 4 * n), dto = kernels_upload(NULL, 4 * n);

    LAUNCH(module, "transpose", tiles(width, height, EDGE), &dto, &dfrom, &width, &height);
    kernels_download(to, dto, 4 * n);
    kernels_free(dfrom);
    for (unsigned i = 0; i < n; i++) {
        expected[i % width * height + i / width] = from[i];
    }
    kernels_same(to, expected, n, "transpose, 211 x 97");
    free(from);
    free(to);
    free(expected);
}

void kernels_linear(CUmodule module)
{
    add(module);
    saxpy(module);
    matrix_products(module);
    matrix_product_of_warps(module);
    transpose(module);
}
