/* SPDX-License-Identifier: MIT */
/* See vm_tune.h: from one machine's settings to its threads and their group. */
#include "arch/x86/cpu.h"
#include "hv/lib/error.h"
#include "hv/thread_group.h"
#include "hv/vm_helper.h"
#include "hv/vm_tune.h"

int vm_apply_tune(struct vm *vm, const struct vm_tune *tune, u32 *which)
{
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		struct cpu_mask usable = cpu_mask_and(&tune->cpus[i], &cpus_online);

		*which = i;
		if (cpu_mask_empty(&usable))
			return ERR_RANGE;
	}
	*which = VM_TUNE_HELPERS;
	if (vm_helpers_set_affinity(vm, &tune->helper_cpus))
		return ERR_RANGE;
	thread_group_set_shares(vm->group, tune->shares);
	thread_group_set_cap(vm->group, THREAD_GROUP_ALL, tune->whole.period_ns, tune->whole.quota_ns);
	thread_group_set_cap(vm->group, THREAD_GROUP_HELPERS, tune->helpers.period_ns, tune->helpers.quota_ns);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		thread_set_cap(vm->vcpus[i]->thread, tune->vcpu.period_ns, tune->vcpu.quota_ns);
		if (thread_set_affinity(vm->vcpus[i]->thread, &tune->cpus[i]))
			return ERR_RANGE; /* not after the check: CPUs do not go */
	}
	return OK;
}

void vm_times_on_cpu(const struct vm *vm, u32 cpu_index, u64 *total_ns, u64 *vcpus_ns)
{
	thread_group_times(vm->group, cpu_index, total_ns, vcpus_ns);
}

void vm_vcpu_times(const struct vm *vm, u32 index, struct thread_times *times)
{
	thread_get_times(vm->vcpus[index]->thread, times);
}

u32 vm_vcpu_cpu(const struct vm *vm, u32 index)
{
	return thread_cpu(vm->vcpus[index]->thread);
}
