/* SPDX-License-Identifier: MIT */
/*
 * How configuration space is reached: memory-mapped (ECAM) where the firmware says where, else ports 0xCF8 and 0xCFC,
 * which know segment 0 and the first 256 bytes.
 *
 * A range is trusted only when its first function reads there as it reads through the ports. Next to read: pci.c.
 * PCI Local Bus Specification 3.0, "Software Generation of Configuration Transactions" (3.2.2.3.2); PCI Express Base
 * Specification, "PCI Express Enhanced Configuration Access Mechanism" (7.2.2).
 */
#include "arch/x86/port.h"
#include "drivers/pci.h"
#include "hv/lib/lock.h"
#include "hv/lib/log.h"

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA 0xcfcu
#define CONFIG_ENABLE BIT32(31)

struct ecam {
	struct pci_ecam_range range;
	u8 *mapped; /* the first bus of the range */
};

static struct {
	struct spinlock lock; /* the pair of ports is one register */
	u32 count;            /* (c) */
	struct ecam ecam[PCI_ECAM_RANGES_MAX]; /* (c) */
} access = { .lock = SPINLOCK_INIT("PCI ports", LOCK_RANK_PCI_PORTS) };

static u8 *ecam_place(const struct pci_address *address, u16 offset)
{
	for (u32 i = 0; i < access.count; i++) {
		const struct ecam *ecam = &access.ecam[i];

		if (ecam->range.segment == address->segment && address->bus >= ecam->range.first_bus &&
		    address->bus <= ecam->range.last_bus)
			return ecam->mapped + ((u64)(address->bus - ecam->range.first_bus) << 20) +
			       ((u32)address->slot << 15) + ((u32)address->function << 12) + offset;
	}
	return NULL;
}

/* Some chipsets of AMD decode ECAM accesses only from and to EAX (BKDG for family 10h, "MMIO Configuration Coding"). */
static u32 ecam_read(const u8 *place, unsigned size_bytes)
{
	u32 value = 0;

	if (size_bytes == 1)
		__asm__ volatile("movb (%1), %b0" : "+a"(value) : "r"(place) : "memory");
	else if (size_bytes == 2)
		__asm__ volatile("movw (%1), %w0" : "+a"(value) : "r"(place) : "memory");
	else
		__asm__ volatile("movl (%1), %0" : "+a"(value) : "r"(place) : "memory");
	return value;
}

static void ecam_write(u8 *place, unsigned size_bytes, u32 value)
{
	if (size_bytes == 1)
		__asm__ volatile("movb %b0, (%1)" ::"a"(value), "r"(place) : "memory");
	else if (size_bytes == 2)
		__asm__ volatile("movw %w0, (%1)" ::"a"(value), "r"(place) : "memory");
	else
		__asm__ volatile("movl %0, (%1)" ::"a"(value), "r"(place) : "memory");
}

static bool ports_reach(const struct pci_address *address, u16 offset, unsigned size_bytes)
{
	return address->segment == 0 && offset + size_bytes <= 256;
}

static void ports_select(const struct pci_address *address, u16 offset)
{
	outl(CONFIG_ADDRESS, CONFIG_ENABLE | (u32)address->bus << 16 | (u32)address->slot << 11 |
				     (u32)address->function << 8 | (offset & 0xfc));
}

static u32 ports_read(const struct pci_address *address, u16 offset, unsigned size_bytes)
{
	u16 port = (u16)(CONFIG_DATA + (offset & 3));
	u64 flags = lock_irqsave(&access.lock);
	u32 value;

	ports_select(address, offset);
	value = size_bytes == 1 ? inb(port) : size_bytes == 2 ? inw(port) : inl(port);
	unlock_irqrestore(&access.lock, flags);
	return value;
}

static void ports_write(const struct pci_address *address, u16 offset, unsigned size_bytes, u32 value)
{
	u16 port = (u16)(CONFIG_DATA + (offset & 3));
	u64 flags = lock_irqsave(&access.lock);

	ports_select(address, offset);
	if (size_bytes == 1)
		outb(port, (u8)value);
	else if (size_bytes == 2)
		outw(port, (u16)value);
	else
		outl(port, value);
	unlock_irqrestore(&access.lock, flags);
}

static u32 access_read(void *context, const struct pci_address *address, u16 offset, unsigned size_bytes)
{
	const u8 *place = ecam_place(address, offset);

	(void)context;
	if (place)
		return ecam_read(place, size_bytes);
	if (ports_reach(address, offset, size_bytes))
		return ports_read(address, offset, size_bytes);
	return size_bytes == 4 ? 0xffffffff : BIT32(8 * size_bytes) - 1;
}

static void access_write(void *context, const struct pci_address *address, u16 offset, unsigned size_bytes, u32 value)
{
	u8 *place = ecam_place(address, offset);

	(void)context;
	if (place)
		ecam_write(place, size_bytes, value);
	else if (ports_reach(address, offset, size_bytes))
		ports_write(address, offset, size_bytes, value);
}

/* The first function of a range of segment 0 must look alike through both mechanisms. */
static bool ecam_agrees(const struct ecam *ecam)
{
	struct pci_address first = { 0, ecam->range.first_bus, 0, 0 };

	return ecam->range.segment != 0 || ecam_read(ecam->mapped, 4) == ports_read(&first, PCI_VENDOR, 4);
}

const struct pci_config *pci_access_init(const struct pci_ecam_range *ranges, u32 count,
					 void *(*map)(u64 address, u64 size_bytes))
{
	static const struct pci_config config = { access_read, access_write, NULL };

	for (u32 i = 0; i < count && i < PCI_ECAM_RANGES_MAX; i++) {
		const struct pci_ecam_range *range = &ranges[i];
		struct ecam ecam = { *range, NULL };

		ecam.mapped = map(range->base + ((u64)range->first_bus << 20), (range->last_bus - range->first_bus + 1ull) << 20);
		if (!ecam.mapped || !ecam_agrees(&ecam)) {
			log_warning("PCI: configuration space of segment %04x at %#llx %s: not used", range->segment,
				    (unsigned long long)range->base,
				    ecam.mapped ? "does not answer as ports 0xCF8/0xCFC do" : "could not be mapped");
			continue;
		}
		access.ecam[access.count++] = ecam;
	}
	return &config;
}
