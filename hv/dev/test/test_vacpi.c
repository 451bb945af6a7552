/* SPDX-License-Identifier: MIT */
/* LINK: hv/cpu_topology.c hv/dev/vacpi.c hv/dev/vacpi_dsdt.c hv/dev/aml.c hv/dev/blob.c hv/dev/table_loader.c hv/dev/vsmbios.c hv/acpi.c hv/acpi_tables.c hv/acpi_aml.c hv/smbios.c hv/lib/format.c hv/lib/string.c hv/lib/test/log_stderr.c */
/*
 * The guest's tables as a kernel would find them: the loader script is applied, our own parsers of the host's tables read
 * the result, and iasl (Debian: acpica-tools) takes the DSDT apart and puts it together again.
 */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hv/acpi.h"
#include "hv/dev/aml.h"
#include "hv/dev/table_loader.h"
#include "hv/dev/vacpi.h"
#include "hv/dev/vsmbios.h"
#include "hv/lib/error.h"
#include "hv/smbios.h"

#define HIGH 0x7fff0000u
#define BIOS 0xf0000u

static const struct vacpi_config config = { 3, { 1, 1, 3, 1 }, 0, 0xc0000000, 0xfec00000, 4, 1 };
static struct vacpi acpi;
static struct blob tables, rsdp;

static u64 allocate(void *context, u32 size_bytes, u32 align, enum table_zone zone)
{
	(void)context;
	ck_assert_uint_eq((zone == TABLE_ZONE_BIOS ? BIOS : HIGH) % align, 0);
	ck_assert_uint_gt(size_bytes, 0);
	return zone == TABLE_ZONE_BIOS ? BIOS : HIGH;
}

static bool guest_read(void *context, u64 address, void *to, size_t size_bytes)
{
	const struct blob *blob = address >= HIGH ? &tables : &rsdp;
	u64 base = address >= HIGH ? HIGH : BIOS;

	(void)context;
	if (address < base || address - base > blob->size_bytes || size_bytes > blob->size_bytes - (address - base))
		return false;
	memcpy(to, blob->data + (address - base), size_bytes);
	return true;
}

static void build(const struct vacpi_config *with)
{
	struct table_file files[2] = { { VACPI_TABLES_FILE, &tables, 0 }, { VACPI_RSDP_FILE, &rsdp, 0 } };

	ck_assert_int_eq(vacpi_build(&acpi, with), OK);
	blob_init(&tables);
	blob_init(&rsdp);
	blob_append(&tables, acpi.tables.data, acpi.tables.size_bytes);
	blob_append(&rsdp, acpi.rsdp.data, acpi.rsdp.size_bytes);
	ck_assert_int_eq(table_loader_apply(&acpi.script, files, 2, allocate, NULL), OK);
}

static void release(void)
{
	vacpi_release(&acpi);
	blob_release(&tables);
	blob_release(&rsdp);
}

START_TEST(a_kernel_finds_what_the_board_has)
{
	static struct acpi_info info;
	u16 flags;

	build(&config);
	ck_assert_int_eq(acpi_parse(&info, &(struct physical_reader){ guest_read, NULL }, BIOS), OK);
	ck_assert_uint_eq(info.complaints, 0);
	ck_assert_uint_eq(info.revision, 2);
	ck_assert_uint_eq(info.cpu_count, 3);
	ck_assert_uint_eq(info.cpus[2].apic_id, 2);
	ck_assert_uint_eq(info.ioapics[0].address, 0xfec00000);
	ck_assert_uint_eq(acpi_isa_gsi(&info, 0, &flags), 2);
	ck_assert_uint_eq(acpi_isa_gsi(&info, 9, &flags), 9);
	ck_assert_uint_eq(flags, ACPI_INTI_LEVEL | ACPI_INTI_ACTIVE_HIGH);
	ck_assert_uint_eq(info.nmis[0].lint, 1);
	ck_assert_uint_eq(info.mcfg_count, 1);
	ck_assert_uint_eq(info.mcfg[0].base, 0xb0000000);
	ck_assert_uint_eq(info.mcfg[0].last_bus, 0);
	ck_assert_uint_eq(info.pm.pm1a_control.address, 0x604);
	ck_assert_uint_eq(info.pm.timer.address, 0x608);
	ck_assert_uint_eq(info.pm.smi_command, 0xb2);
	ck_assert_uint_eq(info.pm.sci_interrupt, 9);
	ck_assert(!info.pm.timer_32bit && info.pm.has_8042 && !info.pm.has_vga && !info.pm.hardware_reduced);
	ck_assert(info.reset.present && info.reset.address.address == 0xcf9 && info.reset.value == 0x0f);
	ck_assert(info.s5.present);
	ck_assert_uint_eq(info.s5.slp_typ_a, 0);
	release();
}
END_TEST

