/* SPDX-License-Identifier: MIT */
/* LINK: hv/dev/test/fake_machine.c hv/io_region.c hv/state.c hv/lib/heap.c hv/lib/format.c hv/lib/string.c hv/lib/test/log_stderr.c */
/* LINK: hv/cpu_topology.c hv/dev/aml.c hv/dev/blob.c hv/dev/firmware_tables.c hv/dev/pc.c hv/dev/pc_devices.c hv/dev/vpcie_port.c hv/dev/pc_state.c hv/device_model.c hv/dev/table_loader.c hv/dev/vacpi.c hv/dev/vacpi_dsdt.c hv/dev/vfwcfg.c hv/dev/vioapic.c hv/dev/vkbc.c hv/dev/vlapic.c hv/dev/vlapic_bus.c hv/dev/vlapic_pv.c hv/dev/vlapic_registers.c hv/dev/vlapic_state.c hv/dev/vlapic_timer.c hv/dev/vpci.c hv/dev/vpci_bus.c hv/dev/vpci_msix.c hv/dev/vpic.c hv/dev/vpit.c hv/dev/vpit_channel.c hv/dev/vpm.c hv/dev/vq35.c hv/dev/vrtc.c hv/dev/vrtc_time.c hv/dev/vsmbios.c hv/dev/vuart.c */
/* PCI functions on the board: BARs probed, moved, switched off and in each other's way; MSI-X; INTx to both controllers. */
#include "hv/lib/test/unit.h"
#include "hv/dev/pc_internal.h"
#include "hv/dev/test/fake_machine.h"
#include "hv/lib/error.h"

#define DEVFN VPCI_DEVFN(3, 0)

static struct vm *vm;
static struct vpci_device device;
static u64 last_write;

static u64 bar_read(void *context, u64 offset, unsigned size_bytes)
{
	(void)context;
	(void)size_bytes;
	return 0xab00 + offset;
}

static void bar_write(void *context, u64 offset, unsigned size_bytes, u64 value)
{
	(void)context;
	(void)size_bytes;
	last_write = offset << 32 | value;
}

static const struct io_ops bar_ops = { bar_read, bar_write };

static u32 config(unsigned offset)
{
	outl(vm, 0xcf8, 0x80000000u | (u32)DEVFN << 8 | offset);
	return inl(vm, 0xcfc);
}

static void set_config(unsigned offset, u32 value)
{
	outl(vm, 0xcf8, 0x80000000u | (u32)DEVFN << 8 | offset);
	outl(vm, 0xcfc, value);
}

static u32 mmio(u64 address) { return (u32)io_map_read(&vm->mmio, address, 4); }
static void set_mmio(u64 address, u32 value) { io_map_write(&vm->mmio, address, 4, value); }

static void setup(void)
{
	vm = fake_machine_create();
	vpci_device_init(&device, "test", 0x1af4, 0x1042, 0x010000, 1);
	vpci_add_bar(&device, 0, VPCI_BAR_IO, 0x40, &bar_ops, NULL, true);
	ck_assert_int_eq(vpci_add_msix(&device, 1, 3), OK);
	vpci_add_bar(&device, 4, VPCI_BAR_MEMORY64, 0x4000, &bar_ops, NULL, true);
	ck_assert_uint_ne(vpci_add_capability(&device, PCI_CAPABILITY_VENDOR, 16), 0);
	vpci_use_intx(&device, 0);
	ck_assert_int_eq(vpci_attach(pc_pci_bus(vm), &device, DEVFN), OK);
	ck_assert_int_eq(vpci_attach(pc_pci_bus(vm), &device, DEVFN), ERR_EXISTS);
	vpci_reset(&device);
	set_mmio(VLAPIC_BASE + 0xf0, 0x1ff);
}

static void teardown(void) { fake_machine_destroy(vm); }

