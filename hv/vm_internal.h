/* SPDX-License-Identifier: MIT */
/* What hv/vm.c, hv/run.c and hv/vcpu.c share. */
#ifndef HV_VM_INTERNAL_H
#define HV_VM_INTERNAL_H

#include "hv/vm.h"

/* hv/vcpu.c */
MUST_CHECK int vcpu_create(struct vm *vm, u32 index);
void vcpu_destroy(struct vcpu *vcpu); /* its thread has ended */
void vcpu_reset(struct vcpu *vcpu);   /* power-on state; not running */
void vcpu_reset_core(struct vcpu *vcpu); /* what power-on and INIT have in common, the backend's part excepted */
/* hv/vm.c */
/* Old tables of the io maps, to be freed by whoever knows that nobody searches them. */
void vm_take_retired_maps(struct vm *vm, struct io_table **ports, struct io_table **mmio);
void vm_helpers_init(struct vm *vm); /* hv/vm_helper.c */
void vm_vcpu_stopped(struct vcpu *vcpu); /* on the vCPU's thread, out of its run loop */
/* hv/test_ports.c: 0xE9 and 0xF4 */
MUST_CHECK int test_ports_create(struct vm *vm);
void test_ports_destroy(struct vm *vm);

#endif
