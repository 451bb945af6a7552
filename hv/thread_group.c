/* SPDX-License-Identifier: MIT */
/* See thread_group.h: the policy's group, with a part for each CPU. */
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/thread_group.h"
#include "hv/thread_internal.h"

struct thread_group {
	struct sched_group policy;
	struct sched_part parts[]; /* one a CPU: [that CPU's run queue] */
};

struct thread_group *thread_group_create(u32 shares)
{
	struct thread_group *group = kzalloc(sizeof(*group) + cpu_count * sizeof(group->parts[0]));

	if (group)
		sched_group_init(&group->policy, shares, group->parts, cpu_count, run_queue_ticks(THREAD_SLICE_NS));
	return group;
}

void thread_group_destroy(struct thread_group *group)
{
	kfree(group);
}

struct sched_group *thread_group_policy(struct thread_group *group)
{
	return group ? &group->policy : NULL;
}

void thread_group_set_shares(struct thread_group *group, u32 shares)
{
	sched_group_set_shares(&group->policy, shares);
}

void thread_group_set_cap(struct thread_group *group, enum thread_group_cap cap, u64 period_ns, u64 quota_ns)
{
	sched_cap_set(cap == THREAD_GROUP_ALL ? &group->policy.whole : &group->policy.helpers, run_queue_ticks(period_ns),
		      run_queue_ticks(quota_ns));
	CPU_MASK_FOR_EACH(i, &cpus_online)
		run_queue_look_again(cpus[i]); /* one of its threads may run there without an end */
}

void thread_group_times(struct thread_group *group, u32 cpu_index, u64 *total_ns, u64 *vcpus_ns)
{
	u64 flags, total, helped;

	*total_ns = *vcpus_ns = 0;
	if (cpu_index >= group->policy.part_count || !cpus[cpu_index] || !cpus[cpu_index]->queue)
		return;
	flags = lock_irqsave(&cpus[cpu_index]->queue->lock);
	run_queue_charge(cpus[cpu_index]->queue, cpus[cpu_index]->current);
	total = group->parts[cpu_index].served;
	helped = group->parts[cpu_index].helped;
	unlock_irqrestore(&cpus[cpu_index]->queue->lock, flags);
	*total_ns = clock_ticks_to_ns(total);
	*vcpus_ns = clock_ticks_to_ns(total - helped);
}
