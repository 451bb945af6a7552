/* SPDX-License-Identifier: MIT */
/* Lists of CPUs as libvirt writes them: "0-3,^2,7". Pure. */
#ifndef HV_MANAGE_CPU_LIST_H
#define HV_MANAGE_CPU_LIST_H

#include "hv/lib/cpu_mask.h"

#define CPU_LIST_TEXT_MAX (CPU_MAX * 4)

/* ERR_INVALID: not a list, or an empty one. ERR_RANGE: a number of CPU_MAX or more. */
MUST_CHECK int cpu_list_parse(struct cpu_mask *mask, const char *text);
/* The CPUs below `count`; returns the text's length. */
size_t cpu_list_format(char *text, size_t size, const struct cpu_mask *mask, u32 count);
/* A mask of the CPUs 0 to count - 1. */
struct cpu_mask cpu_list_first(u32 count);

#endif
