/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors through the translation (RFC 5508): the packet that an error quotes is one that was translated on its way out, so it says
 * whose connection is meant, and is put back to what its sender knows.
 *
 * An error never begins, changes or ends a connection: anybody can make one up. Redirects and source quenches are not passed on.
 */
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/net/nat_internal.h"

/* The quoted packet in the frame, its header without options as all that was translated. */
enum { QUOTE = NAT_TRANSPORT + 8, QUOTE_TRANSPORT = QUOTE + 20, QUOTE_END = QUOTE_TRANSPORT + 8 };
enum { IP_FRAGMENT = 6, IP_PROTOCOL = 9, IP_SUM = 10, IP_SOURCE = 12, IP_DESTINATION = 16, ICMP_SUM = 2, ICMP_ID = 4 };

bool nat_is_icmp_error(const struct net_frame *frame)
{
	u8 type = frame->header[NAT_TRANSPORT];

	return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER;
}

/* The flow that an answer to the quoted packet would have. */
static bool answer_flow(const struct net_frame *frame, u8 from, struct flow *flow)
{
	const u8 *ip = frame->header + QUOTE, *transport = frame->header + QUOTE_TRANSPORT;

	if (frame->header_bytes < QUOTE_END || NAT_IP + get_be16(frame->header + NAT_IP + 2) < QUOTE_END || ip[0] != 0x45 ||
	    (get_be16(ip + IP_FRAGMENT) & 0x1fff))
		return false;
	*flow = (struct flow){ .source = get_be32(ip + IP_DESTINATION), .destination = get_be32(ip + IP_SOURCE), .protocol = ip[IP_PROTOCOL],
			       .from = from };
	if (flow->protocol == IP_PROTOCOL_TCP || flow->protocol == IP_PROTOCOL_UDP) {
		flow->source_port = get_be16(transport + 2);
		flow->destination_port = get_be16(transport);
		return true;
	}
	if (flow->protocol != IP_PROTOCOL_ICMP)
		return false;
	if (transport[0] == ICMP_ECHO_REQUEST)
		flow->destination_port = get_be16(transport + ICMP_ID);
	else
		flow->source_port = get_be16(transport + ICMP_ID);
	return transport[0] == ICMP_ECHO_REQUEST || transport[0] == ICMP_ECHO_REPLY;
}

struct connection *nat_icmp_find(struct nat *nat, u8 from, const struct net_frame *frame, u64 now_ns, u32 *side)
{
	struct flow flow;

	return answer_flow(frame, from, &flow) ? conntrack_find(&nat->connections, &flow, now_ns, side) : NULL;
}

static void change(u8 *at, u8 *sum, u32 new)
{
	if (sum)
		put_be16(sum, nat_sum_replace(get_be16(sum), get_be32(at), new));
	put_be32(at, new);
}

/* The quoted transport's sum, where as much of it was quoted; NULL: nothing to keep right. */
static u8 *quoted_sum(struct nat_result *result, u32 end)
{
	u8 protocol = result->header[QUOTE + IP_PROTOCOL];
	u32 at = QUOTE_TRANSPORT + (protocol == IP_PROTOCOL_TCP ? 16u : protocol == IP_PROTOCOL_UDP ? 6u : (u32)ICMP_SUM);

	if (at + 2 > end || (protocol == IP_PROTOCOL_UDP && !get_be16(result->header + at)))
		return NULL;
	return result->header + at;
}

/* Back to what the sender of the quoted packet sent: the flow of the side that the error is for. */
static void restore_quote(struct nat_result *result, const struct flow *sent, u32 end)
{
	u8 *ip = result->header + QUOTE, *transport = result->header + QUOTE_TRANSPORT, *sum = quoted_sum(result, end);
	u32 source = get_be32(ip + IP_SOURCE), destination = get_be32(ip + IP_DESTINATION);

	change(ip + IP_SOURCE, ip + IP_SUM, sent->source);
	change(ip + IP_DESTINATION, ip + IP_SUM, sent->destination);
	if (sent->protocol == IP_PROTOCOL_ICMP) {
		u16 id = transport[0] == ICMP_ECHO_REQUEST ? sent->source_port : sent->destination_port;

		put_be16(sum, nat_sum_replace(get_be16(sum), get_be16(transport + ICMP_ID), id));
		put_be16(transport + ICMP_ID, id);
		return;
	}
	if (sum) /* the pseudo-header */
		put_be16(sum, nat_sum_replace(nat_sum_replace(get_be16(sum), source, sent->source), destination, sent->destination));
	change(transport, sum, (u32)sent->source_port << 16 | sent->destination_port);
}

void nat_icmp_rewrite(struct nat_result *result, const struct connection *connection, u32 side, u8 from)
{
	const struct flow *arrived = &connection->flows[side], *other = &connection->flows[!side];
	u8 *header = result->header, *sum = header + NAT_TRANSPORT + ICMP_SUM;
	u32 end = MIN((u32)result->frame.header_bytes, NAT_IP + (u32)get_be16(header + NAT_IP + 2)) & ~1u;
	u32 source = get_be32(header + NAT_IP_SOURCE), before = checksum_add(0, header + QUOTE, end - QUOTE), after;

	restore_quote(result, other, end);
	after = checksum_add(0, header + QUOTE, end - QUOTE);
	put_be16(sum, nat_sum_replace(get_be16(sum), before, after));
	/* A router on the way outside speaks in its own name; who stands inside does not. */
	if (from != NAT_UPLINK || source == arrived->source)
		source = other->destination;
	nat_rewrite_addresses(header, source, other->source);
}
