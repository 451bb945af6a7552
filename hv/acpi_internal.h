/* SPDX-License-Identifier: MIT */
/*
 * What acpi.c (finding and checking tables) and acpi_tables.c, acpi_aml.c (reading them) share.
 *
 * A parse function gets one table whose length and checksum were right, as a private copy. Fields are read only through
 * acpi_field, which gives 0 for whatever lies beyond the table's end: a short table is an old revision.
 */
#ifndef HV_ACPI_INTERNAL_H
#define HV_ACPI_INTERNAL_H

#include "hv/acpi.h"

#define ACPI_HEADER_SIZE 36u

struct acpi_bytes {
	const u8 *data;
	u32 length;
};

/* Little-endian field of 1 to 8 bytes; 0 when it is not wholly inside the table. */
static inline u64 acpi_field(const struct acpi_bytes *table, u64 offset, unsigned size_bytes)
{
	u64 value = 0;

	if (offset > table->length || size_bytes > table->length - offset)
		return 0;
	for (unsigned i = size_bytes; i-- > 0;)
		value = value << 8 | table->data[offset + i];
	return value;
}

/* One line of the log, counted; after a dozen only counted. */
void acpi_complain(struct acpi_info *info, const char *fmt, ...) PRINTF_LIKE(2, 3);

void acpi_parse_madt(struct acpi_info *info, const struct acpi_bytes *table);
void acpi_parse_fadt(struct acpi_info *info, const struct acpi_bytes *table);
void acpi_parse_mcfg(struct acpi_info *info, const struct acpi_bytes *table);
void acpi_parse_spcr(struct acpi_info *info, const struct acpi_bytes *table);
void acpi_parse_hpet(struct acpi_info *info, const struct acpi_bytes *table);
void acpi_parse_dmar(struct acpi_info *info, const struct acpi_bytes *table);
void acpi_parse_ivrs(struct acpi_info *info, const struct acpi_bytes *table);
u64 acpi_fadt_dsdt(const struct acpi_bytes *table);
/* Looks for Name (_S5_, Package () {…}) in a definition block; sets *s5 and returns true when a well-formed one is there. */
bool acpi_find_s5(struct acpi_s5 *s5, const struct acpi_bytes *table);

#endif
