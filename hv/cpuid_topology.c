/* SPDX-License-Identifier: MIT */
/*
 * The CPUID leaves that say how vCPUs form threads, cores, dies and sockets, and which of them share a cache.
 *
 * Several leaves say the same in different words, for kernels of different ages and vendors; all are computed from one
 * struct cpu_topology, as are the APIC IDs in the MADT, so they cannot disagree. SDM vol. 2A, "CPUID—CPU Identification";
 * AMD64 APM vol. 3, appendix E. Caches are the host's in kind, size and ways; who shares them is the guest's own:
 * levels 1 and 2 belong to a core, level 3 to a die.
 */
#include "hv/cpuid_internal.h"

#define CACHE_LEAVES_MAX 8u
#define CACHE_TYPE(eax) ((eax) & 31u)
#define CACHE_LEVEL(eax) ((eax) >> 5 & 7u)
#define CACHE_SHARERS(ids) (((ids) - 1u) << 14)
#define LEVEL_SMT (1u << 8)
#define LEVEL_CORE (2u << 8)
#define LEVEL_DIE (5u << 8)
#define EXT1_ECX_CMP_LEGACY BIT32(1)
#define EXT1_ECX_TOPOEXT BIT32(22)

static struct cpuid_leaf *basic(struct cpuid_table *table, u32 leaf)
{
	return &table->leaves[table->basic[leaf].first];
}

static struct cpuid_leaf *extended(struct cpuid_table *table, u32 leaf)
{
	return &table->leaves[table->extended[leaf].first];
}

/* HTT and the number of logical processors in a package: what kernels read that know no later leaf. */
static void build_leaf_1(struct cpuid_table *table, u32 per_socket)
{
	if (per_socket == 1)
		return;
	basic(table, 1)->r[CPUID_EDX] |= BIT32(28);
	basic(table, 1)->r[CPUID_EBX] |= MIN(per_socket, 255u) << 16;
}

/* x2APIC IDs by levels, and where each level's field ends. Leaf 0xB knows threads and packages only, 0x1F dies as well. */
static void build_levels(struct cpuid_table *table, const struct cpu_topology *topology)
{
	u32 core_shift = cpu_topology_core_shift(topology), die_shift = cpu_topology_die_shift(topology);
	u32 socket_shift = cpu_topology_socket_shift(topology), per_die = topology->cores * topology->threads;
	u32 per_socket = cpu_topology_per_socket(topology);
	struct cpuid_leaf *leaf = cpuid_add_leaf(table, 0xb, 2, CPUID_DYNAMIC_TOPOLOGY, false);

	leaf[0] = (struct cpuid_leaf){ { core_shift, topology->threads, LEVEL_SMT | 0, 0 } };
	leaf[1] = (struct cpuid_leaf){ { socket_shift, per_socket, LEVEL_CORE | 1, 0 } };
	if (topology->dies == 1)
		return;
	leaf = cpuid_add_leaf(table, 0x1f, 3, CPUID_DYNAMIC_TOPOLOGY, false);
	leaf[0] = (struct cpuid_leaf){ { core_shift, topology->threads, LEVEL_SMT | 0, 0 } };
	leaf[1] = (struct cpuid_leaf){ { die_shift, per_die, LEVEL_CORE | 1, 0 } };
	leaf[2] = (struct cpuid_leaf){ { socket_shift, per_socket, LEVEL_DIE | 2, 0 } };
	basic(table, 0)->r[CPUID_EAX] = 0x1f;
}

/* One subleaf of leaf 4's layout: (ways, partitions, line) in EBX, sets in ECX, each less one. */
static struct cpuid_leaf cache(u32 type, u32 level, u32 size_bytes, u32 ways, u32 line_bytes)
{
	if (!size_bytes || !ways || !line_bytes || size_bytes / line_bytes < ways)
		return (struct cpuid_leaf){ { 0 } };
	return (struct cpuid_leaf){ { level << 5 | type | BIT32(8), (ways - 1) << 22 | (line_bytes - 1),
				      size_bytes / line_bytes / ways - 1, 0 } };
}

/* A host without TOPOEXT tells of its caches in 8000_0005 and 8000_0006 only; ways are a code there. */
static void read_old_caches(const struct cpuid_build *build, u32 subleaf, struct cpuid_leaf *out)
{
	static const u8 ways[16] = { 0, 1, 2, 0, 4, 0, 8, 0, 16, 0, 32, 48, 64, 96, 128, 0 };
	struct cpuid_leaf one, two;
	u32 l2, l3;

	build->read(build->context, 0x80000005, 0, &one);
	build->read(build->context, 0x80000006, 0, &two);
	l2 = two.r[CPUID_ECX];
	l3 = two.r[CPUID_EDX];
	switch (subleaf) {
	case 0: *out = cache(1, 1, (one.r[CPUID_ECX] >> 24) * 1024, one.r[CPUID_ECX] >> 16 & 0xff, one.r[CPUID_ECX] & 0xff); break;
	case 1: *out = cache(2, 1, (one.r[CPUID_EDX] >> 24) * 1024, one.r[CPUID_EDX] >> 16 & 0xff, one.r[CPUID_EDX] & 0xff); break;
	case 2: *out = cache(3, 2, (l2 >> 16) * 1024, ways[l2 >> 12 & 15], l2 & 0xff); break;
	case 3: *out = cache(3, 3, (l3 >> 18) * 512 * 1024, ways[l3 >> 12 & 15], l3 & 0xff); break;
	default: *out = (struct cpuid_leaf){ { 0 } }; break;
	}
}

