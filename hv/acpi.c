/* SPDX-License-Identifier: MIT */
/*
 * Finds the host's ACPI tables, and lets through only those that are whole.
 *
 * RSDP (both revisions) leads to XSDT or RSDT, those to tables. Each table that we use is copied once, its checksum is
 * taken on the copy, and the copy is parsed. Bounds: one table 16 MiB, all together 64 MiB, ACPI_MAX_TABLES tables; so
 * roots that name themselves or one table a thousand times cost little. Next to read: acpi_tables.c.
 * ACPI Specification, "Root System Description Pointer (RSDP)" (5.2.5) to "System Description Table Header" (5.2.6).
 */
#include "hv/acpi_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define TABLE_MAX_BYTES ((u32)(16 * MIB))
#define ALL_TABLES_MAX_BYTES (64 * MIB)
#define ROOT_MAX_ENTRIES 512u
#define COMPLAINTS_MAX 12u

struct parser {
	struct acpi_info *info;
	const struct physical_reader *reader;
	u64 budget_bytes;
};

/* Tables that may stand once; the first good one counts. */
static const struct {
	const char *signature;
	void (*parse)(struct acpi_info *info, const struct acpi_bytes *table);
} table_parsers[] = {
	{ "APIC", acpi_parse_madt }, { "FACP", acpi_parse_fadt }, { "MCFG", acpi_parse_mcfg }, { "SPCR", acpi_parse_spcr },
	{ "HPET", acpi_parse_hpet }, { "DMAR", acpi_parse_dmar }, { "IVRS", acpi_parse_ivrs },
};

void acpi_complain(struct acpi_info *info, const char *fmt, ...)
{
	char text[160];
	va_list args;

	info->complaints++;
	if (info->complaints > COMPLAINTS_MAX)
		return;
	va_start(args, fmt);
	vformat(text, sizeof(text), fmt, args);
	va_end(args);
	log_warning("ACPI: %s", text);
	if (info->complaints == COMPLAINTS_MAX)
		log_warning("ACPI: further mistakes of the firmware's tables are not listed");
}

static bool checksum_ok(const u8 *data, u32 length)
{
	u8 sum = 0;

	for (u32 i = 0; i < length; i++)
		sum = (u8)(sum + data[i]);
	return sum == 0;
}

static bool physical_read(const struct parser *parser, u64 address, void *to, size_t size_bytes)
{
	if (!address || address + size_bytes < address)
		return false;
	return parser->reader->read(parser->reader->context, address, to, size_bytes);
}

/* Firmware text for logs and listings: what is not printable ASCII becomes '?'. */
static void copy_text(char *to, const u8 *from, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		to[i] = from[i] >= 0x20 && from[i] < 0x7f ? (char)from[i] : from[i] ? '?' : '\0';
	to[length] = '\0';
}

static bool header_read(struct parser *parser, u64 address, struct acpi_table *table)
{
	u8 header[ACPI_HEADER_SIZE];
	struct acpi_bytes bytes = { header, sizeof(header) };

	if (!physical_read(parser, address, header, sizeof(header))) {
		acpi_complain(parser->info, "a table at %#llx is not in memory: ignored", (unsigned long long)address);
		return false;
	}
	*table = (struct acpi_table){ .address = address, .length = (u32)acpi_field(&bytes, 4, 4) };
	copy_text(table->signature, header, 4);
	copy_text(table->oem_id, header + 10, 6);
	if (table->length < ACPI_HEADER_SIZE || table->length > TABLE_MAX_BYTES) {
		acpi_complain(parser->info, "table %s at %#llx has an impossible length of %u bytes: ignored", table->signature,
			      (unsigned long long)address, table->length);
		return false;
	}
	return true;
}

/* A checked copy of a table, for kfree; NULL (with a complaint) when it is not good. */
static u8 *table_copy(struct parser *parser, struct acpi_table *table)
{
	u8 *copy;

	if (table->length > parser->budget_bytes) {
		acpi_complain(parser->info, "table %s at %#llx: the tables are larger than %llu MiB together: ignored",
			      table->signature, (unsigned long long)table->address,
			      (unsigned long long)(ALL_TABLES_MAX_BYTES / MIB));
		return NULL;
	}
	parser->budget_bytes -= table->length;
	copy = kmalloc(table->length);
	if (!copy) {
		acpi_complain(parser->info, "table %s: no memory for its %u bytes: ignored", table->signature, table->length);
		return NULL;
	}
	if (!physical_read(parser, table->address, copy, table->length)) {
		acpi_complain(parser->info, "table %s at %#llx reaches out of memory: ignored", table->signature,
			      (unsigned long long)table->address);
	} else if (!checksum_ok(copy, table->length)) {
		acpi_complain(parser->info, "table %s at %#llx has a wrong checksum: ignored", table->signature,
			      (unsigned long long)table->address);
	} else {
		table->good = true;
		return copy;
	}
	kfree(copy);
	return NULL;
}

static void table_list(struct parser *parser, u64 address)
{
	struct acpi_info *info = parser->info;
	struct acpi_table table;

	if (!address)
		return;
	for (u32 i = 0; i < info->table_count; i++)
		if (info->tables[i].address == address) {
			acpi_complain(info, "table %s at %#llx is listed twice", info->tables[i].signature,
				      (unsigned long long)address);
			return;
		}
	if (!header_read(parser, address, &table))
		return;
	if (info->table_count == ACPI_MAX_TABLES) {
		acpi_complain(info, "more than %u tables: %s ignored", ACPI_MAX_TABLES, table.signature);
		return;
	}
	info->tables[info->table_count++] = table;
}

