/* SPDX-License-Identifier: MIT */
/*
 * The CPUID policy: which bits of the host's leaves a guest sees, and why (cpuid_policy.h). Whatever no row names is zero.
 *
 * Bits are the AMD64 APM vol. 3, "Obtaining Processor Information Via the CPUID Instruction" (appendix E), and the Intel
 * SDM vol. 2A, "CPUID—CPU Identification"; hypervisor leaves: Linux Documentation/virt/kvm/x86/cpuid.rst.
 * Next to read: cpuid_topology.c.
 */
#include "hv/cpuid_internal.h"
#include "hv/lib/string.h"

#define VENDOR_AMD_EBX 0x68747541u   /* "Auth" */
#define VENDOR_INTEL_EBX 0x756e6547u /* "Genu" */
#define VENDOR_HYGON_EBX 0x6f677948u

/* XCR0: x87, SSE, AVX, AVX-512 (three parts), PKRU. The others need MSRs that are not offered. */
#define XCR0_OFFERED (MASK64(2, 0) | MASK64(7, 5) | BIT64(9))

struct rule {
	u32 leaf, subleaf;
	u8 reg;
	u32 pass;  /* as the host has it */
	u32 force; /* emulated by Solera whatever the host has */
	const char *why;
};

#define BITS3(a, b, c) (BIT32(a) | BIT32(b) | BIT32(c))

static const struct rule rules[] = {
	{ 0x1, 0, CPUID_EAX, ~0u, 0, "family, model, stepping: kernels choose errata and tuning by them" },
	{ 0x1, 0, CPUID_EBX, MASK32(15, 8), 0, "CLFLUSH line size; the rest is the vCPU's own (cpuid_topology.c)" },
	{ 0x1, 0, CPUID_EDX, MASK32(6, 0), 0, "x87, VME, DE, PSE, TSC, MSR, PAE: execute natively" },
	{ 0x1, 0, CPUID_EDX, BIT32(7) | BIT32(14), 0, "MCE, MCA: MCG_CAP says 0 banks" },
	{ 0x1, 0, CPUID_EDX, BIT32(8) | BIT32(11) | BIT32(13) | BIT32(15), 0, "CX8, SEP, PGE, CMOV: native" },
	{ 0x1, 0, CPUID_EDX, 0, BIT32(9), "APIC: emulated; hidden while IA32_APIC_BASE turns it off" },
	{ 0x1, 0, CPUID_EDX, BIT32(12), 0, "MTRR: kept, without effect; Linux wants them before it uses PAT" },
	{ 0x1, 0, CPUID_EDX, BIT32(16) | BIT32(17), 0, "PAT, PSE36: native, PAT is in the guest's state" },
	{ 0x1, 0, CPUID_EDX, BIT32(19) | MASK32(26, 23), 0, "CLFSH, MMX, FXSR, SSE, SSE2: the FPU belongs to the guest" },
	{ 0x1, 0, CPUID_ECX, BIT32(0) | BIT32(1) | BIT32(9) | BIT32(12) | BIT32(19) | BIT32(20), 0, "SSE3 to SSE4.2, PCLMUL, FMA" },
	{ 0x1, 0, CPUID_ECX, BIT32(13) | BIT32(17) | BIT32(22) | BIT32(23), 0, "CX16, PCID, MOVBE, POPCNT: native" },
	{ 0x1, 0, CPUID_ECX, BIT32(25) | BIT32(26) | MASK32(30, 28), 0, "AES, XSAVE, AVX, F16C, RDRAND; OSXSAVE mirrors CR4" },
	{ 0x1, 0, CPUID_ECX, 0, BIT32(21) | BIT32(24), "x2APIC, TSC-deadline: emulated whatever the host has" },
	{ 0x1, 0, CPUID_ECX, 0, BIT32(31), "HYPERVISOR: there is one" },
	{ 0x2, 0, CPUID_EAX, ~0u, 0, "Intel: cache descriptors" },
	{ 0x2, 0, CPUID_EBX, ~0u, 0, "Intel: cache descriptors" },
	{ 0x2, 0, CPUID_ECX, ~0u, 0, "Intel: cache descriptors" },
	{ 0x2, 0, CPUID_EDX, ~0u, 0, "Intel: cache descriptors" },
	{ 0x6, 0, CPUID_EAX, 0, BIT32(2), "ARAT: the emulated APIC timer never stops" },
	{ 0x7, 0, CPUID_EBX, BIT32(0) | BIT32(3) | BIT32(5) | MASK32(10, 7), 0, "FSGSBASE, BMI, AVX2, SMEP, ERMS, INVPCID" },
	{ 0x7, 0, CPUID_EBX, MASK32(21, 16) | BITS3(23, 24, 28) | BITS3(29, 30, 31), 0, "AVX-512, RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB, SHA" },
	{ 0x7, 0, CPUID_ECX, MASK32(3, 1) | BIT32(6) | MASK32(12, 8) | BIT32(14), 0, "AVX-512 VBMI…, UMIP, PKU, GFNI, VAES" },
	{ 0x7, 0, CPUID_ECX, BIT32(16), 0, "LA57: guest tables may have five levels, ours have four" },
	{ 0x7, 0, CPUID_ECX, BIT32(22) | BIT32(27) | BIT32(28), 0, "RDPID (TSC_AUX is switched), MOVDIRI, MOVDIR64B" },
	{ 0x7, 0, CPUID_EDX, BIT32(4) | BIT32(8) | BIT32(10) | BIT32(14), 0, "FSRM, VP2INTERSECT, MD_CLEAR, SERIALIZE: native" },
	{ 0x80000001, 0, CPUID_EAX, ~0u, 0, "family and model again" },
	{ 0x80000001, 0, CPUID_EBX, MASK32(31, 28), 0, "package type" },
	{ 0x80000001, 0, CPUID_ECX, BIT32(0) | BIT32(4) | MASK32(8, 5) | BIT32(11) | BIT32(16) | BIT32(21), 0,
	  "LAHF, CR8 by LOCK, ABM, SSE4A, MISALIGNSSE, PREFETCHW, XOP, FMA4, TBM; SVM is not nested" },
	{ 0x80000001, 0, CPUID_EDX, MASK32(6, 0) | BIT32(7) | BIT32(8) | MASK32(17, 11), 0, "leaf 1 again, SYSCALL" },
	{ 0x80000001, 0, CPUID_EDX, 0, BIT32(9), "APIC: emulated" },
	{ 0x80000001, 0, CPUID_EDX, BIT32(20) | MASK32(27, 22) | BIT32(29), 0, "NX, MMX, FXSR, 1 GiB pages, RDTSCP, long mode" },
	{ 0x80000007, 0, CPUID_EDX, BIT32(8), 0, "invariant TSC: native, offset by a constant" },
	{ 0x80000008, 0, CPUID_EAX, MASK32(15, 0), 0, "physical and linear address bits" },
	{ 0x80000008, 0, CPUID_EBX, BIT32(0) | BIT32(2) | BIT32(9), 0, "CLZERO, XSAVEERPTR, WBNOINVD: native or exit" },
	{ 0x80000021, 0, CPUID_EAX, BIT32(2), 0, "LFENCE always serialises" },
};

