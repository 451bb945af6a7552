/* SPDX-License-Identifier: MIT */
/*
 * What the tables contain: MADT, FADT, MCFG, SPCR, HPET, and of DMAR and IVRS that they are there.
 *
 * Each function gets a table whose checksum was right, which says nothing about its contents: every count, length and
 * address is checked here, and wrong entries are named and left out.
 * ACPI Specification, "Fixed ACPI Description Table" (5.2.9), "Multiple APIC Description Table" (5.2.12); PCI Firmware
 * Specification, "MCFG Table Description" (4.1.2); Microsoft, "Serial Port Console Redirection Table"; Intel, "IA-PC HPET
 * Specification" (3.2.4); Intel, "Virtualization Technology for Directed I/O" (8.1); AMD, "I/O Virtualization Technology"
 * (5.2).
 */
#include "hv/acpi_internal.h"
#include "hv/lib/string.h"

enum madt_entry {
	MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_LAPIC_NMI = 4, MADT_LAPIC_ADDRESS = 5, MADT_X2APIC = 9,
	MADT_X2APIC_NMI = 10,
};

static struct acpi_address address_field(const struct acpi_bytes *table, u64 offset)
{
	return (struct acpi_address){
		.space = (u8)acpi_field(table, offset, 1),
		.width_bits = (u8)acpi_field(table, offset + 1, 1),
		.offset_bits = (u8)acpi_field(table, offset + 2, 1),
		.access = (u8)acpi_field(table, offset + 3, 1),
		.address = acpi_field(table, offset + 4, 8),
	};
}

/* Zeroes a register that we could not reach; the name goes into the complaint. */
static struct acpi_address address_checked(struct acpi_info *info, struct acpi_address reg, const char *name)
{
	bool good = reg.space == ACPI_SPACE_MEMORY ? reg.address <= MASK64(51, 0) - 8 :
		    reg.space == ACPI_SPACE_IO     ? reg.address <= 0xfffc :
						     reg.space == ACPI_SPACE_PCI_CONFIG;

	if (!reg.address)
		return (struct acpi_address){ 0 };
	if (good)
		return reg;
	acpi_complain(info, "%s is at an impossible place (space %u, %#llx): not used", name, reg.space,
		      (unsigned long long)reg.address);
	return (struct acpi_address){ 0 };
}

static void madt_cpu(struct acpi_info *info, u32 apic_id, u32 uid, u32 flags)
{
	if (!(flags & 1)) {
		info->cpu_disabled_count++;
		return;
	}
	for (u32 i = 0; i < info->cpu_count; i++)
		if (info->cpus[i].apic_id == apic_id) {
			/* Both forms may list one CPU; a second line of the same form is the firmware's mistake, and harmless. */
			return;
		}
	if (info->cpu_count == ACPI_MAX_CPUS) {
		acpi_complain(info, "MADT lists more than %u CPUs: the rest is not used", ACPI_MAX_CPUS);
		return;
	}
	info->cpus[info->cpu_count++] = (struct acpi_cpu){ apic_id, uid };
}

static void madt_ioapic(struct acpi_info *info, u32 id, u64 address, u32 gsi_base)
{
	if (!address || address & 0xf) {
		acpi_complain(info, "MADT: I/O APIC %u at an impossible address %#llx: not used", id, (unsigned long long)address);
		return;
	}
	for (u32 i = 0; i < info->ioapic_count; i++)
		if (info->ioapics[i].address == address || info->ioapics[i].gsi_base == gsi_base) {
			acpi_complain(info, "MADT: I/O APIC %u repeats another one's address or inputs: not used", id);
			return;
		}
	if (info->ioapic_count == ACPI_MAX_IOAPICS) {
		acpi_complain(info, "MADT lists more than %u I/O APICs: the rest is not used", ACPI_MAX_IOAPICS);
		return;
	}
	info->ioapics[info->ioapic_count++] = (struct acpi_ioapic){ address, id, gsi_base };
}

