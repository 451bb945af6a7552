/* SPDX-License-Identifier: MIT */
/*
 * Takes the two constants of \_S5 out of a definition block, without executing it.
 *
 * Firmware has them as Name (_S5_, Package () { a, b, … }) with integer constants; we look for that byte pattern. What is
 * built by a method is not found, and power-off then falls back (power.c).
 * ACPI Specification, "Name Objects Encoding" and "Package Length Encoding" (20.2.2, 20.2.4), "\_S5" (7.4.2.6).
 */
#include "hv/acpi_internal.h"
#include "hv/lib/string.h"

enum aml { AML_ZERO = 0x00, AML_ONE = 0x01, AML_NAME = 0x08, AML_BYTE = 0x0a, AML_WORD = 0x0b, AML_DWORD = 0x0c,
	   AML_PACKAGE = 0x12 };

/* An integer constant at *offset; false when there is none. */
static bool integer_take(const struct acpi_bytes *table, u64 end, u64 *offset, u32 *value)
{
	static const u8 sizes[] = { [AML_BYTE] = 1, [AML_WORD] = 2, [AML_DWORD] = 4 };
	u8 op;

	if (*offset >= end)
		return false;
	op = table->data[(*offset)++];
	if (op == AML_ZERO || op == AML_ONE) {
		*value = op;
		return true;
	}
	if (op >= ARRAY_SIZE(sizes) || !sizes[op] || sizes[op] > end - *offset)
		return false;
	*value = (u32)acpi_field(table, *offset, sizes[op]);
	*offset += sizes[op];
	return true;
}

/* The end of a package whose length bytes start at *offset (moved past them); 0 when it does not fit the table. */
static u64 package_end(const struct acpi_bytes *table, u64 *offset)
{
	u8 lead = (u8)acpi_field(table, *offset, 1);
	unsigned more = lead >> 6;
	u64 length = more ? lead & 15 : lead & 63;

	for (unsigned i = 0; i < more; i++)
		length |= acpi_field(table, *offset + 1 + i, 1) << (4 + 8 * i);
	if (length < 1u + more || length > table->length - *offset)
		return 0;
	length += *offset;
	*offset += 1u + more;
	return length;
}

static bool s5_at(struct acpi_s5 *s5, const struct acpi_bytes *table, u64 offset)
{
	u32 a, b = 0;
	u64 end;
	u8 elements;

	if (acpi_field(table, offset, 1) != AML_PACKAGE || ++offset >= table->length)
		return false;
	end = package_end(table, &offset);
	if (end <= offset)
		return false;
	elements = table->data[offset++];
	if (!elements || !integer_take(table, end, &offset, &a))
		return false;
	if (elements == 1) { /* some firmware packs both values into one word */
		b = a >> 8 & 0xff;
		a &= 0xff;
	} else if (!integer_take(table, end, &offset, &b)) {
		return false;
	}
	if (a > 7 || b > 7) /* SLP_TYP has three bits */
		return false;
	*s5 = (struct acpi_s5){ true, (u8)a, (u8)b };
	return true;
}

bool acpi_find_s5(struct acpi_s5 *s5, const struct acpi_bytes *table)
{
	const u8 *data = table->data;

	for (u64 i = ACPI_HEADER_SIZE + 1; i + 4 < table->length; i++) {
		if (data[i] != '_' || memcmp(data + i, "_S5_", 4) != 0)
			continue;
		if (data[i - 1] != AML_NAME && !(data[i - 1] == '\\' && data[i - 2] == AML_NAME))
			continue;
		if (s5_at(s5, table, i + 4))
			return true;
	}
	return false;
}
