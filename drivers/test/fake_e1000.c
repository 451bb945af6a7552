/* SPDX-License-Identifier: MIT */
/* See fake_e1000.h. */
#include "drivers/test/fake_e1000.h"
#include <assert.h>

struct fake_e1000 fake_e1000;

u32 fake_e1000_register(u32 at)
{
	return fake_e1000.registers[at / 4];
}

static void set(u32 at, u32 value)
{
	fake_e1000.registers[at / 4] = value;
}

static void power_up(void)
{
	memset(fake_e1000.registers, 0, sizeof(fake_e1000.registers));
	set(E1000_RAL0, fake_e1000.mac_low);
	set(E1000_RAH0, fake_e1000.mac_high);
	set(E1000_STATUS, fake_e1000.wanted_status);
}

static u32 read_register(void *device, u64 offset, unsigned size_bytes)
{
	u32 value;

	(void)device;
	assert(size_bytes == 4 && offset < E1000_REGISTERS_BYTES);
	if (fake_e1000.gone)
		return ~0u;
	value = fake_e1000_register((u32)offset);
	/* With MSI-X ICR is cleared by reading only while nothing is unmasked. */
	if (offset == E1000_ICR && (fake_bus.interrupt_kind != PCI_INTERRUPT_MSIX || !fake_e1000_register(E1000_IMS)))
		set(E1000_ICR, 0);
	if (offset >= E1000_CRCERRS && offset <= E1000_ROC)
		set((u32)offset, 0);
	return value;
}

static void write_register(void *device, u64 offset, unsigned size_bytes, u32 value)
{
	(void)device;
	assert(size_bytes == 4 && offset < E1000_REGISTERS_BYTES);
	switch (offset) {
	case E1000_CTRL:
		if (value & E1000_CTRL_RST) {
			fake_e1000.resets++;
			power_up();
			value = fake_e1000.never_resets ? value : value & ~E1000_CTRL_RST;
		}
		set(E1000_CTRL, value);
		break;
	case E1000_IMS: set(E1000_IMS, fake_e1000_register(E1000_IMS) | value); break;
	case E1000_IMC: set(E1000_IMS, fake_e1000_register(E1000_IMS) & ~value); break;
	case E1000_RDT: assert(value < fake_e1000_register(E1000_RDLEN) / 16); set(E1000_RDT, value); break;
	case E1000_TDT: assert(value < fake_e1000_register(E1000_TDLEN) / 16); set(E1000_TDT, value); break;
	case E1000_EERD:
		if (value & E1000_EERD_START)
			set(E1000_EERD, (u32)fake_e1000.eeprom[value >> 8 & 63] << 16 | E1000_EERD_DONE);
		break;
	default: set((u32)offset, value);
	}
}

void fake_e1000_init(u16 device, u8 interrupt_kind)
{
	fake_bus_init(0x8086u | (u32)device << 16, interrupt_kind, 5);
	fake_bus.read = read_register;
	fake_bus.write = write_register;
	memset(&fake_e1000, 0, sizeof(fake_e1000));
	fake_e1000.mac_low = 0x00005452;
	fake_e1000.mac_high = E1000_RAH_AV | 0x0900;
	fake_e1000.wanted_status = E1000_STATUS_LU | E1000_STATUS_FD | 2u << 6;
	power_up();
}

void fake_e1000_cause(u32 causes)
{
	set(E1000_ICR, fake_e1000_register(E1000_ICR) | causes);
	if (fake_e1000_register(E1000_IMS) & causes)
		fake_bus_interrupt(0);
}

static void *ring(u32 low, u32 high)
{
	assert(fake_bus_may_master());
	return (void *)(fake_e1000_register(low) | (u64)fake_e1000_register(high) << 32);
}

bool fake_e1000_arrive(const u8 *bytes, u16 length, u8 status, u8 errors)
{
	struct e1000_receive_descriptor *descriptors = ring(E1000_RDBAL, E1000_RDBAH);
	u32 head = fake_e1000_register(E1000_RDH);

	if (head == fake_e1000_register(E1000_RDT) || !(fake_e1000_register(E1000_RCTL) & E1000_RCTL_EN))
		return false;
	memcpy((u8 *)descriptors[head].address, bytes, MIN(length, 2048u));
	descriptors[head].length = length;
	descriptors[head].errors = errors;
	descriptors[head].status = status;
	set(E1000_RDH, (head + 1) % (fake_e1000_register(E1000_RDLEN) / 16));
	return true;
}

u32 fake_e1000_send(u8 *bytes)
{
	struct e1000_transmit_descriptor *descriptors = ring(E1000_TDBAL, E1000_TDBAH);
	u32 head = fake_e1000_register(E1000_TDH), length;

	if (head == fake_e1000_register(E1000_TDT) || !(fake_e1000_register(E1000_TCTL) & E1000_TCTL_EN))
		return 0;
	length = descriptors[head].length;
	assert(descriptors[head].command == (E1000_TXD_EOP | E1000_TXD_IFCS | E1000_TXD_RS) && length <= 2048);
	memcpy(bytes, (const u8 *)descriptors[head].address, length);
	descriptors[head].status = E1000_TXD_DD;
	set(E1000_TDH, (head + 1) % (fake_e1000_register(E1000_TDLEN) / 16));
	return length;
}
