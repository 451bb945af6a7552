/* SPDX-License-Identifier: MIT */
/*
 * A machine's part of VT-x: permission bitmaps and the EPT pointer. Mirrors arch/svm/svm_vm.c.
 *
 * SDM vol. 3, "MSR-Bitmap Address" (24.6.9): four bitmaps of 1 KiB, reads of 0..1fff, reads of c0000000.., writes of the
 * same two; a set bit exits. "I/O-Bitmap Addresses" (24.6.4): a bit for each port; every port exits.
 */
#include "arch/vmx/vmx.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/msr_policy.h"
#include "hv/pages.h"
#include "hv/vm.h"

#define MSR_BITMAP_WRITES 2048u
#define MSR_BITMAP_HIGH 1024u
#define MSR_HIGH_BASE 0xc0000000u
#define MSR_BITMAP_RANGE 0x2000u

static void pass_msr(void *context, u32 msr, bool read, bool write)
{
	u8 *bitmap = context;
	u32 index = msr < MSR_BITMAP_RANGE ? msr : msr - MSR_HIGH_BASE;

	if (index >= MSR_BITMAP_RANGE)
		return; /* beyond the bitmaps: always an exit */
	if (msr >= MSR_HIGH_BASE)
		bitmap += MSR_BITMAP_HIGH;
	if (read)
		bitmap[index / 8] &= (u8)~BIT32(index % 8);
	if (write)
		bitmap[MSR_BITMAP_WRITES + index / 8] &= (u8)~BIT32(index % 8);
}

int vmx_vm_create(struct vm *vm)
{
	struct vmx_vm *vmx = kzalloc(sizeof(*vmx));

	if (!vmx)
		return ERR_NO_MEMORY;
	vm->backend = vmx;
	vmx->msr_bitmap = pages_alloc(0, PAGE_OWNER_HOST, 0);
	vmx->io_bitmaps = pages_alloc(1, PAGE_OWNER_HOST, 0);
	if (!vmx->msr_bitmap.value || !vmx->io_bitmaps.value) {
		vmx_vm_destroy(vm);
		return ERR_NO_MEMORY;
	}
	memset(direct_map(vmx->msr_bitmap), 0xff, PAGE_SIZE);
	memset(direct_map(vmx->io_bitmaps), 0xff, 2 * PAGE_SIZE);
	msr_policy_passed(pass_msr, direct_map(vmx->msr_bitmap));
	vmx->eptp = ept_pointer(gmem_nested_root(vm));
	return OK;
}

void vmx_vm_destroy(struct vm *vm)
{
	struct vmx_vm *vmx = vm->backend;

	if (!vmx)
		return;
	if (vmx->msr_bitmap.value)
		pages_free(vmx->msr_bitmap, 0);
	if (vmx->io_bitmaps.value)
		pages_free(vmx->io_bitmaps, 1);
	kfree(vmx);
	vm->backend = NULL;
}
