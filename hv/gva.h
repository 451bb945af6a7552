/* SPDX-License-Identifier: MIT */
/* A vCPU's linear addresses: hv/guest_walk.c wired to the vCPU's registers and its machine's memory. */
#ifndef HV_GVA_H
#define HV_GVA_H

#include "hv/guest_walk.h"
#include "hv/vcpu.h"

/* The registers that decide a walk, from the backend. On the vCPU's thread, or while it does not run. */
void gva_paging(struct vcpu *vcpu, struct guest_paging *paging);
/*
 * Linear to guest-physical with all checks and A/D bits. Without sleep: ERR_AGAIN where a table is not there yet (at the
 * slow level it is populated first, so ERR_AGAIN means "enter the guest again").
 */
MUST_CHECK int gva_walk(struct vcpu *vcpu, const struct guest_paging *paging, u64 linear, unsigned access,
			struct guest_walk *walk);
/* The same, only looking: no A/D bits. For the shell. */
MUST_CHECK int gva_look(struct vcpu *vcpu, u64 linear, struct guest_walk *walk);

#endif
