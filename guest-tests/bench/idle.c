/* SPDX-License-Identifier: MIT */
/*
 * A machine that idles like an operating system at rest: a timer wakes it a thousand times a second, and it halts again.
 * It never ends; tools/guest-tests --beside runs it next to what is measured.
 */
#include "guest-tests/lib/guest.h"

#define TIMER 0x40
#define TSC_DEADLINE 0x6e0u
#define LVT_TIMER X2APIC(0x320)
#define DEADLINE_MODE 0x40000
#define PERIOD 1000000u /* ticks: 1 ms at 1 GHz, as under the instruction counter; the whole bench takes some milliseconds */

static void tick(struct trap_frame *frame)
{
	(void)frame;
	wrmsr(TSC_DEADLINE, rdtsc() + PERIOD);
	x2apic_eoi();
}

void test_main(void)
{
	x2apic_enable();
	set_handler(TIMER, tick);
	wrmsr(LVT_TIMER, DEADLINE_MODE | TIMER);
	wrmsr(TSC_DEADLINE, rdtsc() + PERIOD);
	for (;;)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
}
