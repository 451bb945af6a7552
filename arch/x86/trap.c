/* SPDX-License-Identifier: MIT */
/*
 * Where every exception and interrupt arrives: NMIs and interrupts go to their handlers, faults of code that expects
 * them to their fixups; every other exception is our bug and ends in trap_fatal. Interrupts: arch/x86/vectors.c.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include "arch/x86/vectors.h"

struct trap_fixup {
	s32 from, to; /* relative to their own places */
};
extern const struct trap_fixup fixups_start[], fixups_end[]; /* linker script */

bool (*trap_guard)(struct trap_frame *frame);

const char *trap_name(u64 vector)
{
	static const char *const names[] = {
		"divide error", "debug", "NMI", "breakpoint", "overflow", "bound range", "invalid opcode",
		"device not available", "double fault", "coprocessor segment", "invalid TSS", "segment not present",
		"stack fault", "general protection", "page fault", "vector 15", "x87 error", "alignment check",
		"machine check", "SIMD error", "virtualization exception", "control protection",
	};

	return vector < ARRAY_SIZE(names) ? names[vector] : "exception";
}

static bool resume_at_fixup(struct trap_frame *frame)
{
	for (const struct trap_fixup *f = fixups_start; f < fixups_end; f++) {
		if ((u64)&f->from + (u64)(s64)f->from == frame->rip) {
			frame->rip = (u64)&f->to + (u64)(s64)f->to;
			return true;
		}
	}
	return false;
}

static void dispatch_exception(struct trap_frame *frame)
{
	struct cpu *cpu;

	/* Firmware runs on a stack that does not know its CPU, so its guard comes first. */
	if (UNLIKELY(trap_guard != NULL) && trap_guard(frame))
		return;
	/* One that is left over from a guest (arch/svm/svm_entry.S) must leave what is loaded of that guest alone. */
	if (frame->vector == TRAP_DEBUG && resume_at_fixup(frame))
		return;
	cpu = this_cpu();
	if (cpu->load_host_state)
		cpu->load_host_state(cpu);
	if (frame->vector == TRAP_NMI) {
		trap_nmi(frame);
		return;
	}
	if (frame->vector != TRAP_DOUBLE_FAULT && frame->vector != TRAP_MACHINE_CHECK && resume_at_fixup(frame))
		return;
	trap_fatal(frame);
}

void trap_dispatch(struct trap_frame *frame); /* called by trap_entry.S, interrupts off */

void trap_dispatch(struct trap_frame *frame)
{
	if (frame->vector < TRAP_FIRST_INTERRUPT)
		dispatch_exception(frame);
	else
		vectors_dispatch((u8)frame->vector);
}
