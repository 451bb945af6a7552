/* SPDX-License-Identifier: MIT */
/*
 * The router (router.h). Its lock is held to decide, never while a frame is sent: whoever sends counts as a user of the interface, and
 * an interface that leaves waits until it has none.
 */
#include "hv/net/router.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/net/icmp_error.h"
#include "hv/net/storm.h"

struct router_interface {
	struct router_way way;  /* (c) while it is used */
	u32 users;              /* [lock] */
	bool used, leaving;     /* [lock] */
};

static struct {
	struct spinlock lock;
	struct nat *nat;        /* [lock] NULL: there is no router */
	struct net_storm errors; /* [lock] so that nobody makes it send more errors than that */
	struct waitqueue quiet;
	struct router_interface interfaces[NAT_INTERFACES];
} router = { .lock = SPINLOCK_INIT("router", LOCK_RANK_ROUTER) };

static u64 lock(void) { return lock_irqsave(&router.lock); }
static void unlock(u64 flags) { unlock_irqrestore(&router.lock, flags); }

/* [lock] */
static bool enter(u8 number)
{
	struct router_interface *interface = &router.interfaces[number];

	if (!interface->used || interface->leaving)
		return false;
	interface->users++;
	return true;
}

static void leave(u8 number)
{
	struct router_interface *interface = &router.interfaces[number];
	u64 flags = lock();

	if (--interface->users == 0 && interface->leaving)
		waitqueue_wake_all(&router.quiet);
	unlock(flags);
}

/* [lock] */
static u32 address_of(void *context, u8 interface, u16 slot)
{
	const struct router_interface *of = &router.interfaces[interface];

	(void)context;
	return of->used && of->way.address_of ? of->way.address_of(of->way.context, slot) : 0;
}

bool router_is_there(void)
{
	return __atomic_load_n(&router.nat, __ATOMIC_ACQUIRE) != NULL;
}

int router_start(const struct router_way *uplink, u16 mtu_bytes)
{
	struct nat *nat = kmalloc(sizeof(*nat));

	if (!nat)
		return ERR_NO_MEMORY;
	waitqueue_init(&router.quiet, "router");
	nat_init(nat, address_of, NULL);
	nat->interfaces[NAT_UPLINK] = (struct nat_interface){ .mode = NAT_ROUTED, .mtu_bytes = mtu_bytes };
	router.interfaces[NAT_UPLINK] = (struct router_interface){ .way = *uplink, .used = true };
	__atomic_store_n(&router.nat, nat, __ATOMIC_RELEASE);
	return OK;
}

static bool overlap(const struct nat_interface *a, const struct nat_interface *b)
{
	u32 mask = a->mask & b->mask;

	return a->address && b->address && (a->address & mask) == (b->address & mask);
}

int router_set_uplink(u32 address, u32 mask)
{
	struct nat_interface *uplink = &router.nat->interfaces[NAT_UPLINK];
	u64 flags = lock();
	int code = OK;

	if (uplink->address && uplink->address != address)
		conntrack_forget_address(&router.nat->connections, uplink->address);
	uplink->address = address;
	uplink->mask = mask;
	for (u8 i = 1; i < NAT_INTERFACES; i++)
		if (router.nat->interfaces[i].mode && overlap(uplink, &router.nat->interfaces[i]))
			code = ERR_EXISTS;
	if (code)
		uplink->address = 0;
	unlock(flags);
	return code;
}

u32 router_uplink(void)
{
	return router_is_there() ? READ_ONCE(router.nat->interfaces[NAT_UPLINK].address) : 0;
}

int router_add(const struct nat_interface *config, const struct router_way *way, u8 *number)
{
	int code = ERR_FULL;
	u64 flags;

	*number = 0;
	if (!router_is_there())
		return OK;
	flags = lock();
	if (overlap(&router.nat->interfaces[NAT_UPLINK], config))
		code = ERR_EXISTS;
	for (u8 i = 1; i < NAT_INTERFACES && code == ERR_FULL; i++) {
		if (router.interfaces[i].used)
			continue;
		router.interfaces[i] = (struct router_interface){ .way = *way, .used = true };
		router.nat->interfaces[i] = *config;
		*number = i;
		code = OK;
	}
	unlock(flags);
	return code;
}

static bool is_quiet(u8 number)
{
	u64 flags = lock();
	bool quiet = !router.interfaces[number].users;

	unlock(flags);
	return quiet;
}

