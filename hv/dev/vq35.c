/* SPDX-License-Identifier: MIT */
/* The host bridge and the LPC bridge: where ECAM and the power-management ports stand, and PIRQ routing. */
#include "hv/dev/vq35.h"
#include "hv/dev/pc.h"
#include "hv/dev/vpm.h"
#include "hv/lib/error.h"

enum { MCH_PCIEXBAR = 0x60, MCH_PAM0 = 0x90, MCH_SMRAM = 0x9d, MCH_ESMRAMC = 0x9e };
#define PCIEXBAR_ENABLE BIT64(0)
#define PCIEXBAR_LENGTH(value) ((value) >> 1 & 3u)
#define PCIEXBAR_BASE MASK64(35, 26)

enum { LPC_PMBASE = 0x40, LPC_ACPI_CNTL = 0x44, LPC_GPIOBASE = 0x48, LPC_GPIO_CNTL = 0x4c, LPC_PIRQA = 0x60,
       LPC_SERIRQ = 0x64, LPC_PIRQE = 0x68, LPC_IO_DEC = 0x80, LPC_ENABLES = 0x82, LPC_GEN1_DEC = 0x84,
       LPC_GEN_PMCON_1 = 0xa0, LPC_GEN_PMCON_2 = 0xa2, LPC_GEN_PMCON_3 = 0xa4, LPC_BIOS_CNTL = 0xdc, LPC_RCBA = 0xf0 };
#define PMBASE_IO BIT32(0)
#define PMBASE_MASK 0xff80u
#define ACPI_CNTL_ENABLE BIT32(7)
#define PIRQ_OFF BIT32(7)

static void map_ecam(struct vq35 *q35, struct vpci_bus *bus)
{
	struct vpci_device *mch = &q35->host_bridge;
	u64 value = vpci_config32(mch, MCH_PCIEXBAR) | (u64)vpci_config32(mch, MCH_PCIEXBAR + 4) << 32;
	u64 size = 256 * MIB >> PCIEXBAR_LENGTH(value), base = value & PCIEXBAR_BASE & ~(size - 1);
	struct io_region wanted = { 0 };

	if ((value & PCIEXBAR_ENABLE) && PCIEXBAR_LENGTH(value) != 3 && base)
		wanted = (struct io_region){ base, size, &vpci_ecam_ops, bus, "ecam", false };
	if (q35->ecam_mapped ? wanted.size_bytes && base == q35->ecam_base : !wanted.size_bytes)
		return;
	q35->ecam_mapped = vpci_move_region(bus->vm, &bus->vm->mmio, q35->ecam_mapped, q35->ecam_base, &wanted);
	q35->ecam_base = base;
}

static void host_bridge_written(struct vpci_device *device, unsigned offset, unsigned size_bytes)
{
	if (offset < MCH_PCIEXBAR + 8 && offset + size_bytes > MCH_PCIEXBAR)
		map_ecam(CONTAINER_OF(device, struct vq35, host_bridge), device->bus);
}

static void lpc_written(struct vpci_device *device, unsigned offset, unsigned size_bytes)
{
	struct vq35 *q35 = CONTAINER_OF(device, struct vq35, lpc);
	u64 base = vpci_config16(device, LPC_PMBASE) & PMBASE_MASK;
	struct io_region wanted = { 0 };

	if (offset >= LPC_ACPI_CNTL + 1 || offset + size_bytes <= LPC_PMBASE)
		return;
	if ((device->config[LPC_ACPI_CNTL] & ACPI_CNTL_ENABLE) && base)
		wanted = (struct io_region){ base, PC_PM_PORTS, &vpm_ops, q35->pm, "acpi pm", true };
	if (q35->pm_mapped ? wanted.size_bytes && base == q35->pm_base : !wanted.size_bytes)
		return;
	q35->pm_mapped = vpci_move_region(device->bus->vm, &device->bus->vm->ports, q35->pm_mapped, q35->pm_base, &wanted);
	q35->pm_base = base;
}

