/* SPDX-License-Identifier: MIT */
/*
 * EPT's own part of nested paging: the EPT pointer and what INVEPT and INVVPID are for. The walker is
 * arch/x86/nested_paging.c, with the row nested_format_ept. AMD-V needs no file for this: take_asid and svm_flush_tlb in
 * arch/svm/svm_vcpu.c are all there is.
 *
 * SDM vol. 3, "Operations that Invalidate Cached Mappings" (28.4.3.1) and "Guidelines for Use of the INVEPT Instruction":
 * after an EPT entry lost a right, the mappings derived from it must be invalidated on every CPU that may have cached
 * them; guest-physical and combined mappings are tagged by the EPT pointer, linear and combined ones by the VPID.
 */
#include "arch/vmx/vmx.h"

u64 ept_pointer(hpa_t root)
{
	return root.value | EPTP_MEMORY_TYPE_WB | EPTP_WALK_LENGTH_4 |
	       (vmx_controls.ept_accessed_dirty ? EPTP_ACCESSED_DIRTY : 0);
}

void vmx_flush_tlb(struct vcpu *vcpu)
{
	vmx_of(vcpu)->flush_pending = true;
}

/* Before an entry, interrupts off. */
void vmx_flush_now(struct vmx_vcpu *vmx)
{
	vmx->flush_pending = false;
	invept(INVEPT_SINGLE_CONTEXT, vmx->eptp);
	if (vmx->vpid)
		invvpid(INVVPID_SINGLE_CONTEXT, vmx->vpid, 0);
}
