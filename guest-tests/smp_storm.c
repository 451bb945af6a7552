/* SPDX-License-Identifier: MIT */
/*
 * What a guest can send at its own CPUs without end: broadcasts, NMIs, INITs and start-up IPIs, timers, every pattern of the
 * ICR. The machine and its CPUs go on; nothing here is more than its own time. With the command line "forever" it storms
 * until it is destroyed, for scenarios that look at its neighbours.
 */
#include "guest-tests/lib/smp.h"

#define VECTOR 0x41
#define TIMER_VECTOR 0x61
#define STORM_US 60000
#define TO_OTHERS 0xc0000u

static volatile unsigned got[SMP_CPUS_MAX], nmis[SMP_CPUS_MAX], ticks[SMP_CPUS_MAX];
static u32 pattern;

static void handler(struct trap_frame *frame)
{
	(void)frame;
	got[smp_this()]++;
	x2apic_eoi();
}

static void nmi_handler(struct trap_frame *frame)
{
	(void)frame;
	nmis[smp_this()]++;
}

static void tick(struct trap_frame *frame)
{
	(void)frame;
	ticks[smp_this()]++;
	x2apic_eoi();
}

static void stray(struct trap_frame *frame)
{
	(void)frame;
	x2apic_eoi();
}

static bool until(u32 start, u32 us)
{
	return ((pm_timer() - start) & 0xffffff) < (u32)((u64)us * PM_TIMER_HZ / 1000000);
}

static void send_for_a_while(u32 low)
{
	u32 start = pm_timer();

	irq_on();
	while (until(start, STORM_US))
		for (unsigned i = 0; i < 20; i++)
			smp_icr(0, low);
	irq_off();
}

static void broadcasts(void) { send_for_a_while(TO_OTHERS | VECTOR); }
static void nmi_broadcasts(void) { send_for_a_while(TO_OTHERS | 0x400); }

static void timers(void)
{
	u32 start = pm_timer();

	wrmsr(X2APIC(0x3e0), 0xb);
	wrmsr(X2APIC(0x320), 1u << 17 | TIMER_VECTOR);
	wrmsr(X2APIC(0x380), 1); /* a period of a nanosecond */
	irq_on();
	while (until(start, STORM_US))
		__asm__ volatile("pause");
	irq_off();
	wrmsr(X2APIC(0x380), 0);
	wrmsr(X2APIC(0x320), 0x10000);
}

static bool on_all(void (*function)(void))
{
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		smp_call(cpu, function);
	function();
	return smp_wait_all();
}

static bool all_answer(void)
{
	bool answers = true;

	for (unsigned cpu = 1; cpu < smp_cpus; cpu++) {
		unsigned before = got[cpu];

		smp_icr(cpu, 0x4000 | VECTOR);
		answers &= smp_reached(&got[cpu], before + 1);
	}
	return answers;
}

/*
 * 0x9f: a program of one jump. Nothing less will do: a CPU that gets time among the INITs would run through zeros into the hole
 * behind them, from there by the empty vector table to address 0, and through zeros again into our trampoline, at a wrong CS.
 */
static void init_storm(void)
{
	*(volatile u16 *)0x9f000 = 0xfeeb;
	for (unsigned i = 0; i < 2000; i++) {
		smp_icr(1, 0x4500);
		smp_icr(1, 0x4600 | (i & 1 ? 8 : 0x9f));
		if (i % 3 == 0)
			smp_icr(1, 0x4600 | 8);
	}
	smp_icr(1, 0x4500);
	report(smp_start_one(1), "after 2000 INITs and start-up IPIs the CPU starts");
}

/* Every delivery mode, trigger and level at the others, with vectors good and bad; reserved bits are #GP. */
static void icr_patterns(void)
{
	unsigned faults = 0;

	for (unsigned i = 0; i < 4096; i++) {
		u32 low = TO_OTHERS | (i << 8 & 0xff00) | (i & 0xf0) | 0x100000u * (i > 4000);

		pattern = pattern * 1103515245 + 12345;
		low |= pattern >> 16 & 15;
		if ((low >> 8 & 7) == 4)
			low &= ~0x400u; /* an NMI to a CPU that has no descriptors yet would end the machine, and rightly */
		if ((low & 0xf0) == 0x10)
			low |= 0x20; /* not an exception's vector: our stub for it would expect an error code */
		if ((low >> 8 & 7) == 6)
			low = (low & ~0xffu) | 8; /* start-up at a program */
		if (wrmsr_trapped(X2APIC(0x300), (u64)(pattern & 0x80000000 ? pattern : 3) << 32 | low) == 13)
			faults++;
	}
	report(faults > 0 && faults < 4096, "every pattern of the ICR is taken or is #GP");
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		(void)smp_start_one(cpu);
	report(all_answer(), "after them all CPUs start and answer");
}

static void broadcasts_for_ever(void)
{
	for (;;)
		broadcasts();
}

static void nmis_for_ever(void)
{
	for (;;)
		nmi_broadcasts();
}

static void timers_and_deaf_spinning(void)
{
	for (;;) {
		u32 start = pm_timer();

		timers();
		while (until(start, 2 * STORM_US))
			__asm__ volatile("" ::: "memory"); /* interrupts are off */
	}
}

static void storm_for_ever(void)
{
	smp_call(1, broadcasts_for_ever);
	smp_call(2, nmis_for_ever);
	for (;;) {
		if (smp_start_one(3))
			smp_call(3, timers_and_deaf_spinning);
		for (unsigned i = 0; i < 20000; i++)
			smp_icr(3, i & 1 ? 0x4608 : 0x4500);
	}
}

void test_main(void)
{
	for (unsigned vector = 32; vector < 255; vector++)
		set_handler((u8)vector, stray); /* the patterns have any vector */
	set_handler(VECTOR, handler);
	set_handler(TIMER_VECTOR, tick);
	set_handler(2, nmi_handler);
	set_handler(255, tick); /* spurious: no end of interrupt is due, one too many does nothing */
	report(smp_start(), "four CPUs");
	if (starts_with(command_line(), "forever"))
		storm_for_ever();
	report(on_all(broadcasts) && got[0] && got[1] && got[2] && got[3], "all broadcast to all");
	report(all_answer(), "and answer afterwards");
	report(on_all(nmi_broadcasts) && nmis[0] && nmis[1] && nmis[2] && nmis[3], "all send NMIs to all");
	report(all_answer(), "and answer afterwards");
	report(on_all(timers) && ticks[0] && ticks[1] && ticks[2] && ticks[3], "all timers fire as fast as they may");
	report(all_answer(), "and all answer afterwards");
	init_storm();
	icr_patterns();
}
