/* SPDX-License-Identifier: MIT */
/* The words of a router that did not send a packet on (RFC 1812, 4.3): ICMP errors to its sender. Pure. */
#ifndef HV_NET_ICMP_ERROR_H
#define HV_NET_ICMP_ERROR_H

#include "hv/net/nat.h"

#define ICMP_ERROR_MAX (NET_ETHERNET_BYTES + 20u + 8u + 28u)

/*
 * An error about the frame, back to where it came from, in out; its size, 0: none is due (an error itself, a later fragment, a group,
 * or a reason that is not told). from: the router's address; mtu_bytes: of the way that it was too big for.
 */
u32 icmp_error_make(const struct net_frame *frame, enum nat_drop reason, u32 from, u32 mtu_bytes, u8 out[ICMP_ERROR_MAX]);

#endif
