/* SPDX-License-Identifier: MIT */
/*
 * The table of connections (conntrack.h). Time-outs follow RFC 5382 (TCP), 4787 (UDP) and 5508 (ICMP): an idle connection that is
 * established is kept for longer than two hours, one that opens or closes for four minutes, UDP for two, an echo for one.
 */
#include "hv/net/conntrack.h"
#include "hv/clock.h"
#include "hv/lib/string.h"
#include "hv/net/headers.h"

#define SECONDS(n) ((n) * NS_PER_S)
STATIC_ASSERT(CONNTRACK_MAX < CONNTRACK_NONE, "indices are 16 bits wide");

static u16 index_of(const struct conntrack *table, const struct connection *connection)
{
	return (u16)(connection - table->connections);
}

/* Murmur's finaliser: each bit of the input reaches each of the output. */
static u64 mix(u64 value)
{
	value = (value ^ value >> 33) * 0xff51afd7ed558ccdull;
	value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53ull;
	return value ^ value >> 33;
}

static u32 bucket_of(const struct conntrack *table, const struct flow *flow)
{
	u64 addresses = (u64)flow->source << 32 | flow->destination;
	u64 rest = (u64)flow->source_port << 32 | (u64)flow->destination_port << 16 | (u64)flow->protocol << 8 | flow->from;

	return (u32)mix(mix(addresses ^ table->secret[0]) ^ rest ^ table->secret[1]) & (CONNTRACK_BUCKETS - 1);
}

static bool same(const struct flow *a, const struct flow *b)
{
	return a->source == b->source && a->destination == b->destination && a->source_port == b->source_port &&
	       a->destination_port == b->destination_port && a->protocol == b->protocol && a->from == b->from;
}

void conntrack_init(struct conntrack *table, const u64 secret[2])
{
	memset(table, 0, sizeof(*table));
	memcpy(table->secret, secret, sizeof(table->secret));
	for (u32 i = 0; i < CONNTRACK_BUCKETS; i++)
		table->buckets[i] = CONNTRACK_NONE;
	for (u32 i = 0; i < CONNTRACK_OWNERS; i++)
		table->owners[i] = (struct conntrack_owner){ 0, { CONNTRACK_NONE, CONNTRACK_NONE }, { CONNTRACK_NONE, CONNTRACK_NONE } };
	for (u32 i = 0; i < CONNTRACK_MAX; i++)
		table->connections[i].newer = (u16)(i + 1 < CONNTRACK_MAX ? i + 1 : CONNTRACK_NONE);
}

/* The owner's lists */

static u32 list_of(const struct connection *connection)
{
	return connection->state == CONNECTION_ESTABLISHED;
}

static void list_remove_from(struct conntrack *table, struct connection *connection)
{
	struct conntrack_owner *owner = &table->owners[connection->owner];
	u32 list = list_of(connection);

	if (connection->older == CONNTRACK_NONE)
		owner->oldest[list] = connection->newer;
	else
		table->connections[connection->older].newer = connection->newer;
	if (connection->newer == CONNTRACK_NONE)
		owner->newest[list] = connection->older;
	else
		table->connections[connection->newer].older = connection->older;
}

static void list_add_newest(struct conntrack *table, struct connection *connection)
{
	struct conntrack_owner *owner = &table->owners[connection->owner];
	u32 list = list_of(connection);
	u16 index = index_of(table, connection);

	connection->newer = CONNTRACK_NONE;
	connection->older = owner->newest[list];
	if (connection->older == CONNTRACK_NONE)
		owner->oldest[list] = index;
	else
		table->connections[connection->older].newer = index;
	owner->newest[list] = index;
}

/* The buckets. A link is an index and which of the connection's two flows is meant, told apart by comparing. */

static void bucket_add(struct conntrack *table, struct connection *connection, u32 side)
{
	u16 *head = &table->buckets[bucket_of(table, &connection->flows[side])];

	connection->next_in_bucket[side] = *head;
	*head = (u16)(index_of(table, connection) << 1 | side);
}
STATIC_ASSERT(CONNTRACK_MAX * 2 <= CONNTRACK_NONE, "a link has room for the side");

