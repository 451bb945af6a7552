/* SPDX-License-Identifier: MIT */
/*
 * The exit table's face to the run loop, and its handlers; exit_handle, which backends call, stands in hv/vcpu.h.
 */
#ifndef HV_EXIT_H
#define HV_EXIT_H

#include "hv/vcpu.h"

/* Fills exit_fast_handlers; fast is false with the debug option no_fast. At boot, before the first machine. */
void exit_start(bool fast);
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
enum verdict exit_hypercall(struct vcpu *vcpu);      /* kvm_hypercall.c */
enum verdict exit_hlt(struct vcpu *vcpu);            /* exit_misc.c, and all below */
enum verdict exit_host_event(struct vcpu *vcpu);
enum verdict exit_window(struct vcpu *vcpu);
enum verdict exit_task_priority(struct vcpu *vcpu);
enum verdict exit_nmi_window(struct vcpu *vcpu);
enum verdict exit_nothing(struct vcpu *vcpu);
enum verdict exit_pause(struct vcpu *vcpu);
enum verdict exit_undefined(struct vcpu *vcpu);
enum verdict exit_protected(struct vcpu *vcpu);
enum verdict exit_exception(struct vcpu *vcpu);
enum verdict exit_shutdown(struct vcpu *vcpu);
enum verdict exit_machine_check(struct vcpu *vcpu);
enum verdict exit_failed(struct vcpu *vcpu);
enum verdict exit_entry_failed(struct vcpu *vcpu); /* exit_entry.c */

#endif
