/* SPDX-License-Identifier: MIT */
/* The CPUs that run, their topology and their time. Next to read: host_topology.c. */
#include "arch/x86/msr.h"
#include "hv/clock.h"
#include "hv/host_cpu.h"
#include "hv/lib/error.h"
#include "hv/thread_internal.h"

static struct cpuid_result read_cpuid(void *context, u32 leaf, u32 subleaf)
{
	(void)context;
	return cpuid(leaf, subleaf);
}

u32 host_cpu_count(void)
{
	return MAX(cpu_count, 1u);
}

void host_cpu_topology_here(struct host_cpu_topology *topology)
{
	host_cpu_topology(topology, host_cpu_count(), read_cpuid, NULL);
}

int host_cpu_ns(u32 cpu_index, struct host_cpu_ns *ns)
{
	const struct cpu *cpu = cpu_index < CPU_MAX ? cpus[cpu_index] : NULL;
	u64 now = clock_ns();

	if (!cpu || !cpu->queue)
		return ERR_NOT_FOUND;
	now -= MIN(cpu->queue->started_ns, now);
	ns->idle = MIN(thread_run_ns(cpu->queue->idle), now);
	ns->guest = MIN(clock_ticks_to_ns(stopwatch_read(&cpu->guest_time, rdtsc())), now - ns->idle);
	ns->host = now - ns->idle - ns->guest;
	return OK;
}
