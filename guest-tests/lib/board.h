/* SPDX-License-Identifier: MIT */
/* What the tests of the board's devices share: the PIC, the PIT and the PM timer as clocks, and waiting with a limit. */
#ifndef GUEST_TESTS_LIB_BOARD_H
#define GUEST_TESTS_LIB_BOARD_H

#include "guest-tests/lib/guest.h"

#define PM_TIMER_PORT 0x608
#define PM_TIMER_HZ 3579545u
#define PIT_HZ 1193182u
#define IOAPIC 0xfec00000ull
#define LAPIC 0xfee00000ull

static inline u32 pm_timer(void)
{
	return inl(PM_TIMER_PORT) & 0xffffff;
}

/* Microseconds by the PM timer, up to 4 s; interrupts that come are taken when they are on. */
static inline void wait_us(u32 us)
{
	u32 start = pm_timer(), ticks = (u32)((u64)us * PM_TIMER_HZ / 1000000);

	while (((pm_timer() - start) & 0xffffff) < ticks)
		__asm__ volatile("pause");
}

/* TSC ticks in a millisecond. */
static inline u64 tsc_per_ms(void)
{
	u64 start = rdtsc();

	wait_us(10000);
	return (rdtsc() - start) / 10;
}

/* Waits until the counter reaches a value; false: not within us. */
static inline bool wait_for(volatile unsigned *counter, unsigned value, u32 us)
{
	u32 start = pm_timer(), ticks = (u32)((u64)us * PM_TIMER_HZ / 1000000);

	while (*counter < value)
		if (((pm_timer() - start) & 0xffffff) >= ticks)
			return *counter >= value;
	return true;
}

/*
 * How many of a periodic interrupt came in about us, against how many the PM timer says there should be: never more, and
 * at least a few. An emulator that loses its own CPU for a while makes the guest miss some (they are not made up for), so
 * the lower bound says nothing about speed; the exact schedule is tested on the build machine.
 */
static inline bool rate_is_right(volatile unsigned *counter, u32 hz, u32 us)
{
	u32 start = pm_timer(), before = *counter, came, elapsed;
	u64 expected;

	wait_us(us);
	came = *counter - before;
	elapsed = (pm_timer() - start) & 0xffffff;
	expected = (u64)elapsed * hz / PM_TIMER_HZ;
	note("%u interrupts where %lu fit", came, expected);
	return came <= expected + 1 && came >= 3;
}

static inline void pic_setup(u8 master_mask, u8 slave_mask)
{
	outb(0x20, 0x11), outb(0x21, 0x40), outb(0x21, 0x04), outb(0x21, 0x01);
	outb(0xa0, 0x11), outb(0xa1, 0x48), outb(0xa1, 0x02), outb(0xa1, 0x01);
	outb(0x21, master_mask);
	outb(0xa1, slave_mask);
}

static inline void pit_channel0(u8 mode, u16 count)
{
	outb(0x43, (u8)(0x30 | mode << 1));
	outb(0x40, (u8)count);
	outb(0x40, (u8)(count >> 8));
}

static inline u32 ioapic_read(u32 index)
{
	mmio_write(IOAPIC, index);
	return mmio_read(IOAPIC + 0x10);
}

static inline void ioapic_write(u32 index, u32 value)
{
	mmio_write(IOAPIC, index);
	mmio_write(IOAPIC + 0x10, value);
}

#endif
