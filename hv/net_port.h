/* SPDX-License-Identifier: MIT */
/*
 * A plug in a network: frames go out of it by net_port_send, and come in by its receive function.
 *
 * Implemented by guests' virtio-net devices, host network cards and the host's own TCP/IP stack; what they are plugged into is a
 * switch (hv/net/switch.h). A frame is Ethernet without its check sequence, whole: its first bytes copied, the rest in segments of
 * physical memory that stay unchanged until the call returns. Everything here runs in threads: a receiver may sleep for the moment
 * that a guest's page takes to appear, but never waits for its guest; what has no room is dropped and counted, as on any Ethernet.
 * Next to read: hv/net/switch.c, virtio/virtio_net.c.
 */
#ifndef HV_NET_PORT_H
#define HV_NET_PORT_H

#include "hv/lib/error.h"
#include "hv/lib/types.h"

#define NET_MAC_BYTES 6u
#define NET_ETHERNET_BYTES 14u     /* destination, source, type */
#define NET_MTU_DEFAULT 1500u
#define NET_MTU_MIN 68u            /* IPv4's own */
#define NET_MTU_MAX 65521u         /* NET_FRAME_MAX_BYTES less its Ethernet header, below 2^16 */
#define NET_FRAME_MAX_BYTES 65535u /* a segment to be cut, with its headers */
#define NET_HEADER_BYTES 128u      /* how much of a frame a filter may look at: always copied, and sent as judged */
#define NET_SEGMENTS_MAX 32u

enum net_offload {
	NET_CSUM_PARTIAL = BIT32(0), /* the sum at checksum_start + checksum_offset covers the pseudo-header only as yet */
	NET_CSUM_VALID = BIT32(1),   /* whoever sent it vouches for the sum: the receiver need not look */
	NET_GSO_TCP4 = BIT32(2),     /* to be cut into segments of gso_bytes of payload each */
	NET_GSO_TCP6 = BIT32(3),
	NET_GSO_ECN = BIT32(4),      /* with one of the two: congestion window reduced, set in the first piece only */
};
#define NET_GSO_ANY (NET_GSO_TCP4 | NET_GSO_TCP6)
#define NET_OFFLOAD_WORK (NET_CSUM_PARTIAL | NET_GSO_ANY | NET_GSO_ECN) /* what a receiver must be able to do itself */

struct net_segment {
	hpa_t address;
	u32 size_bytes; /* not 0 */
};

/*
 * Who makes a frame has checked that the sizes add up, that NET_CSUM_PARTIAL's place lies inside of header, and that gso_bytes is
 * not 0 with NET_GSO_; what the headers say is checked by the switch.
 */
struct net_frame {
	const u8 *header;
	u16 header_bytes;  /* MIN(size_bytes, NET_HEADER_BYTES) or less, at least NET_ETHERNET_BYTES */
	u16 segment_count;
	u32 size_bytes;    /* header and segments together, up to NET_FRAME_MAX_BYTES */
	const struct net_segment *segments;
	u32 offload;       /* enum net_offload */
	u16 checksum_start, checksum_offset;
	u16 gso_bytes;
};

struct net_port;

struct net_port_ops {
	/*
	 * A frame for this port, used or copied before it returns. OK; ERR_FULL: no room, dropped; ERR_INVALID: it needs what
	 * port->offload does not have any more, dropped. Several threads at once.
	 */
	int (*receive)(struct net_port *port, const struct net_frame *frame);
	/* May be NULL. port->link_up changed. */
	void (*link_changed)(struct net_port *port);
};

/* (a) single words. Seen from this end: rx is what it received. The switch counts. */
struct net_statistics {
	u64 rx_bytes, rx_frames, rx_errors, rx_dropped, tx_bytes, tx_frames, tx_errors, tx_dropped;
};

struct net_port {
	char name[16];                  /* (c) "vnet0" */
	u8 mac[NET_MAC_BYTES];          /* (c) */
	u16 mtu_bytes;                  /* (c) of what is inside of a frame */
	u32 offload;                    /* (a) what receive takes undone: enum net_offload */
	const struct net_port_ops *ops; /* (c) while it is plugged in */
	void *context;                  /* (c) the implementer's */
	bool link_up;                   /* (a) by net_port_set_link */
	struct net_statistics statistics;
	/* The network's; NULL: not plugged in. Set before the port is used and cleared once nobody uses it. */
	int (*send)(struct net_port *port, const struct net_frame *frame);
	void *network;
};

/* Gives a frame to the network. OK: it went, or a rule of the network dropped it; ERR_NOT_FOUND: not plugged in, or no link. */
int net_port_send(struct net_port *port, const struct net_frame *frame);
void net_port_set_link(struct net_port *port, bool up);
/* Copies part of a frame, which lies inside of it. */
void net_frame_copy(const struct net_frame *frame, u32 offset, void *to, u32 size_bytes);

#endif