static void host_bridge_init(struct vpci_device *device)
{
	vpci_device_init(device, "q35 host bridge", 0x8086, 0x29c0, 0x060000, 0);
	vpci_put32(device->writable, MCH_PCIEXBAR, 0xfc000007);
	device->writable[MCH_PCIEXBAR + 4] = 0x0f;
	for (unsigned i = 0; i < 7; i++)
		device->writable[MCH_PAM0 + i] = i ? 0x33 : 0x30;
	device->config[MCH_SMRAM] = 0x02;
	device->writable[MCH_SMRAM] = 0x78;
	device->config[MCH_ESMRAMC] = 0x38;
	device->writable[MCH_ESMRAMC] = 0x87;
	device->config_written = host_bridge_written;
}

static void lpc_init(struct vpci_device *device)
{
	vpci_device_init(device, "ich9 lpc bridge", 0x8086, 0x2918, 0x060100, 2);
	vpci_put32(device->config, LPC_PMBASE, PMBASE_IO);
	vpci_put16(device->writable, LPC_PMBASE, PMBASE_MASK);
	device->writable[LPC_ACPI_CNTL] = 0x87;
	vpci_put32(device->config, LPC_GPIOBASE, PMBASE_IO);
	vpci_put16(device->writable, LPC_GPIOBASE, 0xffc0);
	device->writable[LPC_GPIO_CNTL] = 0x11;
	for (unsigned i = 0; i < 4; i++) {
		device->config[LPC_PIRQA + i] = device->config[LPC_PIRQE + i] = PIRQ_OFF;
		device->writable[LPC_PIRQA + i] = device->writable[LPC_PIRQE + i] = 0x8f;
	}
	device->config[LPC_SERIRQ] = 0x10;
	device->writable[LPC_SERIRQ] = 0xff;
	vpci_put32(device->writable, LPC_IO_DEC, 0xffffffff);
	for (unsigned i = 0; i < 4; i++)
		vpci_put32(device->writable, LPC_GEN1_DEC + 4 * i, 0x00fcfffd);
	vpci_put16(device->writable, LPC_GEN_PMCON_1, 0x0efb);
	vpci_put16(device->writable, LPC_GEN_PMCON_2, 0x00f7);
	vpci_put16(device->writable, LPC_GEN_PMCON_3, 0x7fff);
	device->writable[LPC_BIOS_CNTL] = 0x03;
	vpci_put32(device->writable, LPC_RCBA, 0xffffc001);
	device->config_written = lpc_written;
}

void vq35_init(struct vq35 *q35, struct vpm *pm)
{
	*q35 = (struct vq35){ .pm = pm };
	host_bridge_init(&q35->host_bridge);
	lpc_init(&q35->lpc);
	vpci_set_subsystem(&q35->host_bridge, 0x1af4, 0x1100); /* firmware tells QEMU-shaped boards by this */
	vpci_set_subsystem(&q35->lpc, 0x1af4, 0x1100);
}

int vq35_attach(struct vq35 *q35, struct vpci_bus *bus)
{
	int error = vpci_attach(bus, &q35->host_bridge, VPCI_DEVFN(0, 0));

	return error == OK ? vpci_attach(bus, &q35->lpc, VPCI_DEVFN(31, 0)) : error;
}

void vq35_program_as_firmware(struct vq35 *q35)
{
	struct vpci_bus *bus = q35->lpc.bus;
	static const u8 routes[4] = { 10, 10, 11, 11 }; /* the ISA interrupts of PIRQA to D, and E to H, as QEMU's firmware */

	vpci_config_write(bus, VPCI_DEVFN(0, 0), MCH_PCIEXBAR, 4, PC_ECAM_BASE | (u32)PCIEXBAR_ENABLE);
	vpci_config_write(bus, VPCI_DEVFN(31, 0), LPC_PMBASE, 4, PC_PMBASE);
	vpci_config_write(bus, VPCI_DEVFN(31, 0), LPC_ACPI_CNTL, 1, ACPI_CNTL_ENABLE);
	for (unsigned i = 0; i < 4; i++) {
		vpci_config_write(bus, VPCI_DEVFN(31, 0), LPC_PIRQA + i, 1, routes[i]);
		vpci_config_write(bus, VPCI_DEVFN(31, 0), LPC_PIRQE + i, 1, routes[i]);
	}
}

unsigned vq35_pirq_route(const struct vq35 *q35, unsigned pirq)
{
	u8 route = READ_ONCE(q35->lpc.config[(pirq < 4 ? LPC_PIRQA : LPC_PIRQE) + (pirq & 3)]);

	return route & PIRQ_OFF ? 16 : route & 15;
}
