/* SPDX-License-Identifier: MIT */
/*
 * Rings of request blocks. Pure. The producer writes a block with its cycle bit last; the consumer takes blocks while their cycle
 * bit is the one that it expects; both turn their bit around at the ring's end. "Ring Management" (4.9) of xHCI 1.2.
 */
#ifndef DRIVERS_USB_XHCI_RING_H
#define DRIVERS_USB_XHCI_RING_H

#include "drivers/usb/xhci_regs.h"

#define XHCI_RING_TRBS 256u      /* one page */
#define XHCI_TRANSFER_TRBS 100u  /* of one transfer at most: what is left keeps the ring from overtaking itself */
#define XHCI_TRB_BYTES_MAX 65536u /* a block's data crosses no multiple of it */

/* Solera produces: commands, transfers. The last block is a link back to the first. */
struct xhci_ring {
	struct xhci_trb *trbs; /* (c) DMA */
	hpa_t address;         /* (c) */
	u32 next;              /* the next free block */
	u32 cycle;
	/* What is being put: its first block gets its cycle bit at the end, so that the controller never sees a part. */
	u32 first, first_control;
};

void xhci_ring_init(struct xhci_ring *ring, struct xhci_trb *trbs, hpa_t address);
void xhci_ring_begin(struct xhci_ring *ring);
void xhci_ring_put(struct xhci_ring *ring, u64 parameter, u32 status, u32 control);
void xhci_ring_commit(struct xhci_ring *ring); /* after at least one put since begin */
/* Where the controller is to go on reading, as Set TR Dequeue Pointer and contexts want it: with the cycle bit. */
u64 xhci_ring_position(const struct xhci_ring *ring);
/*
 * The transfer's bytes that lie before the block at `address`, and that block's own. first: index of the transfer's first block,
 * end: index behind its last one. False: the address is not one of its blocks.
 */
bool xhci_ring_locate(const struct xhci_ring *ring, u32 first, u32 end, u64 address, u32 *before_bytes, u32 *own_bytes);

/* The controller produces: events. One segment without link. */
struct xhci_event_ring {
	const volatile struct xhci_trb *trbs; /* (c) DMA */
	hpa_t address;         /* (c) */
	u32 next;
	u32 cycle;
};
bool xhci_event_next(struct xhci_event_ring *ring, struct xhci_trb *event); /* false: none is there */

#endif
