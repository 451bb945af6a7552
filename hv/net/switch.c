/* SPDX-License-Identifier: MIT */
/*
 * The switch (switch.h). Its lock is held to decide where a frame goes, never while it is delivered: whoever delivers counts as a
 * user of both slots, and a port that leaves waits until it has none.
 */
#include "hv/net/switch.h"
#include "hv/clock.h"
#include "hv/lib/string.h"
#include "hv/net/finish.h"
#include "hv/random.h"

/* One frame on its way. */
struct passage {
	struct net_switch_slot *from;
	const struct net_frame *frame;
	const struct net_headers *headers;
};

static void count(u64 *counter, u64 more)
{
	__atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

/* [lock] */
static bool enter(struct net_switch_slot *slot)
{
	if (!slot->port || slot->leaving)
		return false;
	slot->users++;
	return true;
}

static void leave(struct net_switch_slot *slot)
{
	u64 flags = lock_irqsave(&slot->of->lock);

	if (--slot->users == 0 && slot->leaving)
		waitqueue_wake_all(&slot->of->quiet);
	unlock_irqrestore(&slot->of->lock, flags);
}

static int receive(struct net_port *port, const struct net_frame *frame)
{
	int code = port->ops->receive(port, frame);

	if (code != OK) {
		count(&port->statistics.rx_dropped, 1);
		return code;
	}
	count(&port->statistics.rx_frames, 1);
	count(&port->statistics.rx_bytes, frame->size_bytes);
	return OK;
}

static int receive_piece(void *context, const struct net_frame *piece)
{
	(void)receive(context, piece); /* counted; a piece that was lost does not stop the others, as on a wire */
	return OK;
}

static bool fits_mtu(const struct net_port *port, const struct passage *passage)
{
	return net_largest_piece(passage->frame, passage->headers) <= port->mtu_bytes + NET_ETHERNET_BYTES;
}

/* The slot is entered. */
static void deliver(const struct passage *passage, struct net_switch_slot *to)
{
	const struct net_frame *frame = passage->frame;
	struct net_port *port = to->port;
	u32 missing = frame->offload & NET_OFFLOAD_WORK & ~READ_ONCE(port->offload);

	if (!READ_ONCE(port->link_up))
		return;
	if (!fits_mtu(port, passage))
		count(&port->statistics.rx_dropped, 1);
	else if (!missing)
		(void)receive(port, frame);
	else if (net_finish(frame, passage->headers, READ_ONCE(port->offload) & ~NET_GSO_ANY, receive_piece, port) != OK)
		count(&port->statistics.rx_dropped, 1);
}

/* [lock] Is the address nobody else's? Then it is the sender's from now on. */
static bool take_address(struct net_switch *net, struct net_switch_slot *from, u32 address)
{
	for (u32 i = 0; i < net->end; i++)
		if (net->slots[i].port && net->slots[i].filter.address == address)
			return false;
	from->filter.address = address;
	return true;
}

/* [lock] */
static enum net_verdict judge(struct net_switch *net, struct net_switch_slot *from, const struct passage *passage)
{
	enum net_verdict verdict;
	u32 claims;

	if (!net_offload_fits(passage->frame, passage->headers))
		return NET_DROP_MALFORMED;
	if (from->kind != SWITCH_MACHINE)
		return net_is_multicast(net_source_mac(passage->frame)) ? NET_DROP_MAC : NET_PASS;
	verdict = net_filter_judge(&from->filter, passage->frame, passage->headers, &claims);
	if (verdict == NET_PASS && claims && !take_address(net, from, claims))
		verdict = passage->headers->ethertype == ETHERTYPE_ARP ? NET_DROP_ARP : NET_DROP_IP;
	return verdict;
}

/* [lock] The one slot that the frame is for; NULL: nobody is known. */
static struct net_switch_slot *find(struct net_switch *net, u64 mac, u64 now_ns)
{
	int learnt;

	for (u32 i = 0; i < net->end; i++)
		if (net->slots[i].port && net->slots[i].mac == mac)
			return &net->slots[i];
	learnt = mac_table_find(&net->table, mac, now_ns);
	return learnt < 0 ? NULL : &net->slots[learnt];
}

/* Machines get what is for groups; what is for an unknown address goes where others may stand behind. */
static bool wants_flood(const struct net_switch_slot *slot, bool group)
{
	return group || slot->kind != SWITCH_MACHINE;
}

static void watch(struct net_switch_slot *to, const struct passage *passage)
{
	if (passage->from->kind == SWITCH_TRUSTED && to->kind == SWITCH_MACHINE)
		net_filter_watch(&to->filter, passage->frame, passage->headers);
}

static void flood(struct net_switch *net, const struct passage *passage, bool group)
{
	for (u32 i = 0; i < SWITCH_PORTS_MAX; i++) {
		struct net_switch_slot *to = &net->slots[i];
		u64 flags = lock_irqsave(&net->lock);
		bool more = i < net->end, go = more && to != passage->from && to->port && wants_flood(to, group) && enter(to);

		if (go)
			watch(to, passage);
		unlock_irqrestore(&net->lock, flags);
		if (!more)
			return;
		if (go) {
			deliver(passage, to);
			leave(to);
		}
	}
}

/* [lock] True: it may go; *to: where, NULL to several. */
static bool decide(struct net_switch *net, const struct passage *passage, struct net_switch_slot **to)
{
	struct net_switch_slot *from = passage->from;
	const u8 *destination = passage->frame->header;
	enum net_verdict verdict = judge(net, from, passage);
	u64 now = clock_ns();

	if (verdict != NET_PASS) {
		from->drops[verdict]++;
		return false;
	}
	if (from->kind != SWITCH_MACHINE)
		mac_table_learn(&net->table, net_mac(net_source_mac(passage->frame)), (unsigned)(from - net->slots), now);
	*to = net_is_multicast(destination) ? NULL : find(net, net_mac(destination), now);
	if (!*to && from->kind != SWITCH_TRUSTED && !net_storm_allows(&from->storm, now)) {
		from->storm_drops++;
		return false;
	}
	if (*to && (*to == from || !enter(*to))) /* it came from there: it has been where it wants to go */
		return false;
	if (*to)
		watch(*to, passage);
	return true;
}

static void pass(struct net_switch_slot *from, const struct net_frame *frame)
{
	struct net_switch *net = from->of;
	struct net_headers headers;
	struct passage passage = { from, frame, &headers };
	struct net_switch_slot *to = NULL;
	u64 flags;
	bool go;

	net_headers_read(frame, &headers);
	flags = lock_irqsave(&net->lock);
	go = decide(net, &passage, &to);
	unlock_irqrestore(&net->lock, flags);
	if (!go) {
		count(&from->port->statistics.tx_dropped, 1);
		return;
	}
	if (to) {
		deliver(&passage, to);
		leave(to);
	} else {
		flood(net, &passage, net_is_multicast(frame->header));
	}
	count(&from->port->statistics.tx_frames, 1);
	count(&from->port->statistics.tx_bytes, frame->size_bytes);
}

static int switch_send(struct net_port *port, const struct net_frame *frame)
{
	struct net_switch_slot *from = __atomic_load_n(&port->network, __ATOMIC_ACQUIRE);
	u64 flags = lock_irqsave(&from->of->lock);
	bool entered = from->port == port && enter(from);

	unlock_irqrestore(&from->of->lock, flags);
	if (!entered)
		return ERR_NOT_FOUND;
	pass(from, frame);
	leave(from);
	return OK;
}

/* Plugging */

void net_switch_init(struct net_switch *net)
{
	u64 salt;

	memset(net, 0, sizeof(*net));
	random_bytes(&salt, sizeof(salt));
	spinlock_init(&net->lock, "switch", LOCK_RANK_NET);
	waitqueue_init(&net->quiet, "switch port");
	mac_table_init(&net->table, salt);
	for (u32 i = 0; i < SWITCH_PORTS_MAX; i++)
		net->slots[i].of = net;
}

/* [lock] */
static int take_slot(struct net_switch *net, struct net_port *port, enum net_switch_kind kind, struct net_switch_slot **out)
{
	struct net_switch_slot *free = NULL;
	u64 mac = net_mac(port->mac);

	for (u32 i = 0; i < SWITCH_PORTS_MAX; i++) {
		if (net->slots[i].port && net->slots[i].mac == mac)
			return ERR_EXISTS;
		if (!free && !net->slots[i].port)
			free = &net->slots[i];
	}
	if (!free)
		return ERR_FULL;
	*free = (struct net_switch_slot){ .of = net, .port = port, .mac = mac, .kind = kind, .filter = { .mac = mac } };
	net->end = MAX(net->end, (u32)(free - net->slots) + 1);
	*out = free;
	return OK;
}

int net_switch_plug(struct net_switch *net, struct net_port *port, enum net_switch_kind kind)
{
	struct net_switch_slot *slot;
	u64 flags = lock_irqsave(&net->lock);
	int code = take_slot(net, port, kind, &slot);

	unlock_irqrestore(&net->lock, flags);
	if (code == OK) {
		__atomic_store_n(&port->network, slot, __ATOMIC_RELEASE);
		__atomic_store_n(&port->send, switch_send, __ATOMIC_RELEASE);
	}
	return code;
}

static bool is_quiet(struct net_switch_slot *slot)
{
	u64 flags = lock_irqsave(&slot->of->lock);
	bool quiet = !slot->users;

	unlock_irqrestore(&slot->of->lock, flags);
	return quiet;
}

/* port->network stays: a thread may be between its look at `send` and switch_send, and finds the slot another's then. */
void net_switch_unplug(struct net_port *port)
{
	struct net_switch_slot *slot = port->network;
	u64 flags;

	if (!port->send)
		return;
	__atomic_store_n(&port->send, NULL, __ATOMIC_RELEASE);
	flags = lock_irqsave(&slot->of->lock);
	slot->leaving = true;
	unlock_irqrestore(&slot->of->lock, flags);
	waitqueue_wait(&slot->of->quiet, is_quiet(slot));
	flags = lock_irqsave(&slot->of->lock);
	mac_table_forget(&slot->of->table, (unsigned)(slot - slot->of->slots));
	slot->port = NULL;
	slot->leaving = false;
	unlock_irqrestore(&slot->of->lock, flags);
}

void net_switch_look(struct net_port *port, u32 *address, u64 *filtered)
{
	struct net_switch_slot *slot = port->network;
	u64 flags = lock_irqsave(&slot->of->lock);

	*address = slot->filter.address;
	*filtered = slot->storm_drops;
	for (u32 i = 0; i < NET_VERDICTS; i++)
		*filtered += slot->drops[i];
	unlock_irqrestore(&slot->of->lock, flags);
}

void net_switch_set_address(struct net_port *port, u32 address)
{
	struct net_switch_slot *slot = port->network;
	u64 flags = lock_irqsave(&slot->of->lock);

	slot->filter.address = address;
	unlock_irqrestore(&slot->of->lock, flags);
}

void net_switch_set_name(struct net_port *port, const char *name)
{
	struct net_switch_slot *slot = port->network;
	u64 flags = lock_irqsave(&slot->of->lock);

	string_copy(slot->machine, name, sizeof(slot->machine));
	unlock_irqrestore(&slot->of->lock, flags);
}

u32 net_switch_resolve(struct net_switch *net, const char *name)
{
	u64 flags = lock_irqsave(&net->lock);
	u32 address = 0;

	for (u32 i = 0; i < net->end && !address; i++) {
		const struct net_switch_slot *slot = &net->slots[i];

		if (slot->port && slot->machine[0] && string_equal_ignore_case(slot->machine, name))
			address = slot->filter.address ? slot->filter.address : 0xffffffff;
	}
	unlock_irqrestore(&net->lock, flags);
	return address;
}

u32 net_switch_slot_of(const struct net_port *port)
{
	const struct net_switch_slot *slot = port->network;

	return (u32)(slot - slot->of->slots);
}

u32 net_switch_find_slot(struct net_switch *net, const u8 *mac)
{
	u64 flags = lock_irqsave(&net->lock);
	const struct net_switch_slot *slot = find(net, net_mac(mac), clock_ns());

	unlock_irqrestore(&net->lock, flags);
	return slot ? (u32)(slot - net->slots) : 0;
}

u32 net_switch_address_at(struct net_switch *net, u32 slot)
{
	u64 flags = lock_irqsave(&net->lock);
	u32 address = slot < net->end && net->slots[slot].port ? net->slots[slot].filter.address : 0;

	unlock_irqrestore(&net->lock, flags);
	return address;
}

bool net_switch_find_machine(struct net_switch *net, u32 address, u8 mac[NET_MAC_BYTES])
{
	u64 flags = lock_irqsave(&net->lock);
	bool found = false;

	for (u32 i = 0; i < net->end && !found; i++) {
		const struct net_switch_slot *slot = &net->slots[i];

		found = slot->port && slot->kind == SWITCH_MACHINE && slot->filter.address == address;
		if (found)
			memcpy(mac, slot->port->mac, NET_MAC_BYTES);
	}
	unlock_irqrestore(&net->lock, flags);
	return found;
}
