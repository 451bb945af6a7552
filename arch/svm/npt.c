/* SPDX-License-Identifier: MIT */
/*
 * The nested page table's TLB entries: how they are forgotten. Mirrors arch/vmx/ept.c.
 *
 * The table itself is an ordinary one (arch/x86/nested_paging.c, nested_format_npt) and its root an address without further bits
 * (nested_cr3 in the VMCB), so there is no pointer to make. No instruction forgets a guest's translations of one nested table either:
 * the next VMRUN does, by a word of the VMCB. APM vol. 2, "TLB Control" (15.16).
 */
#include "arch/svm/svm.h"

void svm_flush_tlb(struct vcpu *vcpu)
{
	svm_of(vcpu)->vmcb->tlb_control = virt_features.flush_by_asid ? SVM_TLB_FLUSH_ASID : SVM_TLB_FLUSH_ALL;
	svm_of(vcpu)->after_exit = true;
}
