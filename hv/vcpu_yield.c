/* SPDX-License-Identifier: MIT */
/*
 * Directed yield. What is read of the other vCPUs may be old by the time that it is used: a turn that comes too late is refused
 * by the scheduler (thread_yield_to), and the yield is one to everybody.
 */
#include "hv/vcpu_yield.h"
#include "hv/sched_directed.h"
#include "hv/vm.h"

void vcpu_yield_to(struct vcpu *vcpu, u32 index)
{
	struct vm *vm = vcpu->vm;

	if (index >= vm->vcpu_count || index == vcpu->index)
		thread_yield();
	else
		thread_yield_to(vm->vcpus[index]->thread);
}

void vcpu_yield_while_spinning(struct vcpu *vcpu)
{
	struct sched_directed_vcpu others[VM_VCPUS_MAX];
	struct vm *vm = vcpu->vm;
	u32 chosen;

	for (u32 i = 0; i < vm->vcpu_count; i++)
		others[i] = (struct sched_directed_vcpu){ thread_waits_for_cpu(vm->vcpus[i]->thread), READ_ONCE(vm->vcpus[i]->spins) };
	chosen = sched_directed_choose(others, vm->vcpu_count, vcpu->index, vcpu->turn_last);
	if (chosen != SCHED_DIRECTED_NOBODY)
		vcpu->turn_last = chosen;
	WRITE_ONCE(vcpu->spins, true);
	vcpu_yield_to(vcpu, chosen);
	WRITE_ONCE(vcpu->spins, false);
}