/* Lists what an XSDT (8-byte entries) or RSDT (4-byte entries) names; false when that root is not good. */
static bool root_parse(struct parser *parser, u64 address, const char *signature, unsigned entry_size)
{
	struct acpi_table root;
	struct acpi_bytes bytes;
	u32 count;
	u8 *copy;

	if (!address || !header_read(parser, address, &root))
		return false;
	if (!string_equal(root.signature, signature)) {
		acpi_complain(parser->info, "no %s at %#llx, but %s", signature, (unsigned long long)address, root.signature);
		return false;
	}
	copy = table_copy(parser, &root);
	if (!copy)
		return false;
	bytes = (struct acpi_bytes){ copy, root.length };
	count = (root.length - ACPI_HEADER_SIZE) / entry_size;
	if (count > ROOT_MAX_ENTRIES) {
		acpi_complain(parser->info, "%s lists %u tables: only the first %u are looked at", signature, count,
			      ROOT_MAX_ENTRIES);
		count = ROOT_MAX_ENTRIES;
	}
	for (u32 i = 0; i < count; i++)
		table_list(parser, acpi_field(&bytes, ACPI_HEADER_SIZE + (u64)i * entry_size, entry_size));
	kfree(copy);
	return true;
}

static bool rsdp_parse(struct parser *parser, u64 address)
{
	struct acpi_info *info = parser->info;
	u8 rsdp[36];
	struct acpi_bytes bytes = { rsdp, 20 };

	if (!physical_read(parser, address, rsdp, 20)) {
		acpi_complain(info, "the RSDP at %#llx is not in memory", (unsigned long long)address);
		return false;
	}
	if (memcmp(rsdp, "RSD PTR ", 8) != 0 || !checksum_ok(rsdp, 20)) {
		acpi_complain(info, "the RSDP at %#llx has a wrong signature or checksum", (unsigned long long)address);
		return false;
	}
	info->revision = rsdp[15];
	copy_text(info->oem_id, rsdp + 9, 6);
	if (info->revision >= 2) {
		if (!physical_read(parser, address, rsdp, sizeof(rsdp)) || !checksum_ok(rsdp, sizeof(rsdp)))
			acpi_complain(info, "the RSDP's extended checksum is wrong: its RSDT is used");
		else
			bytes.length = sizeof(rsdp);
	}
	if (root_parse(parser, acpi_field(&bytes, 24, 8), "XSDT", 8))
		return true;
	return root_parse(parser, acpi_field(&bytes, 16, 4), "RSDT", 4);
}

/* Copies, checks and parses the first good table of this signature. */
static void singleton_parse(struct parser *parser, const char *signature,
			    void (*parse)(struct acpi_info *, const struct acpi_bytes *))
{
	struct acpi_info *info = parser->info;
	bool done = false;

	for (u32 i = 0; i < info->table_count; i++) {
		struct acpi_table *table = &info->tables[i];
		u8 *copy;

		if (!string_equal(table->signature, signature))
			continue;
		if (done) {
			acpi_complain(info, "a second %s at %#llx: ignored", signature, (unsigned long long)table->address);
			continue;
		}
		copy = table_copy(parser, table);
		if (!copy)
			continue;
		parse(info, &(struct acpi_bytes){ copy, table->length });
		if (string_equal(signature, "FACP"))
			table_list(parser, acpi_fadt_dsdt(&(struct acpi_bytes){ copy, table->length }));
		kfree(copy);
		done = true;
	}
}

static void s5_parse(struct parser *parser, const char *signature)
{
	struct acpi_info *info = parser->info;

	for (u32 i = 0; i < info->table_count && !info->s5.present; i++) {
		struct acpi_table *table = &info->tables[i];
		u8 *copy;

		if (!string_equal(table->signature, signature))
			continue;
		copy = table_copy(parser, table);
		if (copy)
			(void)acpi_find_s5(&info->s5, &(struct acpi_bytes){ copy, table->length });
		kfree(copy);
	}
}

int acpi_parse(struct acpi_info *info, const struct physical_reader *reader, u64 rsdp)
{
	struct parser parser = { info, reader, ALL_TABLES_MAX_BYTES };

	memset(info, 0, sizeof(*info));
	info->pm.has_8042 = info->pm.has_cmos_rtc = info->pm.has_vga = true;
	if (!rsdp || !rsdp_parse(&parser, rsdp))
		return ERR_NOT_FOUND;
	info->present = true;
	for (size_t i = 0; i < ARRAY_SIZE(table_parsers); i++)
		singleton_parse(&parser, table_parsers[i].signature, table_parsers[i].parse);
	s5_parse(&parser, "DSDT");
	s5_parse(&parser, "SSDT");
	return OK;
}

u32 acpi_isa_gsi(const struct acpi_info *info, u8 source, u16 *flags)
{
	u16 given = 0;
	u32 gsi = source;

	for (u32 i = 0; i < info->override_count; i++)
		if (info->overrides[i].source == source) {
			given = info->overrides[i].flags;
			gsi = info->overrides[i].gsi;
			break;
		}
	if (!(given & ACPI_INTI_POLARITY))
		given |= ACPI_INTI_ACTIVE_HIGH;
	if (!(given & ACPI_INTI_TRIGGER))
		given |= ACPI_INTI_EDGE;
	*flags = given;
	return gsi;
}

const struct acpi_ioapic *acpi_ioapic_of_gsi(const struct acpi_info *info, u32 gsi)
{
	const struct acpi_ioapic *best = NULL;

	for (u32 i = 0; i < info->ioapic_count; i++)
		if (info->ioapics[i].gsi_base <= gsi && (!best || info->ioapics[i].gsi_base > best->gsi_base))
			best = &info->ioapics[i];
	return best;
}
