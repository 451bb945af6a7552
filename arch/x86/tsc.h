/* SPDX-License-Identifier: MIT */
/* How fast the TSC and the local APIC's timer run, measured against a clock of known frequency. */
#ifndef ARCH_X86_TSC_H
#define ARCH_X86_TSC_H

#include "hv/lib/types.h"

/* A counter that counts up, modulo mask + 1. */
struct tsc_reference {
	const char *name;
	u64 hz, mask;
	u64 (*read)(void *context);
	void *context;
};

extern const struct tsc_reference tsc_reference_pit;
/* ACPI's power-management timer at an I/O port. */
void tsc_reference_pm_timer(struct tsc_reference *reference, u16 port, bool is_32bit);
/* An HPET; false: it makes no sense. It is switched on. */
bool tsc_reference_hpet(struct tsc_reference *reference, volatile void *registers);
/* Does it count at all? */
bool tsc_reference_works(const struct tsc_reference *reference);

struct tsc_measurement {
	u64 tsc_hz, lapic_hz; /* the latter: the timer's count, after its divider */
};
/* Interrupts off; takes 20 ms. */
void tsc_measure(const struct tsc_reference *reference, struct tsc_measurement *measurement);
/* What CPUID says; 0: nothing. Not to be believed on emulators. */
u64 tsc_hz_by_cpuid(void);

#endif
