/* SPDX-License-Identifier: MIT */
#include "hv/smp.h"
#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"

struct cpu boot_cpu;
struct cpu *cpus[CPU_MAX] = { &boot_cpu };
u32 cpu_count = 1;
struct cpu_mask cpus_online = { { 1 } };

void smp_stop_others(void)
{
	struct cpu *self = this_cpu();

	for (u32 i = 0; i < CPU_MAX; i++)
		if (cpus[i] && cpus[i] != self)
			lapic_send_nmi(cpus[i]->apic_id);
}
