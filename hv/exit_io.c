/* SPDX-License-Identifier: MIT */
/* Port I/O: one access to the region that claims the port; string forms go to the emulator. */
#include "hv/emulate.h"
#include "hv/exit.h"
#include "hv/vm.h"

static __attribute__((noinline)) const struct io_region *find_and_note(struct vm *vm, struct port_hint *hint, u16 port)
{
	u64 generation = READ_ONCE(vm->ports.generation);
	const struct io_region *region = io_map_find(&vm->ports, port);

	/* With more vCPUs two writers could mix their halves: then everybody searches. */
	if (region && vm->vcpu_count == 1)
		*hint = (struct port_hint){ generation, region };
	return region;
}

/* Guests use few ports, over and over: the last answer for these low bits is tried first. */
static inline const struct io_region *find_region(struct vm *vm, u16 port)
{
	struct port_hint *hint = &vm->port_hints[port % ARRAY_SIZE(vm->port_hints)];
	const struct io_region *region = hint->region;

	if (LIKELY(hint->generation == vm->ports.generation && region && port - region->base < region->size_bytes))
		return region;
	return find_and_note(vm, hint, port);
}

enum verdict exit_io(struct vcpu *vcpu)
{
	const struct io_map *ports = &vcpu->vm->ports;
	u64 *rax = &vcpu->regs.gpr[GPR_RAX], mask, value;
	unsigned size = vcpu->exit.io.size_bytes;
	u16 port = vcpu->exit.io.port;
	const struct io_region *region;

	if (UNLIKELY(vcpu->exit.io.string))
		return emulate_at_rip(vcpu, NULL);
	region = find_region(vcpu->vm, port);
	if (region && !region->fast && vcpu->fast_level)
		return VERDICT_SLOW;
	mask = BIT64(8 * size) - 1;
	if (LIKELY(region && region->size_bytes - (port - region->base) >= size)) {
		u64 offset = port - region->base;

		if (!vcpu->exit.io.in) {
			region->ops->write(region->device, offset, size, *rax & mask);
			return VERDICT_NEXT;
		}
		value = region->ops->read(region->device, offset, size) & mask;
	} else if (vcpu->exit.io.in) {
		value = io_map_read(ports, port, size) & mask;
	} else {
		io_map_write(ports, port, size, *rax & mask);
		return VERDICT_NEXT;
	}
	*rax = size == 4 ? value : (*rax & ~mask) | value;
	return VERDICT_NEXT;
}
