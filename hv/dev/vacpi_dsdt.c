/* SPDX-License-Identifier: MIT */
/*
 * The guest's DSDT: its PCI root with windows and interrupt routing, what stands on its ISA bus, its CPUs, \_S5.
 *
 * Everything is fixed when the machine is made, so there is no code but _OSC, by which an operating system takes native
 * control of PCI Express (hot-plug, PME). ACPI Specification, "_PRT" (6.2.13), "_OSC" (6.2.11); PCI Firmware Specification,
 * "_OSC Interface for PCI Host Bridge Devices" (4.5).
 */
#include "hv/dev/aml.h"
#include "hv/dev/pc.h"
#include "hv/dev/vacpi.h"
#include "hv/dev/vfwcfg.h"
#include "hv/lib/format.h"

#define PCI_SLOTS 32u
#define PCI_PINS 4u
#define OSC_NATIVE_HOTPLUG BIT32(0)
#define OSC_NATIVE_PME BIT32(2)
#define OSC_CAPABILITY_STRUCTURE BIT32(4)
#define OSC_UNKNOWN_UUID 4u
#define PCI64_WINDOW_BYTES (32 * GIB)

static void sleep_states(struct blob *aml)
{
	u32 package;

	aml_name(aml, "\\_S5");
	package = aml_open_package(aml, 4);
	aml_integer(aml, PC_SLEEP_TYPE_S5);
	aml_integer(aml, PC_SLEEP_TYPE_S5);
	aml_integer(aml, 0);
	aml_integer(aml, 0);
	aml_close(aml, package);
}

static void root_resources(struct blob *aml, const struct vacpi_config *config)
{
	u64 above = config->high_ram_end > 4 * GIB ? ALIGN_UP(config->high_ram_end, GIB) : 4 * GIB;
	struct blob resources;

	blob_init(&resources);
	/* The MCFG's buses: a bridge that claims more makes Linux complain that the MCFG covers a part of it only. */
	aml_resource_window16(&resources, AML_WINDOW_BUS, 0, (u16)(config->buses - 1), (u16)config->buses);
	aml_resource_io(&resources, 0xcf8, 8);
	aml_resource_window16(&resources, AML_WINDOW_IO, 0, 0xcf7, 0xcf8);
	aml_resource_window16(&resources, AML_WINDOW_IO, 0xd00, 0xffff, 0xf300);
	aml_resource_window32(&resources, 0xa0000, 0xbffff);
	aml_resource_window32(&resources, config->pci_hole_base, config->pci_hole_end - 1);
	aml_resource_window64(&resources, above, above + PCI64_WINDOW_BYTES - 1);
	aml_name_resources(aml, "_CRS", &resources);
}

/* Interrupt pins of each slot to I/O APIC inputs, without link devices: the wiring is fixed. */
static void interrupt_routing(struct blob *aml)
{
	u32 all, one;

	aml_name(aml, "_PRT");
	all = aml_open_package(aml, PCI_SLOTS * PCI_PINS);
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
		for (unsigned pin = 0; pin < PCI_PINS; pin++) {
			one = aml_open_package(aml, 4);
			aml_integer(aml, (u64)slot << 16 | 0xffff);
			aml_integer(aml, pin);
			aml_integer(aml, 0);
			aml_integer(aml, pc_intx_gsi(slot, pin));
			aml_close(aml, one);
		}
	aml_close(aml, all);
}

/*
 * Method (_OSC, 4) {
 *     CreateDWordField (Arg3, 0, CDW1)
 *     If (Arg0 == ToUUID ("33db4d5b-…")) { CreateDWordField (Arg3, 8, CDW3)  CDW3 &= what we grant }
 *     Else { CDW1 |= 4 }
 *     Return (Arg3)
 * }
 */
static void osc_method(struct blob *aml)
{
	static const u8 uuid[16] = { 0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
				     0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66 };
	u32 method = aml_open_method(aml, "_OSC", 4), branch;

	aml_op(aml, AML_CREATE_DWORD_FIELD);
	aml_op(aml, AML_ARG3);
	aml_integer(aml, 0);
	aml_path(aml, "CDW1");
	branch = aml_open_if(aml);
	aml_op(aml, AML_LEQUAL);
	aml_op(aml, AML_ARG0);
	aml_buffer(aml, uuid, sizeof(uuid));
	aml_op(aml, AML_CREATE_DWORD_FIELD);
	aml_op(aml, AML_ARG3);
	aml_integer(aml, 8);
	aml_path(aml, "CDW3");
	aml_op(aml, AML_AND);
	aml_path(aml, "CDW3");
	aml_integer(aml, OSC_NATIVE_HOTPLUG | OSC_NATIVE_PME | OSC_CAPABILITY_STRUCTURE);
	aml_path(aml, "CDW3");
	aml_close(aml, branch);
	branch = aml_open_else(aml);
	aml_op(aml, AML_OR);
	aml_path(aml, "CDW1");
	aml_integer(aml, OSC_UNKNOWN_UUID);
	aml_path(aml, "CDW1");
	aml_close(aml, branch);
	aml_op(aml, AML_RETURN);
	aml_op(aml, AML_ARG3);
	aml_close(aml, method);
}

