/* SPDX-License-Identifier: MIT */
/* What hv/vm.c, hv/run.c and hv/vcpu.c share. */
#ifndef HV_VM_INTERNAL_H
#define HV_VM_INTERNAL_H

#include "hv/vm.h"

/* hv/vcpu.c */
MUST_CHECK int vcpu_create(struct vm *vm, u32 index);
void vcpu_destroy(struct vcpu *vcpu); /* its thread has ended */
void vcpu_reset(struct vcpu *vcpu);   /* power-on state; not running */
/* hv/vm.c */
bool vm_may_run(const struct vm *vm);
void vm_vcpu_stopped(struct vcpu *vcpu); /* on the vCPU's thread, out of its run loop */
/* hv/test_ports.c: 0xE9 and 0xF4 */
MUST_CHECK int test_ports_create(struct vm *vm);
void test_ports_destroy(struct vm *vm);

#endif
