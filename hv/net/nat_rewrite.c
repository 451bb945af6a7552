/* SPDX-License-Identifier: MIT */
/*
 * Changing a packet's addresses and ports in its copied header (nat.h). Sums follow by difference: a wrong one stays wrong, so the
 * receiver still finds what was damaged on the way. A sum that its sender left to others covers the addresses only as yet.
 */
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/net/nat_internal.h"

enum { TCP_OFFSET = 12, TCP_FLAGS = 13, TCP_SUM = 16, TCP_OPTIONS = 20, UDP_SUM = 6, ICMP_SUM = 2, ICMP_ID = 4 };
enum { TCP_OPTION_END = 0, TCP_OPTION_NOP = 1, TCP_OPTION_MSS = 2, TCP_OPTION_MSS_BYTES = 4 };

/* RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). */
u16 nat_sum_replace(u16 sum, u32 old, u32 new)
{
	u64 wide = (u16)~sum;

	wide += (u16)~(old >> 16) + (u64)(u16)~old + (new >> 16) + (new & 0xffff);
	return (u16)~checksum_fold((u32)wide);
}

static void replace(u8 *sum, u32 old, u32 new)
{
	put_be16(sum, nat_sum_replace(get_be16(sum), old, new));
}

static void change_word(u8 *at, u8 *sum, u32 new)
{
	replace(sum, get_be32(at), new);
	put_be32(at, new);
}

static void change_half(u8 *at, u8 *sum, u16 new)
{
	replace(sum, get_be16(at), new);
	put_be16(at, new);
}

void nat_rewrite_addresses(u8 *header, u32 source, u32 destination)
{
	change_word(header + NAT_IP_SOURCE, header + NAT_IP_SUM, source);
	change_word(header + NAT_IP_DESTINATION, header + NAT_IP_SUM, destination);
}

void nat_rewrite_id(u8 *header, u16 id)
{
	change_half(header + NAT_IP_ID, header + NAT_IP_SUM, id);
}

void nat_rewrite_ttl(u8 *header)
{
	change_half(header + NAT_IP_TTL, header + NAT_IP_SUM, (u16)(get_be16(header + NAT_IP_TTL) - 0x100));
}

/* Of TCP and UDP. */
static void rewrite_transport(struct nat_result *result, u32 sum_offset, const struct nat_change *change)
{
	u8 *at = result->header + NAT_TRANSPORT, *sum = at + sum_offset;
	u32 old[] = { get_be32(result->header + NAT_IP_SOURCE), get_be32(result->header + NAT_IP_DESTINATION) };
	u32 ports = (u32)change->source_port << 16 | change->destination_port;
	u16 value = get_be16(sum);

	if (result->frame.offload & NET_CSUM_PARTIAL) {
		/* Of the pseudo-header only, and not complemented. */
		value = (u16)~nat_sum_replace(nat_sum_replace((u16)~value, old[0], change->source), old[1], change->destination);
	} else if (sum_offset != UDP_SUM || value) { /* UDP's 0: there is none */
		value = nat_sum_replace(nat_sum_replace(value, old[0], change->source), old[1], change->destination);
		value = nat_sum_replace(value, get_be32(at), ports);
		if (sum_offset == UDP_SUM && !value)
			value = 0xffff;
	}
	put_be16(sum, value);
	put_be32(at, ports);
}

/* An echo has one identifier; which of the two ports stands for it follows from its type. */
static void rewrite_echo(u8 *icmp, const struct nat_change *change)
{
	change_half(icmp + ICMP_ID, icmp + ICMP_SUM, icmp[0] == ICMP_ECHO_REQUEST ? change->source_port : change->destination_port);
}

void nat_rewrite_packet(struct nat_result *result, const struct net_headers *headers, const struct nat_change *change)
{
	if (headers->protocol == IP_PROTOCOL_TCP)
		rewrite_transport(result, TCP_SUM, change);
	else if (headers->protocol == IP_PROTOCOL_UDP)
		rewrite_transport(result, UDP_SUM, change);
	else if (headers->protocol == IP_PROTOCOL_ICMP)
		rewrite_echo(result->header + NAT_TRANSPORT, change);
	nat_rewrite_addresses(result->header, change->source, change->destination);
}

/* The offset of the option's value in the frame; 0: there is none, or it does not lie in the copy. */
static u32 find_mss(const struct nat_result *result)
{
	const u8 *header = result->header;
	u32 end = NAT_TRANSPORT + (header[NAT_TRANSPORT + TCP_OFFSET] >> 4) * 4u;
	u32 at = NAT_TRANSPORT + TCP_OPTIONS;

	end = MIN(end, (u32)result->frame.header_bytes);
	while (at < end) {
		u8 kind = header[at];

		if (kind == TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (kind == TCP_OPTION_END || at + 2 > end || header[at + 1] < 2 || at + header[at + 1] > end)
			return 0;
		if (kind == TCP_OPTION_MSS)
			return header[at + 1] == TCP_OPTION_MSS_BYTES ? at + 2 : 0;
		at += header[at + 1];
	}
	return 0;
}

void nat_clamp_mss(struct nat_result *result, u32 mtu_bytes)
{
	u8 *header = result->header, *sum = header + NAT_TRANSPORT + TCP_SUM;
	u32 at, most = mtu_bytes - 40;
	u16 old, new;

	if (!(header[NAT_TRANSPORT + TCP_FLAGS] & TCP_FLAG_SYN))
		return;
	at = find_mss(result);
	if (!at || get_be16(header + at) <= most)
		return;
	old = get_be16(header + at);
	new = (u16)most;
	put_be16(header + at, new);
	if (result->frame.offload & NET_CSUM_PARTIAL) /* it does not cover the option yet */
		return;
	if (at & 1) { /* it lies across two words of the sum, which sees it with its bytes exchanged */
		old = (u16)(old << 8 | old >> 8);
		new = (u16)(new << 8 | new >> 8);
	}
	replace(sum, old, new);
}
