/* SPDX-License-Identifier: MIT */
/*
 * KVM's paravirtual clock: a page in the guest that says how to turn its TSC into nanoseconds, and the wall clock at the
 * machine's start. Linux Documentation/virt/kvm/x86/msr.rst; the structure is arch/x86/include/asm/pvclock-abi.h's.
 */
#ifndef HV_KVM_CLOCK_H
#define HV_KVM_CLOCK_H

#include "hv/vcpu.h"

/* The MSRs 0x11, 0x12, 0x4b564d00, 0x4b564d01. False: #GP. Fast level; the page itself is written at the slow one. */
bool kvm_clock_read_msr(struct vcpu *vcpu, u32 msr, u64 *value);
bool kvm_clock_write_msr(struct vcpu *vcpu, u32 msr, u64 value);
/* VCPU_REQUEST_CLOCK: (re)writes what the guest asked for. Slow level. */
void kvm_clock_update(struct vcpu *vcpu);
/* hv/kvm_clock_scale.c, pure. ns = ((ticks << shift) * multiplier) >> 32, shift may be negative. */
void kvm_clock_scale(u64 tsc_hz, u32 *multiplier, s8 *shift);
u64 kvm_clock_elapsed(u64 ticks, u32 multiplier, s8 shift);

#endif
