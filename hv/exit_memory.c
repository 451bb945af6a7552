/* SPDX-License-Identifier: MIT */
/*
 * Nested page faults: RAM that was not touched yet is brought in; everything else is MMIO and is emulated.
 *
 * The moves that drivers use for device memory take a short way (hv/insn/insn_mov.h), when their bytes are at hand and one
 * FAST region has it all; it does what the emulator would do. Next to read: hv/emulate.c.
 */
#include "hv/emulate.h"
#include "hv/exit.h"
#include "hv/gmem_internal.h"
#include "hv/insn/insn_mov.h"
#include "hv/lib/error.h"

/* RAM. The page may be there already (another vCPU brought it): then entering again is all. */
static enum verdict ram_fault(struct vcpu *vcpu)
{
	gpa_t gpa = vcpu->exit.fault.gpa;

	if (vcpu->fast_level)
		return VERDICT_SLOW;
	if (gmem_populate(vcpu->vm, gpa) != OK) {
		vm_crash(vcpu->vm, "the host has no memory left for guest-physical %llx", (unsigned long long)gpa.value);
		return VERDICT_STOP;
	}
	return VERDICT_SAME;
}

/* The FAST region at this address; NULL: nobody, or not a FAST one. The last answers are remembered by page. */
static inline const struct io_region *fast_region(struct vcpu *vcpu, u64 gpa)
{
	struct mmio_hint *hint = &vcpu->mmio_hints[gpa >> PAGE_SHIFT & (ARRAY_SIZE(vcpu->mmio_hints) - 1)];
	u64 generation = __atomic_load_n(&vcpu->vm->mmio.generation, __ATOMIC_ACQUIRE);
	const struct io_region *region = hint->region;

	if (LIKELY(hint->generation == generation && region && gpa - region->base < region->size_bytes))
		return region;
	region = io_map_find(&vcpu->vm->mmio, gpa);
	if (!region || !region->fast)
		return NULL;
	*hint = (struct mmio_hint){ region, generation };
	return region;
}

/* False: nothing was done, the emulator's turn. The access is the one that the CPU reported, or it is not done here. */
static inline bool move(struct vcpu *vcpu, u64 gpa)
{
	struct insn_mov mov __attribute__((uninitialized)); /* insn_mov_decode writes all of it, or says false */
	const struct io_region *region = fast_region(vcpu, gpa);
	u64 offset;

	if (UNLIKELY(!region || !insn_mov_decode(&mov, vcpu->exit.fault.code, vcpu->regs.gpr, vcpu->regs.rip)))
		return false;
	offset = gpa - region->base;
	if (UNLIKELY(((mov.linear ^ gpa) & PAGE_MASK) || (gpa & PAGE_MASK) + mov.size_bytes > PAGE_SIZE ||
		     mov.store != vcpu->exit.fault.write || region->size_bytes - offset < mov.size_bytes))
		return false;
	if (mov.store)
		region->ops->write(region->device, offset, mov.size_bytes, mov.value);
	else
		insn_mov_load(&mov, vcpu->regs.gpr, region->ops->read(region->device, offset, mov.size_bytes));
	vcpu->exit.next_rip = vcpu->regs.rip + mov.length;
	return true;
}

enum verdict exit_nested_fault(struct vcpu *vcpu)
{
	u64 gpa = vcpu->exit.fault.gpa.value;

	if (gmem_is_ram(vcpu->vm->gmem, gpa))
		return ram_fault(vcpu);
	if (LIKELY(vcpu->exit.fault.code && !vcpu->exit.fault.in_table_walk && !vcpu->exit.fault.fetch && !vcpu->exit.in_delivery) &&
	    move(vcpu, gpa))
		return VERDICT_NEXT;
	if (vcpu->exit.fault.in_table_walk) {
		/* Page tables where there is no RAM: the CPU would read all ones, reserved bits included. */
		vm_crash(vcpu->vm, "page tables at guest-physical %llx, where there is no RAM", (unsigned long long)gpa);
		return VERDICT_STOP;
	}
	if (vcpu->exit.fault.fetch) {
		vm_crash(vcpu->vm, "executes at guest-physical %llx, where there is no RAM", (unsigned long long)gpa);
		return VERDICT_STOP;
	}
	if (vcpu->exit.in_delivery) {
		vm_crash(vcpu->vm, "an event's delivery touches guest-physical %llx, where there is no RAM", (unsigned long long)gpa);
		return VERDICT_STOP;
	}
	return emulate_at_rip(vcpu, &vcpu->exit.fault.gpa);
}
