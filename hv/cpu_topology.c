/* SPDX-License-Identifier: MIT */
/* From a vCPU's number to its APIC ID (hv/cpu_topology.h). */
#include "hv/cpu_topology.h"

void cpu_topology_default(struct cpu_topology *topology, u32 vcpus)
{
	*topology = (struct cpu_topology){ .sockets = 1, .dies = 1, .cores = vcpus, .threads = 1 };
}

bool cpu_topology_fits(const struct cpu_topology *topology, u32 vcpus)
{
	const u32 levels[] = { topology->sockets, topology->dies, topology->cores, topology->threads };
	u64 product = 1;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (!levels[i] || levels[i] > vcpus)
			return false;
		product *= levels[i]; /* at most vcpus squared: the next line stops what grows further */
		if (product > vcpus)
			return false;
	}
	return product == vcpus;
}

/* How many bits number so many things. */
static unsigned width(u32 count)
{
	return count > 1 ? 32 - (unsigned)__builtin_clz(count - 1) : 0;
}

unsigned cpu_topology_core_shift(const struct cpu_topology *topology)
{
	return width(topology->threads);
}

unsigned cpu_topology_die_shift(const struct cpu_topology *topology)
{
	return cpu_topology_core_shift(topology) + width(topology->cores);
}

unsigned cpu_topology_socket_shift(const struct cpu_topology *topology)
{
	return cpu_topology_die_shift(topology) + width(topology->dies);
}

u32 cpu_topology_apic_id(const struct cpu_topology *topology, u32 index)
{
	u32 thread = index % topology->threads, core = index / topology->threads;
	u32 die = core / topology->cores, socket = die / topology->dies;

	return thread | (core % topology->cores) << cpu_topology_core_shift(topology) |
	       (die % topology->dies) << cpu_topology_die_shift(topology) | socket << cpu_topology_socket_shift(topology);
}
