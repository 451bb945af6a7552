/* SPDX-License-Identifier: MIT */
/* Nested page faults: RAM that was not touched yet is brought in; everything else is MMIO and is emulated. */
#include "hv/emulate.h"
#include "hv/exit.h"
#include "hv/gmem_internal.h"
#include "hv/lib/error.h"

/* RAM. The page may be there already (another vCPU brought it): then entering again is all. */
static enum verdict ram_fault(struct vcpu *vcpu)
{
	gpa_t gpa = vcpu->exit.fault.gpa;

	if (vcpu->fast_level)
		return VERDICT_SLOW;
	if (gmem_populate(vcpu->vm, gpa) != OK) {
		vm_crash(vcpu->vm, "the host has no memory left for guest-physical %llx", (unsigned long long)gpa.value);
		return VERDICT_STOP;
	}
	return VERDICT_SAME;
}

enum verdict exit_nested_fault(struct vcpu *vcpu)
{
	u64 gpa = vcpu->exit.fault.gpa.value;

	if (gmem_is_ram(vcpu->vm->gmem, gpa))
		return ram_fault(vcpu);
	if (vcpu->exit.fault.in_table_walk) {
		/* Page tables where there is no RAM: the CPU would read all ones, reserved bits included. */
		vm_crash(vcpu->vm, "page tables at guest-physical %llx, where there is no RAM", (unsigned long long)gpa);
		return VERDICT_STOP;
	}
	if (vcpu->exit.fault.fetch) {
		vm_crash(vcpu->vm, "executes at guest-physical %llx, where there is no RAM", (unsigned long long)gpa);
		return VERDICT_STOP;
	}
	if (vcpu->exit.in_delivery) {
		vm_crash(vcpu->vm, "an event's delivery touches guest-physical %llx, where there is no RAM", (unsigned long long)gpa);
		return VERDICT_STOP;
	}
	return emulate_at_rip(vcpu, &vcpu->exit.fault.gpa);
}
