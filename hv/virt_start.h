/* SPDX-License-Identifier: MIT */
/* Choosing a backend at start-up. hv/main.c names the candidates. */
#ifndef HV_VIRT_START_H
#define HV_VIRT_START_H

#include "hv/virt.h"

/*
 * The first backend that this CPU has is probed, prepared and enabled; virt_ops and virt_features are set. Otherwise
 * virt_ops stays NULL and the log says why: the prompt works, machines do not start. Boot CPU, thread context.
 */
void virt_start(const struct virt_ops *const *candidates, unsigned count);

#endif
