/* SPDX-License-Identifier: MIT */
/* The consoles and channels of a machine's description that are ports of its virtio-serial controller. */
#ifndef HV_MANAGE_DOMAIN_CHAR_H
#define HV_MANAGE_DOMAIN_CHAR_H

#include "hv/device_model.h"

#define DOMAIN_PORTS_MAX DEVICE_PORTS_MAX

struct domain_port {
	bool console;                        /* <console>, else <channel> */
	bool has_number;                     /* its <address> was written, or it was given a number */
	u8 number;                           /* of the port, below DOMAIN_PORTS_MAX */
	char name[DEVICE_PORT_NAME_MAX];     /* a channel's; "": none */
};

#endif
