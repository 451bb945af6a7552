/* SPDX-License-Identifier: MIT */
/* The real-time clock: a plausible date, seconds that pass at the right speed, UIP, setting, flags, CMOS memory. */
#include "guest-tests/lib/board.h"

static u8 cmos(u8 index)
{
	outb(0x70, index);
	return inb(0x71);
}

static void cmos_write(u8 index, u8 value)
{
	outb(0x70, index);
	outb(0x71, value);
}

static unsigned decimal(u8 bcd)
{
	return (bcd & 15u) + 10u * (bcd >> 4);
}

static bool wait_for_flag(u8 flag, u32 ms)
{
	while (ms--) {
		if (cmos(0x0c) & flag)
			return true;
		wait_us(1000);
	}
	return false;
}

void test_main(void)
{
	unsigned year, second;
	u32 start, ticks;

	cmos_write(0x0b, 0x02);
	year = decimal(cmos(0x32)) * 100 + decimal(cmos(9));
	report(year >= 2024 && year < 2100 && decimal(cmos(8)) - 1 < 12 && decimal(cmos(7)) - 1 < 31, "the date is plausible");
	report(cmos(0x0d) == 0x80, "VRT says that the battery is good");
	(void)cmos(0x0c);
	report(wait_for_flag(0x10, 1500), "an update comes");
	start = pm_timer();
	report(wait_for_flag(0x10, 1500), "and a second one");
	ticks = (pm_timer() - start) & 0xffffff;
	/* A busy host looks late now and then, but not each time. */
	for (unsigned i = 0; i < 3 && ticks >= PM_TIMER_HZ * 2ull; i++) {
		start = pm_timer();
		(void)wait_for_flag(0x10, 1500);
		ticks = (pm_timer() - start) & 0xffffff;
	}
	report(ticks > PM_TIMER_HZ * 90ull / 100 && ticks < PM_TIMER_HZ * 2ull, "a second later");
	cmos_write(0x0b, 0x82);
	cmos_write(0, 0x58);
	cmos_write(2, 0x59);
	cmos_write(4, 0x23);
	cmos_write(7, 0x31);
	cmos_write(8, 0x12);
	cmos_write(9, 0x29);
	wait_us(1100000);
	report(cmos(0) == 0x58, "SET stops the clock");
	cmos_write(0x0b, 0x02);
	wait_us(2200000);
	second = decimal(cmos(0));
	report(second < 30 && cmos(9) == 0x30 && cmos(8) == 1 && cmos(7) == 1 && cmos(4) == 0, "midnight, new year, 2030");
	cmos_write(0x0b, 0x06);
	report(cmos(9) == 30, "binary mode shows the same year");
	cmos_write(0x0b, 0x02);
	cmos_write(0x50, 0xa5);
	cmos_write(0x51, 0x5a);
	report(cmos(0x50) == 0xa5 && cmos(0x51) == 0x5a, "CMOS memory keeps bytes");
	report(cmos(0x15) == 0x80 && cmos(0x16) == 0x02, "640 KiB of base memory");
}
