/* SPDX-License-Identifier: MIT */
/*
 * The other CPUs: started one after the other, compared with the boot CPU, left out in words when something is wrong.
 * What they do afterwards is hv/thread.c's; how CPUs talk to each other is arch/x86/cpu_call.h, thread_kick and
 * smp_flush_tlb. Next to read: hv/smp_plan.h (which CPUs), arch/x86/ap_start.S (their first instructions).
 */
#ifndef HV_SMP_H
#define HV_SMP_H

#include "hv/lib/types.h"

struct trap_frame;

/*
 * Starts all CPUs that the firmware lists; returns when each runs its idle thread with virtualisation enabled, or was given
 * up. The boot CPU's first thread, after virt_start and before machines. Option cpus=N: at most so many.
 */
void smp_start(void);
/* The exception stacks of the CPU that calls; panics without memory. */
void smp_set_ist_stacks(void);

/*
 * Mappings of this range were taken away or lost a right: no CPU's TLB has them any more when it returns. Thread context
 * without locks, or start-up. The memory behind may be given back after it, not before.
 */
void smp_flush_tlb(u64 virtual, u64 size_bytes);

/* A panic: every other CPU stops for good, by NMI, and leaves where it was. No lock, any context. */
void smp_stop_others(void);
/* Where CPU `index` was when an NMI stopped or asked it (hv/panic.c prints it). False: it did not answer. */
struct smp_place {
	u64 rip, rbp, rsp;
	const char *thread; /* its name */
};
bool smp_place_of(u32 index, struct smp_place *place);
/* An NMI's part (hv/panic.c): notes where this CPU was, for whoever sent it. True: somebody had asked. */
bool smp_note_place(const struct trap_frame *frame);
/* Sends the NMI and waits up to wait_ns for the answer. Any context but NMI. */
bool smp_ask_place(u32 index, u64 wait_ns, struct smp_place *place);

#endif
