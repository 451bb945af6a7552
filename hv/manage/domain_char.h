/* SPDX-License-Identifier: MIT */
/* Of a machine's description: consoles and channels that are ports of its virtio-serial controller; its balloon. */
#ifndef HV_MANAGE_DOMAIN_CHAR_H
#define HV_MANAGE_DOMAIN_CHAR_H

#include "hv/device_model.h"

#define DOMAIN_BALLOON_PERIOD_MAX 86400u
#define DOMAIN_PORTS_MAX DEVICE_PORTS_MAX

struct domain_port {
	bool console;                        /* <console>, else <channel> */
	bool has_number;                     /* its <address> was written, or it was given a number */
	u8 number;                           /* of the port, below DOMAIN_PORTS_MAX */
	char name[DEVICE_PORT_NAME_MAX];     /* a channel's; "": none */
};

/* <memballoon model='virtio'>: memory that the guest gives back, by virtio; at most one. */
struct domain_balloon {
	bool present;
	u8 autodeflate, reporting;           /* 0: not written; 1: on; 2: off */
	u8 slot;
	u32 period_s;                        /* of its statistics; 0: none */
};

#endif
