/* SPDX-License-Identifier: MIT */
/*
 * What CPUID tells a guest: a whitelist over the host's leaves, plus what Solera emulates (x2APIC, TSC-deadline timer,
 * the hypervisor leaves). Built once per machine; a lookup is two bounds checks and a copy. Pure.
 * Next to read: hv/exit_cpuid.c.
 */
#ifndef HV_CPUID_POLICY_H
#define HV_CPUID_POLICY_H

#include "hv/cpu_topology.h"

enum cpuid_register { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

struct cpuid_leaf { u32 r[4]; }; /* by enum cpuid_register */

/* What depends on the vCPU's state at the moment; patched into a copy of the leaf. */
enum cpuid_dynamic {
	CPUID_STATIC, CPUID_DYNAMIC_1, CPUID_DYNAMIC_7, CPUID_DYNAMIC_TOPOLOGY, CPUID_DYNAMIC_XSAVE,
	CPUID_DYNAMIC_EXT1, CPUID_DYNAMIC_EXT1E,
};

struct cpuid_row {
	u16 first, count;   /* subleaves in table->leaves; count 0: all zero */
	u8 dynamic;         /* enum cpuid_dynamic */
	bool any_subleaf;   /* ECX does not matter */
};

#define CPUID_BASIC_ROWS 0x20
#define CPUID_HYPERVISOR_ROWS 2
#define CPUID_EXTENDED_ROWS 0x22
#define CPUID_LEAVES_MAX 192
#define CPUID_XSAVE_COMPONENTS 16

struct cpuid_table {
	struct cpuid_row basic[CPUID_BASIC_ROWS], hypervisor[CPUID_HYPERVISOR_ROWS], extended[CPUID_EXTENDED_ROWS];
	struct cpuid_leaf leaves[CPUID_LEAVES_MAX]; /* [0] is all zero */
	u32 leaf_count;
	struct cpu_topology topology;
	/* Read by other policies. */
	u64 xcr0_allowed;   /* state components that the guest may turn on; 0: no XSAVE */
	u64 cr4_allowed;    /* CR4 bits whose feature the guest was shown */
	u64 efer_allowed;
	struct { u32 size_bytes, offset_bytes; bool aligned; } xsave[CPUID_XSAVE_COMPONENTS];
	u8 physical_bits;
	bool intel;
};

struct cpuid_config {
	struct cpu_topology topology;
	bool kvm;           /* announce KVM's leaves */
	u64 tsc_hz;
};

/* The CPU's leaf; the hosted tests give their own. Called with any leaf, must return zeros for what is not there. */
typedef void (*cpuid_reader)(void *context, u32 leaf, u32 subleaf, struct cpuid_leaf *out);

void cpuid_policy_build(struct cpuid_table *table, cpuid_reader read_host, void *context, const struct cpuid_config *config);

/* The vCPU's state that leaves show. */
struct cpuid_state {
	u64 cr4, xcr0, xss;
	u32 apic_id;
	bool apic_enabled;
};

/* KVM's paravirtual features that Solera implements (KVM_CPUID_FEATURES, EAX). */
#define KVM_FEATURE_CLOCKSOURCE BIT32(0)
#define KVM_FEATURE_NOP_IO_DELAY BIT32(1)
#define KVM_FEATURE_CLOCKSOURCE2 BIT32(3)
#define KVM_FEATURE_STEAL_TIME BIT32(5)
#define KVM_FEATURE_PV_EOI BIT32(6)
#define KVM_FEATURE_PV_UNHALT BIT32(7)
#define KVM_FEATURE_PV_TLB_FLUSH BIT32(9)
#define KVM_FEATURE_PV_SEND_IPI BIT32(11)
#define KVM_FEATURE_POLL_CONTROL BIT32(12)
#define KVM_FEATURE_PV_SCHED_YIELD BIT32(13)
#define KVM_FEATURE_CLOCKSOURCE_STABLE BIT32(24)

/* Bounds are the policy's, masked against speculation. The row of a leaf; NULL: no such leaf, all zero. */
static inline const struct cpuid_row *cpuid_row_of(const struct cpuid_table *table, u32 leaf)
{
	if (leaf < CPUID_BASIC_ROWS)
		return &table->basic[index_nospec(leaf, CPUID_BASIC_ROWS)];
	if (leaf - 0x80000000u < CPUID_EXTENDED_ROWS)
		return &table->extended[index_nospec(leaf - 0x80000000u, CPUID_EXTENDED_ROWS)];
	if (leaf - 0x40000000u < CPUID_HYPERVISOR_ROWS)
		return &table->hypervisor[index_nospec(leaf - 0x40000000u, CPUID_HYPERVISOR_ROWS)];
	return NULL;
}

/* The static part; all zero where there is nothing. *dynamic tells whether cpuid_policy_patch must follow. */
static inline const struct cpuid_leaf *cpuid_policy_lookup(const struct cpuid_table *table, u32 leaf, u32 subleaf,
							   u8 *dynamic)
{
	const struct cpuid_row *row = cpuid_row_of(table, leaf);
	u64 sub;

	*dynamic = CPUID_STATIC;
	if (UNLIKELY(!row))
		return &table->leaves[0];
	*dynamic = row->dynamic;
	sub = row->any_subleaf ? 0 : subleaf;
	if (sub >= row->count)
		return &table->leaves[0];
	return &table->leaves[row->first + index_nospec(sub, row->count)];
}
void cpuid_policy_patch(const struct cpuid_table *table, u8 dynamic, u32 subleaf, const struct cpuid_state *state,
			struct cpuid_leaf *leaf);
/* Size of the XSAVE area for these components: standard or compacted form. */
u32 cpuid_xsave_bytes(const struct cpuid_table *table, u64 components, bool compacted);

#endif
