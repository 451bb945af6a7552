/* SPDX-License-Identifier: MIT */
/* LINK: hv/acpi.c hv/acpi_tables.c hv/acpi_aml.c hv/lib/format.c hv/lib/string.c hv/lib/test/log_quiet.c */
/*
 * ACPI from hostile bytes, twice: as physical memory at 4096 with the RSDP first, and as one table's body (the first
 * byte chooses which) behind a header with a right checksum, so that the fuzzer need not find checksums.
 */
#include "hv/acpi_internal.h"
#include "hv/lib/string.h"
#include "hv/test/fake_memory.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct acpi_info info;

static void as_memory(const u8 *data, size_t size)
{
	struct fake_memory memory = { 4096, data, size };

	(void)acpi_parse(&info, &(struct physical_reader){ fake_memory_read, &memory }, 4096);
}

static void as_table(const u8 *data, size_t size)
{
	static void (*const parsers[])(struct acpi_info *, const struct acpi_bytes *) = {
		acpi_parse_madt, acpi_parse_fadt, acpi_parse_mcfg, acpi_parse_spcr, acpi_parse_hpet, acpi_parse_dmar,
		acpi_parse_ivrs,
	};
	struct acpi_bytes table = { data, (u32)size };
	u8 which;

	if (size < ACPI_HEADER_SIZE)
		return;
	which = data[0] % (ARRAY_SIZE(parsers) + 1);
	memset(&info, 0, sizeof(info));
	if (which < ARRAY_SIZE(parsers))
		parsers[which](&info, &table);
	else
		(void)acpi_find_s5(&info.s5, &table);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u16 flags;

	as_memory(data, size);
	as_table(data, size);
	(void)acpi_isa_gsi(&info, 0, &flags);
	(void)acpi_ioapic_of_gsi(&info, 20);
	return 0;
}
