/* SPDX-License-Identifier: MIT */
/*
 * Asking other CPUs by NMI where they are: for the panic screen and the watchdog. NMIs reach a CPU whose interrupts are off;
 * on AMD-V not one whose GIF is clear: it answers at its next exit from the fast level. Takes no lock.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"
#include "arch/x86/trap.h"
#include "hv/clock.h"
#include "hv/smp.h"
#include "hv/thread.h"

enum { NOT_ASKED, ASKED, ANSWERED };

#define SPINS_MAX 100000000u /* an end even where the clock does not run yet */

static struct {
	u32 state;             /* (a) */
	struct smp_place place; /* written by the CPU itself before ANSWERED */
} slots[CPU_MAX];

bool smp_note_place(const struct trap_frame *frame)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current;

	if (__atomic_load_n(&slots[cpu->index].state, __ATOMIC_ACQUIRE) != ASKED)
		return false;
	slots[cpu->index].place = (struct smp_place){ frame->rip, frame->rbp, frame->rsp, thread ? thread_name(thread) : "-" };
	__atomic_store_n(&slots[cpu->index].state, ANSWERED, __ATOMIC_RELEASE);
	return true;
}

bool smp_place_of(u32 index, struct smp_place *place)
{
	if (__atomic_load_n(&slots[index].state, __ATOMIC_ACQUIRE) != ANSWERED)
		return false;
	*place = slots[index].place;
	return true;
}

static void send(u32 index)
{
	__atomic_store_n(&slots[index].state, ASKED, __ATOMIC_SEQ_CST);
	lapic_send_nmi(cpus[index]->apic_id);
}

static bool wait_for(u32 index, u64 end_ns, struct smp_place *place)
{
	for (u32 spins = 0; spins < SPINS_MAX; spins++) {
		if (smp_place_of(index, place))
			return true;
		if (clock_ns() > end_ns)
			return false;
		cpu_relax();
	}
	return false;
}

bool smp_ask_place(u32 index, u64 wait_ns, struct smp_place *place)
{
	u64 flags = irq_save();
	bool answered;

	send(index);
	answered = wait_for(index, clock_ns() + wait_ns, place);
	/* A late answer finds that nobody asks any more. */
	__atomic_store_n(&slots[index].state, NOT_ASKED, __ATOMIC_SEQ_CST);
	irq_restore(flags);
	return answered;
}

/* In a panic: all at once, then one wait for all. */
void smp_stop_others(void)
{
	u32 self = this_cpu()->index;
	struct smp_place place;
	u64 end;

	CPU_MASK_FOR_EACH(i, &cpus_online)
		if (i != self)
			send(i);
	end = clock_ns() + 200 * NS_PER_MS;
	CPU_MASK_FOR_EACH(i, &cpus_online)
		if (i != self)
			(void)wait_for(i, end, &place);
}
