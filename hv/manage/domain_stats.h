/* SPDX-License-Identifier: MIT */
/* Live figures of a running machine: vCPUs and exits. Copies; a running machine goes on meanwhile. Thread context. */
#ifndef HV_MANAGE_DOMAIN_STATS_H
#define HV_MANAGE_DOMAIN_STATS_H

#include "hv/manage/domain.h"

enum domain_vcpu_state { DOMAIN_VCPU_OFFLINE = 0, DOMAIN_VCPU_RUNNING = 1, DOMAIN_VCPU_BLOCKED = 2 }; /* virVcpuState */

struct domain_vcpu {
	u32 number, cpu; /* cpu: the host's, on which it ran last */
	enum domain_vcpu_state state;
	u64 cpu_time_ns, guest_time_ns; /* all, and the part of it inside the guest */
	u64 steal_ns, wait_ns;    /* could have run, and others did; asleep */
	u64 exits, slow_exits, unknown_msr_reads, unknown_msr_writes;
};
/* Fills at most max and sets *count. MANAGE_FAILED: the domain is not active. */
MUST_CHECK int domain_get_vcpus(struct domain *domain, struct domain_vcpu *vcpus, u32 max, u32 *count,
				struct manage_error *error);

/* What the domain's threads had on CPU i of the host: all of them, and its vCPUs alone. *count: the host's CPUs, at most max. */
struct domain_cpu_time {
	u64 cpu_ns, vcpu_ns;
};
MUST_CHECK int domain_get_cpu_times(struct domain *domain, struct domain_cpu_time *times, u32 max, u32 *count,
				    struct manage_error *error);

struct domain_memory {
	u64 populated_bytes, nested_table_bytes; /* of its RAM, what it has touched; tables that map it */
	u64 zeroed_bytes, zeroing_ns;            /* of pages that it touched first; part of its vCPUs' CPU time */
};
MUST_CHECK int domain_get_memory(struct domain *domain, struct domain_memory *memory, struct manage_error *error);

struct domain_exit_kind {
	const char *name; /* "CPUID"; lives for ever */
	u64 count;
	u64 timed, host_ns; /* so many of them were timed (domain_time_exits), and took Solera so long */
};
#define DOMAIN_EXIT_KINDS_MAX 64
#define DOMAIN_EXITS_OF_ALL (~(u32)0)
/* Times exits from now on, or no longer; each exit costs somewhat more then. MANAGE_FAILED: not active. */
int domain_time_exits(struct domain *domain, bool on, struct manage_error *error);
/* Of one vCPU, or (DOMAIN_EXITS_OF_ALL) summed over the machine's; rows in the exit table's order, also those that never happened. */
MUST_CHECK int domain_get_exits(struct domain *domain, u32 index, struct domain_exit_kind *kinds, u32 max, u32 *count,
				struct manage_error *error);

#endif
