/* SPDX-License-Identifier: MIT */
/*
 * What a frame's copied header says, as far as a switch's decisions need it: addresses, protocol, ports. Pure.
 *
 * Nothing is believed that does not lie inside of the copy: a header that runs out of it is `malformed`, and filters drop that.
 * Next to read: filter.c.
 */
#ifndef HV_NET_HEADERS_H
#define HV_NET_HEADERS_H

#include "hv/net_port.h"

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_VLAN = 0x8100, ETHERTYPE_IPV6 = 0x86dd };
enum { IP_PROTOCOL_ICMP = 1, IP_PROTOCOL_TCP = 6, IP_PROTOCOL_UDP = 17, IP_PROTOCOL_ICMPV6 = 58 };
enum { ICMPV6_ROUTER_ADVERTISEMENT = 134, ICMPV6_REDIRECT = 137 };
enum { UDP_PORT_DHCP_SERVER = 67, UDP_PORT_DHCP_CLIENT = 68, UDP_PORT_DHCPV6_SERVER = 547 };

struct net_headers {
	u16 ethertype;
	bool malformed;           /* by the rules of its ethertype; the fields below do not count then */
	bool fragment;            /* of an IP packet */
	u8 protocol;              /* the transport's; 0: unknown (a later fragment, other ethertypes) */
	u16 transport;            /* where its header begins in the frame; 0: not there */
	u16 source_port, destination_port; /* of TCP and UDP */
	u8 icmp_type;             /* of ICMPv6 */
	u32 source, destination;  /* IPv4; of ARP the sender's and target's protocol address */
	const u8 *arp_sender_mac; /* of ARP; else NULL */
};

void net_headers_read(const struct net_frame *frame, struct net_headers *headers);

static inline u64 net_mac(const u8 *bytes)
{
	u64 value = 0;

	for (unsigned i = 0; i < NET_MAC_BYTES; i++)
		value = value << 8 | bytes[i];
	return value;
}

static inline const u8 *net_source_mac(const struct net_frame *frame)
{
	return frame->header + NET_MAC_BYTES;
}

/* Broadcast included. */
static inline bool net_is_multicast(const u8 *mac)
{
	return mac[0] & 1;
}

#endif
