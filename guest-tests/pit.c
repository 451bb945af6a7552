/* SPDX-License-Identifier: MIT */
/* The PIT against the PM timer: counters, read-back, gate and OUT 2 of the speaker channel, one-shot and rates of IRQ 0. */
#include "guest-tests/lib/board.h"

static volatile unsigned ticks;

static void handler(struct trap_frame *frame)
{
	(void)frame;
	ticks++;
	outb(0x20, 0x20);
}

static u16 counter(unsigned channel)
{
	u16 value;

	outb(0x43, (u8)(channel << 6));
	value = inb((u16)(0x40 + channel));
	return (u16)(value | inb((u16)(0x40 + channel)) << 8);
}

static void speaker(void)
{
	u32 start, ticks_taken;

	outb(0x61, 0);
	outb(0x43, 0xb0);
	outb(0x42, 0x98); /* 11928 ticks: 10 ms */
	outb(0x42, 0x2e);
	wait_us(20000);
	report(!(inb(0x61) & 0x20), "a low gate holds channel 2");
	start = pm_timer(); /* before the gate: a pause of the host between the two must not make it look early */
	outb(0x61, 1);
	while (!(inb(0x61) & 0x20) && ((pm_timer() - start) & 0xffffff) < PM_TIMER_HZ)
		;
	ticks_taken = (pm_timer() - start) & 0xffffff;
	report(ticks_taken + 6 >= 3 * 11928 && ticks_taken < PM_TIMER_HZ, "OUT 2 rises 10 ms after the gate, not before");
	start = inb(0x61) & 0x10;
	ticks_taken = 0;
	for (unsigned i = 0; i < 100000 && !ticks_taken; i++)
		ticks_taken = (inb(0x61) & 0x10) != start;
	report(ticks_taken, "the refresh bit toggles");
}

static void rates(void)
{
	unsigned before;

	pic_setup(0xfe, 0xff);
	set_handler(0x40, handler);
	pit_channel0(2, 11932);
	irq_on();
	report(rate_is_right(&ticks, 100, 500000), "mode 2: 100 Hz over half a second");
	pit_channel0(3, 2386);
	report(rate_is_right(&ticks, 500, 500000), "mode 3: 500 Hz over half a second");
	pit_channel0(0, 11932);
	before = ticks;
	(void)wait_for(&ticks, before + 1, 4000000);
	wait_us(100000);
	report(ticks - before == 1, "mode 0: one interrupt, and no more");
	irq_off();
}

/*
 * The PM timer counts three times as fast. Two readings of it around each reading of the counter are the bounds; the
 * counter wraps after 55 ms, so a longer measurement (the host was busy) says nothing and is made again.
 */
static bool speed_is_right(bool *useful)
{
	u32 before_first, after_first, before_second, after_second, passed, longest;
	u16 first, second;

	before_first = pm_timer();
	first = counter(2);
	after_first = pm_timer();
	wait_us(5000);
	before_second = pm_timer();
	second = counter(2);
	after_second = pm_timer();
	passed = 3u * (u16)(first - second);
	longest = (after_second - before_first) & 0xffffff;
	*useful = longest < 3 * 60000;
	return passed + 6 >= ((before_second - after_first) & 0xffffff) && passed <= longest + 6;
}

static void speed(void)
{
	bool useful = false, right = false;

	outb(0x61, 1);
	outb(0x43, 0xb4);
	outb(0x42, 0x00);
	outb(0x42, 0x00);
	wait_us(100);
	for (unsigned tries = 0; tries < 20 && !useful; tries++)
		right = speed_is_right(&useful);
	report(useful && right, "mode 2 counts down at 1.19 MHz");
}

void test_main(void)
{
	speaker();
	speed();
	outb(0x43, 0xe8);
	report((inb(0x42) & 0x3f) == 0x34, "read-back gives mode and access of channel 2");
	rates();
}