/* A device with ports and at most one interrupt; port 0: none. */
static void isa_device(struct blob *aml, const char *name, const char *id, u64 uid, u16 port, u8 ports, u16 second_port,
		       unsigned irq, bool shared)
{
	u32 device = aml_open_device(aml, name);
	struct blob resources;

	aml_name_eisa(aml, "_HID", id);
	if (uid)
		aml_name_integer(aml, "_UID", uid);
	blob_init(&resources);
	aml_resource_io(&resources, port, ports);
	if (second_port)
		aml_resource_io(&resources, second_port, ports);
	(shared ? aml_resource_irq_shared : aml_resource_irq)(&resources, irq);
	aml_name_resources(aml, "_CRS", &resources);
	aml_close(aml, device);
}

static void isa_bus(struct blob *aml, const struct vacpi_config *config)
{
	static const u16 ports[PC_SERIAL_MAX] = PC_SERIAL_PORTS;
	static const u8 irqs[PC_SERIAL_MAX] = PC_SERIAL_IRQS;
	u32 bus = aml_open_device(aml, "ISA");

	aml_name_integer(aml, "_ADR", 0x1f0000);
	isa_device(aml, "RTC", "PNP0B00", 0, 0x70, 8, 0, PC_RTC_IRQ, false);
	isa_device(aml, "KBD", "PNP0303", 0, 0x60, 1, 0x64, PC_KEYBOARD_IRQ, false);
	for (unsigned i = 0; i < MIN(config->serial_count, PC_SERIAL_MAX); i++) {
		char name[5];

		format(name, sizeof(name), "COM%u", i + 1);
		isa_device(aml, name, "PNP0501", i + 1, ports[i], 8, 0, irqs[i], config->serial_count > 2);
	}
	aml_close(aml, bus);
}

/* What no driver may take: ACPI's own registers, and the configuration window, which Linux believes only if it stands here. */
static void board_resources(struct blob *aml)
{
	u32 device = aml_open_device(aml, "BRD0");
	struct blob resources;

	aml_name_eisa(aml, "_HID", "PNP0C02");
	aml_name_integer(aml, "_UID", 1);
	blob_init(&resources);
	aml_resource_io(&resources, PC_PMBASE, PC_PM_PORTS);
	aml_resource_io(&resources, PC_SMI_COMMAND, 2);
	aml_resource_memory(&resources, PC_ECAM_BASE, PC_ECAM_BUSES << 20);
	aml_name_resources(aml, "_CRS", &resources);
	aml_close(aml, device);
}

/* The firmware configuration device: Linux's qemu_fw_cfg finds it by this. */
static void fw_cfg(struct blob *aml)
{
	u32 device = aml_open_device(aml, "FWCF");
	struct blob resources;

	aml_name_string(aml, "_HID", "QEMU0002");
	aml_name_integer(aml, "_STA", 0x0b); /* present, works, not for people to see */
	blob_init(&resources);
	aml_resource_io(&resources, VFWCFG_PORT, VFWCFG_PORTS);
	aml_name_resources(aml, "_CRS", &resources);
	aml_close(aml, device);
}

static void cpus(struct blob *aml, const struct vacpi_config *config)
{
	for (u32 i = 0; i < config->vcpu_count; i++) {
		char name[5];
		u32 device;

		format(name, sizeof(name), "C%03X", i);
		device = aml_open_device(aml, name);
		aml_name_string(aml, "_HID", "ACPI0007");
		aml_name_integer(aml, "_UID", i);
		aml_close(aml, device);
	}
}

void vacpi_dsdt(struct blob *aml, const struct vacpi_config *config)
{
	u32 scope, root;

	sleep_states(aml);
	scope = aml_open_scope(aml, "\\_SB");
	root = aml_open_device(aml, "PCI0");
	aml_name_eisa(aml, "_HID", "PNP0A08");
	aml_name_eisa(aml, "_CID", "PNP0A03");
	aml_name_integer(aml, "_UID", 0);
	aml_name_integer(aml, "_BBN", 0);
	root_resources(aml, config);
	interrupt_routing(aml);
	osc_method(aml);
	isa_bus(aml, config);
	aml_close(aml, root);
	board_resources(aml);
	fw_cfg(aml);
	cpus(aml, config);
	aml_close(aml, scope);
}
