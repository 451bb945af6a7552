/* SPDX-License-Identifier: MIT */
/* A port forward of a machine's description: <portForward><range>. Next to read: domain_xml_nic.c, hv/net/nat.h. */
#ifndef HV_MANAGE_NETWORK_FORWARD_H
#define HV_MANAGE_NETWORK_FORWARD_H

#include "hv/lib/types.h"

struct network_forward {  /* ports of the host's address outside, to the machine */
	u8 protocol;      /* 6 TCP, 17 UDP */
	u16 start, end;   /* both included */
	u16 to;           /* the machine's, for start */
};

#endif
