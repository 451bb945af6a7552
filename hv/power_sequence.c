/* SPDX-License-Identifier: MIT */
/*
 * The register writes that put an ACPI machine into S5 or reset it, in the specification's order. Pure.
 * ACPI Specification, "Waking and Sleeping" (16.1), "PM1 Control Registers" (4.8.3.2), "Sleep Control and Status
 * Registers" (4.8.3.7), "Reset Register" (4.8.3.6), "Legacy/ACPI Select and the SCI Interrupt" (4.8.2.5).
 */
#include "hv/power.h"

#define PM1_STATUS_WAKE BIT32(15)
#define PM1_CONTROL_SCI_EN BIT32(0)
#define PM1_CONTROL_SLP_TYP MASK32(12, 10)
#define PM1_CONTROL_SLP_EN BIT32(13)
#define SLEEP_CONTROL_SLP_EN BIT32(5)
#define SLEEP_STATUS_WAKE BIT32(7)

#define ACPI_MODE_TRIES 300u /* of 10 ms: three seconds, as firmware may take that long */
#define SETTLE_US 1000000u

static u32 reg_read(const struct power_io *io, const struct acpi_address *reg, unsigned size_bytes)
{
	return reg->address ? io->read(io->context, reg, size_bytes) : 0;
}

static void reg_write(const struct power_io *io, const struct acpi_address *reg, unsigned size_bytes, u32 value)
{
	if (reg->address)
		io->write(io->context, reg, size_bytes, value);
}

/* Sleep bits are ignored in legacy mode, in which UEFI hands some machines over. */
static void enter_acpi_mode(const struct acpi_info *acpi, const struct power_io *io)
{
	const struct acpi_pm *pm = &acpi->pm;
	struct acpi_address command = { pm->smi_command, ACPI_SPACE_IO, 8, 0, 1 };

	if (!pm->smi_command || !pm->acpi_enable || reg_read(io, &pm->pm1a_control, 2) & PM1_CONTROL_SCI_EN)
		return;
	io->write(io->context, &command, 1, pm->acpi_enable);
	for (unsigned i = 0; i < ACPI_MODE_TRIES && !(reg_read(io, &pm->pm1a_control, 2) & PM1_CONTROL_SCI_EN); i++)
		io->wait_us(io->context, 10000);
}

static void pm1_off(const struct acpi_info *acpi, const struct power_io *io)
{
	const struct acpi_pm *pm = &acpi->pm;
	u32 a, b;

	enter_acpi_mode(acpi, io);
	reg_write(io, &pm->pm1a_event, 2, PM1_STATUS_WAKE); /* written as one: cleared */
	reg_write(io, &pm->pm1b_event, 2, PM1_STATUS_WAKE);
	a = reg_read(io, &pm->pm1a_control, 2) & ~(PM1_CONTROL_SLP_TYP | PM1_CONTROL_SLP_EN);
	b = reg_read(io, &pm->pm1b_control, 2) & ~(PM1_CONTROL_SLP_TYP | PM1_CONTROL_SLP_EN);
	a |= (u32)acpi->s5.slp_typ_a << 10;
	b |= (u32)acpi->s5.slp_typ_b << 10;
	reg_write(io, &pm->pm1a_control, 2, a); /* the type first, then the same with SLP_EN: some chipsets need both */
	reg_write(io, &pm->pm1b_control, 2, b);
	reg_write(io, &pm->pm1a_control, 2, a | PM1_CONTROL_SLP_EN);
	reg_write(io, &pm->pm1b_control, 2, b | PM1_CONTROL_SLP_EN);
}

void power_acpi_off(const struct acpi_info *acpi, const struct power_io *io)
{
	const struct acpi_pm *pm = &acpi->pm;

	if (!acpi->s5.present)
		return;
	if (pm->hardware_reduced && pm->sleep_control.address) {
		reg_write(io, &pm->sleep_status, 1, SLEEP_STATUS_WAKE);
		reg_write(io, &pm->sleep_control, 1, (u32)acpi->s5.slp_typ_a << 2 | SLEEP_CONTROL_SLP_EN);
	} else if (pm->pm1a_control.address) {
		pm1_off(acpi, io);
	} else {
		return;
	}
	io->wait_us(io->context, SETTLE_US);
}

void power_acpi_reset(const struct acpi_info *acpi, const struct power_io *io)
{
	if (!acpi->reset.present)
		return;
	io->write(io->context, &acpi->reset.address, 1, acpi->reset.value);
	io->wait_us(io->context, SETTLE_US / 10);
}
