/* SPDX-License-Identifier: MIT */
/* Intel 82093AA data sheet, "Register Description": an index and a data register; two words a redirection entry. */
#include "arch/x86/ioapic.h"
#include "hv/lib/error.h"
#include "hv/lib/lock.h"
#include "hv/lib/log.h"

#define IOAPIC_MAX 64
#define REGISTER_VERSION 1
#define REGISTER_ENTRY 0x10
#define ENTRY_ACTIVE_LOW BIT32(13)
#define ENTRY_LEVEL BIT32(15)
#define ENTRY_MASKED BIT32(16)

static struct ioapic {
	volatile u32 *registers;
	u32 gsi_base, inputs;
} ioapics[IOAPIC_MAX]; /* (c) after start-up; registers [lock] */
static u32 count;
static struct spinlock lock = SPINLOCK_INIT("I/O APIC", LOCK_RANK_INTERRUPT);

static u32 read_register(struct ioapic *ioapic, u32 index)
{
	ioapic->registers[0] = index;
	return ioapic->registers[4];
}

static void write_register(struct ioapic *ioapic, u32 index, u32 value)
{
	ioapic->registers[0] = index;
	ioapic->registers[4] = value;
}

u32 ioapic_add(volatile void *registers, u32 gsi_base)
{
	struct ioapic *ioapic = &ioapics[count];
	u32 version;

	if (count == IOAPIC_MAX) {
		log_warning("more than %u I/O APICs: inputs from %u on are not used", IOAPIC_MAX, gsi_base);
		return 0;
	}
	ioapic->registers = registers;
	ioapic->gsi_base = gsi_base;
	version = read_register(ioapic, REGISTER_VERSION);
	if (version == ~0u) {
		log_warning("no I/O APIC answers for inputs from %u on", gsi_base);
		return 0;
	}
	ioapic->inputs = (version >> 16 & 0xff) + 1;
	for (u32 i = 0; i < ioapic->inputs; i++)
		write_register(ioapic, REGISTER_ENTRY + 2 * i, ENTRY_MASKED);
	count++;
	return ioapic->inputs;
}

static struct ioapic *find(u32 gsi)
{
	for (u32 i = 0; i < count; i++)
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].inputs)
			return &ioapics[i];
	return NULL;
}

int ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low)
{
	struct ioapic *ioapic = find(gsi);
	u32 entry = vector | (level ? ENTRY_LEVEL : 0) | (active_low ? ENTRY_ACTIVE_LOW : 0), index;
	u64 flags;

	if (!ioapic)
		return ERR_NOT_FOUND;
	if (apic_id > 0xff)
		return ERR_UNSUPPORTED; /* eight bits of destination without interrupt remapping */
	index = REGISTER_ENTRY + 2 * (gsi - ioapic->gsi_base);
	flags = lock_irqsave(&lock);
	write_register(ioapic, index, ENTRY_MASKED);
	write_register(ioapic, index + 1, apic_id << 24);
	write_register(ioapic, index, entry);
	unlock_irqrestore(&lock, flags);
	return OK;
}

void ioapic_mask(u32 gsi)
{
	struct ioapic *ioapic = find(gsi);
	u64 flags;

	if (!ioapic)
		return;
	flags = lock_irqsave(&lock);
	write_register(ioapic, REGISTER_ENTRY + 2 * (gsi - ioapic->gsi_base), ENTRY_MASKED);
	unlock_irqrestore(&lock, flags);
}
