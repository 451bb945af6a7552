/* SPDX-License-Identifier: MIT */
/* What inspect.c and control_block.c share: a machine that stands still for a moment, to be looked into. */
#ifndef HV_MANAGE_INSPECT_INTERNAL_H
#define HV_MANAGE_INSPECT_INTERNAL_H

#include "hv/manage/domain_internal.h"

/* [operation] The vCPUs stand still after it. True: they were running and are to be let go. */
bool inspect_hold(struct domain *domain);
void inspect_let_go(struct domain *domain, bool was_running);
/* [operation] NULL with *error: the domain is not active, or has fewer vCPUs. */
struct vcpu *inspect_vcpu(struct domain *domain, u32 index, struct manage_error *error);

#endif
