/* SPDX-License-Identifier: MIT */
/*
 * The guest's ACPI tables but the DSDT's contents. Pointers and checksums are left to the loader script.
 *
 * ACPI Specification, "ACPI System Description Tables" (5.2); PCI Firmware Specification, "MCFG Table Description" (4.1.2);
 * Microsoft, "Windows ACPI Emulated Devices Table". Next to read: vacpi_dsdt.c.
 */
#include "hv/dev/vacpi.h"
#include "hv/dev/pc.h"
#include "hv/dev/table_loader.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define HEADER_BYTES 36u
#define FADT_BYTES 276u
#define FADT_REVISION 6u
#define ENTRIES_MAX 8u

#define FADT_WBINVD BIT32(0)
#define FADT_PROC_C1 BIT32(2)
#define FADT_NO_SLEEP_BUTTON BIT32(5)
#define FADT_NO_RTC_WAKE BIT32(6)
#define FADT_RESET_REGISTER BIT32(10)
#define BOOT_LEGACY_DEVICES BIT32(0)
#define BOOT_8042 BIT32(1)
#define BOOT_NO_VGA BIT32(2)
#define INTI_LEVEL_HIGH 0x0du
#define WAET_PM_TIMER_GOOD BIT32(1)

struct builder {
	struct vacpi *acpi;
	const struct vacpi_config *config;
	u32 listed[ENTRIES_MAX]; /* offsets of the tables that the XSDT names */
	u32 listed_count;
	u32 dsdt, facs;
};

static u32 table_begin(struct builder *builder, const char *signature, u8 revision)
{
	struct blob *tables = &builder->acpi->tables;
	u32 at;

	blob_align(tables, 16);
	at = tables->size_bytes;
	blob_append(tables, signature, 4);
	blob_append_number(tables, 0, 4);
	blob_append_number(tables, revision, 1);
	blob_append_number(tables, 0, 1);
	blob_append(tables, VACPI_OEM, 6);
	blob_append(tables, "SOLERAPC", 8);
	blob_append_number(tables, 1, 4);
	blob_append(tables, "SLRA", 4);
	blob_append_number(tables, 1, 4);
	return at;
}

static void table_end(struct builder *builder, u32 at)
{
	struct vacpi *acpi = builder->acpi;

	blob_set_number(&acpi->tables, at + 4, acpi->tables.size_bytes - at, 4);
}

/* After the table's last pointer is in the script: its checksum counts them. */
static void table_seal(struct builder *builder, u32 at)
{
	struct vacpi *acpi = builder->acpi;
	u32 length = 0;

	if (!acpi->tables.failed)
		memcpy(&length, acpi->tables.data + at + 4, 4);
	table_loader_add_checksum(&acpi->script, VACPI_TABLES_FILE, at + 9, at, length);
}

static void table_list(struct builder *builder, u32 at)
{
	if (builder->listed_count < ENTRIES_MAX)
		builder->listed[builder->listed_count++] = at;
}

static void pointer(struct builder *builder, u32 offset, u8 size_bytes, u32 target)
{
	blob_set_number(&builder->acpi->tables, offset, target, size_bytes);
	table_loader_add_pointer(&builder->acpi->script, VACPI_TABLES_FILE, offset, size_bytes, VACPI_TABLES_FILE);
}

static void facs_build(struct builder *builder)
{
	struct blob *tables = &builder->acpi->tables;

	blob_align(tables, 64);
	builder->facs = tables->size_bytes;
	blob_append(tables, "FACS", 4);
	blob_append_number(tables, 64, 4);
	blob_append_zeros(tables, 64 - 8);
}

static void dsdt_build(struct builder *builder)
{
	builder->dsdt = table_begin(builder, "DSDT", 2); /* from revision 2 on integers have 64 bits */
	vacpi_dsdt(&builder->acpi->tables, builder->config);
	table_end(builder, builder->dsdt);
	table_seal(builder, builder->dsdt);
}

/* A register's place: ports, from the FADT's start. */
static void fadt_register(struct blob *tables, u32 at, u16 port, u8 width_bits, u8 access)
{
	blob_set_number(tables, at, 1, 1);
	blob_set_number(tables, at + 1, width_bits, 1);
	blob_set_number(tables, at + 3, access, 1);
	blob_set_number(tables, at + 4, port, 8);
}

