/* SPDX-License-Identifier: MIT */
/* The run loop's face to hv/vm.c. */
#ifndef HV_RUN_H
#define HV_RUN_H

#include "hv/vm.h"

/* The vCPU thread's function; its argument is the vCPU. Ends when the machine is dying. */
void run_vcpu(void *vcpu);
/* Any thread: has the vCPU come by the head of its run loop since passes was seen (and VCPU_REQUEST_PASS sent), or does it stand? */
bool vcpu_came_by(const struct vcpu *vcpu, u32 seen);

#endif
