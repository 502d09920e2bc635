// SPDX-License-Identifier: BSD-2-Clause
#version 450
// Without a float, a block and an output.

void main()
{
}
