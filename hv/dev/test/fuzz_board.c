/* SPDX-License-Identifier: MIT */
/* LINK: hv/dev/test/fake_machine.c hv/io_region.c hv/state.c hv/lib/heap.c hv/lib/format.c hv/lib/string.c hv/lib/test/log_stderr.c */
/* LINK: hv/cpu_topology.c hv/dev/aml.c hv/dev/blob.c hv/dev/firmware_tables.c hv/dev/pc.c hv/dev/pc_devices.c hv/dev/vpcie_port.c hv/dev/pc_state.c hv/device_model.c hv/dev/table_loader.c hv/dev/vacpi.c hv/dev/vacpi_dsdt.c hv/dev/vfwcfg.c hv/dev/vioapic.c hv/dev/vkbc.c hv/dev/vlapic.c hv/dev/vlapic_bus.c hv/dev/vlapic_pv.c hv/dev/vlapic_registers.c hv/dev/vlapic_state.c hv/dev/vlapic_timer.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/dev/vpic.c hv/dev/vpit.c hv/dev/vpit_channel.c hv/dev/vpm.c hv/dev/vq35.c hv/dev/vrtc.c hv/dev/vrtc_time.c hv/dev/vsmbios.c hv/dev/vuart.c */
/*
 * A hostile guest on the whole board: each step of the input is one port, page or MSR access, a step of time, an interrupt
 * taken, a pause, or a save and load, which must always succeed and give the same stream again. The host's timers may not
 * fire more often than the documented rate.
 */
#include <stdlib.h>
#include "hv/dev/pc_internal.h"
#include "hv/dev/test/fake_machine.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct input { const u8 *data; size_t left; };

static u64 take(struct input *input, unsigned bytes)
{
	u64 value = 0;

	for (unsigned i = 0; i < bytes && input->left; i++, input->left--)
		value |= (u64)*input->data++ << (8 * i);
	return value;
}

static const u16 ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x40, 0x41, 0x42, 0x43, 0x61, 0x70, 0x71, 0x60, 0x64, 0x92, 0xb2, 0xb3,
			     0x600, 0x602, 0x604, 0x608, 0x620, 0x628, 0x630, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe,
			     0x3ff, 0x2f8, 0xcf8, 0xcf9, 0xcfc, 0xcfe, 0x80, 0x8f, 0x67f };

static u64 page_address(struct input *input)
{
	static const u64 bases[] = { VLAPIC_BASE, VIOAPIC_BASE, PC_ECAM_BASE, PC_ECAM_BASE + 0xf8000 };

	return bases[take(input, 1) % ARRAY_SIZE(bases)] + take(input, 2) % 0x1000;
}

static void save_and_load(struct vm *vm)
{
	struct state_writer first, second;
	struct state_reader reader = { 0 };

	pc_board.quiesce(vm);
	state_writer_init(&first);
	state_writer_init(&second);
	pc_board.save(vm, &first);
	reader.data = first.data, reader.size_bytes = first.size_bytes;
	if (pc_board.load(vm, &reader) != OK || fake_crashes)
		abort();
	pc_board.save(vm, &second);
	if (first.size_bytes != second.size_bytes || memcmp(first.data, second.data, first.size_bytes))
		abort();
	state_writer_release(&first);
	state_writer_release(&second);
	pc_board.resume(vm);
}

static void load_hostile(struct vm *vm, struct input *input)
{
	struct state_reader reader = { input->data, input->left, 0 };

	pc_board.quiesce(vm);
	(void)!pc_board.load(vm, &reader);
	pc_board.resume(vm);
}

static void step(struct vm *vm, struct input *input)
{
	struct vcpu *vcpu = vm->vcpus[0];
	u8 action = (u8)take(input, 1);
	unsigned width = 1u << (action >> 4 & 3);
	u64 value, fires = fake_timer_fires, before;

	switch (action & 15) {
	case 0: case 1: case 2:
		(void)io_map_read(&vm->ports, ports[take(input, 1) % ARRAY_SIZE(ports)], MIN(width, 4u));
		break;
	case 3: case 4: case 5:
		value = take(input, 1);
		io_map_write(&vm->ports, ports[value % ARRAY_SIZE(ports)], MIN(width, 4u), take(input, MIN(width, 4u)));
		break;
	case 6:
		(void)io_map_read(&vm->mmio, page_address(input), width);
		break;
	case 7: case 8:
		value = page_address(input);
		io_map_write(&vm->mmio, value, width, take(input, width));
		break;
	case 9:
		(void)vcpu->interrupts->read_msr(vcpu->interrupt_controller, 0x800 + (u32)take(input, 1), &value);
		break;
	case 10:
		value = take(input, 1);
		(void)vcpu->interrupts->write_msr(vcpu->interrupt_controller,
						  value == 0xff ? 0x6e0 : value == 0xfe ? 0x1b : 0x800 + (u32)value, take(input, 8));
		break;
	case 11: case 12:
		before = fake_now_ns;
		fake_time_advance(take(input, 1 + (action >> 6)) % NS_PER_S);
		/* one-shot timers once each, periodic ones at 10 kHz each: PIT, RTC, local APIC; UARTs at 2 kHz while read */
		if (fake_timer_fires - fires > 8 + 3 * ((fake_now_ns - before) / MACHINE_TIMER_MIN_PERIOD_NS + 1))
			abort();
		break;
	case 13:
		(void)fake_take_interrupt(vm);
		break;
	case 14:
		vcpu->interrupts->write_cr8(vcpu->interrupt_controller, action >> 4);
		pc_board.power_button(vm);
		break;
	default:
		if (action >> 4 == 15)
			load_hostile(vm, input);
		else if (action >> 4 == 14)
			pc_board.reset(vm);
		else
			save_and_load(vm);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input input = { data, size };
	struct vm *vm = fake_machine_create();

	for (unsigned steps = 0; input.left && steps < 2000; steps++)
		step(vm, &input);
	save_and_load(vm);
	fake_machine_destroy(vm);
	return 0;
}
