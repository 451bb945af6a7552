/* SPDX-License-Identifier: MIT */
/*
 * virtio-net as its four files see it: virtio_net.c is the device, virtio_net_transmit.c what its guest sends,
 * virtio_net_receive.c what comes to it, virtio_net_control.c what its driver asks for.
 */
#ifndef VIRTIO_VIRTIO_NET_H
#define VIRTIO_VIRTIO_NET_H

#include "hv/device_model.h"
#include "hv/net_port.h"
#include "hv/thread.h"
#include "virtio/models.h"
#include "virtio/spec/virtio_net.h"
#include "virtio/virtio_pci.h"

enum { NET_QUEUE_RECEIVE = 0, NET_QUEUE_TRANSMIT = 1, NET_QUEUE_CONTROL = 2, NET_QUEUES = 3 };
#define NET_QUEUE_SIZE 256u
#define NET_CONTROL_QUEUE_SIZE 64u
#define NET_RECEIVE_CHAINS_MAX 64u /* buffers that one frame may fill: 64 KiB in pieces of 1,024 bytes */
#define NET_FILTER_MACS_MAX 64u    /* of each kind; more, and all pass */
#define NET_VLANS 4096u

/* What the driver wants to receive; the machine's filters are elsewhere. */
struct net_receive_filter {
	u8 mac[NET_MAC_BYTES];
	bool promiscuous, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast;
	bool unicast_overflow, multicast_overflow;
	u8 unicast_count, multicast_count;
	u8 unicast[NET_FILTER_MACS_MAX][NET_MAC_BYTES], multicast[NET_FILTER_MACS_MAX][NET_MAC_BYTES];
	u8 vlans[NET_VLANS / 8];
};

/* A frame on its way out; the device's thread alone uses it. */
struct net_transmission {
	struct net_frame frame;
	struct virtio_net_header words;
	u8 header[NET_HEADER_BYTES];
	u32 range_count;                            /* pinned */
	struct virtq_range ranges[NET_SEGMENTS_MAX];
	struct net_segment segments[NET_SEGMENTS_MAX];
};

struct virtio_net {
	struct virtio_device device;
	struct virtio_pci pci;
	struct net_port *port;                      /* (c) */
	struct mutex receive_mutex;                 /* one frame at a time comes in; taken with config_mutex held or not */
	struct net_receive_filter filter;           /* [receive_mutex] */
	struct virtq_range *receive_ranges;         /* [receive_mutex] VIRTQ_CHAIN_MAX */
	struct virtq_chain receive_chains[NET_RECEIVE_CHAINS_MAX]; /* [receive_mutex] */
	struct virtq_range *scratch;                /* (o) the device's thread: VIRTQ_CHAIN_MAX */
	struct net_transmission transmission;       /* (o) the device's thread */
	u64 bounces;                                /* (a) counted: frames in so many pieces that they were copied */
};

/* virtio_net_transmit.c */
void net_transmit_work(struct virtio_net *net);
/* virtio_net_receive.c */
int net_receive(struct net_port *port, const struct net_frame *frame);
/* virtio_net_control.c */
void net_control_work(struct virtio_net *net);
void net_filter_reset(struct virtio_net *net);
u32 net_guest_offloads(u64 features); /* what the driver takes undone: enum net_offload */

#endif
