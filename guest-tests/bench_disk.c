/* SPDX-License-Identifier: MIT */
/*
 * What a disk request costs on a RAM disk, in the guest's own TSC: instructions under -icount. blk.ram.ring: the doorbell alone,
 * with nothing to do; blk.ram.request: a 4 KiB read from the doorbell to the used ring, the copy included.
 */
#include "guest-tests/lib/virtio.h"

#define TRIES 1000

static u64 spurious(void)
{
	u64 start = rdtsc();

	outw(VIRTIO_PORTS, 0);
	return rdtsc() - start;
}

static u64 read_4k(void)
{
	u16 next = (u16)(used.index + 1);
	u64 start;

	disk_describe(0, 8, (u64)buffer, 4096, true);
	avail.ring[avail.index % QUEUE_SIZE] = 0;
	avail.used_event = (u16)(used.index + 100); /* no interrupt */
	__asm__ volatile("" ::: "memory");
	avail.index++;
	start = rdtsc();
	outw(VIRTIO_PORTS, 0);
	while (used.index != next)
		;
	return rdtsc() - start;
}

static u64 read_512(void)
{
	u16 next = (u16)(used.index + 1);
	u64 start;

	disk_describe(0, 8, (u64)buffer, 512, true);
	avail.ring[avail.index % QUEUE_SIZE] = 0;
	avail.used_event = (u16)(used.index + 100);
	__asm__ volatile("" ::: "memory");
	avail.index++;
	start = rdtsc();
	outw(VIRTIO_PORTS, 0);
	while (used.index != next)
		;
	return rdtsc() - start;
}

void test_main(void)
{
	x2apic_enable();
	set_handler(DISK_VECTOR, disk_interrupt);
	pic_setup(0xff, 0xff);
	report(disk_find(), "there is a virtio disk");
	if (!disk_slot)
		return;
	disk_plug();
	report(disk_start(F_EVENT_IDX) == 15, "initialised");
	(void)disk_request(0, 8, (u64)buffer, 4096, true);
	bench("blk.ram.doorbell", spurious, TRIES);
	bench("blk.ram.request", read_4k, TRIES);
	bench("blk.ram.request512", read_512, TRIES);
}
