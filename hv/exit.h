/* SPDX-License-Identifier: MIT */
/*
 * The exit table's face to the run loop, and its handlers; exit_fast, which backends call, stands in hv/vcpu.h.
 */
#ifndef HV_EXIT_H
#define HV_EXIT_H

#include "hv/vcpu.h"

enum exit_row_flags {
	EXIT_FAST = 1,        /* the handler keeps the fast contract (DESIGN.md, section 5) */
	EXIT_INSTRUCTION = 2, /* the exit is an instruction's: without next_rip its bytes have changed, so enter again */
};

struct exit_row {
	enum verdict (*handler)(struct vcpu *vcpu);
	u32 flags;
};
extern const struct exit_row exit_rows[EXIT_KIND_COUNT];

/*
 * exit_fast of hv/vcpu.h, in line for a backend's loop; what is rare stays outside of it (hv/exit.c). The mask is
 * EXIT_FAST, or 0 with the debug option no_fast.
 */
extern u32 exit_fast_mask;
void exit_single_step(struct vcpu *vcpu); /* the trap after a completed instruction, when the guest single-steps */
bool exit_fast_traced(struct vcpu *vcpu);

/* The exit's instruction is done. */
static inline void exit_complete_instruction(struct vcpu *vcpu)
{
	vcpu->regs.rip = vcpu->exit.next_rip;
	vcpu->instruction_done = true;
	if (UNLIKELY(vcpu->regs.rflags & (RFLAGS_RF | RFLAGS_TF))) {
		vcpu->regs.rflags &= ~RFLAGS_RF;
		if (vcpu->regs.rflags & RFLAGS_TF)
			exit_single_step(vcpu);
	}
}

static inline bool exit_fast_untraced(struct vcpu *vcpu)
{
	const struct exit_row *row = &exit_rows[vcpu->exit.kind];
	enum verdict verdict;

	vcpu->exits[vcpu->exit.kind].count++;
	vcpu->exit_pending = true;
	if (UNLIKELY(!(row->flags & exit_fast_mask)))
		return false;
	if (UNLIKELY(!vcpu->exit.next_rip && (row->flags & EXIT_INSTRUCTION)))
		return true;
	verdict = row->handler(vcpu);
	if (LIKELY(verdict == VERDICT_NEXT)) {
		exit_complete_instruction(vcpu);
		return true;
	}
	return verdict == VERDICT_SAME;
}

static inline bool exit_fast_inline(struct vcpu *vcpu)
{
	if (UNLIKELY(vcpu->trace != NULL))
		return exit_fast_traced(vcpu);
	return exit_fast_untraced(vcpu);
}

/* Debug option no_fast: every row at the slow level. At boot, before the first machine. */
void exit_disable_fast(void);
/* Handles vcpu->exit at the slow level, the RIP included: VERDICT_SAME to go on, VERDICT_BLOCK, VERDICT_STOP. */
enum verdict exit_slow(struct vcpu *vcpu);

/* The handlers, one file per subject. */
enum verdict exit_cpuid(struct vcpu *vcpu);          /* exit_cpuid.c */
enum verdict exit_msr_read(struct vcpu *vcpu);       /* exit_msr.c */
enum verdict exit_msr_write(struct vcpu *vcpu);
enum verdict exit_io(struct vcpu *vcpu);             /* exit_io.c */
enum verdict exit_nested_fault(struct vcpu *vcpu);   /* exit_memory.c */
enum verdict exit_cr_access(struct vcpu *vcpu);      /* exit_control.c */
enum verdict exit_dr_access(struct vcpu *vcpu);
enum verdict exit_xsetbv(struct vcpu *vcpu);
enum verdict exit_hlt(struct vcpu *vcpu);            /* exit_misc.c, and all below */
enum verdict exit_hypercall(struct vcpu *vcpu);
enum verdict exit_host_event(struct vcpu *vcpu);
enum verdict exit_window(struct vcpu *vcpu);
enum verdict exit_nmi_window(struct vcpu *vcpu);
enum verdict exit_nothing(struct vcpu *vcpu);
enum verdict exit_pause(struct vcpu *vcpu);
enum verdict exit_undefined(struct vcpu *vcpu);
enum verdict exit_protected(struct vcpu *vcpu);
enum verdict exit_exception(struct vcpu *vcpu);
enum verdict exit_shutdown(struct vcpu *vcpu);
enum verdict exit_machine_check(struct vcpu *vcpu);
enum verdict exit_failed(struct vcpu *vcpu);

#endif
