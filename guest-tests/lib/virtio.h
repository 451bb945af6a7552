/* SPDX-License-Identifier: MIT */
/*
 * A tiny driver for one virtio-blk disk on PCI bus 0, for tests: one queue of 8, interrupts by MSI-X, doorbells in ports. Written
 * from the specification, step by step ("Device Initialization"); every structure is a test's to break.
 */
#ifndef GUEST_TESTS_LIB_VIRTIO_H
#define GUEST_TESTS_LIB_VIRTIO_H

#include "guest-tests/lib/board.h"

#define QUEUE_SIZE 8u
#define DISK_VECTOR 0x51
#define VIRTIO_PORTS 0xc000u
#define VIRTIO_MSIX 0xd0000000ull
#define VIRTIO_FAST 0xd0010000ull
#define VIRTIO_CONFIG 0xd0020000ull
#define VIRTIO_DEVICE_CONFIG (VIRTIO_CONFIG + 4096)
#define COMMON_FEATURE_SELECT 0
#define COMMON_FEATURE 4
#define COMMON_DRIVER_SELECT 8
#define COMMON_DRIVER 12
#define COMMON_MSIX 16
#define COMMON_STATUS 20
#define COMMON_QUEUE_SELECT 22
#define COMMON_QUEUE_SIZE 24
#define COMMON_QUEUE_MSIX 26
#define COMMON_QUEUE_ENABLE 28
#define COMMON_QUEUE_DESC 32
#define COMMON_QUEUE_DRIVER 40
#define COMMON_QUEUE_DEVICE 48
#define F_EVENT_IDX (1u << 29)

struct desc { u64 address; u32 length; u16 flags, next; };
struct avail { u16 flags, index, ring[QUEUE_SIZE], used_event; };
struct used { u16 flags, index; struct { u32 id, length; } ring[QUEUE_SIZE]; u16 avail_event; };

static struct desc desc[QUEUE_SIZE] __attribute__((aligned(4096)));
static volatile struct avail avail __attribute__((aligned(64)));
static volatile struct used used __attribute__((aligned(4096)));
static struct { u32 type, reserved; u64 sector; } header __attribute__((aligned(64)));
static u8 buffer[8192] __attribute__((aligned(4096)));
static volatile u8 status __attribute__((aligned(64)));
static volatile unsigned disk_interrupts;
static u32 disk_slot; /* 0: none */

static inline u32 pci_read(u32 slot, u32 offset)
{
	outl(0xcf8, 0x80000000u | slot << 11 | (offset & 0xfc));
	return inl(0xcfc) >> (offset & 3) * 8;
}
static inline void pci_write(u32 slot, u32 offset, u32 value)
{
	outl(0xcf8, 0x80000000u | slot << 11 | (offset & 0xfc));
	outl(0xcfc, value);
}

static inline u8 common8(u32 offset) { return *(volatile u8 *)(VIRTIO_CONFIG + offset); }
static inline u16 common16(u32 offset) { return *(volatile u16 *)(VIRTIO_CONFIG + offset); }
static inline u32 common32(u32 offset) { return *(volatile u32 *)(VIRTIO_CONFIG + offset); }
static inline void common8_set(u32 offset, u8 value) { *(volatile u8 *)(VIRTIO_CONFIG + offset) = value; }
static inline void common16_set(u32 offset, u16 value) { *(volatile u16 *)(VIRTIO_CONFIG + offset) = value; }
static inline void common32_set(u32 offset, u32 value) { *(volatile u32 *)(VIRTIO_CONFIG + offset) = value; }
static inline void common64_set(u32 offset, u64 value)
{
	common32_set(offset, (u32)value);
	common32_set(offset + 4, (u32)(value >> 32));
}

static void disk_interrupt(struct trap_frame *frame)
{
	(void)frame;
	disk_interrupts++;
	x2apic_eoi();
}

static inline bool disk_find(void)
{
	for (u32 slot = 1; slot < 32 && !disk_slot; slot++)
		if (pci_read(slot, 0) == 0x10421af4)
			disk_slot = slot;
	return disk_slot != 0;
}

