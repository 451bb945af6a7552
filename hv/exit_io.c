/* SPDX-License-Identifier: MIT */
/* Port I/O: one access to the region that claims the port; string forms go to the emulator. */
#include "hv/emulate.h"
#include "hv/exit.h"
#include "hv/vm.h"

enum verdict exit_io(struct vcpu *vcpu)
{
	const struct io_map *ports = &vcpu->vm->ports;
	u64 *rax = &vcpu->regs.gpr[GPR_RAX], mask;
	unsigned size = vcpu->exit.io.size_bytes;
	u16 port = vcpu->exit.io.port;
	const struct io_region *region;

	if (UNLIKELY(vcpu->exit.io.string))
		return emulate_at_rip(vcpu, NULL);
	region = io_map_find(ports, port);
	if (region && !region->fast && vcpu->fast_level)
		return VERDICT_SLOW;
	mask = size == 4 ? MASK64(31, 0) : size == 2 ? 0xffff : 0xff;
	if (LIKELY(region && region->size_bytes - (port - region->base) >= size)) {
		u64 offset = port - region->base;

		if (!vcpu->exit.io.in) {
			region->ops->write(region->device, offset, size, *rax & mask);
			return VERDICT_NEXT;
		}
		mask = region->ops->read(region->device, offset, size) & mask;
	} else if (vcpu->exit.io.in) {
		mask = io_map_read(ports, port, size) & mask;
	} else {
		io_map_write(ports, port, size, *rax & mask);
		return VERDICT_NEXT;
	}
	if (size == 4)
		*rax = mask;
	else if (size == 2)
		*rax = (*rax & ~(u64)0xffff) | mask;
	else
		*rax = (*rax & ~(u64)0xff) | mask;
	return VERDICT_NEXT;
}