/* Leaves that pass whole: names and cache sizes, no features. */
static const u32 whole_leaves[] = { 0x80000002, 0x80000003, 0x80000004, 0x80000005, 0x80000006, 0x80000019 };

static struct cpuid_row *row_for(struct cpuid_table *table, u32 leaf)
{
	return (struct cpuid_row *)(uintptr_t)cpuid_row_of(table, leaf);
}

struct cpuid_leaf *cpuid_add_leaf(struct cpuid_table *table, u32 leaf, u16 count, u8 dynamic, bool any_subleaf)
{
	struct cpuid_row *row = row_for(table, leaf);

	if (!row || table->leaf_count + count > CPUID_LEAVES_MAX)
		return &table->leaves[CPUID_LEAVES_MAX - 1];
	*row = (struct cpuid_row){ (u16)table->leaf_count, count, dynamic, any_subleaf };
	table->leaf_count += count;
	return &table->leaves[row->first];
}

static void apply_rules(const struct cpuid_build *build)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *rule = &rules[i];
		struct cpuid_row *row = row_for(build->table, rule->leaf);
		bool there = rule->leaf <= (rule->leaf < 0x80000000u ? build->host_last_basic : build->host_last_extended);
		struct cpuid_leaf host = { { 0 } };
		struct cpuid_leaf *leaf;

		if (rule->leaf == 0x2 && !build->table->intel)
			continue;
		if (there)
			build->read(build->context, rule->leaf, rule->subleaf, &host);
		leaf = row->count ? &build->table->leaves[row->first] :
				    cpuid_add_leaf(build->table, rule->leaf, 1, CPUID_STATIC, rule->leaf != 0x7);
		leaf->r[rule->reg] |= (host.r[rule->reg] & rule->pass) | rule->force;
	}
}

static bool has(const struct cpuid_table *table, u32 leaf, enum cpuid_register reg, unsigned bit)
{
	const struct cpuid_row *row = cpuid_row_of(table, leaf);

	return row->count && (table->leaves[row->first].r[reg] & BIT32(bit));
}

