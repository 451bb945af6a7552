/* SPDX-License-Identifier: MIT */
/*
 * What a machine may send: its own addresses only, as libvirt's filter clean-traffic, and no answers in the place of the network's
 * own DHCP server or router. Pure; the switch calls it under its lock, on the copied header that is then sent.
 *
 * Next to read: filter.c, one function a rule.
 */
#ifndef HV_NET_FILTER_H
#define HV_NET_FILTER_H

#include "hv/net/headers.h"

enum net_verdict {
	NET_PASS,
	NET_DROP_MAC,      /* another's Ethernet address, or a group's */
	NET_DROP_ARP,      /* an ARP message in another's name */
	NET_DROP_IP,       /* another's IPv4 address */
	NET_DROP_SERVER,   /* DHCP, DHCPv6 server's or router's messages, redirects */
	NET_DROP_PROTOCOL, /* neither ARP nor IPv4 nor IPv6: VLAN tags among them */
	NET_DROP_MALFORMED,
	NET_VERDICTS,
};

struct net_filter {
	u64 mac;
	u32 address; /* IPv4; 0: not known yet */
};

const char *net_verdict_name(enum net_verdict verdict); /* "MAC address" */
/* *claims: the IPv4 address that the sender uses for the first time, for which the switch must see that it is free; 0: none. */
enum net_verdict net_filter_judge(const struct net_filter *filter, const struct net_frame *frame, const struct net_headers *headers,
				  u32 *claims);
/* What the network's own side sent to this port: an address that its DHCP server gave it counts from then on. */
void net_filter_watch(struct net_filter *filter, const struct net_frame *frame, const struct net_headers *headers);

#endif
