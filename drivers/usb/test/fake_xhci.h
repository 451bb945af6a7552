/* SPDX-License-Identifier: MIT */
/*
 * An xHCI controller for hosted tests: registers, rings and contexts as the specification has them, devices as functions. "Physical"
 * addresses are pointers (direct_map_base is 0). It answers within the doorbell's write, on the thread that rings.
 */
#ifndef DRIVERS_USB_TEST_FAKE_XHCI_H
#define DRIVERS_USB_TEST_FAKE_XHCI_H

#include "hv/lib/types.h"

#define FAKE_PORTS 4u /* 1 and 2: USB 2; 3 and 4: USB 3 */
enum { FAKE_STALL = -1, FAKE_SILENT = -2, FAKE_ERROR = -3 };

struct fake_device {
	/* Bytes moved, or one of the above. data: of a request that brings some, or is to be filled. */
	int (*control)(struct fake_device *device, const u8 setup[8], u8 *data, u32 size_bytes);
	int (*move)(struct fake_device *device, u8 endpoint, u8 *data, u32 size_bytes); /* endpoint: its address, bit 7: in */
	void *context;
};

extern struct fake_xhci_settings {
	u8 lost_commands;     /* so many commands are not answered */
	bool dead;            /* registers read as all ones */
	u32 wild_events;      /* after each answer so many events that belong to nothing */
	u32 (*random)(void);  /* for the wild ones */
} fake_settings;

void fake_xhci_reset(void); /* as after power-on: nothing is plugged in, no memory is held */
void fake_xhci_probe(void); /* the driver takes it: xhci_driver.probe succeeded */
void fake_plug(u8 port, struct fake_device *device);
void fake_unplug(u8 port);
void fake_kick(void); /* endpoints that were silent are tried again */
u32 fake_pages_in_use(void);

#endif
