/* SPDX-License-Identifier: MIT */
/*
 * A domain of several CPUs that all do the same without end; `how=NAME` on the command line says what:
 *
 *   spin    deaf, with interrupts off
 *   flood   interrupts to all others, as fast as they can be sent
 *   sum     a linear congruential generator on each CPU; the boot CPU prints where each one is, so that whoever knows the formula
 *           knows what must stand there ("cpu 2 block 17 state …")
 *
 * For scenarios about shares, about starting and stopping machines, and the soak. Next to read: worker.c, the same with memory.
 */
#include "guest-tests/lib/smp.h"

#define VECTOR 0x41
#define TO_OTHERS 0xc0000u
#define STEPS (1u << 18) /* of a block */
#define LINES_EVERY 8    /* blocks of the boot CPU */
#define MULTIPLIER 6364136223846793005ull
#define INCREMENT 1442695040888963407ull

static volatile struct progress {
	u64 turn; /* odd while the two are written */
	u64 block, state;
} progress[SMP_CPUS_MAX];

static void take(struct trap_frame *frame)
{
	(void)frame;
	x2apic_eoi();
}

static void spin(void)
{
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static void flood(void)
{
	irq_on();
	for (;;)
		smp_icr(0, TO_OTHERS | VECTOR);
}

static void print_all(void)
{
	for (unsigned cpu = 0; cpu < smp_cpus; cpu++) {
		u64 turn = progress[cpu].turn, block = progress[cpu].block, state = progress[cpu].state;

		if (block && !(turn & 1) && turn == progress[cpu].turn)
			note("cpu %u block %lu state %lx", cpu, block, state);
	}
}

static void sum(void)
{
	unsigned cpu = smp_this();
	u64 state = cpu + 1;

	for (u64 block = 1;; block++) {
		for (unsigned i = 0; i < STEPS; i++)
			state = state * MULTIPLIER + INCREMENT;
		progress[cpu].turn++; /* x86 keeps the order of stores */
		progress[cpu].block = block;
		progress[cpu].state = state;
		progress[cpu].turn++;
		if (cpu == 0 && block % LINES_EVERY == 0)
			print_all();
	}
}

static const struct { const char *name; void (*function)(void); } ways[] = { { "spin", spin }, { "flood", flood }, { "sum", sum } };

void test_main(void)
{
	const char *how = command_line();

	set_handler(VECTOR, take);
	if (smp_count() > 1)
		report(smp_start(), "all CPUs");
	else
		smp_cpus = 1, x2apic_enable();
	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!starts_with(how, "how=") || !starts_with(how + 4, ways[i].name))
			continue;
		note("smp_work: %s on %u CPUs", ways[i].name, smp_cpus);
		for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
			smp_call(cpu, ways[i].function);
		ways[i].function();
	}
	report(false, "how=NAME says what to do");
}
