/* SPDX-License-Identifier: MIT */
/*
 * An AHCI controller: taken over from the firmware, its ports started, its interrupt shared out among them.
 *
 * AHCI 1.3.1, "System Software Specific Initialization" (10.1.2), "BIOS/OS Handoff" (10.6). The controller is not reset as a
 * whole: the firmware's links stay up, and each port is reset by itself.
 */
#include "drivers/ahci_internal.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/mmio.h"

#define REGISTERS_BAR 5u
#define HANDOFF_TIMEOUT_NS (2 * 1000000000ull)
#define HANDOFF_POLL_NS 1000000u

static u32 controllers_found; /* boot thread only */

static void interrupt(void *context)
{
	struct ahci_controller *controller = context;
	u32 asking = mmio_read32(controller->registers, AHCI_IS);

	for (u32 left = asking; left; left &= left - 1) {
		u32 index = (u32)__builtin_ctz(left);

		if (controller->ports[index])
			ahci_port_interrupt(controller->ports[index]);
	}
	if (asking)
		mmio_write32(controller->registers, AHCI_IS, asking); /* after the ports', else it would be set again */
}

static void take_from_firmware(struct ahci_controller *controller)
{
	u64 deadline = clock_ns() + HANDOFF_TIMEOUT_NS;

	if (!(mmio_read32(controller->registers, AHCI_CAP2) & AHCI_CAP2_HANDOFF))
		return;
	mmio_write32(controller->registers, AHCI_BOHC, mmio_read32(controller->registers, AHCI_BOHC) | AHCI_BOHC_OS);
	while ((mmio_read32(controller->registers, AHCI_BOHC) & AHCI_BOHC_BIOS) && clock_ns() < deadline)
		thread_sleep_ns(HANDOFF_POLL_NS);
}

static int start_ports(struct ahci_controller *controller)
{
	u32 implemented = mmio_read32(controller->registers, AHCI_PI);
	int error;

	for (u32 i = 0; i < AHCI_PORTS_MAX; i++) {
		struct ahci_port *port;

		if (!(implemented & BIT32(i)))
			continue;
		port = kzalloc(sizeof(*port));
		if (!port)
			return ERR_NO_MEMORY;
		port->controller = controller;
		port->index = i;
		error = ahci_port_start(port);
		if (error)
			return error;
		controller->ports[i] = port;
	}
	return OK;
}

static int start(struct ahci_controller *controller)
{
	int error;

	mmio_write32(controller->registers, AHCI_GHC, AHCI_GHC_ENABLE);
	take_from_firmware(controller);
	controller->capabilities = mmio_read32(controller->registers, AHCI_CAP);
	controller->slot_count = AHCI_CAP_SLOTS(controller->capabilities);
	error = start_ports(controller);
	if (!error)
		error = pci_interrupt_open(&controller->interrupt, controller->pci);
	if (!error)
		error = pci_interrupt_add(&controller->interrupt, 0, controller->name, interrupt, controller);
	if (error)
		return error;
	mmio_write32(controller->registers, AHCI_IS, ~0u);
	mmio_write32(controller->registers, AHCI_GHC, AHCI_GHC_ENABLE | AHCI_GHC_INTERRUPTS);
	for (u32 i = 0; i < AHCI_PORTS_MAX && !error; i++)
		if (controller->ports[i])
			error = ahci_port_keep(controller->ports[i]);
	return error;
}

static int probe(struct pci_device *device)
{
	const struct pci_bar *bar = &device->bars[REGISTERS_BAR];
	struct ahci_controller *controller;
	int error = ERR_NO_MEMORY;

	if (!bar->memory || !bar->base || bar->size_bytes < AHCI_PORT(1)) {
		log_warning("AHCI: a controller's registers have no address: it is left out");
		return ERR_INVALID;
	}
	controller = kzalloc(sizeof(*controller));
	if (!controller)
		return ERR_NO_MEMORY;
	controller->pci = device;
	format(controller->name, sizeof(controller->name), "ahci%u", controllers_found++);
	controller->registers = mmio_map(HPA(bar->base), bar->size_bytes);
	pci_command(device, PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER, 0);
	if (controller->registers && !(mmio_read32(controller->registers, AHCI_CAP) & AHCI_CAP_64BIT)) {
		log_warning("%s: left out: it reaches only 4 GiB of memory, which is not supported", controller->name);
		return ERR_UNSUPPORTED;
	}
	if (controller->registers)
		error = start(controller);
	if (error) {
		/* What it may still write to is not given back. */
		pci_command(device, 0, PCI_COMMAND_BUS_MASTER);
		log_warning("%s: left out: it did not start (error %d)", controller->name, error);
		return error;
	}
	device->driver_data = controller;
	return OK;
}

static const struct pci_match matches[] = {
	{ PCI_ANY, PCI_ANY, 0x010601, 0xffffff }, /* mass storage, SATA, AHCI 1.0 */
	{ 0 },
};
const struct pci_driver ahci_driver = { "ahci", matches, probe };
