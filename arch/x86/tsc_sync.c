/* SPDX-License-Identifier: MIT */
/* The measurement of tsc_sync.h: a ball that goes to and fro. */
#include "arch/x86/tsc_sync.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "hv/lib/lock.h"

#define ROUNDS 32u
#define PATIENCE_TICKS 20000000000ull /* some seconds on any CPU: the other one exists, or is lost */

enum { BALL_NOWHERE, BALL_THEIRS, BALL_OURS, BALL_OVER };

static u32 ball;      /* (a) */
static u64 their_tsc; /* written by who has the ball */

static void pass(u32 to)
{
	__atomic_store_n(&ball, to, __ATOMIC_SEQ_CST);
}

bool tsc_sync_measure(struct tsc_bounds *bounds)
{
	*bounds = TSC_BOUNDS_UNKNOWN;
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 before = rdtsc_ordered();

		pass(BALL_THEIRS);
		while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != BALL_OURS) {
			if (rdtsc() - before > PATIENCE_TICKS) {
				pass(BALL_OVER);
				return false;
			}
			cpu_relax();
		}
		tsc_bounds_add(bounds, before, their_tsc, rdtsc_ordered());
	}
	pass(BALL_OVER);
	while (__atomic_load_n(&ball, __ATOMIC_ACQUIRE) != BALL_NOWHERE)
		cpu_relax();
	return true;
}

void tsc_sync_answer(void)
{
	u32 seen;

	while ((seen = __atomic_load_n(&ball, __ATOMIC_ACQUIRE)) != BALL_OVER) {
		if (seen == BALL_THEIRS) {
			their_tsc = rdtsc_ordered();
			pass(BALL_OURS);
		}
		cpu_relax();
	}
	pass(BALL_NOWHERE);
}

void tsc_sync_correct(s64 ticks)
{
	u64 adjust;

	if (cpuid_if_present(7, 0).ebx & BIT32(1) && rdmsr_safe(MSR_IA32_TSC_ADJUST, &adjust) == 0)
		wrmsr(MSR_IA32_TSC_ADJUST, adjust - (u64)ticks);
	else
		wrmsr(MSR_IA32_TSC, rdtsc() - (u64)ticks);
}