static void madt_override(struct acpi_info *info, u8 bus, u8 source, u32 gsi, u16 flags)
{
	if (bus != 0 || source >= 16) {
		acpi_complain(info, "MADT: override of interrupt %u on bus %u: not used", source, bus);
		return;
	}
	for (u32 i = 0; i < info->override_count; i++)
		if (info->overrides[i].source == source) {
			acpi_complain(info, "MADT: a second override of ISA interrupt %u: not used", source);
			return;
		}
	info->overrides[info->override_count++] = (struct acpi_override){ source, 0, flags, gsi };
}
STATIC_ASSERT(ACPI_MAX_OVERRIDES >= 16, "one override for each ISA interrupt fits");

static void madt_nmi(struct acpi_info *info, u32 uid, u16 flags, u8 lint)
{
	if (lint > 1 || info->nmi_count == ACPI_MAX_NMIS) {
		acpi_complain(info, "MADT: NMI on LINT%u of CPU %u: not used", lint, uid);
		return;
	}
	info->nmis[info->nmi_count++] = (struct acpi_nmi){ uid, flags, lint, 0 };
}

/* One entry; every field it reads lies inside the entry, because bytes.length is the entry's. */
static void madt_entry(struct acpi_info *info, const struct acpi_bytes *entry)
{
	switch (entry->data[0]) {
	case MADT_LAPIC: {
		u32 id = (u32)acpi_field(entry, 3, 1);

		if (entry->length >= 8 && id != 0xff)
			madt_cpu(info, id, (u32)acpi_field(entry, 2, 1), (u32)acpi_field(entry, 4, 4));
		break;
	}
	case MADT_X2APIC:
		if (entry->length >= 16 && acpi_field(entry, 4, 4) != 0xffffffff)
			madt_cpu(info, (u32)acpi_field(entry, 4, 4), (u32)acpi_field(entry, 12, 4), (u32)acpi_field(entry, 8, 4));
		break;
	case MADT_IOAPIC:
		if (entry->length >= 12)
			madt_ioapic(info, (u32)acpi_field(entry, 2, 1), acpi_field(entry, 4, 4), (u32)acpi_field(entry, 8, 4));
		break;
	case MADT_OVERRIDE:
		if (entry->length >= 10)
			madt_override(info, entry->data[2], entry->data[3], (u32)acpi_field(entry, 4, 4),
				      (u16)acpi_field(entry, 8, 2));
		break;
	case MADT_LAPIC_NMI:
		if (entry->length >= 6)
			madt_nmi(info, entry->data[2] == 0xff ? ACPI_UID_ALL : entry->data[2], (u16)acpi_field(entry, 3, 2),
				 entry->data[5]);
		break;
	case MADT_X2APIC_NMI:
		if (entry->length >= 12)
			madt_nmi(info, (u32)acpi_field(entry, 4, 4), (u16)acpi_field(entry, 2, 2), entry->data[8]);
		break;
	case MADT_LAPIC_ADDRESS:
		if (entry->length >= 12 && acpi_field(entry, 4, 8))
			info->lapic_address = acpi_field(entry, 4, 8);
		break;
	default: /* other architectures' and future entries */
		break;
	}
}

void acpi_parse_madt(struct acpi_info *info, const struct acpi_bytes *table)
{
	u32 offset = 44;

	info->lapic_address = acpi_field(table, 36, 4);
	info->pcat_compatible = acpi_field(table, 40, 4) & 1;
	while (offset < table->length && table->length - offset >= 2) {
		u32 length = table->data[offset + 1];

		if (length < 2 || length > table->length - offset) {
			acpi_complain(info, "MADT: entry of type %u at offset %u has length %u: the rest is not read",
				      table->data[offset], offset, length);
			break;
		}
		madt_entry(info, &(struct acpi_bytes){ table->data + offset, length });
		offset += length;
	}
	info->madt = info->cpu_count != 0;
	if (!info->madt)
		acpi_complain(info, "MADT lists no usable CPU: not used");
}

