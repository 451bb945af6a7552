/* SPDX-License-Identifier: MIT */
/*
 * What a sender left undone and the receiver cannot do: the checksum, and the cutting of a large segment. Pure but for kmalloc.
 *
 * Next to read: finish.c; RFC 9293 and Linux's tcp_gso_segment say what each piece's header must be.
 */
#ifndef HV_NET_FINISH_H
#define HV_NET_FINISH_H

#include "hv/net/headers.h"

/* Do the frame's offload words fit its headers? What a device took from its guest is only bounded, not meaningful. */
bool net_offload_fits(const struct net_frame *frame, const struct net_headers *headers);
/* Of the frames that it becomes on a wire. It fits. */
u32 net_largest_piece(const struct net_frame *frame, const struct net_headers *headers);
/*
 * Gives the frame on in pieces that need nothing beyond `can`. ERR_NO_MEMORY; else what give returned first that was not OK.
 * The frame fits (net_offload_fits).
 */
MUST_CHECK int net_finish(const struct net_frame *frame, const struct net_headers *headers, u32 can,
			  int (*give)(void *context, const struct net_frame *piece), void *context);

#endif
