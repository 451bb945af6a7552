/* SPDX-License-Identifier: MIT */
/*
 * The router's decisions (nat.h). A packet is judged in this order: is it for the host itself; is it well made and from where it says;
 * does it belong to a connection; may it begin one; then it is changed and sent. Nothing is changed before that is decided.
 */
#include "hv/net/nat.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/net/finish.h"
#include "hv/net/nat_internal.h"
#include "hv/random.h"

#define IP_DONT_FRAGMENT 0x4000u
#define PORT_TRIES 64u /* random ports that are tried: with half of them taken, all fail once in 2^64 */
#define OWNER_INCOMING 2048u

/* One packet that is looked at. */
struct packet {
	struct nat *nat;
	u8 from;
	u16 slot;
	const struct net_frame *frame;
	struct net_headers headers;
	u64 now_ns;
	struct flow flow;
	struct tcp_seen tcp;
	struct nat_result *result;
};

const char *nat_drop_name(enum nat_drop drop)
{
	static const char *const names[] = {
		[NAT_DROP_NONE] = "none", [NAT_DROP_MALFORMED] = "malformed", [NAT_DROP_OPTIONS] = "IPv4 options", [NAT_DROP_SUM] = "checksum",
		[NAT_DROP_ADDRESS] = "address", [NAT_DROP_POLICY] = "between networks", [NAT_DROP_PROTOCOL] = "protocol",
		[NAT_DROP_NO_CONNECTION] = "no connection", [NAT_DROP_FRAGMENT] = "fragment out of order", [NAT_DROP_FULL] = "no free port",
		[NAT_DROP_TTL] = "time to live", [NAT_DROP_TOO_BIG] = "too big", [NAT_DROP_UNREACHABLE] = "unreachable",
	};

	return drop < NAT_DROPS ? names[drop] : "unknown";
}

void nat_init(struct nat *nat, u32 (*address_of)(void *context, u8 interface, u16 slot), void *context)
{
	u64 secret[2];

	memset(nat, 0, sizeof(*nat));
	random_bytes(secret, sizeof(secret));
	conntrack_init(&nat->connections, secret);
	nat->address_of = address_of;
	nat->context = context;
}

static u16 owner_of(u8 interface, u16 slot, bool incoming)
{
	return (u16)((incoming ? OWNER_INCOMING : 0) + (interface - 1) * NAT_SLOTS + slot);
}
STATIC_ASSERT(OWNER_INCOMING == (NAT_INTERFACES - 1) * NAT_SLOTS && CONNTRACK_OWNERS == 2 * OWNER_INCOMING, "an owner for each port, twice");

static enum nat_verdict drop(struct packet *packet, enum nat_drop reason)
{
	packet->nat->drops[reason]++;
	packet->result->reason = reason;
	return NAT_DROP;
}

/* Whose addresses are these? */

static bool is_inside(const struct nat_interface *interface, u32 address)
{
	return interface->address && ((address ^ interface->address) & interface->mask) == 0;
}

static bool is_hosts_own(const struct nat *nat, u32 address)
{
	for (u32 i = 0; i < NAT_INTERFACES; i++)
		if (nat->interfaces[i].mode && nat->interfaces[i].address == address)
			return true;
	return false;
}

/* The network that the address lies in; 0: none. */
static u8 network_of(const struct nat *nat, u32 address)
{
	for (u8 i = 1; i < NAT_INTERFACES; i++)
		if (nat->interfaces[i].mode && is_inside(&nat->interfaces[i], address))
			return i;
	return 0;
}

/* The address of one host that a packet may come from or go to. */
static bool is_host_address(u32 address)
{
	u32 first = address >> 24;

	return first != 0 && first != 127 && first < 224 && address >> 16 != 0xa9fe; /* 169.254: this link's only (RFC 3927) */
}

static bool source_is_good(const struct packet *packet)
{
	const struct nat_interface *interface = &packet->nat->interfaces[packet->from];
	u32 source = packet->headers.source;

	if (!is_host_address(source) || is_hosts_own(packet->nat, source))
		return false;
	if (packet->from == NAT_UPLINK)
		return !network_of(packet->nat, source);
	return is_inside(interface, source) && (source & ~interface->mask) && (~source & ~interface->mask);
}

