/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace events of vgpu-stub-link.c: none. */
#define trace_vgpu_stub_link_open(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_up(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_down(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_again(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_message(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_drop(...) fake_print("", __VA_ARGS__)
