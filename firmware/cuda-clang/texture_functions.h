/* SPDX-License-Identifier: BSD-2-Clause */
/* Textures and surfaces by their objects: values of one, two or four 32-bit channels. */
#ifndef FIRMWARE_CUDA_CLANG_TEXTURE_FUNCTIONS_H
#define FIRMWARE_CUDA_CLANG_TEXTURE_FUNCTIONS_H

typedef unsigned long long cudaTextureObject_t;
typedef unsigned long long cudaSurfaceObject_t;

/* The first channels of what an instruction gave: T is U, U1, U2 or U4. */
template <typename T, typename U> BG_DEVICE T bg_channels(U x, U y, U z, U w)
{
    const U all[4] = {x, y, z, w};
    T value;

    static_assert(sizeof(T) <= sizeof(all), "at most four channels of 32 bits");
    __builtin_memcpy(&value, all, sizeof(T));
    return value;
}

template <typename T> struct bg_texel;
#define BG_TEXEL(type, name, channel)                                                              \
    template <> struct bg_texel<type> {                                                            \
        typedef channel base;                                                                      \
    };                                                                                             \
    template <> struct bg_texel<name##1> : bg_texel<type> {                                        \
    };                                                                                             \
    template <> struct bg_texel<name##2> : bg_texel<type> {                                        \
    };                                                                                             \
    template <> struct bg_texel<name##4> : bg_texel<type> {                                        \
    }

BG_TEXEL(float, float, float);
BG_TEXEL(int, int, int);
BG_TEXEL(unsigned, uint, unsigned);
#undef BG_TEXEL

/* One overload for each base type: `kind` and `from` as PTX spells them, `operands` %5 and on. */
#define BG_FETCH_BASE(function, base, constraint, kind, from, operands, parameters, inputs)        \
    template <typename T> BG_DEVICE T function(base *, cudaTextureObject_t texture, parameters)    \
    {                                                                                              \
        base x, y, z, w;                                                                           \
                                                                                                   \
        asm volatile("tex." kind ".v4." from " {%0, %1, %2, %3}, [%4, " operands "];"              \
                     : constraint(x), constraint(y), constraint(z), constraint(w)                  \
                     : "l"(texture), inputs);                                                      \
        return bg_channels<T>(x, y, z, w);                                                         \
    }
#define BG_LIST(...) __VA_ARGS__
#define BG_FETCH(function, kind, coordinate, operands, parameters, inputs, arguments)              \
    BG_FETCH_BASE(bg_##function, float, "=f", kind, "f32." coordinate, operands,                   \
                  BG_LIST(parameters), BG_LIST(inputs))                                            \
    BG_FETCH_BASE(bg_##function, int, "=r", kind, "s32." coordinate, operands,                     \
                  BG_LIST(parameters), BG_LIST(inputs))                                            \
    BG_FETCH_BASE(bg_##function, unsigned, "=r", kind, "u32." coordinate, operands,                \
                  BG_LIST(parameters), BG_LIST(inputs))                                            \
    template <typename T> BG_DEVICE T function(cudaTextureObject_t texture, parameters)            \
    {                                                                                              \
        return bg_##function<T>((typename bg_texel<T>::base *)nullptr, texture, arguments);        \
    }

BG_FETCH(tex1Dfetch, "1d", "s32", "{%5}", BG_LIST(int u), BG_LIST("r"(u)), BG_LIST(u))
BG_FETCH(tex1D, "1d", "f32", "{%5}", BG_LIST(float u), BG_LIST("f"(u)), BG_LIST(u))
BG_FETCH(tex2D, "2d", "f32", "{%5, %6}", BG_LIST(float u, float v), BG_LIST("f"(u), "f"(v)),
         BG_LIST(u, v))
BG_FETCH(tex3D, "3d", "f32", "{%5, %6, %7, %7}", BG_LIST(float u, float v, float s),
         BG_LIST("f"(u), "f"(v), "f"(s)), BG_LIST(u, v, s))

#undef BG_FETCH
#undef BG_FETCH_BASE
#undef BG_LIST

/* Surfaces: x in bytes; outside is a fault, as cudaBoundaryModeTrap has it. */
BG_DEVICE unsigned bg_surface_read(cudaSurfaceObject_t surface, int x, int y)
{
    unsigned bits;

    asm volatile("suld.b.2d.b32.trap {%0}, [%1, {%2, %3}];"
                 : "=r"(bits)
                 : "l"(surface), "r"(x), "r"(y)
                 : "memory");
    return bits;
}

template <typename T> BG_DEVICE T surf2Dread(cudaSurfaceObject_t surface, int x, int y)
{
    static_assert(sizeof(T) == 4, "texels of 32 bits");
    const unsigned bits = bg_surface_read(surface, x, y);
    T value;

    __builtin_memcpy(&value, &bits, sizeof(value));
    return value;
}

template <typename T> BG_DEVICE void surf2Dwrite(T value, cudaSurfaceObject_t surface, int x, int y)
{
    static_assert(sizeof(T) == 4, "texels of 32 bits");
    unsigned bits;

    __builtin_memcpy(&bits, &value, sizeof(bits));
    asm volatile("sust.b.2d.b32.trap [%0, {%1, %2}], {%3};" ::"l"(surface), "r"(x), "r"(y),
                 "r"(bits)
                 : "memory");
}

#endif