/* Reading */

static void read_flow(struct packet *packet)
{
	const u8 *transport = packet->frame->header + NAT_TRANSPORT;
	const struct net_headers *headers = &packet->headers;

	packet->flow = (struct flow){ headers->source, headers->destination, headers->source_port, headers->destination_port, headers->protocol,
				      packet->from };
	if (headers->protocol == IP_PROTOCOL_TCP)
		packet->tcp = (struct tcp_seen){
			.flags = transport[13], .sequence = get_be32(transport + 4), .acknowledgement = get_be32(transport + 8),
			.payload_bytes = get_be16(packet->frame->header + NAT_IP + 2) - MIN(20u + (transport[12] >> 4) * 4u,
										   (u32)get_be16(packet->frame->header + NAT_IP + 2)),
		};
	if (headers->protocol != IP_PROTOCOL_ICMP)
		return;
	if (transport[0] == ICMP_ECHO_REQUEST)
		packet->flow.source_port = get_be16(transport + 4);
	else
		packet->flow.destination_port = get_be16(transport + 4);
}

/* NAT_DROP_NONE: as a packet should be that is sent on. */
static enum nat_drop check_packet(const struct packet *packet)
{
	const u8 *ip = packet->frame->header + NAT_IP;

	if (ip[0] != 0x45)
		return NAT_DROP_OPTIONS;
	if (checksum_fold(checksum_add(0, ip, 20)) != 0xffff)
		return NAT_DROP_SUM;
	if (!source_is_good(packet))
		return NAT_DROP_ADDRESS;
	if (packet->headers.protocol == IP_PROTOCOL_ICMP && (packet->frame->header_bytes < NAT_TRANSPORT + 8 || get_be16(ip + 2) < 28))
		return NAT_DROP_MALFORMED;
	if (packet->headers.protocol == IP_PROTOCOL_TCP && (packet->frame->header[NAT_TRANSPORT + 12] >> 4) < 5)
		return NAT_DROP_MALFORMED;
	return NAT_DROP_NONE;
}

/* May it begin a connection? */
static bool begins(const struct packet *packet)
{
	switch (packet->headers.protocol) {
	case IP_PROTOCOL_TCP:
		return (packet->tcp.flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN)) == TCP_FLAG_SYN;
	case IP_PROTOCOL_UDP:
		return true;
	case IP_PROTOCOL_ICMP:
		return packet->frame->header[NAT_TRANSPORT] == ICMP_ECHO_REQUEST;
	default:
		return false;
	}
}

/* Sending */

/* The frame as it will be sent, not changed yet. */
static void take_over(struct packet *packet, u8 to, u32 destination)
{
	struct nat_result *result = packet->result;

	memcpy(result->header, packet->frame->header, packet->frame->header_bytes);
	result->frame = *packet->frame;
	result->frame.header = result->header;
	result->to = to;
	result->destination = destination;
}

/* What a router does with every packet. NAT_DROP_NONE: done. */
static enum nat_drop age_and_fit(struct packet *packet)
{
	struct nat_result *result = packet->result;
	const struct nat_interface *to = &packet->nat->interfaces[result->to];

	if (result->header[NAT_IP_TTL] <= 1)
		return NAT_DROP_TTL;
	if (net_largest_piece(packet->frame, &packet->headers) > (u32)to->mtu_bytes + NET_ETHERNET_BYTES)
		return NAT_DROP_TOO_BIG;
	nat_rewrite_ttl(result->header);
	return NAT_DROP_NONE;
}

/* A first fragment has gone this way with a new id, so that packets of two machines with the same one do not mix: the others follow. */
static void remember_fragment(struct packet *packet, u16 owner)
{
	struct nat_result *result = packet->result;
	const struct fragment_key key = { packet->headers.source, packet->headers.destination, get_be16(packet->frame->header + NAT_IP_ID),
					  packet->headers.protocol, packet->from };
	struct fragment_way way = { get_be32(result->header + NAT_IP_SOURCE), get_be32(result->header + NAT_IP_DESTINATION), 0, result->to };

	random_bytes(&way.id, sizeof(way.id));
	nat_rewrite_id(result->header, way.id);
	fragments_add(&packet->nat->fragments, &key, &way, owner, packet->now_ns);
}

