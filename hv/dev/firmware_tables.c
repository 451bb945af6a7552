/* SPDX-License-Identifier: MIT */
/*
 * Joins ACPI tables, SMBIOS tables and fw_cfg into one part of the board, and places the tables for direct boots.
 * See firmware_tables.h.
 */
#include "hv/dev/firmware_tables.h"
#include "hv/dev/pc.h"
#include "hv/dev/table_loader.h"
#include "hv/dev/vacpi.h"
#include "hv/dev/vfwcfg.h"
#include "hv/dev/vsmbios.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/version.h"

#define BIOS_AREA 0xf0000u
#define BIOS_AREA_END 0x100000u
#define MEMORY_FLOOR (2 * MIB) /* tables stand above this */
#define E820_RAM 1u

struct firmware_tables {
	struct vm *vm;
	struct vacpi acpi;
	struct vsmbios smbios;
	struct blob e820, numbers; /* contents of fw_cfg items */
	struct vfwcfg fwcfg;
	u64 rsdp;                  /* after direct_boot */
	u64 memory_base, memory_bytes;
	u64 bios_cursor;           /* while direct_boot works */
};

static void e820_add(struct blob *e820, u64 base, u64 size_bytes)
{
	if (!size_bytes)
		return;
	blob_append_number(e820, base, 8);
	blob_append_number(e820, size_bytes, 8);
	blob_append_number(e820, E820_RAM, 4);
}

/* Numbered items: memory size and CPU counts as little-endian words; offsets into one blob, which no longer grows then. */
static void add_items(struct firmware_tables *tables)
{
	const struct vm *vm = tables->vm;
	struct vfwcfg *fw = &tables->fwcfg;

	vfwcfg_add(fw, VFWCFG_UUID, vm->config.uuid, 16);
	vfwcfg_add(fw, VFWCFG_RAM_SIZE, tables->numbers.data, 8);
	vfwcfg_add(fw, VFWCFG_NB_CPUS, tables->numbers.data + 8, 2);
	vfwcfg_add(fw, VFWCFG_MAX_CPUS, tables->numbers.data + 10, 2);
	vfwcfg_add_file(fw, "etc/e820", tables->e820.data, tables->e820.size_bytes);
	vfwcfg_add_file(fw, "etc/smbios/smbios-tables", tables->smbios.tables.data, tables->smbios.tables.size_bytes);
	vfwcfg_add_file(fw, "etc/smbios/smbios-anchor", tables->smbios.anchor.data, tables->smbios.anchor.size_bytes);
	if (!vm->config.acpi)
		return;
	vfwcfg_add_file(fw, VACPI_TABLES_FILE, tables->acpi.tables.data, tables->acpi.tables.size_bytes);
	vfwcfg_add_file(fw, VACPI_RSDP_FILE, tables->acpi.rsdp.data, tables->acpi.rsdp.size_bytes);
	vfwcfg_add_file(fw, "etc/table-loader", tables->acpi.script.data, tables->acpi.script.size_bytes);
}

static int build(struct firmware_tables *tables)
{
	struct vm *vm = tables->vm;
	const struct vacpi_config acpi = {
		.vcpu_count = vm->vcpu_count,
		.topology = vm->config.topology,
		.high_ram_end = vm->high_ram_bytes ? VM_HIGH_RAM_BASE + vm->high_ram_bytes : 0,
		.pci_hole_base = PC_PCI_HOLE_BASE,
		.pci_hole_end = PC_PCI_HOLE_END,
		.serial_count = vm->config.serial_count,
		.buses = 1 + vm->config.root_port_count,
	};
	const struct vsmbios_config smbios = {
		.name = vm->name, .uuid = vm->config.uuid, .version = solera_version, .topology = vm->config.topology,
		.memory_bytes = vm->low_ram_bytes + vm->high_ram_bytes,
	};

	if (vsmbios_build(&tables->smbios, &smbios) != OK)
		return ERR_NO_MEMORY;
	if (vm->config.acpi && vacpi_build(&tables->acpi, &acpi) != OK)
		return ERR_NO_MEMORY;
	e820_add(&tables->e820, 0, vm->low_ram_bytes);
	e820_add(&tables->e820, VM_HIGH_RAM_BASE, vm->high_ram_bytes);
	blob_append_number(&tables->numbers, smbios.memory_bytes, 8);
	blob_append_number(&tables->numbers, vm->vcpu_count, 2);
	/* What QEMU calls the maximum of CPUs here is the first APIC ID that no CPU has. */
	blob_append_number(&tables->numbers, cpu_topology_apic_id(&vm->config.topology, vm->vcpu_count - 1) + 1, 2);
	if (tables->e820.failed || tables->numbers.failed)
		return ERR_NO_MEMORY;
	add_items(tables);
	return vfwcfg_finish(&tables->fwcfg, &vm->ports);
}

struct firmware_tables *firmware_tables_create(struct vm *vm, const char **error)
{
	struct firmware_tables *tables = kzalloc(sizeof(*tables));