static void build_xsave(const struct cpuid_build *build)
{
	struct cpuid_table *table = build->table;
	struct cpuid_leaf host, *leaf;

	if (!has(table, 1, CPUID_ECX, 26))
		return;
	build->read(build->context, 0xd, 0, &host);
	table->xcr0_allowed = (((u64)host.r[CPUID_EDX] << 32) | host.r[CPUID_EAX]) & XCR0_OFFERED;
	leaf = cpuid_add_leaf(table, 0xd, CPUID_XSAVE_COMPONENTS, CPUID_DYNAMIC_XSAVE, false);
	for (u32 i = 2; i < CPUID_XSAVE_COMPONENTS; i++) {
		if (!(table->xcr0_allowed & BIT64(i)))
			continue;
		build->read(build->context, 0xd, i, &leaf[i]);
		leaf[i].r[CPUID_ECX] &= BIT32(1); /* aligned in the compacted form; no supervisor state */
		leaf[i].r[CPUID_EDX] = 0;
		table->xsave[i].size_bytes = leaf[i].r[CPUID_EAX];
		table->xsave[i].offset_bytes = leaf[i].r[CPUID_EBX];
		table->xsave[i].aligned = leaf[i].r[CPUID_ECX] & BIT32(1);
	}
	leaf[0].r[CPUID_EAX] = (u32)table->xcr0_allowed;
	leaf[0].r[CPUID_EDX] = (u32)(table->xcr0_allowed >> 32);
	leaf[0].r[CPUID_ECX] = cpuid_xsave_bytes(table, table->xcr0_allowed, false);
	build->read(build->context, 0xd, 1, &host);
	leaf[1].r[CPUID_EAX] = host.r[CPUID_EAX] & MASK32(3, 0); /* XSAVEOPT, XSAVEC, XGETBV(1), XSAVES with XSS 0 */
}

