/* SPDX-License-Identifier: MIT */
/* The instruction emulator (hv/insn) wired to a vCPU: registers, linear addresses, RAM, MMIO and ports. */
#ifndef HV_EMULATE_H
#define HV_EMULATE_H

#include "hv/vcpu.h"

/*
 * Emulates the instruction at the guest's RIP. known_gpa: the guest-physical address that the exit reported for its one
 * memory access, or NULL. Sets vcpu->exit.next_rip and returns VERDICT_NEXT when it is done; VERDICT_SAME when it is to be
 * tried again or an exception was queued; VERDICT_SLOW (fast level only); VERDICT_STOP when it cannot be emulated.
 */
enum verdict emulate_at_rip(struct vcpu *vcpu, const gpa_t *known_gpa);

#endif