START_TEST(bars_tell_their_size)
{
	static const struct { unsigned offset; u32 expected; } rows[] = {
		{ 0x10, 0xffffffc1 }, { 0x14, 0xfffff000 }, { 0x18, 0 }, { 0x20, 0xffffc00c }, { 0x24, 0xffffffff }, { 0x30, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_config(rows[i].offset, 0xffffffff);
		ck_assert_uint_eq(config(rows[i].offset), rows[i].expected);
	}
	set_config(PCI_COMMAND, 3); /* decoding what a probe left claims nothing */
	ck_assert_uint_eq(inl(vm, 0xffc0), 0xffffffff);
	ck_assert_uint_eq(mmio(0xfffff000), 0xffffffff);
}
END_TEST

START_TEST(bars_move_and_switch_off)
{
	set_config(0x10, 0xc000);
	ck_assert_uint_eq(inw(vm, 0xc004), 0xffff);
	set_config(PCI_COMMAND, PCI_COMMAND_IO);
	ck_assert_uint_eq(inw(vm, 0xc004), 0xab04);
	set_config(0x10, 0xd000);
	ck_assert_uint_eq(inw(vm, 0xc004), 0xffff);
	ck_assert_uint_eq(inw(vm, 0xd000), 0xab00);
	set_config(0x10, 0x3c0); /* over COM1: the one that was there first answers */
	ck_assert_uint_eq(inb(vm, 0x3fd) & 0x60, 0x60);
	ck_assert_uint_eq(inw(vm, 0xd000), 0xffff);
	set_config(0x10, 0xc000);
	ck_assert_uint_eq(inw(vm, 0xc004), 0xab04);
	set_config(PCI_COMMAND, 0);
	ck_assert_uint_eq(inw(vm, 0xc004), 0xffff);
	set_config(PCI_COMMAND, PCI_COMMAND_MEMORY);
	set_config(0x20, 0x00000000);
	set_config(0x24, 0x8); /* a 64-bit BAR at 32 GiB */
	ck_assert_uint_eq(mmio(0x800000010ull), 0xab10);
	set_mmio(0x800000020ull, 77);
	ck_assert_uint_eq(last_write, 0x20ull << 32 | 77);
	set_config(0x24, 0);
	set_config(0x20, VLAPIC_BASE & ~0x3fffull); /* over the local APIC */
	ck_assert_uint_eq(mmio(VLAPIC_BASE + 0x30), 0x00050014);
	pc_board.reset(vm);
	ck_assert_uint_eq(config(0x20), 0xc);
	ck_assert_uint_eq(config(PCI_COMMAND) & 0xffff, 0);
}
END_TEST

START_TEST(capabilities_are_chained)
{
	unsigned at = config(PCI_CAPABILITIES) & 0xff;

	ck_assert_uint_eq(config(PCI_COMMAND) >> 16 & PCI_STATUS_CAPABILITIES, PCI_STATUS_CAPABILITIES);
	ck_assert_uint_eq(config(at) & 0xff, PCI_CAPABILITY_MSIX);
	ck_assert_uint_eq(config(at) >> 16 & 0x7ff, 2);
	at = config(at) >> 8 & 0xff;
	ck_assert_uint_eq(config(at) & 0xffff, PCI_CAPABILITY_VENDOR);
	while (vpci_add_capability(&device, PCI_CAPABILITY_VENDOR, 32))
		;
	ck_assert_uint_eq(vpci_add_capability(&device, PCI_CAPABILITY_VENDOR, 64), 0);
}
END_TEST

START_TEST(msix_masks_pends_and_delivers)
{
	u64 table = 0xc0000000;
	unsigned at = config(PCI_CAPABILITIES) & 0xff;

	set_config(0x14, (u32)table);
	set_config(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_uint_eq(mmio(table + 12), 1); /* masked at reset */
	io_map_write(&vm->mmio, table, 8, 0xfee00000); /* 8-byte access */
	set_mmio(table + 8, 0x51);
	vpci_msix_notify(&device, 0); /* not enabled: nothing, not even pending */
	ck_assert_uint_eq(mmio(table + 0x800), 0);
	set_config(at, BIT32(31));
	vpci_msix_notify(&device, 0);
	ck_assert_uint_eq(mmio(table + 0x800), 1);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	set_mmio(table + 12, 0); /* unmasked: the pending one goes out */
	ck_assert_uint_eq(mmio(table + 0x800), 0);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x51);
	set_mmio(VLAPIC_BASE + 0xb0, 0);
	set_config(at, BIT32(31) | BIT32(30)); /* function mask */
	vpci_msix_notify(&device, 0);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	set_config(at, BIT32(31));
	ck_assert_int_eq(fake_take_interrupt(vm), 0x51);
	vpci_msix_notify(&device, 3); /* beyond the table */
	vpci_msix_notify(&device, 0xffffffff);
	set_mmio(table + 3 * 16, 0x1234); /* likewise */
	ck_assert_uint_eq(mmio(table + 3 * 16), 0);
	ck_assert_uint_eq((u8)io_map_read(&vm->mmio, table, 1), 0); /* narrow accesses do not count */
	set_mmio(table, 0x12345677);
	ck_assert_uint_eq(mmio(table), 0x12345674);
	vpci_msix_notify(&device, 0); /* an address outside of the interrupt range goes nowhere */
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
}
END_TEST

START_TEST(intx_reaches_the_io_apic)
{
	unsigned pin = pc_intx_gsi(3, 0);

	set_mmio(VIOAPIC_BASE, 0x10 + 2 * pin);
	set_mmio(VIOAPIC_BASE + 0x10, 0x8061);
	vpci_set_intx(&device, true);
	ck_assert_uint_eq(config(PCI_COMMAND) >> 16 & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x61);
	set_config(PCI_COMMAND, PCI_COMMAND_INTX_OFF);
	set_mmio(VLAPIC_BASE + 0xb0, 0);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
	set_config(PCI_COMMAND, 0);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x61);
	vpci_set_intx(&device, false);
	set_mmio(VLAPIC_BASE + 0xb0, 0);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
}
END_TEST