/* CR4's optional bits follow the features that were shown. APM vol. 2, "CR4 Register" (3.1.3). */
static void build_control_masks(struct cpuid_table *table)
{
	static const struct { u32 leaf; u8 reg, bit, cr4_bit; } rows[] = {
		{ 0x7, CPUID_ECX, 2, 11 }, { 0x7, CPUID_ECX, 16, 12 }, { 0x7, CPUID_EBX, 0, 16 }, { 0x1, CPUID_ECX, 17, 17 },
		{ 0x1, CPUID_ECX, 26, 18 }, { 0x7, CPUID_EBX, 7, 20 }, { 0x7, CPUID_EBX, 20, 21 }, { 0x7, CPUID_ECX, 3, 22 },
	};

	table->cr4_allowed = MASK64(10, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (has(table, rows[i].leaf, rows[i].reg, rows[i].bit))
			table->cr4_allowed |= BIT64(rows[i].cr4_bit);
	table->efer_allowed = BIT64(0) | BIT64(8) | BIT64(10); /* SCE, LME, LMA */
	if (has(table, 0x80000001, CPUID_EDX, 20))
		table->efer_allowed |= BIT64(11); /* NXE */
	if (has(table, 0x80000001, CPUID_EDX, 25))
		table->efer_allowed |= BIT64(14); /* FFXSR */
}

static void build_hypervisor_leaves(struct cpuid_table *table, const struct cpuid_config *config)
{
	struct cpuid_leaf *leaf;

	if (!config->kvm)
		return;
	leaf = cpuid_add_leaf(table, 0x40000000, 1, CPUID_STATIC, true);
	leaf->r[CPUID_EAX] = 0x40000001;
	leaf->r[CPUID_EBX] = 0x4b4d564b; /* "KVMK" */
	leaf->r[CPUID_ECX] = 0x564b4d56; /* "VMKV" */
	leaf->r[CPUID_EDX] = 0x4d;       /* "M" */
	leaf = cpuid_add_leaf(table, 0x40000001, 1, CPUID_STATIC, true);
	leaf->r[CPUID_EAX] = KVM_FEATURE_CLOCKSOURCE | KVM_FEATURE_CLOCKSOURCE2 | KVM_FEATURE_CLOCKSOURCE_STABLE |
			     KVM_FEATURE_NOP_IO_DELAY | KVM_FEATURE_STEAL_TIME | KVM_FEATURE_PV_EOI | KVM_FEATURE_PV_UNHALT |
			     KVM_FEATURE_PV_TLB_FLUSH | KVM_FEATURE_PV_SEND_IPI | KVM_FEATURE_POLL_CONTROL |
			     KVM_FEATURE_PV_SCHED_YIELD;
}

static u32 last_leaf(u32 host_last, u32 wanted)
{
	return MAX(host_last, wanted);
}

void cpuid_policy_build(struct cpuid_table *table, cpuid_reader read_host, void *context, const struct cpuid_config *config)
{
	struct cpuid_build build = { .table = table, .read = read_host, .context = context };
	struct cpuid_leaf host0, host_extended, *leaf;

	memset(table, 0, sizeof(*table));
	table->leaf_count = 1;
	read_host(context, 0, 0, &host0);
	read_host(context, 0x80000000, 0, &host_extended);
	table->intel = host0.r[CPUID_EBX] == VENDOR_INTEL_EBX;
	leaf = cpuid_add_leaf(table, 0, 1, CPUID_STATIC, true);
	*leaf = host0;
	leaf->r[CPUID_EAX] = MIN(last_leaf(host0.r[CPUID_EAX], 0xd), CPUID_BASIC_ROWS - 1u);
	leaf = cpuid_add_leaf(table, 0x80000000, 1, CPUID_STATIC, true);
	*leaf = host_extended;
	leaf->r[CPUID_EAX] = MIN(last_leaf(host_extended.r[CPUID_EAX], 0x80000008), 0x80000000u + CPUID_EXTENDED_ROWS - 1);
	build.host_last_basic = host0.r[CPUID_EAX];
	build.host_last_extended = host_extended.r[CPUID_EAX];
	apply_rules(&build);
	for (size_t i = 0; i < ARRAY_SIZE(whole_leaves); i++)
		if (whole_leaves[i] <= host_extended.r[CPUID_EAX])
			read_host(context, whole_leaves[i], 0, cpuid_add_leaf(table, whole_leaves[i], 1, CPUID_STATIC, true));
	table->physical_bits = table->leaves[table->extended[8].first].r[CPUID_EAX] & 0xff;
	if (!table->physical_bits)
		table->physical_bits = 36;
	table->basic[1].dynamic = CPUID_DYNAMIC_1;
	table->basic[7].dynamic = CPUID_DYNAMIC_7;
	table->extended[1].dynamic = CPUID_DYNAMIC_EXT1;
	cpuid_topology_build(&build, &config->topology);
	build_xsave(&build);
	build_control_masks(table);
	build_hypervisor_leaves(table, config);
}

u32 cpuid_xsave_bytes(const struct cpuid_table *table, u64 components, bool compacted)
{
	u32 end = 512 + 64; /* legacy area and header */

	for (u32 i = 2; i < CPUID_XSAVE_COMPONENTS; i++) {
		u32 size = table->xsave[i].size_bytes;

		if (!(components & BIT64(i)) || !size)
			continue;
		if (!compacted)
			end = MAX(end, table->xsave[i].offset_bytes + size);
		else
			end = (table->xsave[i].aligned ? ALIGN_UP(end, 64u) : end) + size;
	}
	return end;
}

void cpuid_policy_patch(const struct cpuid_table *table, u8 dynamic, u32 subleaf, const struct cpuid_state *state,
			struct cpuid_leaf *leaf)
{
	switch ((enum cpuid_dynamic)dynamic) {
	case CPUID_STATIC:
		break;
	case CPUID_DYNAMIC_1:
		leaf->r[CPUID_EBX] |= state->apic_id << 24;
		if (state->cr4 & BIT64(18))
			leaf->r[CPUID_ECX] |= BIT32(27); /* OSXSAVE */
		if (!state->apic_enabled)
			leaf->r[CPUID_EDX] &= ~BIT32(9);
		break;
	case CPUID_DYNAMIC_7:
		if (subleaf == 0 && (state->cr4 & BIT64(22)))
			leaf->r[CPUID_ECX] |= BIT32(4); /* OSPKE */
		break;
	case CPUID_DYNAMIC_TOPOLOGY:
		leaf->r[CPUID_EDX] = state->apic_id;
		leaf->r[CPUID_ECX] = (leaf->r[CPUID_ECX] & ~0xffu) | (subleaf & 0xff);
		break;
	case CPUID_DYNAMIC_XSAVE:
		if (subleaf == 0)
			leaf->r[CPUID_EBX] = cpuid_xsave_bytes(table, state->xcr0, false);
		else if (subleaf == 1 && (leaf->r[CPUID_EAX] & BIT32(1)))
			leaf->r[CPUID_EBX] = cpuid_xsave_bytes(table, state->xcr0 | state->xss, true);
		break;
	case CPUID_DYNAMIC_EXT1:
		if (!state->apic_enabled)
			leaf->r[CPUID_EDX] &= ~BIT32(9);
		break;
	case CPUID_DYNAMIC_EXT1E:
		cpuid_topology_patch(table, state->apic_id, leaf);
		break;
	}
}
