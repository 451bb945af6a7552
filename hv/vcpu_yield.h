/* SPDX-License-Identifier: MIT */
/* A vCPU gives its turn to another one of its machine: pause-loop exits, KVM_HC_SCHED_YIELD. On its own thread, slow level. */
#ifndef HV_VCPU_YIELD_H
#define HV_VCPU_YIELD_H

#include "hv/vcpu.h"

/* Its guest spins: whoever may have what it spins for goes first (hv/sched_directed.h). */
void vcpu_yield_while_spinning(struct vcpu *vcpu);
/* To that one of vm->vcpus, if it waits for a CPU; to anybody otherwise. */
void vcpu_yield_to(struct vcpu *vcpu, u32 index);

#endif
