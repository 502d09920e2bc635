/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CUDA_CPU_PTXC_INHERIT_H
#define CUDA_CPU_PTXC_INHERIT_H

/*
 * A process that is forked later has mapped those pages of a library's code that this one has run
 * since; else it maps each when it comes to it. Where that cannot be had nothing is different.
 */
void inherit_text(const char *library);

#endif