/* BARs where this file expects them; decoding, bus mastering and MSI-X on. */
static inline void disk_plug(void)
{
	u32 at = pci_read(disk_slot, 0x34) & 0xff;

	pci_write(disk_slot, 0x10, VIRTIO_PORTS);
	pci_write(disk_slot, 0x14, (u32)VIRTIO_MSIX);
	pci_write(disk_slot, 0x18, (u32)VIRTIO_FAST);
	pci_write(disk_slot, 0x20, (u32)VIRTIO_CONFIG);
	pci_write(disk_slot, 0x24, 0);
	pci_write(disk_slot, 0x04, 7);
	while ((pci_read(disk_slot, at) & 0xff) != 0x11)
		at = pci_read(disk_slot, at + 1) & 0xff;
	pci_write(disk_slot, at, 0x80000000u);
	for (u32 i = 0; i < 2; i++) {
		mmio_write(VIRTIO_MSIX + 16 * i, 0xfee00000u);
		mmio_write(VIRTIO_MSIX + 16 * i + 4, 0);
		mmio_write(VIRTIO_MSIX + 16 * i + 8, DISK_VECTOR);
		mmio_write(VIRTIO_MSIX + 16 * i + 12, 0);
	}
}

/* A whole initialisation; returns the status register at its end. */
static inline u8 disk_start(u32 features)
{
	memset(desc, 0, sizeof(desc));
	memset((void *)(u64)&avail, 0, sizeof(avail));
	memset((void *)(u64)&used, 0, sizeof(used));
	common8_set(COMMON_STATUS, 0);
	while (common8(COMMON_STATUS))
		;
	common8_set(COMMON_STATUS, 1);
	common8_set(COMMON_STATUS, 3);
	common32_set(COMMON_DRIVER_SELECT, 0);
	common32_set(COMMON_DRIVER, features);
	common32_set(COMMON_DRIVER_SELECT, 1);
	common32_set(COMMON_DRIVER, 1); /* VERSION_1 */
	common8_set(COMMON_STATUS, 11);
	common16_set(COMMON_MSIX, 1);
	common16_set(COMMON_QUEUE_SELECT, 0);
	common16_set(COMMON_QUEUE_SIZE, QUEUE_SIZE);
	common16_set(COMMON_QUEUE_MSIX, 0);
	common64_set(COMMON_QUEUE_DESC, (u64)desc);
	common64_set(COMMON_QUEUE_DRIVER, (u64)&avail);
	common64_set(COMMON_QUEUE_DEVICE, (u64)&used);
	common16_set(COMMON_QUEUE_ENABLE, 1);
	common8_set(COMMON_STATUS, 15);
	return common8(COMMON_STATUS);
}

static inline void disk_describe(u32 type, u64 sector, u64 address, u32 length, bool device_writes)
{
	header.type = type;
	header.reserved = 0;
	header.sector = sector;
	status = 0xee;
	desc[0] = (struct desc){ (u64)&header, 16, 1, length ? 1 : 2 };
	desc[1] = (struct desc){ address, length, (u16)(1 | (device_writes ? 2 : 0)), 2 };
	desc[2] = (struct desc){ (u64)&status, 1, 2, 0 };
}

static inline void disk_ring(u16 head)
{
	avail.ring[avail.index % QUEUE_SIZE] = head;
	__asm__ volatile("" ::: "memory");
	avail.index++;
	__asm__ volatile("mfence" ::: "memory");
	outw(VIRTIO_PORTS, 0);
}

/*
 * Waits until the used index is there; false: it does not come. Interrupts are on for moments: Bochs keeps the host's interrupts
 * away as long as a guest leaves its IF at 0, and the disk's thread needs the CPU.
 */
static inline bool disk_wait(u16 index)
{
	u32 start = pm_timer();

	while (used.index != index) {
		if (((pm_timer() - start) & 0xffffff) > PM_TIMER_HZ)
			return false;
		__asm__ volatile("sti; nop; cli" ::: "memory");
	}
	return true;
}

/* One request; the status byte, or 0xee: no answer. */
static inline u8 disk_request(u32 type, u64 sector, u64 address, u32 length, bool device_writes)
{
	u16 next = (u16)(used.index + 1);

	disk_describe(type, sector, address, length, device_writes);
	disk_ring(0);
	return disk_wait(next) ? status : 0xee;
}

#endif
