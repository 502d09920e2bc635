/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lets one header serve C and C++. Layouts are checked wherever a header is compiled, but by a
 * compiler that cannot (C before C11).
 */
#ifndef BAREGPU_PROTOCOL_DECLS_H
#define BAREGPU_PROTOCOL_DECLS_H

#ifdef __cplusplus
#define BG_BEGIN_DECLS extern "C" {
#define BG_END_DECLS }
#else
#define BG_BEGIN_DECLS
#define BG_END_DECLS
#endif

/* BG_STRUCT(name){...}: a value of struct name. */
#ifdef __cplusplus
#define BG_STRUCT(name) name
#else
#define BG_STRUCT(name) (struct name)
#endif

/* Around structs whose last member has no size, which is C's. */
#define BG_BEGIN_FLEXIBLE                                                                          \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wpedantic\"")
#define BG_END_FLEXIBLE _Pragma("GCC diagnostic pop")

#if defined(__cplusplus)
#define BG_STATIC_ASSERT(condition, text) static_assert(condition, text)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define BG_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#else
#define BG_STATIC_ASSERT(condition, text) struct bg_static_assert
#endif

#define BG_WIRE_SIZE(type, size) BG_STATIC_ASSERT(sizeof(struct type) == (size), "wire size")
#define BG_WIRE_OFFSET(type, field, offset)                                                        \
    BG_STATIC_ASSERT(offsetof(struct type, field) == (offset), "wire offset")

#endif