/* The extended address where the table has one, else the old 32-bit port number. */
static struct acpi_address fadt_register(struct acpi_info *info, const struct acpi_bytes *table, u64 extended, u64 port,
					 u8 width_bits, const char *name)
{
	struct acpi_address reg = address_field(table, extended);

	if (!reg.address)
		reg = (struct acpi_address){ acpi_field(table, port, 4), ACPI_SPACE_IO, width_bits, 0, 0 };
	return address_checked(info, reg, name);
}

u64 acpi_fadt_dsdt(const struct acpi_bytes *table)
{
	u64 extended = acpi_field(table, 140, 8);

	return extended ? extended : acpi_field(table, 40, 4);
}

void acpi_parse_fadt(struct acpi_info *info, const struct acpi_bytes *table)
{
	struct acpi_pm *pm = &info->pm;
	u32 flags = (u32)acpi_field(table, 112, 4);
	u8 revision = table->data[8];

	pm->present = true;
	pm->profile = (u8)acpi_field(table, 45, 1);
	pm->sci_interrupt = (u16)acpi_field(table, 46, 2);
	pm->smi_command = (u32)acpi_field(table, 48, 4) <= 0xffff ? (u32)acpi_field(table, 48, 4) : 0;
	pm->acpi_enable = (u8)acpi_field(table, 52, 1);
	pm->century_register = (u8)acpi_field(table, 108, 1);
	pm->facs = (u32)acpi_field(table, 36, 4);
	pm->timer_32bit = flags & BIT32(8);
	pm->hardware_reduced = revision >= 5 && flags & BIT32(20);
	if (revision >= 3) {
		u16 boot = (u16)acpi_field(table, 109, 2);

		pm->has_8042 = boot & BIT32(1);
		pm->has_vga = !(boot & BIT32(2));
		pm->msi_forbidden = boot & BIT32(3);
		pm->has_cmos_rtc = !(boot & BIT32(5));
	}
	if (!pm->hardware_reduced) {
		pm->pm1a_event = fadt_register(info, table, 148, 56, 32, "PM1a event block");
		pm->pm1b_event = fadt_register(info, table, 160, 60, 32, "PM1b event block");
		pm->pm1a_control = fadt_register(info, table, 172, 64, 16, "PM1a control register");
		pm->pm1b_control = fadt_register(info, table, 184, 68, 16, "PM1b control register");
		pm->timer = fadt_register(info, table, 208, 76, 32, "PM timer");
	}
	pm->sleep_control = address_checked(info, address_field(table, 244), "sleep control register");
	pm->sleep_status = address_checked(info, address_field(table, 256), "sleep status register");
	if (flags & BIT32(10)) {
		info->reset.address = address_checked(info, address_field(table, 116), "reset register");
		info->reset.value = (u8)acpi_field(table, 128, 1);
		info->reset.present = info->reset.address.address != 0;
	}
}

static bool mcfg_overlaps(const struct acpi_info *info, const struct acpi_mcfg *entry)
{
	for (u32 i = 0; i < info->mcfg_count; i++) {
		const struct acpi_mcfg *other = &info->mcfg[i];

		if (other->segment == entry->segment && entry->first_bus <= other->last_bus &&
		    other->first_bus <= entry->last_bus)
			return true;
	}
	return false;
}

void acpi_parse_mcfg(struct acpi_info *info, const struct acpi_bytes *table)
{
	for (u64 offset = 44; offset + 16 <= table->length; offset += 16) {
		struct acpi_mcfg entry = {
			.base = acpi_field(table, offset, 8),
			.segment = (u16)acpi_field(table, offset + 8, 2),
			.first_bus = (u8)acpi_field(table, offset + 10, 1),
			.last_bus = (u8)acpi_field(table, offset + 11, 1),
		};

		if (!entry.base || entry.base & (MIB - 1) || entry.base > MASK64(51, 0) - 256 * MIB ||
		    entry.first_bus > entry.last_bus || mcfg_overlaps(info, &entry) || info->mcfg_count == ACPI_MAX_MCFG) {
			acpi_complain(info, "MCFG: segment %u, buses %u to %u at %#llx: not used", entry.segment, entry.first_bus,
				      entry.last_bus, (unsigned long long)entry.base);
			continue;
		}
		info->mcfg[info->mcfg_count++] = entry;
	}
}

