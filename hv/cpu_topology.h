/* SPDX-License-Identifier: MIT */
/*
 * How a machine's vCPUs form threads, cores, dies and sockets, and which APIC ID each one has for it. Pure.
 *
 * An APIC ID is made of fields, each as wide as its level needs (SDM vol. 3, "Hierarchical Mapping of Shared Resources"):
 *
 *    | socket | die | core | thread |      vCPUs are numbered threads first, then cores, dies, sockets
 *
 * so a level whose count is no power of two leaves gaps in the IDs. Next to read: hv/cpuid_topology.c.
 */
#ifndef HV_CPU_TOPOLOGY_H
#define HV_CPU_TOPOLOGY_H

#include "hv/lib/types.h"

struct cpu_topology { u32 sockets, dies, cores, threads; }; /* dies per socket, cores per die, threads per core */

/* One thread a core, one socket: what a machine has that names none. */
void cpu_topology_default(struct cpu_topology *topology, u32 vcpus);
/* The product is exactly vcpus; no level is 0. Overflow-safe. */
bool cpu_topology_fits(const struct cpu_topology *topology, u32 vcpus);
/* Bits of the APIC ID below the core, the die and the socket field. */
unsigned cpu_topology_core_shift(const struct cpu_topology *topology);
unsigned cpu_topology_die_shift(const struct cpu_topology *topology);
unsigned cpu_topology_socket_shift(const struct cpu_topology *topology);
u32 cpu_topology_apic_id(const struct cpu_topology *topology, u32 index);
static inline u32 cpu_topology_per_socket(const struct cpu_topology *topology)
{
	return topology->dies * topology->cores * topology->threads;
}

#endif
