/* SPDX-License-Identifier: MIT */
/*
 * Steal time: how long a vCPU wanted to run and had no CPU, told to the guest in a record of its own memory; and in that
 * record whether the vCPU has a CPU now ("preempted"), where other vCPUs leave word that its TLB must be emptied before it
 * runs again, in place of an interrupt (KVM's paravirtual TLB flush).
 *
 * Linux Documentation/virt/kvm/x86/msr.rst, "MSR_KVM_STEAL_TIME"; the layout is arch/x86/include/uapi/asm/kvm_para.h's.
 */
#ifndef HV_KVM_STEAL_H
#define HV_KVM_STEAL_H

#include "hv/vcpu.h"

/* MSR 4b564d03. False: #GP. The record is written from the slow level on (VCPU_REQUEST_CLOCK). (o) */
bool kvm_steal_write_msr(struct vcpu *vcpu, u64 value);
/* VCPU_REQUEST_CLOCK: brings the record's page in and writes it. Slow level. */
void kvm_steal_update(struct vcpu *vcpu);
/* The vCPU's thread leaves its CPU, and comes to one. Interrupts off, on its thread. */
void kvm_steal_leave(struct vcpu *vcpu);
void kvm_steal_arrive(struct vcpu *vcpu);

#endif
