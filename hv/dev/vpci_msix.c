/* SPDX-License-Identifier: MIT */
/*
 * MSI-X: the vector table and the pending bits in a BAR, and what a notification becomes.
 *
 * After "PCI Local Bus Specification" 3.0, "MSI-X Capability and Table Structures". Entries are 16 bytes; accesses of
 * 4 or 8 aligned bytes count, others read as zero and are ignored.
 */
#include "hv/dev/vpci.h"

#define TABLE_ENTRY_BYTES 16
#define PBA_OFFSET 0x800
#define CONTROL_MASK BIT32(0)
#define MESSAGE_FUNCTION_MASK 0x40 /* in the upper byte of message control */

static bool function_masked(const struct vpci_device *device)
{
	return (READ_ONCE(device->config[device->msix.capability + 3]) & MESSAGE_FUNCTION_MASK) != 0;
}

static u32 entry_read(const struct vpci_msix_entry *entry, unsigned word)
{
	switch (word) {
	case 0: return (u32)entry->address;
	case 1: return (u32)(entry->address >> 32);
	case 2: return entry->data;
	default: return entry->control;
	}
}

static void entry_write(struct vpci_msix_entry *entry, unsigned word, u32 value)
{
	switch (word) {
	case 0: entry->address = (entry->address & MASK64(63, 32)) | (value & ~3u); break;
	case 1: entry->address = (entry->address & MASK64(31, 0)) | (u64)value << 32; break;
	case 2: entry->data = value; break;
	default: entry->control = value & CONTROL_MASK; break;
	}
}

static u32 word_read(const struct vpci_msix *msix, u64 offset)
{
	u64 index = offset / TABLE_ENTRY_BYTES;

	if (offset >= PBA_OFFSET)
		return offset < PBA_OFFSET + 8 ? (u32)(msix->pending >> (offset & 4 ? 32 : 0)) : 0;
	return index < msix->count ? entry_read(&msix->entries[index_nospec(index, VPCI_MSIX_MAX)], offset / 4 % 4) : 0;
}

/* Takes one vector that may go out now from the pending ones; false: none. */
static bool take_deliverable(struct vpci_device *device, struct vpci_msix_entry *message)
{
	struct vpci_msix *msix = &device->msix;
	u64 flags = lock_irqsave(&msix->lock);
	bool found = false;

	for (u64 rest = msix->pending; rest && !found && !function_masked(device); rest &= rest - 1) {
		unsigned vector = (unsigned)__builtin_ctzll(rest);

		if (msix->entries[vector].control & CONTROL_MASK)
			continue;
		msix->pending &= ~BIT64(vector);
		*message = msix->entries[vector];
		found = true;
	}
	unlock_irqrestore(&msix->lock, flags);
	return found;
}

static void deliver_pending(struct vpci_device *device)
{
	struct vpci_msix_entry message;

	while (vpci_msix_enabled(device) && take_deliverable(device, &message))
		device->bus->msi(device->bus->context, message.address, message.data);
}

void vpci_msix_notify(struct vpci_device *device, u32 vector)
{
	u64 flags;

	if (vector >= device->msix.count || !vpci_msix_enabled(device))
		return;
	flags = lock_irqsave(&device->msix.lock);
	device->msix.pending |= BIT64(index_nospec(vector, VPCI_MSIX_MAX));
	unlock_irqrestore(&device->msix.lock, flags);
	deliver_pending(device);
}

void vpci_msix_control_written(struct vpci_device *device)
{
	deliver_pending(device);
}

void vpci_msix_reset(struct vpci_device *device)
{
	for (unsigned i = 0; i < device->msix.count; i++)
		device->msix.entries[i] = (struct vpci_msix_entry){ .control = CONTROL_MASK };
	device->msix.pending = 0;
}

static u64 bar_read(void *context, u64 offset, unsigned size_bytes)
{
	struct vpci_device *device = context;
	u64 flags, value;

	if (size_bytes < 4 || offset % size_bytes)
		return 0;
	flags = lock_irqsave(&device->msix.lock);
	value = word_read(&device->msix, offset);
	if (size_bytes == 8)
		value |= (u64)word_read(&device->msix, offset + 4) << 32;
	unlock_irqrestore(&device->msix.lock, flags);
	return value;
}

static void bar_write(void *context, u64 offset, unsigned size_bytes, u64 value)
{
	struct vpci_device *device = context;
	u64 index = offset / TABLE_ENTRY_BYTES, flags;

	if (size_bytes < 4 || offset % size_bytes || index >= device->msix.count)
		return;
	index = index_nospec(index, VPCI_MSIX_MAX);
	flags = lock_irqsave(&device->msix.lock);
	entry_write(&device->msix.entries[index], offset / 4 % 4, (u32)value);
	if (size_bytes == 8)
		entry_write(&device->msix.entries[index], offset / 4 % 4 + 1, (u32)(value >> 32));
	unlock_irqrestore(&device->msix.lock, flags);
	deliver_pending(device);
}

const struct io_ops vpci_msix_ops = { bar_read, bar_write };