static void run(const char *command)
{
	ck_assert_msg(system(command) == 0, "failed: %s", command);
}

START_TEST(iasl_understands_the_dsdt)
{
	char folder[] = "/tmp/vacpi-XXXXXX", path[64], command[256];
	static const char *const wanted[] = {
		"_S5, Package (0x04)", "Device (PCI0)", "EisaId (\"PNP0A08\")", "EisaId (\"PNP0501\")", "Method (_OSC, 4",
		"ToUUID (\"33db4d5b-1ff7-401c-9657-7441c03dd766\")", "0xB0000000", "0x001FFFFF", "Device (C002)",
		"0xFEBFFFFF", "0x00000001C0000000", "\"ACPI0007\"", "Device (COM4)", "0x02E8", "\"QEMU0002\"",
	};
	u32 length;
	FILE *file;

	build(&(struct vacpi_config){ 3, { 1, 1, 3, 1 }, 6 * GIB + 5, 0xc0000000, 0xfec00000, 4, 1 });
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/dsdt.aml", folder);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert(!memcmp(tables.data + 64, "DSDT", 4)); /* behind the FACS */
	memcpy(&length, tables.data + 64 + 4, 4);
	ck_assert_uint_eq(fwrite(tables.data + 64, 1, length, file), length);
	fclose(file);
	snprintf(command, sizeof(command), "cd %s && iasl -d dsdt.aml >log 2>&1 && ! grep -iE 'error|invalid' log", folder);
	run(command);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		snprintf(command, sizeof(command), "grep -q '%s' %s/dsdt.dsl", wanted[i], folder);
		run(command);
	}
	/* The root's buses are the MCFG's. */
	snprintf(command, sizeof(command), "grep -A3 WordBusNumber %s/dsdt.dsl | grep -q '0x0000, .*Range Maximum'", folder);
	run(command);
	/* Compiled again without an error or a warning. */
	snprintf(command, sizeof(command), "cd %s && iasl -p again dsdt.dsl >log2 2>&1 || { cat log2; false; }", folder);
	run(command);
	snprintf(command, sizeof(command), "grep -q ' 0 Errors, 0 Warnings' %s/log2 || { cat %s/log2; false; }", folder, folder);
	run(command);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	run(command);
	release();
}
END_TEST

START_TEST(package_lengths_of_all_sizes)
{
	static const u32 contents[] = { 0, 61, 62, 63, 64, 4092, 4093, 4094, 4095, 70000 };

	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		struct blob aml;
		u32 mark, length, bytes;

		blob_init(&aml);
		aml_op(&aml, AML_BUFFER);
		mark = aml.size_bytes;
		blob_append_zeros(&aml, contents[i]);
		aml_close(&aml, mark);
		bytes = (u32)(aml.data[1] >> 6) + 1;
		length = bytes == 1 ? aml.data[1] : aml.data[1] & 15;
		for (u32 b = 1; b < bytes; b++)
			length |= (u32)aml.data[1 + b] << (8 * b - 4);
		ck_assert_uint_eq(length, aml.size_bytes - 1);
		ck_assert_uint_eq(aml.size_bytes, 1 + bytes + contents[i]);
		blob_release(&aml);
	}
}
END_TEST

START_TEST(loader_scripts_are_bounded)
{
	struct blob script, one;
	struct table_file files[1] = { { "one", &one, 0 } };
	u8 eight[8] = { 200 };

	blob_init(&script);
	blob_init(&one);
	blob_append(&one, eight, sizeof(eight));
	table_loader_allocate(&script, "one", 16, TABLE_ZONE_HIGH);
	table_loader_add_pointer(&script, "one", 0, 8, "one"); /* 200 is not in the file */
	ck_assert_int_eq(table_loader_apply(&script, files, 1, allocate, NULL), ERR_INVALID);
	blob_release(&script);
	table_loader_add_pointer(&script, "one", 1, 8, "one"); /* beyond its end */
	ck_assert_int_eq(table_loader_apply(&script, files, 1, allocate, NULL), ERR_INVALID);
	blob_release(&script);
	table_loader_add_checksum(&script, "one", 8, 0, 8);
	ck_assert_int_eq(table_loader_apply(&script, files, 1, allocate, NULL), ERR_INVALID);
	blob_release(&script);
	table_loader_add_checksum(&script, "one", 0, 4, 0xfffffffe);
	ck_assert_int_eq(table_loader_apply(&script, files, 1, allocate, NULL), ERR_INVALID);
	blob_release(&script);
	table_loader_allocate(&script, "two", 16, TABLE_ZONE_HIGH);
	ck_assert_int_eq(table_loader_apply(&script, files, 1, allocate, NULL), ERR_INVALID);
	blob_append_zeros(&script, 5); /* cut short */
	ck_assert_int_eq(table_loader_apply(&script, files, 1, allocate, NULL), ERR_INVALID);
	blob_release(&script);
	blob_release(&one);
}
END_TEST