static void bucket_remove(struct conntrack *table, const struct connection *connection, u32 side)
{
	u16 *link = &table->buckets[bucket_of(table, &connection->flows[side])];
	u16 own = (u16)(index_of(table, connection) << 1 | side);

	while (*link != own)
		link = &table->connections[*link >> 1].next_in_bucket[*link & 1];
	*link = connection->next_in_bucket[side];
}

static void drop(struct conntrack *table, struct connection *connection)
{
	bucket_remove(table, connection, 0);
	bucket_remove(table, connection, 1);
	list_remove_from(table, connection);
	table->owners[connection->owner].count--;
	table->count--;
	connection->used = false;
	connection->newer = table->free;
	table->free = index_of(table, connection);
}

struct connection *conntrack_find(struct conntrack *table, const struct flow *flow, u64 now_ns, u32 *side)
{
	u16 link = table->buckets[bucket_of(table, flow)];

	while (link != CONNTRACK_NONE) {
		struct connection *connection = &table->connections[link >> 1];

		if (same(&connection->flows[link & 1], flow)) {
			*side = link & 1;
			if (connection->end_ns > now_ns)
				return connection;
			drop(table, connection);
			return NULL;
		}
		link = connection->next_in_bucket[link & 1];
	}
	return NULL;
}

/* Room for one more of this owner: of its own when it has its share, of the greatest owner when the table is full. */
static bool evict_of(struct conntrack *table, u16 owner)
{
	const struct conntrack_owner *of = &table->owners[owner];
	u16 victim = of->oldest[0] != CONNTRACK_NONE ? of->oldest[0] : of->oldest[1];

	if (victim == CONNTRACK_NONE)
		return false;
	drop(table, &table->connections[victim]);
	table->evicted++;
	return true;
}

static u16 greatest_owner(const struct conntrack *table)
{
	u16 best = 0;

	for (u16 i = 1; i < CONNTRACK_OWNERS; i++)
		if (table->owners[i].count > table->owners[best].count)
			best = i;
	return best;
}

static bool make_room(struct conntrack *table, u16 owner, u64 now_ns)
{
	conntrack_sweep(table, 4, now_ns);
	if (table->owners[owner].count >= CONNTRACK_OWNER_MAX && !evict_of(table, owner))
		return false;
	return table->count < CONNTRACK_MAX || evict_of(table, greatest_owner(table));
}

static u64 time_out(const struct connection *connection)
{
	u8 protocol = connection->flows[0].protocol;

	if (protocol == IP_PROTOCOL_ICMP)
		return SECONDS(60);
	if (protocol != IP_PROTOCOL_TCP)
		return SECONDS(120);
	switch (connection->state) {
	case CONNECTION_ESTABLISHED:
		return SECONDS(7440);
	case CONNECTION_CLOSED:
		return SECONDS(30); /* as long as a late packet may need an answer */
	default:
		return SECONDS(240);
	}
}

struct connection *conntrack_add(struct conntrack *table, const struct flow *original, const struct flow *reply, u16 owner, u64 now_ns)
{
	struct connection *connection;

	if (owner >= CONNTRACK_OWNERS || !make_room(table, owner, now_ns))
		return NULL;
	connection = &table->connections[table->free];
	table->free = connection->newer;
	*connection = (struct connection){ .flows = { *original, *reply }, .owner = owner, .state = CONNECTION_ASKED, .used = true };
	connection->end_ns = now_ns + time_out(connection);
	bucket_add(table, connection, 0);
	bucket_add(table, connection, 1);
	list_add_newest(table, connection);
	table->owners[owner].count++;
	table->count++;
	return connection;
}

/*
 * A reset is believed where its number is the one that the other side acknowledged last (RFC 5961, 3.2): whoever guesses addresses and
 * ports from outside cannot end a connection of a machine. Before the first answer there is nothing to compare with.
 */
static bool reset_is_believed(const struct connection *connection, u32 side, const struct tcp_seen *tcp)
{
	const struct connection_side *other = &connection->sides[!side];

	return !other->has_acknowledged || tcp->sequence == other->acknowledged;
}

