/* SPDX-License-Identifier: MIT */
/*
 * The part of a vCPU's state that stays in the CPU across exits: FPU and vectors, XCR0, DR0 to DR3, TSC_AUX. It is saved
 * when the vCPU's thread leaves the CPU, and loaded before the next entry (vcpu_load_cpu_state, hv/vcpu.h).
 */
#ifndef HV_VCPU_STATE_H
#define HV_VCPU_STATE_H

#include "hv/vcpu.h"

MUST_CHECK int vcpu_state_create(struct vcpu *vcpu);
void vcpu_state_destroy(struct vcpu *vcpu);
void vcpu_state_reset(struct vcpu *vcpu);  /* not running */
/* Called by the scheduler when the vCPU's thread leaves a CPU; interrupts off. */
void vcpu_state_leave(void *vcpu);
void vcpu_state_arrive(void *vcpu);        /* and when it comes back: the state waits for the next entry */
void vcpu_xcr0_read(struct vcpu *vcpu);    /* from the register, where the guest may have changed it without an exit */
void vcpu_xcr0_load(struct vcpu *vcpu);    /* vcpu->xcr0 changed */
void vcpu_debug_load(struct vcpu *vcpu);   /* DR0..3 into the CPU */
u64 vcpu_debug_address(const struct vcpu *vcpu, unsigned number); /* DRn, wherever it is now (o) */
void vcpu_debug_forget(struct vcpu *vcpu); /* DR0..3 are zero and unused again (o) */

/* The emulator's view of vector registers: how many bytes the guest may use now (0, 16, 32), and access to one. */
unsigned vcpu_vector_bytes(struct vcpu *vcpu);
void vcpu_vector_read(struct vcpu *vcpu, unsigned number, unsigned size_bytes, u8 *to);
void vcpu_vector_write(struct vcpu *vcpu, unsigned number, unsigned size_bytes, const u8 *from, bool zero_upper);

#endif