static void fadt_fixed_hardware(struct blob *tables, u32 at)
{
	blob_set_number(tables, at + 46, PC_SCI_IRQ, 2);
	blob_set_number(tables, at + 48, PC_SMI_COMMAND, 4);
	blob_set_number(tables, at + 52, PC_ACPI_ENABLE, 1);
	blob_set_number(tables, at + 53, PC_ACPI_DISABLE, 1);
	blob_set_number(tables, at + 56, PC_PM1_EVENT, 4);
	blob_set_number(tables, at + 64, PC_PM1_CONTROL, 4);
	blob_set_number(tables, at + 76, PC_PM_TIMER, 4);
	blob_set_number(tables, at + 80, PC_GPE0, 4);
	blob_set_number(tables, at + 88, 4, 1);
	blob_set_number(tables, at + 89, 2, 1);
	blob_set_number(tables, at + 91, 4, 1);
	blob_set_number(tables, at + 92, 16, 1);
	fadt_register(tables, at + 148, PC_PM1_EVENT, 32, 0);
	fadt_register(tables, at + 172, PC_PM1_CONTROL, 16, 0);
	fadt_register(tables, at + 208, PC_PM_TIMER, 32, 0);
	fadt_register(tables, at + 220, PC_GPE0, 128, 0);
}

static void fadt_build(struct builder *builder)
{
	struct blob *tables = &builder->acpi->tables;
	u32 at = table_begin(builder, "FACP", FADT_REVISION);

	blob_append_zeros(tables, FADT_BYTES - HEADER_BYTES);
	fadt_fixed_hardware(tables, at);
	blob_set_number(tables, at + 96, 0xfff, 2); /* no C2, no C3 */
	blob_set_number(tables, at + 98, 0xfff, 2);
	blob_set_number(tables, at + 108, 0x32, 1); /* the century in CMOS */
	blob_set_number(tables, at + 109, BOOT_LEGACY_DEVICES | BOOT_8042 | BOOT_NO_VGA, 2);
	blob_set_number(tables, at + 112,
			FADT_WBINVD | FADT_PROC_C1 | FADT_NO_SLEEP_BUTTON | FADT_NO_RTC_WAKE | FADT_RESET_REGISTER, 4);
	fadt_register(tables, at + 116, PC_RESET_PORT, 8, 1);
	blob_set_number(tables, at + 128, PC_RESET_VALUE, 1);
	pointer(builder, at + 36, 4, builder->facs);
	pointer(builder, at + 40, 4, builder->dsdt);
	pointer(builder, at + 140, 8, builder->dsdt);
	table_end(builder, at);
	table_seal(builder, at);
	table_list(builder, at);
}

static void madt_override(struct blob *tables, u8 source, u32 gsi, u16 flags)
{
	blob_append_number(tables, 2 | 10 << 8, 2);
	blob_append_number(tables, 0, 1);
	blob_append_number(tables, source, 1);
	blob_append_number(tables, gsi, 4);
	blob_append_number(tables, flags, 2);
}

/* A local APIC, or a local x2APIC where the ID takes more than a byte; the UID is the DSDT's. */
static void madt_cpu(struct blob *tables, u32 uid, u32 apic_id)
{
	bool wide = apic_id >= 0xff;

	blob_append_number(tables, wide ? 9 | 16 << 8 : 0 | 8 << 8, 2);
	blob_append_number(tables, wide ? 0 : uid | apic_id << 8, 2);
	if (wide)
		blob_append_number(tables, apic_id, 4);
	blob_append_number(tables, 1, 4);
	if (wide)
		blob_append_number(tables, uid, 4);
}

