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
};

/* At once, whether it runs or not. ERR_RANGE: none of the CPUs of vCPU *which is there; nothing is changed then. */
MUST_CHECK int vm_apply_tune(struct vm *vm, const struct vm_tune *tune, u32 *which);
/* Where a vCPU's thread is, or was last. */
u32 vm_vcpu_cpu(const struct vm *vm, u32 index);
/* Its time with a CPU, without one, and asleep: exact to the switch. */
void vm_vcpu_times(const struct vm *vm, u32 index, struct thread_times *times);

#endif
