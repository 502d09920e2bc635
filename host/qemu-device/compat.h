/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What changed in QEMU's device API from 10.0 to 11.x, in one place. Device sources include this
 * after "qemu/osdep.h" and use the newer names.
 */
#ifndef HW_MISC_BAREGPU_COMPAT_H
#define HW_MISC_BAREGPU_COMPAT_H

#define BAREGPU_QEMU_AT_LEAST(major, minor)                                                        \
    (QEMU_VERSION_MAJOR > (major) ||                                                               \
     (QEMU_VERSION_MAJOR == (major) && QEMU_VERSION_MINOR >= (minor)))

#if !BAREGPU_QEMU_AT_LEAST(10, 0)
#error "QEMU 10.0 or newer is needed"
#endif

#if __has_include("hw/core/qdev-properties.h")
#include "hw/core/qdev-properties.h"
#include "hw/core/qdev-properties-system.h"
#else
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#endif

#include "chardev/char-fe.h"
#include "qom/object.h"

/* 10.1: class_init() takes its data as const, interfaces are const. */
#if BAREGPU_QEMU_AT_LEAST(10, 1)
#define BAREGPU_CLASS_DATA const void
#define BAREGPU_INTERFACES const InterfaceInfo
#else
#define BAREGPU_CLASS_DATA void
#define BAREGPU_INTERFACES InterfaceInfo
#endif

/* 10.2: the front end's end of a character device got its own name. */
#if !BAREGPU_QEMU_AT_LEAST(10, 2)
typedef CharBackend CharFrontend;
#endif

/* 11.1: the console's functions begin alike. */
#if !BAREGPU_QEMU_AT_LEAST(11, 1)
#define qemu_graphic_console_create graphic_console_init
#define qemu_graphic_console_close graphic_console_close
#define qemu_console_set_surface dpy_gfx_replace_surface
#define qemu_console_update dpy_gfx_update
#endif

#endif