static enum nat_verdict send_later_fragment(struct packet *packet)
{
	const u8 *header = packet->frame->header;
	const struct fragment_key key = { packet->headers.source, packet->headers.destination, get_be16(header + NAT_IP_ID),
					  header[NAT_IP_PROTOCOL], packet->from };
	struct fragment_way way;
	enum nat_drop reason;

	if (!fragments_find(&packet->nat->fragments, &key, packet->now_ns, &way))
		/* It may be of the host's own packet, which its stack puts together. */
		return is_hosts_own(packet->nat, key.destination) ? NAT_TO_HOST : drop(packet, NAT_DROP_FRAGMENT);
	take_over(packet, way.to, way.destination);
	reason = age_and_fit(packet);
	if (reason)
		return drop(packet, reason);
	nat_rewrite_addresses(packet->result->header, way.source, way.destination);
	nat_rewrite_id(packet->result->header, way.id);
	packet->nat->passed++;
	return NAT_SEND;
}

static u32 smaller_mtu(const struct nat *nat, u8 a, u8 b)
{
	return MIN(nat->interfaces[a].mtu_bytes, nat->interfaces[b].mtu_bytes);
}

static enum nat_verdict send_translated(struct packet *packet, struct connection *connection, u32 side)
{
	const struct flow *other = &connection->flows[!side];
	const struct nat_change change = { other->destination, other->source, other->destination_port, other->source_port };
	enum nat_drop reason;

	take_over(packet, other->from, other->source);
	reason = age_and_fit(packet);
	if (reason)
		return drop(packet, reason);
	nat_rewrite_packet(packet->result, &packet->headers, &change);
	if (packet->headers.protocol == IP_PROTOCOL_TCP)
		nat_clamp_mss(packet->result, smaller_mtu(packet->nat, packet->from, other->from));
	if (packet->headers.fragment)
		remember_fragment(packet, connection->owner);
	conntrack_see(&packet->nat->connections, connection, side, &packet->tcp, packet->frame->size_bytes, packet->now_ns);
	packet->nat->passed++;
	return NAT_SEND;
}

static enum nat_verdict send_error(struct packet *packet, const struct connection *connection, u32 side)
{
	const struct flow *other = &connection->flows[!side];
	enum nat_drop reason;

	take_over(packet, other->from, other->source);
	reason = age_and_fit(packet);
	if (reason)
		return drop(packet, reason);
	nat_icmp_rewrite(packet->result, connection, side, packet->from);
	packet->nat->passed++;
	return NAT_SEND;
}

/* With its own addresses. */
static enum nat_verdict send_routed(struct packet *packet, u8 to)
{
	enum nat_drop reason;

	take_over(packet, to, packet->headers.destination);
	reason = age_and_fit(packet);
	if (reason)
		return drop(packet, reason);
	if (packet->headers.protocol == IP_PROTOCOL_TCP && packet->headers.transport)
		nat_clamp_mss(packet->result, smaller_mtu(packet->nat, packet->from, to));
	packet->nat->passed++;
	return NAT_SEND;
}

/* Beginning */

/* A random one of the outside's ports for which the answers' flow is nobody else's. False: none was found. */
static bool choose_port(struct packet *packet, struct flow *reply, u16 first, u16 last)
{
	for (u32 i = 0; i < PORT_TRIES; i++) {
		u32 random, side;

		random_bytes(&random, sizeof(random));
		reply->destination_port = (u16)(first + random % (last - first + 1u));
		if (!conntrack_find(&packet->nat->connections, reply, packet->now_ns, &side))
			return true;
	}
	return false;
}

static enum nat_verdict begin(struct packet *packet, const struct flow *reply, u16 owner)
{
	struct connection *connection = conntrack_add(&packet->nat->connections, &packet->flow, reply, owner, packet->now_ns);

	return connection ? send_translated(packet, connection, 0) : drop(packet, NAT_DROP_FULL);
}

static const struct nat_forward *find_forward(const struct nat *nat, u8 protocol, u16 port)
{
	for (u32 i = 0; i < NAT_FORWARDS_MAX; i++) {
		const struct nat_forward *forward = &nat->forwards[i];

		if (forward->used && forward->protocol == protocol && port >= forward->start && port <= forward->end)
			return forward;
	}
	return NULL;
}

