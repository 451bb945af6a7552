/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR of KVM's paravirtual MSRs. False: #GP. Fast level, on the vCPU's thread. */
#ifndef HV_KVM_MSR_H
#define HV_KVM_MSR_H

#include "hv/vcpu.h"

bool kvm_read_msr(struct vcpu *vcpu, u32 msr, u64 *value);
bool kvm_write_msr(struct vcpu *vcpu, u32 msr, u64 value);

#endif
