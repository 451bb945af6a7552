/* SPDX-License-Identifier: MIT */
/* A virtio disk on the real path: found on PCI, read, written, its interrupts, and what a hostile driver does to it. */
#include "guest-tests/lib/virtio.h"

#define SECTORS 2048u
#define GUEST_RAM (16u << 20)

static bool pattern_is(const u8 *bytes, u32 count, u8 seed)
{
	for (u32 i = 0; i < count; i++)
		if (bytes[i] != (u8)(seed + i * 7))
			return false;
	return true;
}

static void fill(u8 *bytes, u32 count, u8 seed)
{
	for (u32 i = 0; i < count; i++)
		bytes[i] = (u8)(seed + i * 7);
}

static void good_requests(void)
{
	unsigned interrupts;

	report(*(volatile u32 *)VIRTIO_DEVICE_CONFIG == SECTORS, "the capacity is 2048 sectors");
	fill(buffer, 4096, 3);
	report(disk_request(1, 8, (u64)buffer, 4096, false) == 0, "a write of 4 KiB");
	memset(buffer, 0, sizeof(buffer));
	interrupts = disk_interrupts;
	report(disk_request(0, 8, (u64)buffer, 4096, true) == 0, "a read of 4 KiB");
	report(used.ring[(u16)(used.index - 1) % QUEUE_SIZE].length == 4097, "used.length counts what was written");
	report(pattern_is(buffer, 4096, 3), "gives what was written");
	__asm__ volatile("sti; nop; cli" ::: "memory");
	report(disk_interrupts != interrupts, "an interrupt came by MSI-X");
	report(disk_request(0, 9, (u64)buffer + 512, 512, true) == 0 && pattern_is(buffer + 512, 512, (u8)(3 + 512 * 7)),
	       "a read of one sector");
	report(disk_request(4, 0, 0, 0, false) == 0, "a flush");
	report(disk_request(8, 0, (u64)buffer, 20, true) == 0 && memcmp(buffer, "guest-test", 10) == 0, "the serial number");
	report(disk_request(0, SECTORS - 1, (u64)buffer, 512, true) == 0, "the last sector");
	fill(buffer, 512, 9);
	report(disk_request(1, 20, (u64)buffer + 1, 512, false) == 0, "a write from an odd address");
	memset(buffer, 0, 1024);
	report(disk_request(0, 20, (u64)buffer + 3, 512, true) == 0 && pattern_is(buffer + 3, 511, (u8)(9 + 7)), "and a read to one");
}

