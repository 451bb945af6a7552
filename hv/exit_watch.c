/* SPDX-License-Identifier: MIT */
/*
 * Exits while somebody watches them: traces (hv/trace.c) and the host's time by kind (`exits DOMAIN --live`).
 *
 * Not on the exit path otherwise: a backend tests vcpu->watched once an exit. The time of an exit goes from right behind
 * it to right before the next entry, two RDTSCs included; of one that comes to the slow level to the end of its handler,
 * where HLT's waiting does not count, but interrupts of the host that were taken on the way do. Next to read: hv/exit.c.
 */
#include "arch/x86/msr.h"
#include "hv/exit.h"
#include "hv/trace.h"

void exit_watch_begin(struct vcpu *vcpu)
{
	vcpu->exit_began = READ_ONCE(vcpu->watched) & VCPU_WATCH_TIME ? rdtsc() : 0;
}

void exit_watch_decoded(struct vcpu *vcpu)
{
	if (__atomic_load_n(&vcpu->watched, __ATOMIC_ACQUIRE) & VCPU_WATCH_TRACE)
		trace_exit(vcpu);
}

void exit_watch_done(struct vcpu *vcpu)
{
	struct exit_times *times = &vcpu->exit_times;

	if (!vcpu->exit_began)
		return;
	times->ticks[vcpu->exit.kind] += rdtsc() - vcpu->exit_began;
	times->timed[vcpu->exit.kind]++;
	vcpu->exit_began = 0;
}