void router_remove(u8 number)
{
	u64 flags;

	if (!number)
		return;
	flags = lock();
	router.interfaces[number].leaving = true;
	router.nat->interfaces[number].mode = NAT_ABSENT;
	unlock(flags);
	waitqueue_wait(&router.quiet, is_quiet(number));
	for (u16 slot = 0; slot < NAT_SLOTS; slot++)
		router_forget_machine(number, slot);
	flags = lock();
	router.interfaces[number] = (struct router_interface){ .used = false };
	unlock(flags);
}

/* The decision is made; the way is entered. */
static void send(struct nat_result *result)
{
	const struct router_way *way = &router.interfaces[result->to].way;

	memcpy(result->header + NET_MAC_BYTES, way->mac, NET_MAC_BYTES);
	if (way->find(way->context, result->destination, result->header))
		way->send(way->context, &result->frame);
	else
		way->send_unknown(way->context, &result->frame, result->destination);
}

/* Tells a machine why its frame did not go. `from` is entered. */
static void send_error(u8 from, const struct net_frame *frame, enum nat_drop reason)
{
	const struct router_way *way = &router.interfaces[from].way;
	const struct nat_interface *interfaces = router.nat->interfaces;
	u8 bytes[ICMP_ERROR_MAX];
	struct net_frame error = { .header = bytes, .offload = NET_CSUM_VALID };
	u64 flags = lock();
	bool allowed = net_storm_allows(&router.errors, clock_ns());

	unlock(flags);
	error.size_bytes = icmp_error_make(frame, reason, interfaces[from].address, interfaces[NAT_UPLINK].mtu_bytes, bytes);
	error.header_bytes = (u16)error.size_bytes;
	if (allowed && error.size_bytes)
		way->send(way->context, &error);
}

bool router_take(u8 from, const struct net_frame *frame)
{
	struct nat_result result;
	enum nat_verdict verdict = NAT_TO_HOST;
	bool entered_from, entered_to = false;
	u64 flags;
	u16 slot;

	if (!router_is_there())
		return false;
	flags = lock();
	entered_from = enter(from);
	unlock(flags);
	if (!entered_from)
		return false;
	slot = from == NAT_UPLINK ? 0 : router.interfaces[from].way.slot(router.interfaces[from].way.context, frame);
	flags = lock();
	verdict = nat_translate(router.nat, from, slot, frame, clock_ns(), &result);
	if (verdict == NAT_SEND)
		entered_to = enter(result.to);
	unlock(flags);
	if (entered_to) {
		send(&result);
		leave(result.to);
	} else if (verdict == NAT_DROP && from != NAT_UPLINK) {
		send_error(from, frame, result.reason);
	}
	leave(from);
	return verdict != NAT_TO_HOST;
}

int router_forward(const struct nat_forward *forward, u8 *other_interface, u16 *other_slot)
{
	const struct nat_forward *other = NULL;
	u64 flags;
	int code;

	if (!router_is_there() || !forward->interface)
		return OK;
	flags = lock();
	code = nat_forward_add(router.nat, forward, &other);
	if (code == ERR_EXISTS) {
		*other_interface = other->interface;
		*other_slot = other->slot;
	}
	unlock(flags);
	return code;
}

void router_forget_machine(u8 number, u16 slot)
{
	u64 flags;

	if (!number || !router_is_there())
		return;
	flags = lock();
	nat_forget_machine(router.nat, number, slot);
	unlock(flags);
}

void router_sweep(void)
{
	u64 flags;

	if (!router_is_there())
		return;
	flags = lock();
	conntrack_sweep(&router.nat->connections, 256, clock_ns());
	unlock(flags);
}

u32 router_connections(u32 *cursor, struct connection *connections, u32 max)
{
	u32 count = 0;
	u64 flags, now = clock_ns();

	if (!router_is_there())
		return 0;
	flags = lock();
	for (; *cursor < CONNTRACK_MAX && count < max; ++*cursor) {
		const struct connection *connection = &router.nat->connections.connections[*cursor];

		if (connection->used && connection->end_ns > now)
			connections[count++] = *connection;
	}
	unlock(flags);
	return count;
}

void router_figures(struct router_figures *figures)
{
	u64 flags;

	memset(figures, 0, sizeof(*figures));
	if (!router_is_there())
		return;
	flags = lock();
	figures->connections = router.nat->connections.count;
	figures->passed = router.nat->passed;
	figures->evicted = router.nat->connections.evicted;
	memcpy(figures->drops, router.nat->drops, sizeof(figures->drops));
	unlock(flags);
}
