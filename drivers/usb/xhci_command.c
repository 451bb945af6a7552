/* SPDX-License-Identifier: MIT */
/*
 * Commands to the controller: one at a time, waited for. One that does not end is aborted; when that does not help either, the
 * controller has broken down. xHCI 1.2, "Command Interface" (4.6), "Aborting a Command" (4.6.1.2).
 */
#include "drivers/usb/xhci_internal.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"

#define COMMAND_NS (5 * NS_PER_S)
#define LOOK_NS NS_PER_S /* an interrupt that was lost costs so much, not the command */

static bool wait_done(struct xhci *xhci, u64 timeout_ns)
{
	u64 deadline = clock_ns() + timeout_ns;

	while (!READ_ONCE(xhci->command_code) && !xhci_dead(xhci) && clock_ns() < deadline) {
		if (!waitqueue_wait_until(&xhci->command_done, READ_ONCE(xhci->command_code) || xhci_dead(xhci),
					  MIN(deadline, clock_ns() + LOOK_NS)))
			xhci_nudge(xhci);
	}
	return READ_ONCE(xhci->command_code) != 0;
}

/* The ring goes on with the next command after the aborted one. */
static void abort_command(struct xhci *xhci)
{
	u64 position, deadline = clock_ns() + COMMAND_NS;

	log_warning("%s: a command does not end: it is aborted", xhci->name);
	xhci_write64(xhci, xhci->operational + XHCI_CRCR, CRCR_ABORT);
	(void)wait_done(xhci, COMMAND_NS);
	while ((xhci_read(xhci, xhci->operational + XHCI_CRCR) & CRCR_RUNNING) && clock_ns() < deadline)
		thread_sleep_ns(NS_PER_MS);
	if (xhci_read(xhci, xhci->operational + XHCI_CRCR) & CRCR_RUNNING) {
		xhci_die(xhci, "a command cannot be aborted");
		return;
	}
	position = xhci_ring_position(&xhci->commands);
	xhci_write64(xhci, xhci->operational + XHCI_CRCR, position);
}

static int result_of(struct xhci *xhci, u8 *slot, u32 *code)
{
	u64 flags = lock_irqsave(&xhci->lock);
	u32 got = xhci->command_code;

	xhci->command_address = 0;
	if (slot)
		*slot = xhci->command_slot;
	unlock_irqrestore(&xhci->lock, flags);
	if (code)
		*code = got;
	return got == CODE_SUCCESS ? OK : ERR_IO;
}

int xhci_command(struct xhci *xhci, u64 parameter, u32 status, u32 control, u8 *slot, u32 *code)
{
	u64 flags;
	int error;

	mutex_lock(&xhci->command_mutex);
	flags = lock_irqsave(&xhci->lock);
	xhci->command_code = 0;
	xhci->command_slot = 0;
	xhci->command_address = xhci->commands.address.value + xhci->commands.next * sizeof(struct xhci_trb);
	xhci_ring_begin(&xhci->commands);
	xhci_ring_put(&xhci->commands, parameter, status, control);
	xhci_ring_commit(&xhci->commands);
	unlock_irqrestore(&xhci->lock, flags);
	if (!xhci_dead(xhci)) {
		xhci_ring_doorbell(xhci, 0, 0);
		if (!wait_done(xhci, COMMAND_NS) && !xhci_dead(xhci))
			abort_command(xhci);
	}
	error = result_of(xhci, slot, code);
	if (xhci_dead(xhci))
		error = ERR_NOT_FOUND;
	mutex_unlock(&xhci->command_mutex);
	return error;
}
