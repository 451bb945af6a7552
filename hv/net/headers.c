/* SPDX-License-Identifier: MIT */
/* Reading Ethernet, ARP, IPv4, IPv6 and the transports' first words (headers.h). RFC 826, 791, 8200, 768, 793, 4861. */
#include "hv/net/headers.h"
#include "hv/net/bytes.h"

#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define ARP_BYTES 28u
#define UDP_BYTES 8u
#define TCP_BYTES 20u
enum { IPV6_HOP_BY_HOP = 0, IPV6_ROUTING = 43, IPV6_FRAGMENT = 44, IPV6_NO_NEXT = 59, IPV6_DESTINATION = 60 };
#define IPV6_EXTENSIONS_MAX 8u

/* Are size_bytes from `at` on in the copy? */
static bool has(const struct net_frame *frame, u32 at, u32 size_bytes)
{
	return at + size_bytes <= frame->header_bytes;
}

static void read_arp(const struct net_frame *frame, struct net_headers *headers)
{
	const u8 *arp = frame->header + NET_ETHERNET_BYTES;

	/* Ethernet and IPv4, addresses of 6 and 4 bytes: nothing else has a meaning here. */
	headers->malformed = !has(frame, NET_ETHERNET_BYTES, ARP_BYTES) || get_be16(arp) != 1 || get_be16(arp + 2) != ETHERTYPE_IPV4 ||
			     arp[4] != NET_MAC_BYTES || arp[5] != 4;
	if (headers->malformed)
		return;
	headers->arp_sender_mac = arp + 8;
	headers->source = get_be32(arp + 14);
	headers->destination = get_be32(arp + 24);
}

/* The transport's header at headers->transport; end: where the packet ends. */
static void read_transport(const struct net_frame *frame, struct net_headers *headers, u32 end)
{
	const u8 *at = frame->header + headers->transport;
	u32 needed = headers->protocol == IP_PROTOCOL_UDP ? UDP_BYTES : headers->protocol == IP_PROTOCOL_TCP ? TCP_BYTES :
		     headers->protocol == IP_PROTOCOL_ICMPV6 ? 4u : 0u;

	if (!needed)
		return;
	/* A first fragment too short for its transport's header would show a filter nothing and the receiver all (RFC 3128). */
	headers->malformed = headers->transport + needed > end || !has(frame, headers->transport, needed);
	if (headers->malformed)
		return;
	if (headers->protocol == IP_PROTOCOL_ICMPV6) {
		headers->icmp_type = at[0];
		return;
	}
	headers->source_port = get_be16(at);
	headers->destination_port = get_be16(at + 2);
}

static void read_ipv4(const struct net_frame *frame, struct net_headers *headers)
{
	const u8 *ip = frame->header + NET_ETHERNET_BYTES;
	u32 header_bytes, total, fragment;

	headers->malformed = !has(frame, NET_ETHERNET_BYTES, IPV4_BYTES) || ip[0] >> 4 != 4;
	if (headers->malformed)
		return;
	header_bytes = (ip[0] & 15u) * 4;
	total = get_be16(ip + 2);
	fragment = get_be16(ip + 6);
	headers->malformed = header_bytes < IPV4_BYTES || total < header_bytes || total > frame->size_bytes - NET_ETHERNET_BYTES ||
			     !has(frame, NET_ETHERNET_BYTES, header_bytes);
	if (headers->malformed)
		return;
	headers->source = get_be32(ip + 12);
	headers->destination = get_be32(ip + 16);
	headers->fragment = (fragment & 0x3fff) != 0;
	if (fragment & 0x1fff)
		return;
	headers->protocol = ip[9];
	headers->transport = (u16)(NET_ETHERNET_BYTES + header_bytes);
	read_transport(frame, headers, NET_ETHERNET_BYTES + total);
}

/* Past the extension headers, or malformed: whoever hides the transport beyond the copy is not let through. */
static void read_ipv6(const struct net_frame *frame, struct net_headers *headers)
{
	const u8 *ip = frame->header + NET_ETHERNET_BYTES;
	u32 at = NET_ETHERNET_BYTES + IPV6_BYTES, end;
	u8 next;

	headers->malformed = !has(frame, NET_ETHERNET_BYTES, IPV6_BYTES) || ip[0] >> 4 != 6;
	if (headers->malformed)
		return;
	end = at + get_be16(ip + 4);
	next = ip[6];
	headers->malformed = end > frame->size_bytes;
	for (u32 i = 0; !headers->malformed && i < IPV6_EXTENSIONS_MAX; i++) {
		const u8 *extension = frame->header + at;

		if (next != IPV6_HOP_BY_HOP && next != IPV6_ROUTING && next != IPV6_DESTINATION && next != IPV6_FRAGMENT) {
			headers->protocol = next == IPV6_NO_NEXT ? 0 : next;
			headers->transport = (u16)at;
			read_transport(frame, headers, end);
			return;
		}
		if (!has(frame, at, 8)) {
			headers->malformed = true;
			return;
		}
		if (next == IPV6_FRAGMENT) {
			headers->fragment = true;
			if (get_be16(extension + 2) & 0xfff8)
				return; /* a later one: no transport in it */
		}
		at += next == IPV6_FRAGMENT ? 8u : 8u * (extension[1] + 1u);
		next = extension[0];
		headers->malformed = at > end || at > frame->header_bytes;
	}
	headers->malformed = true; /* more extensions than anybody has */
}

void net_headers_read(const struct net_frame *frame, struct net_headers *headers)
{
	*headers = (struct net_headers){ .ethertype = get_be16(frame->header + 2 * NET_MAC_BYTES) };
	if (headers->ethertype == ETHERTYPE_ARP)
		read_arp(frame, headers);
	else if (headers->ethertype == ETHERTYPE_IPV4)
		read_ipv4(frame, headers);
	else if (headers->ethertype == ETHERTYPE_IPV6)
		read_ipv6(frame, headers);
}
