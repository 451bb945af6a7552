/* SPDX-License-Identifier: MIT */
/* The host's CPUs as a person counts them: sockets, cores, threads, frequency, name; and what their time went into. */
#ifndef HV_HOST_CPU_H
#define HV_HOST_CPU_H

#include "arch/x86/cpuid.h"
#include "hv/lib/types.h"

struct host_cpu_topology {
	u32 threads_per_core, cores_per_socket, sockets;
	char brand[49]; /* without blanks at its ends; "" where the CPU does not say */
};

/*
 * From CPUID, read by the given function (the real one, or a test's table), for this many CPUs. Where CPUID makes no
 * sense with the count, each CPU is a socket's core of its own. Pure.
 */
void host_cpu_topology(struct host_cpu_topology *topology, u32 cpus,
		       struct cpuid_result (*read)(void *context, u32 leaf, u32 subleaf), void *context);

u32 host_cpu_count(void);                                        /* those that run */
void host_cpu_topology_here(struct host_cpu_topology *topology); /* the real one */

/*
 * Nanoseconds since the CPU runs (the boot CPU: since Solera's entry). guest: inside guests, with the exits that the fast level handles (vcpu_guest_time_begin,
 * hv/vcpu.h); idle: in the idle thread, which takes the interrupts that wake it; host: all else.
 */
struct host_cpu_ns {
	u64 guest, host, idle;
};
/* ERR_NOT_FOUND: no such CPU runs. Thread context. */
MUST_CHECK int host_cpu_ns(u32 cpu_index, struct host_cpu_ns *ns);

#endif
