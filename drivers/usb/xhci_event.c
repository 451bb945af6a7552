/* SPDX-License-Identifier: MIT */
/*
 * Events: the interrupt only wakes a thread; the thread takes what the controller wrote and tells those who wait.
 *
 * xHCI 1.2, "Event Ring" (4.9.4), "Interrupters" (4.17). An event that belongs to nothing (a controller may be wrong, or hostile) is
 * counted and dropped.
 */
#include "drivers/usb/xhci_internal.h"
#include "hv/lib/log.h"

#define EVENTS_A_WRITE 32u /* the controller is told how far we are at least so often */

void xhci_interrupt(void *context)
{
	struct xhci *xhci = context;

	xhci_write(xhci, xhci->operational + XHCI_USBSTS, USBSTS_INTERRUPT);
	xhci_write(xhci, xhci->runtime + XHCI_IMAN, IMAN_ENABLE | IMAN_PENDING);
	xhci_nudge(xhci);
}

static void command_event(struct xhci *xhci, const struct xhci_trb *event)
{
	u64 flags = lock_irqsave(&xhci->lock);
	bool ours = xhci->command_address && event->parameter == xhci->command_address && !xhci->command_code;

	if (ours) {
		xhci->command_slot = (u8)TRB_SLOT_OF(event->control);
		xhci->command_code = TRB_CODE_OF(event->status) ? TRB_CODE_OF(event->status) : CODE_NONE;
	}
	unlock_irqrestore(&xhci->lock, flags);
	if (ours)
		waitqueue_wake_all(&xhci->command_done);
	else
		xhci->strange_events++;
}

static void take(struct xhci *xhci, const struct xhci_trb *event)
{
	switch (TRB_TYPE_OF(event->control)) {
	case TRB_TRANSFER_EVENT:
		xhci_transfer_event(xhci, event);
		break;
	case TRB_COMMAND_EVENT:
		command_event(xhci, event);
		break;
	case TRB_PORT_EVENT:
		xhci_ask_hub_thread(xhci);
		break;
	case TRB_CONTROLLER_EVENT:
		log_warning("%s: it says that something went wrong (code %u)", xhci->name, TRB_CODE_OF(event->status));
		break;
	default:
		xhci->strange_events++;
	}
}

static void tell_position(struct xhci *xhci)
{
	xhci_write64(xhci, xhci->runtime + XHCI_ERDP,
		     (xhci->events.address.value + xhci->events.next * sizeof(struct xhci_trb)) | ERDP_BUSY);
}

/* What came while the position was told is looked at again: nobody else would. A flood is left for the next turn. */
void xhci_take_events(struct xhci *xhci)
{
	struct xhci_trb event;
	u32 status = xhci_read(xhci, xhci->operational + XHCI_USBSTS), count = 0, told;

	if (status == ~0u)
		xhci_die(xhci, "it does not answer any more");
	else if (status & (USBSTS_SYSTEM_ERROR | USBSTS_CONTROLLER_ERROR))
		xhci_die(xhci, "it reports an error of its own");
	if (xhci_dead(xhci))
		return;
	do {
		told = count;
		while (count - told < EVENTS_A_WRITE && xhci_event_next(&xhci->events, &event)) {
			take(xhci, &event);
			count++;
		}
		tell_position(xhci);
	} while (count != told && count < XHCI_RING_TRBS);
	if (count >= XHCI_RING_TRBS)
		xhci_nudge(xhci);
}

void xhci_event_thread(void *context)
{
	struct xhci *xhci = context;

	for (;;) {
		waitqueue_wait(&xhci->event_wait, __atomic_load_n(&xhci->attention, __ATOMIC_ACQUIRE));
		__atomic_store_n(&xhci->attention, 0, __ATOMIC_RELEASE);
		xhci_take_events(xhci);
	}
}