START_TEST(intx_reaches_the_pic_by_its_route)
{
	const u8 bytes[][2] = { { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 0x04 }, { 0x21, 0x01 },
				{ 0xa0, 0x11 }, { 0xa1, 0x28 }, { 0xa1, 0x02 }, { 0xa1, 0x01 } };
	unsigned pirq = pc_intx_gsi(3, 0) - 16;
	struct pc *pc = vm->board;

	set_mmio(VLAPIC_BASE + 0x350, 0x700);
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
		outb(vm, bytes[i][0], bytes[i][1]);
	outb(vm, 0x4d1, 0x0c);
	vpci_set_intx(&device, true);
	ck_assert_int_eq(fake_take_interrupt(vm), 0x28 + (int)vq35_pirq_route(&pc->q35, pirq) - 8);
	vpci_set_intx(&device, false);
	outb(vm, 0xa0, 0x20);
	outb(vm, 0x20, 0x20);
	ck_assert_int_eq(fake_take_interrupt(vm), -1);
}
END_TEST

START_TEST(state_round_trip)
{
	struct state_writer writer;
	struct state_reader reader = { 0 };

	set_config(0x10, 0xc000);
	set_config(PCI_COMMAND, PCI_COMMAND_IO);
	state_writer_init(&writer);
	vpci_save(&device, &writer);
	vpci_reset(&device);
	ck_assert_uint_eq(inw(vm, 0xc004), 0xffff);
	reader.data = writer.data, reader.size_bytes = writer.size_bytes;
	ck_assert_int_eq(vpci_load(&device, &reader), OK);
	ck_assert_uint_eq(inw(vm, 0xc004), 0xab04);
	writer.data[48] ^= 1; /* the vendor ID */
	reader.offset_bytes = 0;
	ck_assert_int_eq(vpci_load(&device, &reader), ERR_INVALID);
	state_writer_release(&writer);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vpci");
	TCase *tcase = tcase_create("vpci");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, bars_tell_their_size);
	tcase_add_test(tcase, bars_move_and_switch_off);
	tcase_add_test(tcase, capabilities_are_chained);
	tcase_add_test(tcase, msix_masks_pends_and_delivers);
	tcase_add_test(tcase, intx_reaches_the_io_apic);
	tcase_add_test(tcase, intx_reaches_the_pic_by_its_route);
	tcase_add_test(tcase, state_round_trip);
	suite_add_tcase(suite, tcase);
	return suite;
}