static struct vsmbios smbios;
static u8 anchor[VSMBIOS_ANCHOR_BYTES];

static bool smbios_read(void *context, u64 address, void *to, size_t size_bytes)
{
	(void)context;
	if (address == BIOS && size_bytes <= sizeof(anchor)) {
		memcpy(to, anchor, size_bytes);
		return true;
	}
	if (address != HIGH || size_bytes > smbios.tables.size_bytes)
		return false;
	memcpy(to, smbios.tables.data, size_bytes);
	return true;
}

START_TEST(smbios_says_name_and_uuid)
{
	static const u8 uuid[16] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8 };
	static struct smbios_info info;

	ck_assert_int_eq(vsmbios_build(&smbios, &(struct vsmbios_config){ "d\xc3\xa9mo", uuid, "0.1", { 1, 1, 3, 1 }, 48 * GIB }), OK);
	vsmbios_set_address(&smbios, HIGH, anchor);
	ck_assert_int_eq(smbios_parse(&info, &(struct physical_reader){ smbios_read, NULL }, BIOS), OK);
	ck_assert_str_eq(info.system.manufacturer, "Solera");
	ck_assert_mem_eq(info.system.uuid, uuid, 16);
	ck_assert_str_eq(info.chassis.asset, "d??mo");
	ck_assert_str_eq(info.oem[0], "name=d??mo");
	ck_assert_uint_eq(info.memory_count, 1);
	ck_assert_uint_eq(info.memory[0].size_kib, 48 * MIB);
	ck_assert_str_eq(info.memory[0].locator, "DIMM 0");
	ck_assert_uint_eq(info.processors[0].status, 0x41);
	ck_assert_str_eq(info.system.family, "Virtual Machine");
	vsmbios_release(&smbios);
}
END_TEST

/* dmidecode must find nothing to complain about: lengths, handles, required structures. */
START_TEST(dmidecode_reads_the_tables)
{
	char path[] = "/tmp/vsmbios-XXXXXX", command[512];
	static const u8 uuid[16] = { 1 };
	u8 dump[32 + 4096] = { 0 };
	int fd;

	ck_assert_int_eq(vsmbios_build(&smbios, &(struct vsmbios_config){ "demo", uuid, "0.1", { 2, 1, 1, 2 }, 256 * MIB }), OK);
	vsmbios_set_address(&smbios, 32, dump);
	ck_assert_uint_le(smbios.tables.size_bytes, 4096);
	memcpy(dump + 32, smbios.tables.data, smbios.tables.size_bytes);
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)write(fd, dump, sizeof(dump)), (int)sizeof(dump));
	close(fd);
	snprintf(command, sizeof(command),
		 "dmidecode --from-dump %s >%s.log 2>&1 && ! grep -iE 'wrong|invalid|truncated|bad index|out of spec|inconsistent|<BAD' %s.log"
		 " && grep -q 'UUID: 01000000-0000-0000-0000-000000000000' %s.log && grep -q 'Size: 256 MB' %s.log",
		 path, path, path, path, path);
	run(command);
	snprintf(command, sizeof(command), "rm -f %s %s.log", path, path);
	run(command);
	vsmbios_release(&smbios);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vacpi");
	TCase *tcase = tcase_create("vacpi");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_kernel_finds_what_the_board_has);
	tcase_add_test(tcase, iasl_understands_the_dsdt);
	tcase_add_test(tcase, package_lengths_of_all_sizes);
	tcase_add_test(tcase, loader_scripts_are_bounded);
	tcase_add_test(tcase, smbios_says_name_and_uuid);
	tcase_add_test(tcase, dmidecode_reads_the_tables);
	suite_add_tcase(suite, tcase);
	return suite;
}
