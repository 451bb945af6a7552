/* SPDX-License-Identifier: MIT */
/*
 * A port's requests: out in order, back by interrupt.
 *
 * AHCI 1.3.1, "Software Operation" (5.3, 5.5): a slot's bit is set in PxCI (and PxSACT for NCQ), and the device clears it. NCQ
 * commands and others must not be out together, so the queue drains where the kind changes. An error stops the port: the
 * keeper resets it, and what was under way is tried again one by one, so that only the guilty request fails.
 */
#include "drivers/ahci_internal.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define KEEPERS_TIMEOUT_NS (10 * 1000000000ull)

static u32 count_busy(const struct ahci_port *port)
{
	u32 count = 0;

	for (u32 left = port->busy; left; left &= left - 1)
		count++;
	return count;
}

static u32 lowest_free(const struct ahci_port *port)
{
	u32 free = ~port->busy & (u32)MASK64(ahci_slots(port) - 1, 0);

	return free ? (u32)__builtin_ctz(free) : AHCI_SLOTS_MAX;
}

/* [lock] May this request go out beside what is out? */
static bool may_join(const struct ahci_port *port, bool queued)
{
	if (!port->ready)
		return false;
	if (!port->busy)
		return true;
	if (!queued || !port->queued)
		return false;
	return count_busy(port) < MIN(port->identity.queue_depth, ahci_slots(port));
}

/* [lock] */
static void issue(struct ahci_port *port, struct block_request *request, bool queued)
{
	u32 slot = lowest_free(port);

	ahci_put_request(port, slot, request, queued);
	port->slots[slot] = (struct ahci_slot){ request, clock_ns() };
	port->busy |= BIT32(slot);
	port->queued = queued;
	if (queued)
		ahci_port_write(port, PX_SACT, BIT32(slot));
	ahci_port_write(port, PX_CI, BIT32(slot));
	if (!timer_armed(&port->watchdog))
		timer_arm(&port->watchdog, clock_ns() + AHCI_COMMAND_TIMEOUT_NS);
}

/* [lock] */
static void issue_waiting(struct ahci_port *port)
{
	while (!list_empty(&port->waiting)) {
		struct block_request *request = LIST_ENTRY(port->waiting.next, struct block_request, node);
		bool queued = ahci_is_queued(port, request);

		if (!may_join(port, queued))
			return;
		list_remove(&request->node);
		issue(port, request, queued);
	}
	port->by_itself = port->by_itself && port->busy; /* all suspects are through: many at once again */
}

void ahci_submit(struct block_device *device, struct block_request *request)
{
	struct ahci_port *port = device->context;
	int error = block_check(device, request);
	u64 flags;

	if (error || (request->sector_count == 0 && request->operation != BLOCK_FLUSH)) {
		block_complete(device, request, error);
		return;
	}
	flags = lock_irqsave(&port->lock);
	list_push_back(&port->waiting, &request->node);
	issue_waiting(port);
	unlock_irqrestore(&port->lock, flags);
}

static void complete_list(struct ahci_port *port, struct list_node *done, int status)
{
	LIST_FOR_EACH_SAFE(node, done) {
		list_remove(node);
		block_complete(port->device, LIST_ENTRY(node, struct block_request, node), status);
	}
}

/* [lock] Slots whose bits the device has cleared. */
static void take_done(struct ahci_port *port, struct list_node *done)
{
	u32 out = ahci_port_read(port, PX_CI) | (port->queued ? ahci_port_read(port, PX_SACT) : 0);
	u32 ended = port->busy & ~out;

	while (ended) {
		u32 slot = (u32)__builtin_ctz(ended);

		ended &= ended - 1;
		port->busy &= ~BIT32(slot);
		if (port->slots[slot].request)
			list_push_back(done, &port->slots[slot].request->node);
		else
			port->kept_status = OK;
		port->slots[slot].request = NULL;
	}
}

void ahci_port_interrupt(struct ahci_port *port)
{
	struct list_node done = LIST_INIT(done);
	u64 flags = lock_irqsave(&port->lock);
	u32 status = ahci_port_read(port, PX_IS);

	ahci_port_write(port, PX_IS, status);
	if (status & (PX_IS_ERRORS | PX_IS_CONNECT_CHANGE | PX_IS_PHY_CHANGE)) {
		/* What is done cannot be told from what was dropped by registers alone: the keeper sorts it out. */
		port->ready = false;
		if (status & (PX_IS_CONNECT_CHANGE | PX_IS_PHY_CHANGE))
			ahci_port_write(port, PX_SERR, ~0u); /* else a wire would stay asserted */
		ahci_ask_keeper(port);
	} else {
		take_done(port, &done);
		if (port->kept_status != 1)
			waitqueue_wake_all(&port->wait);
		issue_waiting(port);
	}
	unlock_irqrestore(&port->lock, flags);
	complete_list(port, &done, OK);
}

