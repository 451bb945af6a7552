/* SPDX-License-Identifier: MIT */
/*
 * INIT and the start-up IPI of a vCPU. Asked for by VCPU_REQUEST_INIT and _SIPI from any context; taken by the vCPU's own
 * thread at the head of its run loop (hv/run.c). Next to read: hv/dev/vlapic_bus.c, which sends them.
 */
#ifndef HV_VCPU_INIT_H
#define HV_VCPU_INIT_H

#include "hv/vcpu.h"

/* On the way to the vCPU, any context. An INIT forgets the start-up IPI before it; of several, the first one counts. */
void vcpu_send_init(struct vcpu *vcpu);
void vcpu_send_sipi(struct vcpu *vcpu, u8 vector);

/* On the vCPU's thread, slow level. */
void vcpu_take_init(struct vcpu *vcpu);
void vcpu_take_sipi(struct vcpu *vcpu);

#endif
