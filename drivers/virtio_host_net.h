/* SPDX-License-Identifier: MIT */
/*
 * A virtio network card as the host's: what its parts share. virtio_host_net.c brings it up and resets it, virtio_host_net_frames.c
 * moves frames. VIRTIO 1.2, "Network Device" (5.1). Tags as in hv/vcpu.h.
 */
#ifndef DRIVERS_VIRTIO_HOST_NET_H
#define DRIVERS_VIRTIO_HOST_NET_H

#include "drivers/virtio_host.h"
#include "hv/host_card.h"
#include "virtio/spec/virtio_net.h"

#define VIRTIO_HOST_NET_BUFFER 2048u /* bytes behind each descriptor, both ways */
#define VIRTIO_HOST_NET_WORDS ((u32)sizeof(struct virtio_net_header))

struct virtio_host_net {
	struct host_card card;
	struct virtio_host device;
	struct virtio_host_queue receive;  /* the card's thread */
	struct virtio_host_queue transmit; /* [lock] */
	struct virtio_host_queue control;  /* [command] */
	u8 *receive_memory, *transmit_memory, *control_memory; /* (c) DMA: a buffer for each descriptor; commands */
	hpa_t receive_address, transmit_address, control_address; /* (c) */
	struct spinlock lock;              /* rank LOCK_RANK_DRIVER */
	struct mutex command;              /* one command at a time, and none during a reset */
	bool live;                         /* [lock] */
	bool failed;                       /* (a) to be reset at the next tick */
	bool dead;                         /* [thread] it does not come back */
	u8 link_asked;                     /* (a) */
	enum host_card_reception reception; /* [command] */
	u16 sent_index;                    /* [thread] of the transmit queue at the last tick */
	u32 still_ticks;                   /* [thread] for so long nothing that waits was sent */
};

extern const struct pci_driver virtio_host_net_driver;

/* virtio_host_net_frames.c */
void virtio_host_net_offer_all(struct virtio_host_net *net); /* fills the receive queue */
u32 virtio_host_net_receive(struct virtio_host_net *net, u32 frames);
int virtio_host_net_transmit(struct net_port *port, const struct net_frame *frame);

#endif