	if (tables) {
		tables->vm = vm;
		vfwcfg_init(&tables->fwcfg, vm);
		if (build(tables) == OK)
			return tables;
	}
	firmware_tables_destroy(tables);
	*error = "no memory for the machine's firmware tables";
	return NULL;
}

void firmware_tables_destroy(struct firmware_tables *tables)
{
	if (!tables)
		return;
	vfwcfg_release(&tables->fwcfg);
	vacpi_release(&tables->acpi);
	vsmbios_release(&tables->smbios);
	blob_release(&tables->e820);
	blob_release(&tables->numbers);
	kfree(tables);
}

/* High: whole pages, downwards from the end of low RAM. BIOS area: upwards. */
static u64 place(void *context, u32 size_bytes, u32 align, enum table_zone zone)
{
	struct firmware_tables *tables = context;
	u64 base;

	if (zone == TABLE_ZONE_BIOS) {
		base = ALIGN_UP(tables->bios_cursor, (u64)align);
		if (base + size_bytes > BIOS_AREA_END)
			return 0;
		tables->bios_cursor = base + size_bytes;
		return base;
	}
	base = ALIGN_UP((u64)size_bytes, PAGE_SIZE);
	if (base > tables->memory_base - MEMORY_FLOOR)
		return 0;
	tables->memory_base -= base;
	tables->memory_bytes += base;
	return tables->memory_base;
}

static int copy_out(struct firmware_tables *tables, u64 address, const void *bytes, u32 size_bytes)
{
	return gmem_write(tables->vm, GPA(address), bytes, size_bytes);
}

/* The script changes what it links: it works on copies, so that a reset begins anew. */
static int place_acpi(struct firmware_tables *tables)
{
	struct blob copies[2] = { { 0 }, { 0 } };
	struct table_file files[2] = { { VACPI_TABLES_FILE, &copies[0], 0 }, { VACPI_RSDP_FILE, &copies[1], 0 } };
	int result;

	blob_append(&copies[0], tables->acpi.tables.data, tables->acpi.tables.size_bytes);
	blob_append(&copies[1], tables->acpi.rsdp.data, tables->acpi.rsdp.size_bytes);
	result = copies[0].failed || copies[1].failed ? ERR_NO_MEMORY :
							table_loader_apply(&tables->acpi.script, files, 2, place, tables);
	for (unsigned i = 0; i < 2 && result == OK; i++)
		result = copy_out(tables, files[i].address, copies[i].data, copies[i].size_bytes);
	if (result == OK)
		tables->rsdp = files[1].address;
	blob_release(&copies[0]);
	blob_release(&copies[1]);
	return result;
}

static int place_smbios(struct firmware_tables *tables)
{
	u64 at = place(tables, tables->smbios.tables.size_bytes, 16, TABLE_ZONE_HIGH);
	u64 anchor_at = place(tables, VSMBIOS_ANCHOR_BYTES, 16, TABLE_ZONE_BIOS);
	u8 anchor[VSMBIOS_ANCHOR_BYTES];
	int result;

	if (!at || !anchor_at)
		return ERR_FULL;
	vsmbios_set_address(&tables->smbios, at, anchor);
	result = copy_out(tables, at, tables->smbios.tables.data, tables->smbios.tables.size_bytes);
	return result == OK ? copy_out(tables, anchor_at, anchor, sizeof(anchor)) : result;
}

int firmware_tables_direct_boot(struct firmware_tables *tables, const char **error)
{
	int result = OK;

	tables->rsdp = tables->memory_bytes = 0;
	tables->memory_base = ALIGN_DOWN(tables->vm->low_ram_bytes, PAGE_SIZE);
	tables->bios_cursor = BIOS_AREA;
	if (tables->memory_base <= MEMORY_FLOOR) /* the tiniest machines have no room, and no kernel that would look */
		return OK;
	if (tables->vm->config.acpi)
		result = place_acpi(tables);
	if (result == OK)
		result = place_smbios(tables);
	if (result != OK)
		*error = result == ERR_FULL ? "the machine's memory is too small for its firmware tables" :
					      "the machine's firmware tables could not be written";
	return result;
}

gpa_t firmware_tables_rsdp(const struct firmware_tables *tables)
{
	return GPA(tables->rsdp);
}

void firmware_tables_memory(const struct firmware_tables *tables, u64 *base, u64 *size_bytes)
{
	*base = tables->memory_base;
	*size_bytes = tables->memory_bytes;
}

void firmware_tables_reset(struct firmware_tables *tables)
{
	vfwcfg_reset(&tables->fwcfg);
}

void firmware_tables_save(struct firmware_tables *tables, struct state_writer *writer)
{
	vfwcfg_save(&tables->fwcfg, writer);
}

int firmware_tables_load(struct firmware_tables *tables, struct state_reader *reader)
{
	return vfwcfg_load(&tables->fwcfg, reader);
}