static bool acknowledges_fin(const struct connection_side *fin, const struct connection_side *other)
{
	return fin->fin && other->has_acknowledged && (s32)(other->acknowledged - fin->fin_end) >= 0;
}

static u8 next_tcp_state(struct connection *connection, u32 side, const struct tcp_seen *tcp)
{
	struct connection_side *own = &connection->sides[side], *other = &connection->sides[!side];
	u8 state = connection->state;

	if (tcp->flags & TCP_FLAG_RST)
		return reset_is_believed(connection, side, tcp) ? CONNECTION_CLOSED : state;
	if (tcp->flags & TCP_FLAG_ACK) {
		own->acknowledged = tcp->acknowledgement;
		own->has_acknowledged = true;
	}
	if (state == CONNECTION_ASKED && side == 1 && (tcp->flags & TCP_FLAG_SYN))
		return CONNECTION_OPENING;
	/* The side that began acknowledges the other's SYN. */
	if (state == CONNECTION_OPENING && side == 0 && (tcp->flags & (TCP_FLAG_ACK | TCP_FLAG_SYN)) == TCP_FLAG_ACK)
		state = CONNECTION_ESTABLISHED;
	if ((tcp->flags & TCP_FLAG_FIN) && state != CONNECTION_ASKED && state != CONNECTION_CLOSED) {
		own->fin = true;
		own->fin_end = tcp->sequence + tcp->payload_bytes + 1;
		state = CONNECTION_CLOSING;
	}
	return state == CONNECTION_CLOSING && acknowledges_fin(own, other) && acknowledges_fin(other, own) ? CONNECTION_CLOSED : state;
}

void conntrack_see(struct conntrack *table, struct connection *connection, u32 side, const struct tcp_seen *tcp, u32 bytes, u64 now_ns)
{
	bool closed = connection->state == CONNECTION_CLOSED;

	list_remove_from(table, connection);
	connection->sides[side].frames++;
	connection->sides[side].bytes += bytes;
	if (connection->flows[0].protocol == IP_PROTOCOL_TCP)
		connection->state = next_tcp_state(connection, side, tcp);
	else if (side == 1)
		connection->state = CONNECTION_ESTABLISHED;
	list_add_newest(table, connection);
	/* What is closed is not kept by what comes late; what nobody answers is kept by who asks, whose share it is. */
	if (!closed)
		connection->end_ns = now_ns + time_out(connection);
}

void conntrack_sweep(struct conntrack *table, u32 count, u64 now_ns)
{
	for (u32 i = 0; i < count; i++) {
		struct connection *connection = &table->connections[table->swept];

		table->swept = (table->swept + 1) % CONNTRACK_MAX;
		if (connection->used && connection->end_ns <= now_ns)
			drop(table, connection);
	}
}

void conntrack_forget(struct conntrack *table, struct connection *connection)
{
	drop(table, connection);
}

void conntrack_forget_owner(struct conntrack *table, u16 owner)
{
	for (u32 list = 0; list < 2; list++)
		while (table->owners[owner].oldest[list] != CONNTRACK_NONE)
			drop(table, &table->connections[table->owners[owner].oldest[list]]);
}

static bool has_address(const struct flow *flow, u32 address)
{
	return flow->source == address || flow->destination == address;
}

void conntrack_forget_address(struct conntrack *table, u32 address)
{
	for (u32 i = 0; i < CONNTRACK_MAX; i++) {
		struct connection *connection = &table->connections[i];

		if (connection->used && (has_address(&connection->flows[0], address) || has_address(&connection->flows[1], address)))
			drop(table, connection);
	}
}

const char *connection_state_name(const struct connection *connection)
{
	static const char *const names[] = {
		[CONNECTION_ASKED] = "asked", [CONNECTION_OPENING] = "opening", [CONNECTION_ESTABLISHED] = "established",
		[CONNECTION_CLOSING] = "closing", [CONNECTION_CLOSED] = "closed",
	};

	return connection->state < CONNECTION_STATES ? names[connection->state] : "unknown";
}
