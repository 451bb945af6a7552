/* SPDX-License-Identifier: MIT */
/* What the files of the CPUID policy share while a table is built. */
#ifndef HV_CPUID_INTERNAL_H
#define HV_CPUID_INTERNAL_H

#include "hv/cpuid_policy.h"

struct cpuid_build {
	struct cpuid_table *table;
	cpuid_reader read;
	void *context;
	u32 host_last_basic, host_last_extended; /* the host's highest leaves */
};

/* Reserves count consecutive subleaves for a leaf; they start out zero. */
struct cpuid_leaf *cpuid_add_leaf(struct cpuid_table *table, u32 leaf, u16 count, u8 dynamic, bool any_subleaf);
/* cpuid_topology.c: leaves 1, 4, 0xB, 0x1F, 8000_0001, 8000_0008, 8000_001D, 8000_001E. After the rules. */
void cpuid_topology_build(const struct cpuid_build *build, const struct cpu_topology *topology);
/* The APIC ID's part of the leaf, for cpuid_policy_patch. */
void cpuid_topology_patch(const struct cpuid_table *table, u32 apic_id, struct cpuid_leaf *leaf);

#endif
