/* SPDX-License-Identifier: MIT */
/* How much of the host's CPUs a machine gets: shares, caps, affinity. For hv/manage; thread context. */
#ifndef HV_VM_TUNE_H
#define HV_VM_TUNE_H

#include "hv/lib/cpu_mask.h"
#include "hv/vm.h"

struct vm_cap {
	u64 period_ns, quota_ns; /* quota 0: no cap */
};

struct vm_tune {
	u32 shares;
	struct vm_cap whole, vcpu, helpers; /* the machine; each vCPU by itself; its threads that are no vCPUs */
	struct cpu_mask cpus[VM_VCPUS_MAX]; /* where each vCPU may run */
	struct cpu_mask helper_cpus; /* where its threads that are no vCPUs may run */
};

#define VM_TUNE_HELPERS (~(u32)0)
/*
 * At once, whether it runs or not. ERR_RANGE: none of the CPUs of vCPU *which, or of the helpers (VM_TUNE_HELPERS), is there;
 * nothing is changed then.
 */
MUST_CHECK int vm_apply_tune(struct vm *vm, const struct vm_tune *tune, u32 *which);
/* Where a vCPU's thread is, or was last. */
u32 vm_vcpu_cpu(const struct vm *vm, u32 index);
/* What the machine's threads, helpers included, had on one CPU of the host, and its vCPUs of that: exact to the switch. */
void vm_times_on_cpu(const struct vm *vm, u32 cpu_index, u64 *total_ns, u64 *vcpus_ns);
/* Its time with a CPU, without one, and asleep: exact to the switch. */
void vm_vcpu_times(const struct vm *vm, u32 index, struct thread_times *times);

#endif
