/* SPDX-License-Identifier: MIT */
/* Rings of request blocks: xhci_ring.h. */
#include "drivers/usb/xhci_ring.h"
#include "hv/lib/string.h"

#define LINK (XHCI_RING_TRBS - 1)

void xhci_ring_init(struct xhci_ring *ring, struct xhci_trb *trbs, hpa_t address)
{
	memset(trbs, 0, XHCI_RING_TRBS * sizeof(*trbs));
	*ring = (struct xhci_ring){ .trbs = trbs, .address = address, .cycle = 1 };
	trbs[LINK] = (struct xhci_trb){ .parameter = address.value, .control = TRB_TYPE(TRB_LINK) | TRB_TOGGLE };
}

void xhci_ring_begin(struct xhci_ring *ring)
{
	ring->first = XHCI_RING_TRBS; /* none yet */
}

static void write_control(struct xhci_trb *trb, u32 control)
{
	__atomic_store_n(&trb->control, control, __ATOMIC_RELEASE);
}

void xhci_ring_put(struct xhci_ring *ring, u64 parameter, u32 status, u32 control)
{
	struct xhci_trb *trb = &ring->trbs[ring->next];

	trb->parameter = parameter;
	trb->status = status;
	if (ring->first == XHCI_RING_TRBS) {
		ring->first = ring->next;
		ring->first_control = control | ring->cycle;
		write_control(trb, control | (ring->cycle ^ 1));
	} else {
		write_control(trb, control | ring->cycle);
	}
	if (++ring->next == LINK) {
		/* A transfer that goes on behind the link is chained through it. */
		write_control(&ring->trbs[LINK], TRB_TYPE(TRB_LINK) | TRB_TOGGLE | (control & TRB_CHAIN) | ring->cycle);
		ring->next = 0;
		ring->cycle ^= 1;
	}
}

void xhci_ring_commit(struct xhci_ring *ring)
{
	write_control(&ring->trbs[ring->first], ring->first_control);
}

u64 xhci_ring_position(const struct xhci_ring *ring)
{
	return (ring->address.value + ring->next * sizeof(struct xhci_trb)) | ring->cycle;
}

bool xhci_ring_locate(const struct xhci_ring *ring, u32 first, u32 end, u64 address, u32 *before_bytes, u32 *own_bytes)
{
	u64 offset = address - ring->address.value;

	if (address < ring->address.value || offset >= LINK * sizeof(struct xhci_trb) || offset % sizeof(struct xhci_trb))
		return false;
	*before_bytes = 0;
	for (u32 i = first; i != end; i = i + 1 == LINK ? 0 : i + 1) {
		u32 bytes = ring->trbs[i].control & TRB_IMMEDIATE ? 0 : TRB_LENGTH_OF(ring->trbs[i].status);

		if (offset / sizeof(struct xhci_trb) == i) {
			*own_bytes = bytes;
			return true;
		}
		*before_bytes += bytes;
	}
	return false;
}

bool xhci_event_next(struct xhci_event_ring *ring, struct xhci_trb *event)
{
	const volatile struct xhci_trb *trb = &ring->trbs[ring->next];
	u32 control = __atomic_load_n(&trb->control, __ATOMIC_ACQUIRE);

	if ((control & TRB_CYCLE) != ring->cycle)
		return false;
	*event = (struct xhci_trb){ trb->parameter, trb->status, control };
	if (++ring->next == XHCI_RING_TRBS) {
		ring->next = 0;
		ring->cycle ^= 1;
	}
	return true;
}
