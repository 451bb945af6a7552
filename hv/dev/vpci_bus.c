/* SPDX-License-Identifier: MIT */
/*
 * The two ways to configuration space: CONFIG_ADDRESS and CONFIG_DATA (0xCF8, 0xCFC), and ECAM.
 *
 * 0xCF9, the chipset's reset control, lies inside CONFIG_ADDRESS: only a doubleword access is the address register, as
 * "PCI Local Bus Specification", "Software Generation of Configuration Transactions", has it.
 */
#include "hv/dev/vpci.h"
#include "hv/lib/error.h"

#define ADDRESS_ENABLE BIT32(31)
#define ADDRESS_WRITABLE (ADDRESS_ENABLE | MASK32(23, 2))

static u64 address_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vpci_bus *bus = device;

	if (offset == 0 && size_bytes == 4)
		return READ_ONCE(bus->config_address);
	return offset == 1 && size_bytes == 1 ? bus->reset_read(bus->context) : ~(u64)0;
}

static void address_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vpci_bus *bus = device;

	if (offset == 0 && size_bytes == 4)
		WRITE_ONCE(bus->config_address, (u32)value & ADDRESS_WRITABLE);
	else if (offset == 1 && size_bytes == 1)
		bus->reset_write(bus->context, (u8)value);
}

/* The bus of that number: 0, or behind the bridge whose secondary bus the guest has called so; NULL: none. */
static struct vpci_bus *numbered(struct vpci_bus *bus, u8 number)
{
	if (!number)
		return bus;
	for (u32 i = 0; i < bus->behind_count; i++)
		if (READ_ONCE(bus->behind[i]->bridge->config[PCI_SECONDARY_BUS]) == number)
			return bus->behind[i];
	return NULL;
}

/* The bus that CONFIG_ADDRESS selects, with devfn and the register's offset; NULL: none. */
static struct vpci_bus *selected(struct vpci_bus *bus, u64 offset, u8 *devfn, unsigned *at)
{
	u32 address = READ_ONCE(bus->config_address);

	*devfn = (u8)(address >> 8);
	*at = (address & 0xfc) + (unsigned)offset;
	return address & ADDRESS_ENABLE ? numbered(bus, (u8)(address >> 16)) : NULL;
}

static u64 data_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vpci_bus *bus;
	unsigned at;
	u8 devfn;

	bus = selected(device, offset, &devfn, &at);
	return bus ? vpci_config_read(bus, devfn, at, size_bytes) : ~(u64)0;
}

static void data_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vpci_bus *bus;
	unsigned at;
	u8 devfn;

	bus = selected(device, offset, &devfn, &at);
	if (bus)
		vpci_config_write(bus, devfn, at, size_bytes, (u32)value);
}

/* ECAM: bus in bits 27..20, devfn in 19..12, register in 11..0. An access of 8 bytes is two of 4. */
static u64 ecam_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vpci_bus *bus = numbered(device, (u8)(offset >> 20));
	u64 value;

	if (!bus)
		return ~(u64)0;
	value = vpci_config_read(bus, (u8)(offset >> 12), offset & 0xfff, MIN(size_bytes, 4u));
	if (size_bytes == 8)
		value |= (u64)vpci_config_read(bus, (u8)(offset >> 12), (offset & 0xfff) + 4, 4) << 32;
	return value;
}

static void ecam_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vpci_bus *bus = numbered(device, (u8)(offset >> 20));

	if (!bus)
		return;
	vpci_config_write(bus, (u8)(offset >> 12), offset & 0xfff, MIN(size_bytes, 4u), (u32)value);
	if (size_bytes == 8)
		vpci_config_write(bus, (u8)(offset >> 12), (offset & 0xfff) + 4, 4, (u32)(value >> 32));
}

static const struct io_ops address_ops = { address_read, address_write };
static const struct io_ops data_ops = { data_read, data_write };
const struct io_ops vpci_ecam_ops = { ecam_read, ecam_write };

void vpci_bus_init(struct vpci_bus *bus, struct vm *vm)
{
	*bus = (struct vpci_bus){ .vm = vm };
	mutex_init(&bus->mutex, "pci");
}

int vpci_bus_claim(struct vpci_bus *bus)
{
	const struct io_region address = { 0xcf8, 4, &address_ops, bus, "pci address", true };
	const struct io_region data = { 0xcfc, 4, &data_ops, bus, "pci data", false };
	int error = io_map_add(&bus->vm->ports, &address);

	return error == OK ? io_map_add(&bus->vm->ports, &data) : error;
}

void vpci_bus_save(struct vpci_bus *bus, struct state_writer *writer)
{
	u32 state[2] = { bus->config_address, 0 };

	state_save(writer, "vpci bus", 1, state, sizeof(state));
}

int vpci_bus_load(struct vpci_bus *bus, struct state_reader *reader)
{
	u32 state[2];

	if (state_load(reader, "vpci bus", 1, state, sizeof(state)) != OK || (state[0] & ~ADDRESS_WRITABLE) || state[1])
		return ERR_INVALID;
	bus->config_address = state[0];
	return OK;
}
