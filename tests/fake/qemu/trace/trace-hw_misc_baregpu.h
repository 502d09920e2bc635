/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace events of the links: none. */
#define trace_vgpu_stub_link_open(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_up(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_down(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_again(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_message(...) fake_print("", __VA_ARGS__)
#define trace_vgpu_stub_link_drop(...) fake_print("", __VA_ARGS__)
#define trace_virtio_sst_link_open(...) fake_print("", __VA_ARGS__)
#define trace_virtio_sst_link_up(...) fake_print("", __VA_ARGS__)
#define trace_virtio_sst_link_lost(...) fake_print("", __VA_ARGS__)
#define trace_virtio_sst_link_frame(...) fake_print("", __VA_ARGS__)
#define trace_virtio_sst_link_late(...) fake_print("", __VA_ARGS__)
