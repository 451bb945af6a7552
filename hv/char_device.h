/* SPDX-License-Identifier: MIT */
/*
 * A console endpoint: something that takes bytes and gives bytes. The host's UART and its screen with keyboard, a
 * guest's UART, later virtio-console and TCP sessions implement it or are wired to it.
 */
#ifndef HV_CHAR_DEVICE_H
#define HV_CHAR_DEVICE_H

#include "hv/lib/types.h"

struct char_device {
	const char *name; /* (c) */
	/* Writes bytes without sleeping; returns how many were taken. Any context but NMI. */
	size_t (*write)(struct char_device *device, const char *bytes, size_t count);
	/* Set by the user of the device: called with received bytes, in interrupt or thread context, no sleep. */
	void (*received)(void *context, const char *bytes, size_t count);
	/* Set by the user of the device: after a short write, there is room again. Interrupt or thread context, no sleep. */
	void (*writable)(void *context);
	void *context;
	/* May be NULL. The user calls it after it set received and context: what was kept while nobody looked comes then. */
	void (*attached)(struct char_device *device);
};

#endif
