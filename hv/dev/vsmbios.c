/* SPDX-License-Identifier: MIT */
/* Builds a guest's SMBIOS tables; see vsmbios.h. A structure: type, length, handle, fields; then its strings. */
#include "hv/dev/vsmbios.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

#define MAKER "Solera"
#define STRING_MAX 64u

struct structure {
	struct blob *tables;
	struct blob strings;
	u32 at;
	u8 string_count;
};

static struct structure structure_begin(struct blob *tables, u8 type, u16 handle)
{
	struct structure s = { .tables = tables, .at = tables->size_bytes };

	blob_init(&s.strings);
	blob_append_number(tables, type, 2); /* the length is set at the end */
	blob_append_number(tables, handle, 2);
	return s;
}

static void number_field(struct structure *s, u64 value, unsigned size_bytes)
{
	blob_append_number(s->tables, value, size_bytes);
}

/* A string's number; "" is number 0: none. What is not printable ASCII becomes '?'. */
static void string_field(struct structure *s, const char *text)
{
	char clean[STRING_MAX];

	if (!text[0]) {
		number_field(s, 0, 1);
		return;
	}
	string_copy(clean, text, sizeof(clean));
	for (char *p = clean; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	blob_append(&s->strings, clean, (u32)strlen(clean) + 1);
	number_field(s, ++s->string_count, 1);
}

static void structure_end(struct structure *s)
{
	blob_set_number(s->tables, s->at + 1, s->tables->size_bytes - s->at, 1);
	if (s->strings.size_bytes)
		blob_append(s->tables, s->strings.data, s->strings.size_bytes);
	else
		blob_append_number(s->tables, 0, 1);
	blob_append_number(s->tables, 0, 1);
	s->tables->failed = s->tables->failed || s->strings.failed;
	blob_release(&s->strings);
}

static void bios(struct blob *tables, const struct vsmbios_config *config)
{
	struct structure s = structure_begin(tables, 0, 0);

	string_field(&s, MAKER);
	string_field(&s, config->version);
	number_field(&s, 0xe800, 2);
	string_field(&s, "01/01/2026");
	number_field(&s, 0, 1);
	number_field(&s, BIT64(3), 8);  /* characteristics are not given */
	number_field(&s, 0x1c00, 2);    /* a virtual machine; UEFI-less; targeted content */
	number_field(&s, 0xffff, 2);    /* releases: none */
	number_field(&s, 0xffff, 2);
	structure_end(&s);
}

static void system(struct blob *tables, const struct vsmbios_config *config)
{
	static const u8 order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct structure s = structure_begin(tables, 1, 0x100);

	string_field(&s, MAKER);
	string_field(&s, "Solera Virtual Machine");
	string_field(&s, config->version);
	number_field(&s, 0, 1); /* no serial number */
	for (unsigned i = 0; i < 16; i++)
		number_field(&s, config->uuid[order[i]], 1);
	number_field(&s, 6, 1); /* woken by its power switch */
	number_field(&s, 0, 1);
	string_field(&s, "Virtual Machine");
	structure_end(&s);
}

static void chassis(struct blob *tables, const struct vsmbios_config *config)
{
	struct structure s = structure_begin(tables, 3, 0x300);

	string_field(&s, MAKER);
	number_field(&s, 1, 1); /* other */
	string_field(&s, config->version);
	number_field(&s, 0, 1);
	string_field(&s, config->name);
	number_field(&s, 0x02030303, 4); /* states safe; security not known */
	number_field(&s, 0, 4);
	number_field(&s, 0, 4); /* height, cords, no contained elements */
	number_field(&s, 0, 1);
	structure_end(&s);
}

/* One structure a socket. */
static void processor(struct blob *tables, const struct vsmbios_config *config, u32 socket)
{
	u32 cores = config->topology.dies * config->topology.cores, threads = cores * config->topology.threads;
	struct structure s = structure_begin(tables, 4, (u16)(0x400 + socket));
	char name[16];

	format(name, sizeof(name), "CPU %u", socket);
	string_field(&s, name);
	number_field(&s, 3, 1);
	number_field(&s, 1, 1); /* family: other */
	string_field(&s, MAKER);
	number_field(&s, 0, 8);
	string_field(&s, config->version);
	number_field(&s, 0, 1);
	number_field(&s, 0, 2);
	number_field(&s, 0, 2); /* speeds: not known */
	number_field(&s, 0, 2);
	number_field(&s, 0x41, 1); /* populated, enabled */
	number_field(&s, 1, 1);
	for (unsigned cache = 0; cache < 3; cache++)
		number_field(&s, 0xffff, 2);
	number_field(&s, 0, 3); /* serial, asset, part */
	number_field(&s, MIN(cores, 255u), 1);
	number_field(&s, MIN(cores, 255u), 1);
	number_field(&s, MIN(threads, 255u), 1);
	number_field(&s, 0x04, 2); /* 64 bits */
	number_field(&s, 1, 2);
	number_field(&s, cores, 2);
	number_field(&s, cores, 2);
	number_field(&s, threads, 2);
	structure_end(&s);
}

static void oem(struct blob *tables, const struct vsmbios_config *config)
{
	struct structure s = structure_begin(tables, 11, 0xb00);
	char text[STRING_MAX];

	format(text, sizeof(text), "name=%s", config->name);
	number_field(&s, 1, 1);
	blob_append(&s.strings, text, (u32)strlen(text) + 1);
	structure_end(&s);
}

static void memory(struct blob *tables, const struct vsmbios_config *config)
{
	u64 mib = config->memory_bytes / MIB;
	struct structure s = structure_begin(tables, 16, 0x1000);

	number_field(&s, 0x010301, 3); /* other location, system memory, no error correction: fields 4 to 6 */
	number_field(&s, 0x80000000, 4);
	number_field(&s, 0xfffe, 2);
	number_field(&s, 1, 2);
	number_field(&s, config->memory_bytes, 8);
	structure_end(&s);

	s = structure_begin(tables, 17, 0x1100);
	number_field(&s, 0x1000, 2);
	number_field(&s, 0xfffe, 2);
	number_field(&s, 0xffff, 2);
	number_field(&s, 0xffff, 2);
	number_field(&s, mib < 0x7fff ? mib : 0x7fff, 2);
	number_field(&s, 9, 1); /* DIMM */
	number_field(&s, 0, 1);
	string_field(&s, "DIMM 0");
	number_field(&s, 0, 1);
	number_field(&s, 7, 1); /* RAM */
	number_field(&s, 2, 2); /* type detail: other */
	number_field(&s, 0, 2);
	string_field(&s, MAKER);
	number_field(&s, 0, 3);
	number_field(&s, 0, 1);
	number_field(&s, mib < 0x7fff ? 0 : mib, 4);
	number_field(&s, 0, 2);
	structure_end(&s);

	s = structure_begin(tables, 19, 0x1300);
	number_field(&s, 0xffffffff, 4);
	number_field(&s, 0xffffffff, 4);
	number_field(&s, 0x1000, 2);
	number_field(&s, 1, 1);
	number_field(&s, 0, 8);
	number_field(&s, config->memory_bytes - 1, 8);
	structure_end(&s);
}

static void closing(struct blob *tables)
{
	struct structure s = structure_begin(tables, 32, 0x2000);

	number_field(&s, 0, 6);
	number_field(&s, 0, 1); /* booted without errors */
	structure_end(&s);
	s = structure_begin(tables, 127, 0x7f00);
	structure_end(&s);
}

int vsmbios_build(struct vsmbios *smbios, const struct vsmbios_config *config)
{
	blob_init(&smbios->tables);
	blob_init(&smbios->anchor);
	bios(&smbios->tables, config);
	system(&smbios->tables, config);
	chassis(&smbios->tables, config);
	for (u32 i = 0; i < config->topology.sockets; i++)
		processor(&smbios->tables, config, i);
	oem(&smbios->tables, config);
	memory(&smbios->tables, config);
	closing(&smbios->tables);
	blob_append(&smbios->anchor, "_SM3_", 5);
	blob_append_number(&smbios->anchor, 0, 1);
	blob_append_number(&smbios->anchor, VSMBIOS_ANCHOR_BYTES, 1);
	blob_append_number(&smbios->anchor, 3, 3); /* 3.0.0 */
	blob_append_number(&smbios->anchor, 1, 2); /* revision of the entry point */
	blob_append_number(&smbios->anchor, smbios->tables.size_bytes, 4);
	blob_append_number(&smbios->anchor, 0, 8);
	return smbios->tables.failed || smbios->anchor.failed ? ERR_NO_MEMORY : OK;
}

void vsmbios_release(struct vsmbios *smbios)
{
	blob_release(&smbios->tables);
	blob_release(&smbios->anchor);
}

void vsmbios_set_address(const struct vsmbios *smbios, u64 address, u8 anchor[VSMBIOS_ANCHOR_BYTES])
{
	u8 sum = 0;

	memcpy(anchor, smbios->anchor.data, VSMBIOS_ANCHOR_BYTES);
	for (unsigned i = 0; i < 8; i++)
		anchor[16 + i] = (u8)(address >> (8 * i));
	for (unsigned i = 0; i < VSMBIOS_ANCHOR_BYTES; i++)
		sum = (u8)(sum + anchor[i]);
	anchor[5] = (u8)-sum;
}