static u32 spcr_baud(u8 code)
{
	return code == 3 ? 9600 : code == 4 ? 19200 : code == 6 ? 57600 : code == 7 ? 115200 : 0;
}

void acpi_parse_spcr(struct acpi_info *info, const struct acpi_bytes *table)
{
	struct acpi_spcr *spcr = &info->spcr;
	u8 interrupts = (u8)acpi_field(table, 52, 1);

	spcr->interface_type = (u8)acpi_field(table, 36, 1);
	spcr->address = address_checked(info, address_field(table, 40), "SPCR's serial port");
	if (spcr->address.space == ACPI_SPACE_PCI_CONFIG) /* the PCI function is named by its own fields */
		spcr->address = (struct acpi_address){ 0 };
	spcr->present = spcr->address.address != 0;
	spcr->is_16550 = spcr->interface_type <= 1 || spcr->interface_type == 0x12;
	if (interrupts & 2)
		spcr->gsi = (u32)acpi_field(table, 54, 4);
	else if (interrupts & 1)
		spcr->gsi = (u32)acpi_field(table, 53, 1);
	spcr->baud = spcr_baud((u8)acpi_field(table, 58, 1));
	spcr->pci_device = (u16)acpi_field(table, 64, 2);
	spcr->pci_vendor = (u16)acpi_field(table, 66, 2);
	spcr->pci_bus = (u8)acpi_field(table, 68, 1);
	spcr->pci_slot = (u8)acpi_field(table, 69, 1);
	spcr->pci_function = (u8)acpi_field(table, 70, 1);
	spcr->pci_segment = (u8)acpi_field(table, 75, 1);
}

void acpi_parse_hpet(struct acpi_info *info, const struct acpi_bytes *table)
{
	struct acpi_address reg = address_checked(info, address_field(table, 40), "HPET");

	if (reg.space != ACPI_SPACE_MEMORY || !reg.address || reg.address & 0x3ff) {
		acpi_complain(info, "HPET at %#llx is not an aligned memory address: not used", (unsigned long long)reg.address);
		return;
	}
	info->hpet = (struct acpi_hpet){ true, reg.address, (u16)acpi_field(table, 53, 2), (u8)acpi_field(table, 52, 1) };
}

/* Walks type/length structures; calls count for each type. False: the lengths do not add up. */
static bool remapping_units(const struct acpi_bytes *table, bool ivrs, u32 units[256])
{
	for (u64 offset = 48; offset < table->length;) {
		u64 type = acpi_field(table, offset, ivrs ? 1 : 2), length = acpi_field(table, offset + 2, 2);

		if (length < 4 || length > table->length - offset)
			return false;
		if (type < 256)
			units[type]++;
		offset += length;
	}
	return true;
}

void acpi_parse_dmar(struct acpi_info *info, const struct acpi_bytes *table)
{
	u32 units[256] = { 0 };
	u8 flags = (u8)acpi_field(table, 37, 1);

	if (!remapping_units(table, false, units))
		acpi_complain(info, "DMAR: a structure's length is wrong: the rest is not read");
	info->iommu.dmar = true;
	info->iommu.interrupt_remapping = flags & 1;
	info->iommu.x2apic_opt_out = flags & 2;
	info->iommu.units += units[0]; /* DRHD */
}

void acpi_parse_ivrs(struct acpi_info *info, const struct acpi_bytes *table)
{
	u32 units[256] = { 0 };

	if (!remapping_units(table, true, units))
		acpi_complain(info, "IVRS: a block's length is wrong: the rest is not read");
	info->iommu.ivrs = true;
	/* A unit may stand as an IVHD of type 10h, 11h and 40h, each more detailed. */
	info->iommu.units += MAX(units[0x10], MAX(units[0x11], units[0x40]));
}
