/* SPDX-License-Identifier: MIT */
/*
 * VMRUN's consistency checks, written out: names the first rule that a VMCB would break.
 *
 * Pure. The CPU only answers VMEXIT_INVALID; this says why. Used by debug builds before an entry after a state change,
 * always after such an exit, and by `vmcheck DOMAIN`.
 * APM vol. 2, "VMRUN Instruction: Canonicalization and Consistency Checks" (15.5.1). Mirrors arch/vmx/vmx_check.h.
 */
#ifndef ARCH_SVM_SVM_CHECK_H
#define ARCH_SVM_SVM_CHECK_H

#include "arch/svm/vmcb.h"

struct svm_check_host {
	unsigned physical_bits;
	u64 cr4_valid;  /* bits that this CPU has */
	u64 efer_valid; /* SVME included */
};

struct svm_rule {
	const char *name;    /* short, unique */
	const char *section; /* the manual's title */
	const char *text;    /* what must hold */
};

/* NULL: no rule is broken. */
const struct svm_rule *svm_check(const struct vmcb *vmcb, const struct svm_check_host *host);

/* For the unit test: every rule has a case there. */
size_t svm_check_rule_count(void);
const struct svm_rule *svm_check_rule(size_t index);

#endif
