/* SPDX-License-Identifier: MIT */
/*
 * The rules of clean-traffic (filter.h). A machine's IPv4 address is the one that the network's DHCP server gave it, or, until
 * then, the first one that it used: libvirt's CTRL_IP_LEARNING "dhcp" and "any" in one.
 */
#include "hv/net/filter.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/dhcp_message.h"

const char *net_verdict_name(enum net_verdict verdict)
{
	static const char *const names[] = {
		[NET_PASS] = "passed", [NET_DROP_MAC] = "MAC address", [NET_DROP_ARP] = "ARP", [NET_DROP_IP] = "IP address",
		[NET_DROP_SERVER] = "server or router", [NET_DROP_PROTOCOL] = "protocol", [NET_DROP_MALFORMED] = "malformed",
	};

	return verdict < NET_VERDICTS ? names[verdict] : "unknown";
}

static bool is_own(const struct net_filter *filter, u32 address, u32 *claims)
{
	if (address && !filter->address && address >> 28 < 14) { /* no group's address, nor beyond */
		*claims = address;
		return true;
	}
	return address && address == filter->address;
}

static enum net_verdict judge_arp(const struct net_filter *filter, const struct net_headers *headers, u32 *claims)
{
	if (net_mac(headers->arp_sender_mac) != filter->mac)
		return NET_DROP_ARP;
	/* A probe (RFC 5227) has no sender yet. */
	return !headers->source || is_own(filter, headers->source, claims) ? NET_PASS : NET_DROP_ARP;
}

/* To a DHCP server, for another client: leases would be taken in its name, and as many as there are. */
static bool asks_for_another(const struct net_filter *filter, const struct net_frame *frame, const struct net_headers *headers)
{
	u32 at = headers->transport + 8u + DHCP_CHADDR;

	if (headers->protocol != IP_PROTOCOL_UDP || headers->destination_port != UDP_PORT_DHCP_SERVER)
		return false;
	return at + NET_MAC_BYTES > frame->header_bytes || net_mac(frame->header + at) != filter->mac;
}

static enum net_verdict judge_ipv4(const struct net_filter *filter, const struct net_frame *frame, const struct net_headers *headers,
				   u32 *claims)
{
	if (asks_for_another(filter, frame, headers))
		return NET_DROP_MAC;
	if (headers->protocol == IP_PROTOCOL_UDP && headers->source_port == UDP_PORT_DHCP_SERVER)
		return NET_DROP_SERVER;
	/* Without an address only a DHCP client speaks. */
	if (!headers->source)
		return headers->protocol == IP_PROTOCOL_UDP && headers->source_port == UDP_PORT_DHCP_CLIENT &&
		       headers->destination_port == UDP_PORT_DHCP_SERVER ? NET_PASS : NET_DROP_IP;
	return is_own(filter, headers->source, claims) ? NET_PASS : NET_DROP_IP;
}

static enum net_verdict judge_ipv6(const struct net_headers *headers)
{
	if (headers->protocol == IP_PROTOCOL_UDP && headers->source_port == UDP_PORT_DHCPV6_SERVER)
		return NET_DROP_SERVER;
	if (headers->protocol != IP_PROTOCOL_ICMPV6)
		return NET_PASS;
	/* In fragments nobody could judge it, and nobody needs it so (RFC 6980). */
	return headers->fragment || headers->icmp_type == ICMPV6_ROUTER_ADVERTISEMENT || headers->icmp_type == ICMPV6_REDIRECT
		       ? NET_DROP_SERVER : NET_PASS;
}

enum net_verdict net_filter_judge(const struct net_filter *filter, const struct net_frame *frame, const struct net_headers *headers,
				  u32 *claims)
{
	*claims = 0;
	if (net_mac(net_source_mac(frame)) != filter->mac)
		return NET_DROP_MAC;
	if (headers->malformed)
		return NET_DROP_MALFORMED;
	switch (headers->ethertype) {
	case ETHERTYPE_ARP:
		return judge_arp(filter, headers, claims);
	case ETHERTYPE_IPV4:
		return judge_ipv4(filter, frame, headers, claims);
	case ETHERTYPE_IPV6:
		return judge_ipv6(headers);
	default:
		return NET_DROP_PROTOCOL;
	}
}

void net_filter_watch(struct net_filter *filter, const struct net_frame *frame, const struct net_headers *headers)
{
	u8 bytes[DHCP_OPTIONS + 3];
	u32 at = headers->transport + 8u;

	if (headers->ethertype != ETHERTYPE_IPV4 || headers->malformed || headers->protocol != IP_PROTOCOL_UDP ||
	    headers->source_port != UDP_PORT_DHCP_SERVER || frame->size_bytes < at + sizeof(bytes))
		return;
	net_frame_copy(frame, at, bytes, sizeof(bytes));
	/* The message's type is the first option, as ours and every server that is known sends it. */
	if (bytes[DHCP_OP] == DHCP_BOOTREPLY && bytes[DHCP_OPTIONS] == DHCP_OPTION_TYPE && bytes[DHCP_OPTIONS + 2] == DHCP_ACK &&
	    net_mac(bytes + DHCP_CHADDR) == filter->mac && get_be32(bytes + DHCP_YIADDR))
		filter->address = get_be32(bytes + DHCP_YIADDR);
}
