/* SPDX-License-Identifier: MIT */
/*
 * Calibration: the TSC and the APIC timer are read at both ends of a window of 20 ms of the reference counter. Each end is
 * the quickest of several tries, so that an interruption by an emulator or SMI between the reads does not count.
 */
#include "arch/x86/tsc.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/port.h"
#include "hv/lib/muldiv.h"

#define PIT_HZ 1193182u
#define PM_TIMER_HZ 3579545u
#define WINDOW_MS 20u
#define TRIES 5
#define HPET_CAPABILITIES 0
#define HPET_CONFIGURATION 0x10
#define HPET_COUNTER 0xf0

/* Channel 2 counts down from 65536, gated by bit 0 of port 0x61; the speaker (bit 1) stays silent. */
static u64 read_pit(void *context)
{
	u32 low;

	(void)context;
	outb(0x43, 0x80);
	low = inb(0x42);
	return 0xffffu - (low | (u32)inb(0x42) << 8);
}

static void start_pit(void)
{
	outb(0x61, (u8)((inb(0x61) & ~2u) | 1u));
	outb(0x43, 0xb0); /* channel 2, both bytes, mode 0 */
	outb(0x42, 0xff);
	outb(0x42, 0xff);
}

const struct tsc_reference tsc_reference_pit = { "PIT", PIT_HZ, 0xffff, read_pit, NULL };

static u64 read_pm_timer(void *context)
{
	return inl((u16)(u64)context);
}

void tsc_reference_pm_timer(struct tsc_reference *reference, u16 port, bool is_32bit)
{
	*reference = (struct tsc_reference){ "ACPI PM timer", PM_TIMER_HZ, is_32bit ? 0xffffffffu : 0xffffffu, read_pm_timer,
					     (void *)(u64)port };
}

static u64 read_hpet(void *context)
{
	return *(volatile u32 *)((volatile u8 *)context + HPET_COUNTER);
}

bool tsc_reference_hpet(struct tsc_reference *reference, volatile void *registers)
{
	volatile u8 *hpet = registers;
	u32 period_fs = *(volatile u32 *)(hpet + HPET_CAPABILITIES + 4);

	if (period_fs == 0 || period_fs > 100000000u)
		return false;
	*(volatile u32 *)(hpet + HPET_CONFIGURATION) |= 1;
	*reference = (struct tsc_reference){ "HPET", 1000000000000000ull / period_fs, 0xffffffffu, read_hpet,
					     (void *)(u64)registers };
	return true;
}

bool tsc_reference_works(const struct tsc_reference *reference)
{
	u64 first, start = rdtsc();

	if (reference->read == read_pit)
		start_pit();
	first = reference->read(reference->context);
	while (rdtsc() - start < 10000000u)
		if (reference->read(reference->context) != first)
			return true;
	return false;
}

struct sample {
	u64 reference, tsc, lapic;
};

static void take_sample(const struct tsc_reference *reference, struct sample *best)
{
	u64 shortest = ~(u64)0;

	for (unsigned i = 0; i < TRIES; i++) {
		struct sample s;
		u64 before = rdtsc_ordered(), after;

		s.reference = reference->read(reference->context);
		s.lapic = lapic_timer_elapsed();
		after = rdtsc_ordered();
		s.tsc = before + (after - before) / 2;
		if (after - before < shortest) {
			shortest = after - before;
			*best = s;
		}
	}
}

void tsc_measure(const struct tsc_reference *reference, struct tsc_measurement *measurement)
{
	u64 wanted = reference->hz * WINDOW_MS / 1000, ticks;
	struct sample start, end;

	if (reference->read == read_pit)
		start_pit();
	lapic_timer_start_counting();
	take_sample(reference, &start);
	while (((reference->read(reference->context) - start.reference) & reference->mask) < wanted)
		;
	take_sample(reference, &end);
	ticks = (end.reference - start.reference) & reference->mask;
	measurement->tsc_hz = multiply_divide(end.tsc - start.tsc, reference->hz, ticks);
	measurement->lapic_hz = multiply_divide(end.lapic - start.lapic, reference->hz, ticks);
}

u64 tsc_hz_by_cpuid(void)
{
	struct cpuid_result ratio = cpuid_if_present(0x15, 0), base = cpuid_if_present(0x16, 0);

	if (ratio.eax && ratio.ebx && ratio.ecx)
		return (u64)ratio.ecx * ratio.ebx / ratio.eax;
	return (u64)(base.eax & 0xffff) * 1000000;
}
