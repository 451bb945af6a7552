/* SPDX-License-Identifier: MIT */
/*
 * Transfers: what the core wants moved, as blocks on an endpoint's ring, and what came of it.
 *
 * xHCI 1.2, "Transfer Rings" (4.9.2), "Control Transfers" (3.2.9, 4.11.2), "Short Transfers" (4.10.1.1). One transfer at a time stands
 * on a ring; an event counts only if it points at one of its blocks.
 */
#include "drivers/usb/xhci_internal.h"
#include "hv/lib/error.h"

static u64 setup_word(const u8 setup[8])
{
	u64 word = 0;

	for (unsigned i = 0; i < 8; i++)
		word |= (u64)setup[i] << 8 * i;
	return word;
}

/* [lock] Setup, data if there is any, status. */
static void put_control(struct xhci_ring *ring, const struct usb_transfer *transfer)
{
	bool in = transfer->setup[0] & USB_IN;
	u32 stages = !transfer->size_bytes ? TRB_SETUP_NO_DATA : in ? TRB_SETUP_IN : TRB_SETUP_OUT;

	xhci_ring_put(ring, setup_word(transfer->setup), 8, TRB_TYPE(TRB_SETUP) | TRB_IMMEDIATE | stages);
	if (transfer->size_bytes)
		xhci_ring_put(ring, transfer->segments[0].address.value, transfer->size_bytes,
			      TRB_TYPE(TRB_DATA) | (in ? TRB_IN | TRB_SHORT_EVENT : 0));
	xhci_ring_put(ring, 0, 0, TRB_TYPE(TRB_STATUS) | TRB_DONE_EVENT | (in && transfer->size_bytes ? 0 : TRB_IN));
}

/* Puts each piece, none of which crosses a multiple of 64 KiB; without a ring it only counts them. */
static u32 pieces(struct xhci_ring *ring, const struct usb_transfer *transfer, bool in, u32 packet_bytes)
{
	u32 count = 0, left = transfer->size_bytes;

	for (u32 i = 0; i < transfer->segment_count; i++) {
		u64 address = transfer->segments[i].address.value, segment_left = transfer->segments[i].size_bytes;

		for (u32 bytes; segment_left; segment_left -= bytes, address += bytes, count++) {
			bytes = (u32)MIN(segment_left, XHCI_TRB_BYTES_MAX - address % XHCI_TRB_BYTES_MAX);
			if (!ring)
				continue;
			left -= bytes;
			xhci_ring_put(ring, address, bytes | TRB_REMAINING(MIN(DIV_ROUND_UP(left, packet_bytes), 31u)),
				      TRB_TYPE(TRB_NORMAL) | (in ? TRB_SHORT_EVENT : 0) | (left ? TRB_CHAIN : TRB_DONE_EVENT));
		}
	}
	return count;
}

int xhci_submit(struct usb_transfer *transfer)
{
	struct usb_endpoint *endpoint = transfer->endpoint;
	struct xhci *xhci = endpoint->device->controller;
	bool control = endpoint->words.type == USB_CONTROL, in = endpoint->words.address & USB_IN;
	int error = OK;
	u64 flags;

	if (!control && (!transfer->size_bytes || pieces(NULL, transfer, in, 1) > XHCI_TRANSFER_TRBS))
		return ERR_RANGE;
	transfer->done_bytes = 0;
	transfer->status = OK;
	flags = lock_irqsave(&xhci->lock);
	if (xhci_dead(xhci) || __atomic_load_n(&endpoint->device->gone, __ATOMIC_ACQUIRE))
		error = ERR_NOT_FOUND;
	else if (endpoint->transfer)
		error = ERR_BUSY;
	if (!error) {
		endpoint->transfer = transfer;
		endpoint->first = endpoint->ring.next;
		endpoint->short_data = false;
		xhci_ring_begin(&endpoint->ring);
		if (control)
			put_control(&endpoint->ring, transfer);
		else
			(void)pieces(&endpoint->ring, transfer, in, endpoint->words.max_packet);
		endpoint->end = endpoint->ring.next;
		xhci_ring_commit(&endpoint->ring);
		xhci_ring_doorbell(xhci, endpoint->device->slot, endpoint->index);
	}
	unlock_irqrestore(&xhci->lock, flags);
	return error;
}

void xhci_endpoint_end(struct usb_endpoint *endpoint, int status)
{
	struct xhci *xhci = endpoint->device->controller;
	u64 flags = lock_irqsave(&xhci->lock);
	struct usb_transfer *transfer = endpoint->transfer;

	endpoint->transfer = NULL;
	unlock_irqrestore(&xhci->lock, flags);
	if (!transfer)
		return;
	transfer->status = status;
	transfer->complete(transfer);
}

static int status_of(u32 code)
{
	switch (code) {
	case CODE_SUCCESS:
	case CODE_SHORT_PACKET:
		return OK;
	case CODE_STALL:
		return ERR_UNSUPPORTED;
	}
	return ERR_IO;
}

/* [lock] True: the transfer is over. Its data stage's short packet is not a control transfer's end: the status stage follows. */
static bool take(struct usb_endpoint *endpoint, const struct xhci_trb *event)
{
	struct usb_transfer *transfer = endpoint->transfer;
	u32 before = 0, own = 0, code = TRB_CODE_OF(event->status), done, residue = EVENT_RESIDUE_OF(event->status);
	bool control = endpoint->words.type == USB_CONTROL;
	u64 last = (endpoint->end ? endpoint->end : XHCI_RING_TRBS - 1) - 1;

	if (code == CODE_STOPPED || code == CODE_STOPPED_LENGTH || code == CODE_STOPPED_SHORT)
		return false; /* who stopped it ends it */
	if (!xhci_ring_locate(&endpoint->ring, endpoint->first, endpoint->end, event->parameter, &before, &own))
		return false;
	done = MIN(before + (residue < own ? own - residue : 0), transfer->size_bytes);
	transfer->status = status_of(code);
	if (!control) {
		transfer->done_bytes = done;
		return true;
	}
	if (event->parameter != endpoint->ring.address.value + last * sizeof(struct xhci_trb)) {
		transfer->done_bytes = done;
		endpoint->short_data = true;
		return transfer->status != OK;
	}
	if (!endpoint->short_data)
		transfer->done_bytes = transfer->size_bytes;
	return true;
}

void xhci_transfer_event(struct xhci *xhci, const struct xhci_trb *event)
{
	u32 slot = TRB_SLOT_OF(event->control), index = TRB_ENDPOINT_OF(event->control);
	struct usb_transfer *transfer = NULL;
	struct usb_endpoint *endpoint = NULL;
	u64 flags = lock_irqsave(&xhci->lock);

	if (slot <= xhci->slot_count && xhci->by_slot[slot] && index)
		endpoint = xhci->by_slot[slot]->endpoints[index];
	if (endpoint && endpoint->transfer && take(endpoint, event)) {
		transfer = endpoint->transfer;
		endpoint->transfer = NULL;
		__atomic_store_n(&endpoint->completing, 1, __ATOMIC_RELAXED);
	}
	unlock_irqrestore(&xhci->lock, flags);
	if (!transfer) {
		xhci->strange_events++;
		return;
	}
	transfer->complete(transfer);
	__atomic_store_n(&endpoint->completing, 0, __ATOMIC_RELEASE); /* xhci_device_close waits for it */
}
