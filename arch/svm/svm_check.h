/* SPDX-License-Identifier: MIT */
/*
 * VMRUN's consistency checks, written out: names the rules that a VMCB would break.
 *
 * Pure. The CPU only answers VMEXIT_INVALID; this says why. Used by debug builds before an entry after a state change,
 * always after such an exit, and by `vmcheck DOMAIN`.
 * APM vol. 2, "VMRUN Instruction: Canonicalization and Consistency Checks" (15.5.1). Mirrors arch/vmx/vmx_check.h.
 */
#ifndef ARCH_SVM_SVM_CHECK_H
#define ARCH_SVM_SVM_CHECK_H

#include "arch/svm/vmcb.h"
#include "hv/virt.h"

struct svm_check_host {
	unsigned physical_bits;
	u64 cr4_valid;  /* bits that this CPU has */
	u64 efer_valid; /* SVME included */
};

unsigned svm_check_all(const struct vmcb *vmcb, const struct svm_check_host *host, const struct entry_rule **broken,
		       unsigned max); /* how many are broken; the first max of them in broken */
const struct entry_rule *svm_check(const struct vmcb *vmcb, const struct svm_check_host *host); /* the first; NULL: none */

/* For the unit test: every rule has a case there. */
size_t svm_check_rule_count(void);
const struct entry_rule *svm_check_rule(size_t index);

#endif