static void madt_build(struct builder *builder)
{
	struct blob *tables = &builder->acpi->tables;
	u32 at = table_begin(builder, "APIC", 4);

	blob_append_number(tables, PC_LAPIC_BASE, 4);
	blob_append_number(tables, 1, 4); /* there are 8259s */
	for (u32 i = 0; i < builder->config->vcpu_count; i++)
		madt_cpu(tables, i, cpu_topology_apic_id(&builder->config->topology, i));
	blob_append_number(tables, 1 | 12 << 8, 2);
	blob_append_number(tables, PC_IOAPIC_ID, 2);
	blob_append_number(tables, PC_IOAPIC_BASE, 4);
	blob_append_number(tables, 0, 4);
	madt_override(tables, 0, PC_TIMER_GSI, 0);
	madt_override(tables, PC_SCI_IRQ, PC_SCI_IRQ, INTI_LEVEL_HIGH);
	blob_append_number(tables, 4 | 6 << 8, 2); /* NMI: LINT1 of all CPUs */
	blob_append_number(tables, 0xff, 1);
	blob_append_number(tables, 0, 2);
	blob_append_number(tables, 1, 1);
	table_end(builder, at);
	table_seal(builder, at);
	table_list(builder, at);
}
static void mcfg_build(struct builder *builder)
{
	struct blob *tables = &builder->acpi->tables;
	u32 at = table_begin(builder, "MCFG", 1);

	blob_append_zeros(tables, 8);
	blob_append_number(tables, PC_ECAM_BASE, 8);
	blob_append_number(tables, 0, 3); /* segment 0, from bus 0 */
	/* Only buses that exist: for each one named here Linux probes 32 devices by port I/O, two exits each. */
	blob_append_number(tables, builder->config->buses - 1, 1);
	blob_append_zeros(tables, 4);
	table_end(builder, at);
	table_seal(builder, at);
	table_list(builder, at);
}

/* Tells Windows that one read of the PM timer is enough. */
static void waet_build(struct builder *builder)
{
	u32 at = table_begin(builder, "WAET", 1);

	blob_append_number(&builder->acpi->tables, WAET_PM_TIMER_GOOD, 4);
	table_end(builder, at);
	table_seal(builder, at);
	table_list(builder, at);
}

static u32 xsdt_build(struct builder *builder)
{
	u32 at = table_begin(builder, "XSDT", 1);

	blob_append_zeros(&builder->acpi->tables, 8 * builder->listed_count);
	for (u32 i = 0; i < builder->listed_count; i++)
		pointer(builder, at + HEADER_BYTES + 8 * i, 8, builder->listed[i]);
	table_end(builder, at);
	table_seal(builder, at);
	return at;
}

static void rsdp_build(struct vacpi *acpi, u32 xsdt)
{
	struct blob *rsdp = &acpi->rsdp;

	blob_append(rsdp, "RSD PTR ", 8);
	blob_append_number(rsdp, 0, 1);
	blob_append(rsdp, VACPI_OEM, 6);
	blob_append_number(rsdp, 2, 1);
	blob_append_number(rsdp, 0, 4); /* no RSDT */
	blob_append_number(rsdp, 36, 4);
	blob_append_number(rsdp, xsdt, 8);
	blob_append_zeros(rsdp, 4);
	table_loader_add_pointer(&acpi->script, VACPI_RSDP_FILE, 24, 8, VACPI_TABLES_FILE);
	table_loader_add_checksum(&acpi->script, VACPI_RSDP_FILE, 8, 0, 20);
	table_loader_add_checksum(&acpi->script, VACPI_RSDP_FILE, 32, 0, 36);
}

int vacpi_build(struct vacpi *acpi, const struct vacpi_config *config)
{
	struct builder builder = { .acpi = acpi, .config = config };

	blob_init(&acpi->tables);
	blob_init(&acpi->rsdp);
	blob_init(&acpi->script);
	table_loader_allocate(&acpi->script, VACPI_RSDP_FILE, 16, TABLE_ZONE_BIOS);
	table_loader_allocate(&acpi->script, VACPI_TABLES_FILE, 64, TABLE_ZONE_HIGH);
	facs_build(&builder);
	dsdt_build(&builder);
	fadt_build(&builder);
	madt_build(&builder);
	mcfg_build(&builder);
	waet_build(&builder);
	rsdp_build(acpi, xsdt_build(&builder));
	return acpi->tables.failed || acpi->rsdp.failed || acpi->script.failed ? ERR_NO_MEMORY : OK;
}

void vacpi_release(struct vacpi *acpi)
{
	blob_release(&acpi->tables);
	blob_release(&acpi->rsdp);
	blob_release(&acpi->script);
}
