/* SPDX-License-Identifier: MIT */
/*
 * How hv/manage makes an emulated device by its model's name, and how every device stops, describes and resumes.
 * hv/main.c registers the models; nobody else knows which there are.
 */
#ifndef HV_DEVICE_MODEL_H
#define HV_DEVICE_MODEL_H

#include "hv/state.h"

struct vm;

struct device_ops {
	const char *name;
	void (*reset)(void *device);                                    /* machine reset; vCPUs are stopped */
	void (*quiesce)(void *device);                                  /* no DMA, timer or interrupt after it returns */
	void (*resume)(void *device);                                   /* after quiesce or load */
	void (*save)(void *device, struct state_writer *writer);        /* only while quiesced */
	MUST_CHECK int (*load)(void *device, struct state_reader *reader); /* hostile input; a refused load changes nothing */
	void (*destroy)(void *device);
};

#endif
