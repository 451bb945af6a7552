/* SPDX-License-Identifier: MIT */
/*
 * The exit table: one row per kind of exit, and the two levels on which its handler may run.
 *
 * A backend calls exit_handle (hv/vcpu.h) right after it decoded an exit. Rows with EXIT_FAST are handled there and then;
 * whatever needs more leaves the fast level and comes to exit_slow, with the same handler. RIP moves in exit_advance and
 * nowhere else. Next to read: hv/run.c; docs/exits.md has a line for each row.
 */
#include "hv/exit.h"

#define DR6_BS BIT64(14)

const struct exit_row exit_rows[EXIT_KIND_COUNT] = {
	[EXIT_UNKNOWN] = { exit_failed, 0 },
	[EXIT_CPUID] = { exit_cpuid, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_MSR_READ] = { exit_msr_read, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_MSR_WRITE] = { exit_msr_write, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_IO] = { exit_io, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_NESTED_FAULT] = { exit_nested_fault, EXIT_FAST },
	[EXIT_HLT] = { exit_hlt, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_HYPERCALL] = { exit_hypercall, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_INTERRUPT] = { exit_host_event, 0 },
	[EXIT_INTERRUPT_WINDOW] = { exit_window, EXIT_FAST },
	[EXIT_NMI] = { exit_host_event, 0 },
	[EXIT_NMI_WINDOW] = { exit_nmi_window, EXIT_FAST },
	[EXIT_TASK_PRIORITY] = { exit_task_priority, EXIT_FAST },
	[EXIT_CR_ACCESS] = { exit_cr_access, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_DR_ACCESS] = { exit_dr_access, EXIT_FAST },
	[EXIT_XSETBV] = { exit_xsetbv, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_WBINVD] = { exit_nothing, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_INVD] = { exit_nothing, EXIT_FAST | EXIT_INSTRUCTION },
	[EXIT_PAUSE] = { exit_pause, EXIT_INSTRUCTION },
	[EXIT_MONITOR] = { exit_undefined, EXIT_FAST },
	[EXIT_MWAIT] = { exit_undefined, EXIT_FAST },
	[EXIT_RDPMC] = { exit_protected, EXIT_FAST },
	[EXIT_RDTSC] = { exit_failed, 0 },
	[EXIT_INVLPG] = { exit_failed, 0 },
	[EXIT_DESCRIPTOR_TABLE] = { exit_failed, 0 },
	[EXIT_TASK_SWITCH] = { exit_failed, 0 },
	[EXIT_EXCEPTION] = { exit_exception, 0 },
	[EXIT_UNDEFINED] = { exit_undefined, EXIT_FAST },
	[EXIT_SHUTDOWN] = { exit_shutdown, 0 },
	[EXIT_MACHINE_CHECK] = { exit_machine_check, 0 },
	[EXIT_INIT] = { exit_host_event, 0 },
	[EXIT_SIPI] = { exit_failed, 0 },
	[EXIT_SLICE_END] = { exit_host_event, 0 },
	[EXIT_ENTRY_FAILED] = { exit_entry_failed, 0 },
};

exit_handler_t *exit_fast_handlers[EXIT_KIND_COUNT];

static enum verdict ask_for_slow(struct vcpu *vcpu)
{
	(void)vcpu;
	return VERDICT_SLOW;
}

void exit_start(bool fast)
{
	for (unsigned kind = 0; kind < EXIT_KIND_COUNT; kind++)
		exit_fast_handlers[kind] = fast && (exit_rows[kind].flags & EXIT_FAST) ? exit_rows[kind].handler : ask_for_slow;
}

void exit_single_step(struct vcpu *vcpu)
{
	if (virt_ops->end_own_step(vcpu))
		return;
	virt_ops->set_system(vcpu, SYSTEM_DR6, virt_ops->get_system(vcpu, SYSTEM_DR6) | DR6_BS);
	vcpu_inject_exception(vcpu, 1, false, 0);
}

enum verdict exit_slow(struct vcpu *vcpu)
{
	const struct exit_row *row = &exit_rows[vcpu->exit.kind];
	enum verdict verdict;

	vcpu->slow_exits++;
	if ((row->flags & EXIT_INSTRUCTION) && !vcpu->exit.next_rip)
		return VERDICT_SAME;
	verdict = row->handler(vcpu);
	if (verdict == VERDICT_NEXT || verdict == VERDICT_BLOCK) {
		exit_advance(vcpu);
		vcpu->instruction_done = true;
	}
	if (UNLIKELY(vcpu->exit_began))
		exit_watch_done(vcpu);
	return verdict == VERDICT_NEXT || verdict == VERDICT_SLOW ? VERDICT_SAME : verdict;
}
