/* SPDX-License-Identifier: MIT */
/*
 * The whole board's state as one stream of records, in a fixed order.
 *
 * Each device checks its own record. If one in the middle is refused, those before it have been taken over: so the board
 * first saves itself, and goes back to that.
 */
#include "hv/dev/pc_internal.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

struct board_state {
	u64 machine_ns;
	u64 intx_sources[8][4];
	u8 scratch_ports[16];
};

static void save_board(struct pc *pc, struct state_writer *writer)
{
	struct board_state state = { .machine_ns = machine_clock_ns(&pc->clock) };

	memcpy(state.intx_sources, pc->intx_sources, sizeof(state.intx_sources));
	memcpy(state.scratch_ports, pc->scratch_ports, sizeof(state.scratch_ports));
	state_save(writer, "pc", 1, &state, sizeof(state));
}

static bool sources_are_sane(const struct pc *pc, const struct board_state *state)
{
	for (unsigned pirq = 0; pirq < 8; pirq++)
		for (unsigned source = 0; source < 256; source++)
			if ((state->intx_sources[pirq][source / 64] >> (source % 64) & 1) && !pc->pci.devices[source])
				return false;
	return true;
}

static int load_board(struct pc *pc, struct state_reader *reader)
{
	struct board_state state;

	if (state_load(reader, "pc", 1, &state, sizeof(state)) != OK || state.machine_ns > MACHINE_TIME_MAX_NS ||
	    !sources_are_sane(pc, &state))
		return ERR_INVALID;
	pc->clock.stopped_at_ns = state.machine_ns;
	memcpy(pc->intx_sources, state.intx_sources, sizeof(state.intx_sources));
	memcpy(pc->scratch_ports, state.scratch_ports, sizeof(state.scratch_ports));
	return OK;
}

void pc_save(struct vm *vm, struct state_writer *writer)
{
	struct pc *pc = vm->board;

	save_board(pc, writer);
	vpic_save(&pc->pic, writer);
	vioapic_save(&pc->ioapic, writer);
	vpit_save(&pc->pit, writer);
	vrtc_save(&pc->rtc, writer);
	vpm_save(&pc->pm, writer);
	vkbc_save(&pc->kbc, writer);
	for (unsigned i = 0; i < pc->serial_count; i++)
		vuart_save(&pc->uarts[i], writer);
	for (u32 i = 0; i < pc->lapics.count; i++)
		vlapic_save(pc->lapics.lapics[i], writer);
	vpci_bus_save(&pc->pci, writer);
	vpci_save(&pc->q35.host_bridge, writer);
	vpci_save(&pc->q35.lpc, writer);
	firmware_tables_save(pc->firmware, writer);
	pc_devices_save(pc, writer);
}

static int load_all(struct pc *pc, struct state_reader *reader)
{
	int error = load_board(pc, reader);

	error = error ? error : vpic_load(&pc->pic, reader);
	error = error ? error : vioapic_load(&pc->ioapic, reader);
	error = error ? error : vpit_load(&pc->pit, reader);
	error = error ? error : vrtc_load(&pc->rtc, reader);
	error = error ? error : vpm_load(&pc->pm, reader);
	error = error ? error : vkbc_load(&pc->kbc, reader);
	for (unsigned i = 0; i < pc->serial_count && error == OK; i++)
		error = vuart_load(&pc->uarts[i], reader);
	for (u32 i = 0; i < pc->lapics.count && error == OK; i++)
		error = vlapic_load(pc->lapics.lapics[i], reader);
	error = error ? error : vpci_bus_load(&pc->pci, reader);
	error = error ? error : vpci_load(&pc->q35.host_bridge, reader);
	error = error ? error : vpci_load(&pc->q35.lpc, reader);
	error = error ? error : firmware_tables_load(pc->firmware, reader);
	error = error ? error : pc_devices_load(pc, reader);
	return error;
}

int pc_load(struct vm *vm, struct state_reader *reader)
{
	struct pc *pc = vm->board;
	struct state_reader back = { 0 };
	struct state_writer before;
	size_t start = reader->offset_bytes;
	int error;

	state_writer_init(&before);
	pc_save(vm, &before);
	if (before.failed) {
		state_writer_release(&before);
		return ERR_NO_MEMORY;
	}
	error = load_all(pc, reader);
	if (error != OK) {
		back.data = before.data;
		back.size_bytes = before.size_bytes;
		reader->offset_bytes = start;
		if (load_all(pc, &back) != OK) /* a bug of ours (the fuzz target looks for it), but only this machine's end */
			vm_crash(vm, "the devices refused their own saved state");
	}
	state_writer_release(&before);
	return error;
}
