/* SPDX-License-Identifier: MIT */
/*
 * The router between the machines' networks and the outside: nat.c's decisions, and the frames' way.
 *
 * A frame that comes for the host's Ethernet address is offered here before the host's own stack sees it. It goes on in the thread
 * that brought it, so a machine pays for what it sends. Interfaces come and go; whoever goes waits until no thread is inside of it.
 * Next to read: router.c, lwip_host.c (networks), lwip_uplink.c (the outside).
 */
#ifndef HV_NET_ROUTER_H
#define HV_NET_ROUTER_H

#include "hv/net/nat.h"
#include "hv/thread.h"

/* What the router needs of an interface. Thread context, several threads at once, no lock of the router held. */
struct router_way {
	const u8 *mac;                 /* the host's own there */
	/* The Ethernet address of the next station towards an address, where it is known. */
	bool (*find)(void *context, u32 address, u8 mac[NET_MAC_BYTES]);
	/* Sends it, its Ethernet addresses filled in; offload words are the way's own to finish. */
	void (*send)(void *context, const struct net_frame *frame);
	/* The next station is not known yet: it is asked for, and the frame may be kept until it answers. */
	void (*send_unknown)(void *context, const struct net_frame *frame, u32 address);
	/* The switch port that a frame came by; NULL on the uplink. */
	u16 (*slot)(void *context, const struct net_frame *frame);
	/* The address of the machine at a port. Called under the router's lock. NULL on the uplink. */
	u32 (*address_of)(void *context, u16 slot);
	void *context;
};

/* All: thread context, no spin lock held. */
/* Once, when there is a card: without, nothing is routed. ERR_NO_MEMORY. */
MUST_CHECK int router_start(const struct router_way *uplink, u16 mtu_bytes);
bool router_is_there(void);
/* The uplink's address, also with interrupts off; 0: lost. ERR_EXISTS: it lies in one of the networks; there is none then. */
MUST_CHECK int router_set_uplink(u32 address, u32 mask);
u32 router_uplink(void); /* the address; 0: none */
/* A network; *number, 0 when there is no router. ERR_EXISTS: the uplink's address lies in it; ERR_FULL. */
MUST_CHECK int router_add(const struct nat_interface *config, const struct router_way *way, u8 *number);
void router_remove(u8 number); /* once it returns nobody uses the way */
/* True: the frame was the router's, sent or dropped. */
bool router_take(u8 from, const struct net_frame *frame);
/* A machine's port forwards. OK also without a router. ERR_EXISTS (*other_interface, *other_slot: whose), ERR_FULL. */
MUST_CHECK int router_forward(const struct nat_forward *forward, u8 *other_interface, u16 *other_slot);
void router_forget_machine(u8 number, u16 slot);
/* Every second or so, from a thread: what is over is dropped. */
void router_sweep(void);

/* Copies connections from *cursor on (at first 0), at most max; returns how many, 0: no more. */
u32 router_connections(u32 *cursor, struct connection *connections, u32 max);
struct router_figures {
	u32 connections;
	u64 passed, evicted, drops[NAT_DROPS];
};
void router_figures(struct router_figures *figures);

#endif