/* As in drivers/nvme_queue.c: not cancelled when the port runs empty. */
static void watch(struct timer *timer)
{
	struct ahci_port *port = timer->context;
	u64 flags = lock_irqsave(&port->lock), oldest = ~(u64)0, now = clock_ns();

	for (u32 i = 0; i < AHCI_SLOTS_MAX; i++)
		if (port->slots[i].request && port->slots[i].issued_ns < oldest)
			oldest = port->slots[i].issued_ns;
	if (oldest != ~(u64)0 && now - oldest >= AHCI_COMMAND_TIMEOUT_NS) {
		port->ready = false;
		ahci_ask_keeper(port);
	} else if (oldest != ~(u64)0) {
		timer_arm(timer, oldest + AHCI_COMMAND_TIMEOUT_NS);
	}
	unlock_irqrestore(&port->lock, flags);
}

int ahci_run(struct ahci_port *port, u8 command, const u8 packet[12], hpa_t data, u32 data_bytes)
{
	u64 deadline = clock_ns() + KEEPERS_TIMEOUT_NS, flags = lock_irqsave(&port->lock);
	int status;

	BUG_ON(port->busy);
	ahci_put_command(port, 0, command, packet, data, data_bytes);
	port->kept_status = 1;
	port->busy = 1;
	port->queued = false;
	ahci_port_write(port, PX_CI, 1);
	unlock_irqrestore(&port->lock, flags);
	(void)waitqueue_wait_until(&port->wait, READ_ONCE(port->kept_status) != 1 || READ_ONCE(port->attention), deadline);
	flags = lock_irqsave(&port->lock);
	status = port->kept_status == 1 ? (port->attention ? ERR_IO : ERR_TIMEOUT) : port->kept_status;
	port->kept_status = OK;
	port->busy = 0;
	/* The caller knows of the error, and resets the port before it goes on. A plug stays to be looked at. */
	if (status && PX_SSTS_DETECTED(ahci_port_read(port, PX_SSTS)) == 3)
		__atomic_store_n(&port->attention, 0, __ATOMIC_RELEASE);
	unlock_irqrestore(&port->lock, flags);
	return status;
}

void ahci_take_back(struct ahci_port *port)
{
	struct list_node done = LIST_INIT(done);
	u64 flags = lock_irqsave(&port->lock);
	bool guilty = !port->queued; /* a single command that failed: it is the one */

	for (u32 i = AHCI_SLOTS_MAX; i-- > 0;) {
		struct block_request *request = port->slots[i].request;

		port->slots[i].request = NULL;
		if (!request)
			continue;
		if (guilty)
			list_push_back(&done, &request->node);
		else
			list_push_front(&port->waiting, &request->node);
	}
	port->busy = 0;
	port->by_itself = !list_empty(&port->waiting);
	unlock_irqrestore(&port->lock, flags);
	complete_list(port, &done, ERR_IO);
}

void ahci_fail_all(struct ahci_port *port, int status)
{
	struct list_node done = LIST_INIT(done);
	u64 flags = lock_irqsave(&port->lock);

	for (u32 i = 0; i < AHCI_SLOTS_MAX; i++) {
		if (port->slots[i].request)
			list_push_back(&done, &port->slots[i].request->node);
		port->slots[i].request = NULL;
	}
	while (!list_empty(&port->waiting)) {
		struct list_node *node = port->waiting.next;

		list_remove(node);
		list_push_back(&done, node);
	}
	port->busy = 0;
	unlock_irqrestore(&port->lock, flags);
	complete_list(port, &done, status);
}

void ahci_go_on(struct ahci_port *port)
{
	u64 flags = lock_irqsave(&port->lock);

	port->ready = true;
	issue_waiting(port);
	unlock_irqrestore(&port->lock, flags);
}

void ahci_queue_init(struct ahci_port *port)
{
	spinlock_init(&port->lock, "ahci port", LOCK_RANK_DRIVER);
	list_init(&port->waiting);
	timer_init(&port->watchdog, watch, port);
	waitqueue_init(&port->wait, "ahci port");
}
