/* SPDX-License-Identifier: MIT */
/* Power-off and reset on the hardware, each way after the other. See power.h. */
#include "hv/power.h"
#include "arch/x86/cpu.h"
#include "arch/x86/port.h"
#include "hv/clock.h"
#include "hv/lib/lock.h"
#include "hv/lib/log.h"
#include "hv/pci_device.h"
#include "hv/vmap.h"

#define RESET_CONTROL 0xcf9u
#define RESET_CONTROL_SYSTEM 0x02u /* a hard reset is asked for by the edge of bit 2 */
#define RESET_CONTROL_CPU 0x04u
#define MAPPED_MAX 8

static struct {
	const struct acpi_info *acpi;     /* (c) */
	const struct pci_config *config;  /* (c) */
	void (*runtime)(bool off);
	struct { u64 address; volatile void *place; } mapped[MAPPED_MAX]; /* (c) registers in memory */
	u32 mapped_count;
} power;

/* At start, because mapping needs memory and locks, which the moment of a reset may not have. */
static void map_register(const struct acpi_address *reg)
{
	volatile void *place;

	if (!reg->address || reg->space != ACPI_SPACE_MEMORY || power.mapped_count == MAPPED_MAX)
		return;
	place = vmap_mmio(HPA(reg->address), 4);
	if (!place)
		return;
	power.mapped[power.mapped_count].address = reg->address;
	power.mapped[power.mapped_count++].place = place;
}

void power_init(const struct acpi_info *acpi, const struct pci_config *config)
{
	const struct acpi_pm *pm = &acpi->pm;

	power.config = config;
	map_register(&acpi->reset.address);
	map_register(&pm->pm1a_event);
	map_register(&pm->pm1b_event);
	map_register(&pm->pm1a_control);
	map_register(&pm->pm1b_control);
	map_register(&pm->sleep_control);
	map_register(&pm->sleep_status);
	power.acpi = acpi;
}

void power_set_runtime(void (*runtime)(bool off))
{
	power.runtime = runtime;
}

static volatile void *mapped_place(u64 address)
{
	for (u32 i = 0; i < power.mapped_count; i++)
		if (power.mapped[i].address == address)
			return power.mapped[i].place;
	return NULL;
}

/* In configuration space the address is device, function and offset, 16 bits each, on bus 0 of segment 0. */
static struct pci_address pci_place(const struct acpi_address *reg)
{
	return (struct pci_address){ 0, 0, reg->address >> 32 & 31, reg->address >> 16 & 7 };
}

static u32 io_read(void *context, const struct acpi_address *reg, unsigned size_bytes)
{
	volatile void *place = mapped_place(reg->address);

	(void)context;
	if (reg->space == ACPI_SPACE_IO)
		return size_bytes == 1 ? inb((u16)reg->address) : inw((u16)reg->address);
	if (reg->space == ACPI_SPACE_MEMORY && place)
		return size_bytes == 1 ? *(volatile u8 *)place : *(volatile u16 *)place;
	return 0;
}

static void io_write(void *context, const struct acpi_address *reg, unsigned size_bytes, u32 value)
{
	volatile void *place = mapped_place(reg->address);
	struct pci_address address = pci_place(reg);

	(void)context;
	if (reg->space == ACPI_SPACE_PCI_CONFIG && power.config)
		power.config->write(power.config->context, &address, (u16)(reg->address & 0xfff), 1, value);
	else if (reg->space == ACPI_SPACE_IO && size_bytes == 1)
		outb((u16)reg->address, (u8)value);
	else if (reg->space == ACPI_SPACE_IO)
		outw((u16)reg->address, (u16)value);
	else if (reg->space == ACPI_SPACE_MEMORY && place && size_bytes == 1)
		*(volatile u8 *)place = (u8)value;
	else if (reg->space == ACPI_SPACE_MEMORY && place)
		*(volatile u16 *)place = (u16)value;
}

/* Busy: a reset may be asked for with interrupts off, or from a panic. */
static void wait_us(void *context, u32 us)
{
	u64 end = clock_ns() + us * NS_PER_US;

	(void)context;
	while (clock_ns() < end)
		cpu_relax();
}

static const struct power_io hardware = { io_read, io_write, wait_us, NULL };

void power_off(void)
{
	u64 flags = irq_save();

	if (power.acpi)
		power_acpi_off(power.acpi, &hardware);
	if (power.runtime)
		power.runtime(true);
	irq_restore(flags);
	log_error("the firmware gave no way to switch this machine off that works: use its power button");
}

void power_reset(void)
{
	struct PACKED { u16 limit; u64 base; } no_idt = { 0, 0 };

	(void)irq_save();
	if (power.acpi)
		power_acpi_reset(power.acpi, &hardware);
	if (power.runtime)
		power.runtime(false);
	outb(RESET_CONTROL, RESET_CONTROL_SYSTEM);
	wait_us(NULL, 50);
	outb(RESET_CONTROL, RESET_CONTROL_SYSTEM | RESET_CONTROL_CPU);
	wait_us(NULL, 50000);
	for (;;) /* an exception without an IDT shuts the CPU down, which resets a PC */
		__asm__ volatile("lidt %0; int3" ::"m"(no_idt));
}
