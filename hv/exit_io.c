/* SPDX-License-Identifier: MIT */
/*
 * Port I/O: one access to the region that claims the port; string forms go to the emulator.
 *
 * Guests use few ports, over and over, so each vCPU remembers by exit.io.word (port, size, direction) who answered: a hit
 * leaves nothing to search and nothing to check. Next to read: hv/io_region.c.
 */
#include "arch/x86/cpu.h"
#include "hv/emulate.h"
#include "hv/exit.h"
#include "hv/vcpu_state.h"
#include "hv/vm.h"

#define VECTOR_DB 1
#define DR7_RW_IO 2

static inline u64 cut(u64 value, unsigned size_bytes)
{
	return size_bytes == 1 ? (u8)value : size_bytes == 4 ? (u32)value : (u16)value;
}

/* As the CPU does: a 32-bit result clears RAX's upper half, a smaller one leaves the rest. */
static inline void give(struct vcpu *vcpu, unsigned size_bytes, u64 value)
{
	u64 *rax = &vcpu->regs.gpr[GPR_RAX];

	if (size_bytes == 1)
		*(u8 *)rax = (u8)value;
	else if (size_bytes == 4)
		*rax = (u32)value;
	else
		*(u16 *)(void *)rax = (u16)value;
}

/* Anywhere, split over regions if it must be. */
static void access_map(struct vcpu *vcpu)
{
	const struct io_map *ports = &vcpu->vm->ports;
	unsigned size = vcpu->exit.io.size_bytes;
	u16 port = vcpu->exit.io.port;

	if (vcpu->exit.io.in)
		give(vcpu, size, io_map_read(ports, port, size));
	else
		io_map_write(ports, port, size, cut(vcpu->regs.gpr[GPR_RAX], size));
}

/*
 * The access is done. With CR4.DE a breakpoint whose R/W field is 2 watches ports, but the instruction exited before the CPU
 * compared anything, so its trap is owed by us. SDM vol. 3, "Breakpoint Field Recognition" (18.2.5).
 */
static __attribute__((noinline)) enum verdict breakpoints(struct vcpu *vcpu)
{
	static const u8 lengths[4] = { 1, 2, 8, 4 };
	u64 dr7 = virt_ops->get_system(vcpu, SYSTEM_DR7), hit = 0;
	unsigned port = vcpu->exit.io.port, size = vcpu->exit.io.size_bytes;

	if (!(virt_ops->get_system(vcpu, SYSTEM_CR4) & CR4_DE))
		return VERDICT_NEXT;
	for (unsigned i = 0; i < 4; i++) {
		unsigned length = lengths[dr7 >> (18 + 4 * i) & 3];
		u64 first;

		if (!(dr7 >> (2 * i) & 3) || (dr7 >> (16 + 4 * i) & 3) != DR7_RW_IO)
			continue;
		first = vcpu_debug_address(vcpu, i) & ~(u64)(length - 1);
		if (port < first + length && first < port + size)
			hit |= BIT64(i);
	}
	if (hit) {
		virt_ops->set_system(vcpu, SYSTEM_DR6, (virt_ops->get_system(vcpu, SYSTEM_DR6) & ~MASK64(3, 0)) | hit);
		vcpu_inject_exception(vcpu, VECTOR_DB, false, 0);
	}
	return VERDICT_NEXT;
}

static __attribute__((noinline)) enum verdict search(struct vcpu *vcpu, struct port_hint *hint)
{
	u64 generation = __atomic_load_n(&vcpu->vm->ports.generation, __ATOMIC_ACQUIRE);
	u16 port = vcpu->exit.io.port;
	const struct io_region *region;

	if (vcpu->exit.io.string)
		return emulate_at_rip(vcpu, NULL);
	region = io_map_find(&vcpu->vm->ports, port);
	if (region && !region->fast && vcpu->fast_level)
		return VERDICT_SLOW;
	access_map(vcpu);
	/* Not from a region that the access itself has moved away: the generation is older then. */
	if (region && region->fast && region->size_bytes - (port - region->base) >= vcpu->exit.io.size_bytes)
		*hint = (struct port_hint){ vcpu->exit.io.word, generation, region->ops, region->device, port - region->base };
	return vcpu->debug_used ? breakpoints(vcpu) : VERDICT_NEXT;
}

static inline struct port_hint *hint_of(struct vcpu *vcpu, u64 word)
{
	return &vcpu->port_hints[(u32)word * 0x9e3779b1u >> (32 - PORT_HINT_BITS)]; /* Fibonacci hashing */
}

enum verdict exit_io(struct vcpu *vcpu)
{
	u64 word = vcpu->exit.io.word;
	struct port_hint *hint = hint_of(vcpu, word);
	unsigned size = vcpu->exit.io.size_bytes;

	if (UNLIKELY(hint->word != word ||
		     hint->generation != __atomic_load_n(&vcpu->vm->ports.generation, __ATOMIC_ACQUIRE)))
		return search(vcpu, hint);
	if (vcpu->exit.io.in)
		give(vcpu, size, hint->ops->read(hint->device, hint->offset, size));
	else
		hint->ops->write(hint->device, hint->offset, size, cut(vcpu->regs.gpr[GPR_RAX], size));
	return UNLIKELY(vcpu->debug_used) ? breakpoints(vcpu) : VERDICT_NEXT;
}