static void bad_requests(void)
{
	static const struct { u32 type; u64 sector; u64 address; u32 length; bool writes; u8 status; const char *what; } rows[] = {
		{ 0, SECTORS, (u64)buffer, 512, true, 1, "behind the end" },
		{ 0, SECTORS - 1, (u64)buffer, 1024, true, 1, "across the end" },
		{ 0, ~0ull, (u64)buffer, 512, true, 1, "sector 2^64 - 1" },
		{ 0, 0, (u64)buffer, 511, true, 1, "511 bytes" },
		{ 0, 0, GUEST_RAM, 512, true, 1, "to where there is no RAM" },
		{ 0, 0, GUEST_RAM - 256, 512, true, 1, "half outside of RAM" },
		{ 0, 0, 0xfee00000, 512, true, 1, "to the local APIC" },
		{ 0, 0, VIRTIO_CONFIG, 512, true, 1, "to the device's own registers" },
		{ 1, 0, 0xfec00000, 512, false, 1, "a write from the I/O APIC" },
		{ 77, 0, (u64)buffer, 512, true, 2, "an unknown type" },
		{ 11, 0, (u64)buffer, 15, false, 2, "a discard that is not offered" },
	};

	for (u32 i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		report(disk_request(rows[i].type, rows[i].sector, rows[i].address, rows[i].length, rows[i].writes) == rows[i].status,
		       "status %u: %s", rows[i].status, rows[i].what);
}

/* Each breaks a rule; the device asks for a reset and works again after one. */
static void break_rule(const char *what, struct desc first, u16 head, u16 jump)
{
	u32 start = pm_timer();
	u16 before;

	disk_start(1u << 28); /* INDIRECT_DESC */
	before = used.index;
	disk_describe(0, 0, (u64)buffer, 512, true);
	desc[0] = first;
	avail.ring[0] = head;
	__asm__ volatile("" ::: "memory");
	avail.index = jump;
	outw(VIRTIO_PORTS, 0);
	while (!(common8(COMMON_STATUS) & 64) && ((pm_timer() - start) & 0xffffff) < PM_TIMER_HZ)
		__asm__ volatile("sti; nop; cli" ::: "memory");
	report((common8(COMMON_STATUS) & 64) && used.index == before, "NEEDS_RESET: %s", what);
}

static void broken_rules(void)
{
	const struct desc good = { (u64)&header, 16, 1, 1 };

	break_rule("available index beyond the ring", good, 0, QUEUE_SIZE + 1);
	break_rule("head outside of the table", good, QUEUE_SIZE, 1);
	break_rule("head 0xffff", good, 0xffff, 1);
	break_rule("next outside of the table", (struct desc){ (u64)&header, 16, 1, 0xfff0 }, 0, 1);
	break_rule("a circle", (struct desc){ (u64)&header, 16, 1, 0 }, 0, 1);
	break_rule("a length of 0", (struct desc){ (u64)&header, 0, 1, 1 }, 0, 1);
	break_rule("an address that wraps", (struct desc){ ~0ull - 3, 16, 1, 1 }, 0, 1);
	break_rule("to be written before to be read", (struct desc){ (u64)buffer, 16, 3, 0 }, 0, 1);
	break_rule("indirect of 24 bytes", (struct desc){ (u64)buffer, 24, 4, 0 }, 0, 1);
	break_rule("indirect outside of RAM", (struct desc){ GUEST_RAM, 16, 4, 0 }, 0, 1);
	break_rule("no status byte", (struct desc){ (u64)&header, 16, 0, 0 }, 0, 1);
	report(disk_start(0) == 15 && disk_request(0, 8, (u64)buffer, 512, true) == 0, "after a reset it works again");
}

static void wrong_initialisations(void)
{
	common8_set(COMMON_STATUS, 0);
	common8_set(COMMON_STATUS, 7);
	report(common8(COMMON_STATUS) & 64, "NEEDS_RESET: DRIVER_OK without FEATURES_OK");
	common8_set(COMMON_STATUS, 0);
	common8_set(COMMON_STATUS, 3);
	common32_set(COMMON_DRIVER_SELECT, 1);
	common32_set(COMMON_DRIVER, 0x80000001u);
	common8_set(COMMON_STATUS, 11);
	report(common8(COMMON_STATUS) == 3, "a feature that was not offered: FEATURES_OK does not stay");
	report(disk_start(0) == 15, "started");
	outw(VIRTIO_PORTS, 1);
	outw(VIRTIO_PORTS, 0xffff);
	outw(VIRTIO_PORTS, 0);
	report(common8(COMMON_STATUS) == 15, "doorbells for no queue and for nothing");
	common16_set(COMMON_QUEUE_SELECT, 0);
	common64_set(COMMON_QUEUE_DESC, GUEST_RAM);
	report(disk_request(0, 8, (u64)buffer, 512, true) == 0, "a queue in use cannot be moved");
	common8_set(COMMON_STATUS, 0);
	common16_set(COMMON_QUEUE_SELECT, 0);
	report(common16(COMMON_QUEUE_ENABLE) == 0, "a reset disables the queue");
	common16_set(COMMON_QUEUE_SELECT, 5);
	report(common16(COMMON_QUEUE_SIZE) == 0, "a queue that there is not has size 0");
}

/* The BAR of the doorbells goes away with a request in the ring, and comes back. */
static void bars_move(void)
{
	u16 next;

	report(disk_start(0) == 15, "started");
	pci_write(disk_slot, 0x10, 0xffffffff);
	report(pci_read(disk_slot, 0x10) == 0xfffffff1, "the port BAR has 16 ports");
	next = (u16)(used.index + 1);
	disk_describe(0, 8, (u64)buffer, 512, true);
	disk_ring(0);
	report(used.index == (u16)(next - 1), "a doorbell at no BAR rings nothing");
	pci_write(disk_slot, 0x10, VIRTIO_PORTS + 0x100);
	outw(VIRTIO_PORTS + 0x100, 0);
	report(disk_wait(next) && status == 0, "at the BAR's new place it does");
	pci_write(disk_slot, 0x10, VIRTIO_PORTS);
}

void test_main(void)
{
	x2apic_enable();
	set_handler(DISK_VECTOR, disk_interrupt);
	pic_setup(0xff, 0xff);
	if (!disk_find()) {
		report(false, "there is a virtio disk on bus 0");
		return;
	}
	disk_plug();
	report(disk_start(0) == 15, "a virtio disk on bus 0 is initialised");
	good_requests();
	bad_requests();
	broken_rules();
	wrong_initialisations();
	bars_move();
	report(disk_start(F_EVENT_IDX) == 15 && disk_request(0, 8, (u64)buffer, 512, true) == 0, "with EVENT_IDX");
	common8_set(COMMON_STATUS, 0);
}