/* To one of the uplink's ports that is forwarded: from outside, or from a machine that uses the outside's address (a hairpin). */
static enum nat_verdict begin_forwarded(struct packet *packet, const struct nat_forward *forward)
{
	struct nat *nat = packet->nat;
	u32 machine = nat->address_of(nat->context, forward->interface, forward->slot), side;
	struct flow reply = { .source = machine, .destination = packet->flow.source,
			      .source_port = (u16)(packet->flow.destination_port - forward->start + forward->to),
			      .destination_port = packet->flow.source_port, .protocol = packet->flow.protocol, .from = forward->interface };

	if (!machine)
		return drop(packet, NAT_DROP_UNREACHABLE);
	if (packet->from != NAT_UPLINK) {
		/* Both may stand at one switch: the answer comes back here only if it is for the host. */
		reply.destination = nat->interfaces[forward->interface].address;
		if (!choose_port(packet, &reply, NAT_PORT_FIRST, NAT_PORT_LAST))
			return drop(packet, NAT_DROP_FULL);
	} else if (conntrack_find(&nat->connections, &reply, packet->now_ns, &side)) {
		return drop(packet, NAT_DROP_FULL);
	}
	return begin(packet, &reply, packet->from == NAT_UPLINK ? owner_of(forward->interface, forward->slot, true)
							       : owner_of(packet->from, packet->slot, false));
}

static enum nat_verdict begin_outside(struct packet *packet)
{
	const struct nat *nat = packet->nat;
	const struct nat_interface *interface = &nat->interfaces[packet->from], *uplink = &nat->interfaces[NAT_UPLINK];
	struct flow reply = { .source = packet->flow.destination, .destination = uplink->address, .source_port = packet->flow.destination_port,
			      .protocol = packet->flow.protocol, .from = NAT_UPLINK };

	if (!begins(packet))
		return drop(packet, NAT_DROP_NO_CONNECTION);
	return choose_port(packet, &reply, interface->port_first, interface->port_last)
		       ? begin(packet, &reply, owner_of(packet->from, packet->slot, false)) : drop(packet, NAT_DROP_FULL);
}

/* Of no connection, from a network. */
static enum nat_verdict leave_network(struct packet *packet)
{
	const struct nat *nat = packet->nat;
	enum nat_mode mode = nat->interfaces[packet->from].mode;
	u8 network = network_of(nat, packet->headers.destination);

	if (network)
		return network != packet->from && mode == NAT_ROUTED && nat->interfaces[network].mode == NAT_ROUTED
			       ? send_routed(packet, network) : drop(packet, NAT_DROP_POLICY);
	if (!is_host_address(packet->headers.destination))
		return drop(packet, NAT_DROP_ADDRESS);
	if (!nat->interfaces[NAT_UPLINK].address)
		return drop(packet, NAT_DROP_UNREACHABLE);
	if (mode == NAT_ROUTED)
		return send_routed(packet, NAT_UPLINK);
	return packet->headers.protocol == IP_PROTOCOL_TCP || packet->headers.protocol == IP_PROTOCOL_UDP ||
	       packet->headers.protocol == IP_PROTOCOL_ICMP ? begin_outside(packet) : drop(packet, NAT_DROP_PROTOCOL);
}

/* Of no connection. */
static enum nat_verdict judge_new(struct packet *packet)
{
	const struct nat *nat = packet->nat;
	u32 destination = packet->headers.destination;
	bool ours = is_hosts_own(nat, destination);
	const struct nat_forward *forward = ours && destination == nat->interfaces[NAT_UPLINK].address && begins(packet)
						    ? find_forward(nat, packet->headers.protocol, packet->headers.destination_port) : NULL;
	u8 network;

	if (forward)
		return begin_forwarded(packet, forward);
	if (ours && (packet->from != NAT_UPLINK || destination == nat->interfaces[NAT_UPLINK].address))
		return NAT_TO_HOST;
	if (packet->from != NAT_UPLINK)
		return leave_network(packet);
	/* Outside, only those of routed networks are known. */
	network = network_of(nat, destination);
	if (!network || nat->interfaces[network].mode != NAT_ROUTED)
		return drop(packet, NAT_DROP_ADDRESS);
	return ours ? NAT_TO_HOST : send_routed(packet, network);
}

