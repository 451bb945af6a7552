/* SPDX-License-Identifier: MIT */
/*
 * Which VMX features this CPU has, and the control words that follow: pure, so that every verdict is unit-tested.
 *
 * A control word is made in one way: each wanted bit stands in a table with its name and whether Solera can do without
 * it; the capability MSR says which bits must be 1 (low half) and which may be 1 (high half). SDM vol. 3, "VM-Execution
 * Controls" and the following (Appendix A.3 to A.5).
 */
#ifndef ARCH_VMX_VMX_CONTROLS_H
#define ARCH_VMX_VMX_CONTROLS_H

#include "hv/lib/types.h"

/* The capability MSRs as read; a field is 0 where the CPU has no such MSR. */
struct vmx_capabilities {
	bool vmx;                 /* CPUID.1:ECX[5] */
	u64 feature_control;
	u64 basic, misc;
	u64 pin, primary, secondary, exit, entry; /* the TRUE forms where VMX_BASIC says that they are there */
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	u64 ept_vpid;
	bool rdtscp, invpcid, xsaves; /* CPUID: the CPU has the instruction, so guests are shown it */
};

struct vmx_controls {
	u32 pin, primary, secondary, exit, entry;
	bool ept_accessed_dirty, ept_2m, ept_1g;
	bool invvpid_single;
	bool preemption_timer;
	u8 preemption_timer_shift; /* the timer counts down once every 2^shift ticks of the TSC */
	bool halt_activity;
};

/*
 * OK, or ERR_UNSUPPORTED with words for the person in why ("VT-x of this CPU has no EPT …"), which is cut to why_size.
 * Looks at FEATURE_CONTROL only for the locked-off case: an unlocked one is written by vmx_init.c.
 */
MUST_CHECK int vmx_controls_compute(const struct vmx_capabilities *capabilities, struct vmx_controls *controls, char *why,
				    size_t why_size);

#endif
