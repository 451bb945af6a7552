/* SPDX-License-Identifier: MIT */
/*
 * A share group: the threads of one machine. It weighs against other groups and the host's own threads by its shares, however
 * many threads it has, and may have caps. hv/sched_policy.h says how they work. Thread context but for the setters, which
 * may be called anywhere but in an NMI.
 */
#ifndef HV_THREAD_GROUP_H
#define HV_THREAD_GROUP_H

#include "hv/thread.h"

enum thread_group_cap {
	THREAD_GROUP_ALL,     /* libvirt's global_quota: vCPUs and helpers together */
	THREAD_GROUP_HELPERS, /* emulator_quota */
};

/* NULL: no memory. For the CPUs that have been started by then. */
struct thread_group *thread_group_create(u32 shares);
void thread_group_destroy(struct thread_group *group); /* all its threads have been joined; NULL: nothing */
void thread_group_set_shares(struct thread_group *group, u32 shares);
/* Time of its threads on one CPU since its creation, and of those that are no helpers. 0 where no such CPU runs. Thread context. */
void thread_group_times(struct thread_group *group, u32 cpu_index, u64 *total_ns, u64 *vcpus_ns);
/* quota 0: no cap. */
void thread_group_set_cap(struct thread_group *group, enum thread_group_cap cap, u64 period_ns, u64 quota_ns);

#endif