static enum nat_verdict judge_first(struct packet *packet)
{
	struct connection *connection;
	u32 side;

	read_flow(packet);
	if (packet->headers.protocol == IP_PROTOCOL_ICMP && nat_is_icmp_error(packet->frame)) {
		connection = nat_icmp_find(packet->nat, packet->from, packet->frame, packet->now_ns, &side);
		if (connection)
			return send_error(packet, connection, side);
	}
	connection = conntrack_find(&packet->nat->connections, &packet->flow, packet->now_ns, &side);
	/* The same ports once more, after an end: another connection (RFC 9293, 3.6.1). */
	if (connection && connection->state == CONNECTION_CLOSED && side == 0 && packet->headers.protocol == IP_PROTOCOL_TCP && begins(packet)) {
		conntrack_forget(&packet->nat->connections, connection);
		connection = NULL;
	}
	return connection ? send_translated(packet, connection, side) : judge_new(packet);
}

/* What nobody but the host can mean, or what has no router. */
static bool is_for_host(const struct packet *packet)
{
	const struct nat_interface *interface = &packet->nat->interfaces[packet->from];
	const struct net_headers *headers = &packet->headers;

	/* Malformed headers are the host's stack's to drop, which reads all of them. */
	if (headers->ethertype != ETHERTYPE_IPV4 || headers->malformed || interface->mode <= NAT_ISOLATED)
		return true;
	if (headers->destination == 0xffffffff || headers->destination >> 28 == 14 || !headers->source)
		return true;
	if (packet->from == NAT_UPLINK && headers->protocol == IP_PROTOCOL_UDP && headers->destination_port == UDP_PORT_DHCP_CLIENT)
		return true; /* the host's lease, which no forward may take */
	if (packet->from == NAT_UPLINK)
		return headers->destination != interface->address && !network_of(packet->nat, headers->destination);
	return headers->destination == interface->address && !headers->fragment && headers->protocol == IP_PROTOCOL_UDP &&
	       (headers->destination_port == 53 || headers->destination_port == UDP_PORT_DHCP_SERVER);
}

enum nat_verdict nat_translate(struct nat *nat, u8 from, u16 slot, const struct net_frame *frame, u64 now_ns, struct nat_result *result)
{
	struct packet packet = { .nat = nat, .from = from, .slot = slot, .frame = frame, .now_ns = now_ns, .result = result };
	enum nat_drop reason;

	result->reason = NAT_DROP_NONE;
	if (from >= NAT_INTERFACES || slot >= NAT_SLOTS || net_is_multicast(frame->header))
		return NAT_TO_HOST;
	net_headers_read(frame, &packet.headers);
	if (is_for_host(&packet))
		return NAT_TO_HOST;
	reason = check_packet(&packet);
	if (reason)
		return is_hosts_own(nat, packet.headers.destination) ? NAT_TO_HOST : drop(&packet, reason);
	return packet.headers.transport ? judge_first(&packet) : send_later_fragment(&packet);
}

int nat_forward_add(struct nat *nat, const struct nat_forward *forward, const struct nat_forward **other)
{
	struct nat_forward *free = NULL;

	for (u32 i = 0; i < NAT_FORWARDS_MAX; i++) {
		struct nat_forward *have = &nat->forwards[i];

		if (!have->used) {
			free = free ? free : have;
		} else if (have->protocol == forward->protocol && have->start <= forward->end && forward->start <= have->end) {
			*other = have;
			return ERR_EXISTS;
		}
	}
	if (!free)
		return ERR_FULL;
	*free = *forward;
	free->used = true;
	return OK;
}

void nat_forget_machine(struct nat *nat, u8 interface, u16 slot)
{
	for (u32 i = 0; i < NAT_FORWARDS_MAX; i++)
		if (nat->forwards[i].used && nat->forwards[i].interface == interface && nat->forwards[i].slot == slot)
			nat->forwards[i].used = false;
	conntrack_forget_owner(&nat->connections, owner_of(interface, slot, false));
	conntrack_forget_owner(&nat->connections, owner_of(interface, slot, true));
}
