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

/* What the poll of a periodic interrupt sees: in ticks of the PM timer. */
struct rate_watch {
	u32 period, last_look, last_tick;
	unsigned came, pauses, regular, swallowed;
};

static inline void rate_look(struct rate_watch *watch, u32 now, unsigned came)
{
	u32 gap = now - watch->last_look, pause = now - watch->last_tick, quarter = watch->period / 4;

	watch->swallowed += gap > 2 * quarter ? gap / watch->period + 1 : 0;
	watch->last_look = now;
	if (came == watch->came)
		return;
	if (watch->came) {
		watch->pauses++;
		watch->regular += came == watch->came + 1 && pause > watch->period - quarter && pause < watch->period + quarter;
	}
	watch->came = came;
	watch->last_tick = now;
}

/*
 * A periodic interrupt's rate, by the PM timer over about us: never more than fit, and none missing. On a busy machine an emulator
 * loses its CPU, ticks fall together, and a PC does not make up for them. So either each one that is missing fell into a gap
 * between two looks at the clock that was longer than half a period; or, where the emulator's own timers were late while the CPU went
 * on, at least half of the pauses between two interrupts are one period, within a quarter of it.
 */
static inline bool rate_is_right(volatile unsigned *counter, u32 hz, u32 us)
{
	struct rate_watch watch = { .period = PM_TIMER_HZ / hz };
	u32 start = pm_timer(), ticks = (u32)((u64)us * PM_TIMER_HZ / 1000000), elapsed = 0;
	unsigned before = *counter, expected;

	while (elapsed < ticks) {
		elapsed = (pm_timer() - start) & 0xffffff;
		rate_look(&watch, elapsed, *counter - before);
	}
	expected = (unsigned)((u64)elapsed * hz / PM_TIMER_HZ);
	note("%u interrupts where %u fit; up to %u swallowed; %u of %u pauses are a period", watch.came, expected, watch.swallowed,
	     watch.regular, watch.pauses);
	if (watch.came > expected + 1 || watch.came < 3)
		return false;
	return watch.came + watch.swallowed + 1 >= expected || 2 * watch.regular >= watch.pauses;
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