static bool host_has_topoext(const struct cpuid_build *build)
{
	struct cpuid_leaf host;

	build->read(build->context, 0x80000001, 0, &host);
	return (host.r[CPUID_ECX] & EXT1_ECX_TOPOEXT) && build->host_last_extended >= 0x8000001e;
}

/* Leaves 4 and 8000_001D have one layout; Intel's also says in bits 31 to 26 how many cores a package numbers. */
static void build_caches(const struct cpuid_build *build, u32 number, const struct cpu_topology *topology, u32 core_ids)
{
	struct cpuid_leaf host, *leaf = cpuid_add_leaf(build->table, number, CACHE_LEAVES_MAX, CPUID_STATIC, false);
	u32 core_sharers = BIT32(cpu_topology_core_shift(topology)), die_sharers = BIT32(cpu_topology_die_shift(topology));
	bool old = !build->table->intel && !host_has_topoext(build);

	for (u32 i = 0; i < CACHE_LEAVES_MAX; i++) {
		if (old)
			read_old_caches(build, i, &host);
		else
			build->read(build->context, number, i, &host);
		if (!CACHE_TYPE(host.r[CPUID_EAX]))
			return;
		leaf[i] = host;
		leaf[i].r[CPUID_EAX] = (host.r[CPUID_EAX] & MASK32(9, 0)) | (core_ids ? (core_ids - 1) << 26 : 0) |
				       CACHE_SHARERS(CACHE_LEVEL(host.r[CPUID_EAX]) < 3 ? core_sharers : die_sharers);
	}
}

static void build_intel(const struct cpuid_build *build, const struct cpu_topology *topology)
{
	u32 core_ids = BIT32(cpu_topology_socket_shift(topology) - cpu_topology_core_shift(topology));

	if (build->host_last_basic >= 4)
		build_caches(build, 4, topology, MIN(core_ids, 64u));
}

/*
 * AMD. CMP_LEGACY: the logical processors of leaf 1 are cores, not threads of one. TOPOEXT with its leaves 1D and 1E is
 * shown whatever the host has: it is what makes AMD kernels see threads.
 */
static void build_amd(const struct cpuid_build *build, const struct cpu_topology *topology)
{
	struct cpuid_table *table = build->table;
	u32 per_socket = cpu_topology_per_socket(topology);
	struct cpuid_leaf *leaf = extended(table, 8);

	leaf->r[CPUID_ECX] = (per_socket - 1) | cpu_topology_socket_shift(topology) << 12;
	if (per_socket > 1)
		extended(table, 1)->r[CPUID_ECX] |= EXT1_ECX_CMP_LEGACY;
	extended(table, 0)->r[CPUID_EAX] = MAX(extended(table, 0)->r[CPUID_EAX], 0x8000001eu);
	extended(table, 1)->r[CPUID_ECX] |= EXT1_ECX_TOPOEXT;
	build_caches(build, 0x8000001d, topology, 0);
	leaf = cpuid_add_leaf(table, 0x8000001e, 1, CPUID_DYNAMIC_EXT1E, true);
	leaf->r[CPUID_EBX] = (topology->threads - 1) << 8;
	leaf->r[CPUID_ECX] = (MIN(topology->dies, 8u) - 1) << 8;
}

void cpuid_topology_build(const struct cpuid_build *build, const struct cpu_topology *topology)
{
	build->table->topology = *topology;
	build_leaf_1(build->table, cpu_topology_per_socket(topology));
	build_levels(build->table, topology);
	if (build->table->intel)
		build_intel(build, topology);
	else
		build_amd(build, topology);
}

/* 8000_001E: the extended APIC ID, the core's number in its socket, the node's (a die's) in the machine. */
void cpuid_topology_patch(const struct cpuid_table *table, u32 apic_id, struct cpuid_leaf *leaf)
{
	const struct cpu_topology *topology = &table->topology;
	u32 socket_shift = cpu_topology_socket_shift(topology), die_shift = cpu_topology_die_shift(topology);
	u32 in_socket = apic_id & (BIT32(socket_shift) - 1), socket = apic_id >> socket_shift;

	leaf->r[CPUID_EAX] = apic_id;
	leaf->r[CPUID_EBX] |= (in_socket >> cpu_topology_core_shift(topology)) & 0xff;
	leaf->r[CPUID_ECX] |= (socket * topology->dies + (in_socket >> die_shift)) & 0xff;
}
