/* SPDX-License-Identifier: MIT */
/*
 * What a guest may do with each model-specific register: one table, from which the emulation (hv/exit_msr.c) and the
 * backends' permission maps both come. An MSR that no row names raises #GP in the guest and is counted. Pure.
 */
#ifndef HV_MSR_POLICY_H
#define HV_MSR_POLICY_H

#include "hv/lib/types.h"

enum msr_action {
	MSR_DENY,     /* #GP */
	MSR_PASS,     /* no exit: the hardware switches it with the guest */
	MSR_VALUE,    /* read: a constant */
	MSR_IGNORE,   /* write: any value, no effect */
	MSR_ZERO_ONLY,/* write: 0, else #GP */
	MSR_APIC,     /* the interrupt controller's */
	MSR_TSC, MSR_TSC_ADJUST, MSR_EFER_RW, MSR_TSC_AUX_RW, MSR_PAT_RW, MSR_XSS_RW,
	MSR_MTRR,     /* kept, without effect */
	MSR_KVM,      /* paravirtual: hv/kvm_msr.c */
};

struct msr_rule {
	u32 first, last;
	u8 read, write; /* enum msr_action */
	u64 value;      /* MSR_VALUE */
	const char *why;
};

/* NULL: none. About 30 instructions. */
const struct msr_rule *msr_policy_find(u32 msr);
/* Every MSR with MSR_PASS: for the permission maps. */
void msr_policy_passed(void (*pass)(void *context, u32 msr, bool read, bool write), void *context);
/* SVM's map: 8 KiB, two bits an MSR (read, write), 1: exit. APM vol. 2, "MSR Intercepts" (15.11). */
#define MSR_MAP_SVM_BYTES 8192
void msr_policy_fill_svm(u8 map[MSR_MAP_SVM_BYTES]);
/* VMX's map: 4 KiB, reads of 0.., reads of c0000000.., writes of both. SDM vol. 3, "MSR-Bitmap Address" (24.6.9). */
#define MSR_MAP_VMX_BYTES 4096
void msr_policy_fill_vmx(u8 map[MSR_MAP_VMX_BYTES]);

/* Checks shared by both backends' set-up and the handlers. */
bool msr_pat_valid(u64 value);
bool msr_mtrr_valid(u32 msr, u64 value, unsigned physical_bits);
bool address_is_canonical(u64 address, unsigned linear_bits);

#endif
