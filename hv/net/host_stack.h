/* SPDX-License-Identifier: MIT */
/*
 * The host's own TCP/IP on its networks: an address on each, ARP, ICMP echo, UDP, and what stands on it: the DHCP server and
 * the name server.
 *
 * It is lwIP (lwip_*.c, the only files that see it) behind one mutex. A frame that comes is copied whole and looked at in its
 * sender's thread, so a machine pays for what it asks of the host; a thread of its own keeps lwIP's timers.
 * Next to read: lwip_host.c (networks), lwip_uplink.c (the outside), router.h.
 */
#ifndef HV_NET_HOST_STACK_H
#define HV_NET_HOST_STACK_H

#include "hv/net/dhcp_server.h"
#include "hv/net/nat.h"
#include "hv/net/switch.h"

struct host_card;
struct host_interface;

struct host_interface_config {
	const char *name;            /* "virbr0" */
	const u8 *mac;
	u32 address, mask;
	u16 mtu_bytes;
	enum nat_mode mode;          /* 0: isolated */
	u16 port_first, port_last;   /* of NAT_MASQUERADE */
	struct dhcp_server *dhcp;    /* borrowed; used under host_stack_lock. NULL: none */
};

/* All: thread context, no spin lock held, host_stack_lock not held. */
void host_stack_init(void); /* once */
/* An interface on the switch's host port. ERR_NO_MEMORY; ERR_EXISTS, ERR_FULL as net_switch_plug and router_add. */
MUST_CHECK int host_interface_create(const struct host_interface_config *config, struct net_switch *net, struct host_interface **out);
void host_interface_destroy(struct host_interface *interface); /* nobody uses config's pointers after it returns */
struct net_port *host_interface_port(struct host_interface *interface);
u8 host_interface_route(const struct host_interface *interface); /* its number with the router; 0: not routed */

#define HOST_DNS_MAX 3u
struct host_dns { u32 address; u16 port; };

/* The host's address on a card. */
struct host_uplink_config {
	struct host_card *card;
	u32 address, mask, gateway;  /* address 0: by DHCP */
	struct host_dns dns[HOST_DNS_MAX]; /* address 0: none; those that are given here count instead of DHCP's */
};
/* Once. ERR_NO_MEMORY; ERR_BUSY: the card is somebody else's. */
MUST_CHECK int host_uplink_start(const struct host_uplink_config *config);
struct host_uplink_info {
	const char *card;            /* NULL: there is no uplink */
	u32 address, mask, gateway;  /* address 0: none yet */
	struct host_dns dns[HOST_DNS_MAX];
};
void host_uplink_get(struct host_uplink_info *info);
/* The first IPv4 address of a name, by the outside's name servers. OK; ERR_NOT_FOUND; ERR_TIMEOUT; ERR_NO_MEMORY. */
MUST_CHECK int host_resolve(const char *name, u64 timeout_ns, u32 *address);

/* What is borrowed (leases) is read with this held. */
void host_stack_lock(void);
void host_stack_unlock(void);

/* Sends an ICMP echo request of data_bytes (up to 1,400) and waits. OK and *round_trip_ns; ERR_TIMEOUT; ERR_NOT_FOUND: no way there. */
MUST_CHECK int host_ping(u32 address, u16 sequence, u32 data_bytes, u64 timeout_ns, u64 *round_trip_ns);

#endif
