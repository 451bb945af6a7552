/* SPDX-License-Identifier: MIT */
/* LINK: hv/cpu_topology.c hv/dev/firmware_tables.c hv/dev/vacpi.c hv/dev/vacpi_dsdt.c hv/dev/aml.c hv/dev/blob.c hv/dev/table_loader.c hv/dev/vsmbios.c hv/dev/vfwcfg.c hv/io_region.c hv/state.c hv/acpi.c hv/acpi_tables.c hv/acpi_aml.c hv/smbios.c hv/lib/format.c hv/lib/string.c hv/lib/test/log_stderr.c */
/* Tables in a machine's memory after a direct boot, found there as a kernel finds them; machines with little memory. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "hv/acpi.h"
#include "hv/dev/firmware_tables.h"
#include "hv/lib/error.h"
#include "hv/smbios.h"

const char solera_version[] = "test";

#define RAM_MAX (4 * MIB)
static u8 ram[RAM_MAX];
static struct vm vm;
static struct acpi_info info;
static struct smbios_info smbios;
static const char *error;

void mutex_init(struct mutex *mutex, const char *name) { (void)mutex; (void)name; }
void mutex_lock(struct mutex *mutex) { (void)mutex; }
void mutex_unlock(struct mutex *mutex) { (void)mutex; }

static bool inside(u64 address, size_t size)
{
	return address <= vm.low_ram_bytes && size <= vm.low_ram_bytes - address;
}

int gmem_read(struct vm *machine, gpa_t address, void *to, size_t size)
{
	ck_assert_ptr_eq(machine, &vm);
	if (!inside(address.value, size))
		return ERR_FAULT;
	memcpy(to, ram + address.value, size);
	return OK;
}

int gmem_write(struct vm *machine, gpa_t address, const void *from, size_t size)
{
	ck_assert_ptr_eq(machine, &vm);
	if (!inside(address.value, size))
		return ERR_FAULT;
	memcpy(ram + address.value, from, size);
	return OK;
}

int gmem_zero(struct vm *machine, gpa_t address, size_t size)
{
	(void)machine;
	(void)address;
	(void)size;
	return ERR_FAULT;
}

static bool physical_read(void *context, u64 address, void *to, size_t size)
{
	(void)context;
	return gmem_read(&vm, GPA(address), to, size) == OK;
}

static const struct physical_reader reader = { physical_read, NULL };

static struct firmware_tables *machine_new(u64 low_ram_bytes, bool acpi)
{
	struct firmware_tables *tables;

	memset(ram, 0xee, sizeof(ram));
	memset(&vm, 0, sizeof(vm));
	strcpy(vm.name, "demo");
	vm.config.acpi = acpi;
	vm.config.uuid[0] = 7;
	vm.vcpu_count = 1;
	cpu_topology_default(&vm.config.topology, 1);
	vm.low_ram_bytes = low_ram_bytes;
	io_map_init(&vm.ports);
	tables = firmware_tables_create(&vm, &error);
	ck_assert_ptr_nonnull(tables);
	return tables;
}

static void machine_gone(struct firmware_tables *tables)
{
	firmware_tables_destroy(tables);
	io_map_release(&vm.ports);
}

/* A kernel looks for the SMBIOS anchor at each 16 bytes of the BIOS area. */
static u64 anchor_find(void)
{
	for (u64 at = 0xf0000; at < 0x100000; at += 16)
		if (!memcmp(ram + at, "_SM3_", 5))
			return at;
	return 0;
}

START_TEST(found_after_each_direct_boot)
{
	struct firmware_tables *tables = machine_new(4 * MIB, true);
	u64 base, size;

	for (int boots = 0; boots < 3; boots++) {
		memset(ram, 0xee, sizeof(ram)); /* what the guest left */
		ck_assert_int_eq(firmware_tables_direct_boot(tables, &error), OK);
		firmware_tables_memory(tables, &base, &size);
		ck_assert(base % PAGE_SIZE == 0 && size % PAGE_SIZE == 0 && base + size == 4 * MIB && size && size <= 64 * KIB);
		ck_assert_int_eq(acpi_parse(&info, &reader, firmware_tables_rsdp(tables).value), OK);
		ck_assert_uint_eq(info.complaints, 0);
		ck_assert(info.madt && info.pm.present && info.s5.present);
		for (u32 i = 0; i < info.table_count; i++)
			ck_assert(info.tables[i].address >= base && info.tables[i].address + info.tables[i].length <= base + size);
		ck_assert_int_eq(smbios_parse(&smbios, &reader, anchor_find()), OK);
		ck_assert_str_eq(smbios.chassis.asset, "demo");
		ck_assert_uint_eq(smbios.system.uuid[0], 7);
	}
	machine_gone(tables);
}
END_TEST

START_TEST(without_acpi)
{
	struct firmware_tables *tables = machine_new(4 * MIB, false);

	ck_assert_int_eq(firmware_tables_direct_boot(tables, &error), OK);
	ck_assert_uint_eq(firmware_tables_rsdp(tables).value, 0);
	ck_assert_int_eq(smbios_parse(&smbios, &reader, anchor_find()), OK);
	machine_gone(tables);
}
END_TEST

START_TEST(little_memory)
{
	struct firmware_tables *tables = machine_new(2 * MIB, true);
	u64 base, size;

	ck_assert_int_eq(firmware_tables_direct_boot(tables, &error), OK);
	ck_assert_uint_eq(firmware_tables_rsdp(tables).value, 0);
	firmware_tables_memory(tables, &base, &size);
	ck_assert_uint_eq(size, 0);
	machine_gone(tables);
	tables = machine_new(2 * MIB + 4096, true);
	ck_assert_int_eq(firmware_tables_direct_boot(tables, &error), ERR_FULL);
	ck_assert_str_eq(error, "the machine's memory is too small for its firmware tables");
	machine_gone(tables);
}
END_TEST

START_TEST(ports_are_claimed)
{
	struct firmware_tables *tables = machine_new(4 * MIB, true);

	io_map_write(&vm.ports, 0x510, 2, 0x05);
	ck_assert_uint_eq(io_map_read(&vm.ports, 0x511, 1), 1); /* one CPU */
	io_map_write(&vm.ports, 0x510, 2, 0x19);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(io_map_read(&vm.ports, 0x511, 1), 0);
	ck_assert_uint_eq(io_map_read(&vm.ports, 0x511, 1), 6); /* files */
	machine_gone(tables);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("firmware_tables");
	TCase *tcase = tcase_create("firmware_tables");

	tcase_add_test(tcase, found_after_each_direct_boot);
	tcase_add_test(tcase, without_acpi);
	tcase_add_test(tcase, little_memory);
	tcase_add_test(tcase, ports_are_claimed);
	suite_add_tcase(suite, tcase);
	return suite;
}
