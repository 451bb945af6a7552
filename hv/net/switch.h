/* SPDX-License-Identifier: MIT */
/*
 * A learning switch: frames of one port go to the port that their destination is known at, or to all that may want them.
 *
 * A port is one of three kinds. A machine's (SWITCH_MACHINE): what it sends is filtered (filter.h), and only its own address and
 * groups are sent to it. One that others may stand behind (SWITCH_OPEN): learnt from, and offered what nobody is known for.
 * The network's own (SWITCH_TRUSTED): the host's stack with its DHCP server; as SWITCH_OPEN, and believed about addresses.
 * A frame is judged on its copied header and that copy is sent on. What the receiver cannot do itself (checksums, cutting) is
 * done in between. A sender's thread does all the work. docs/networks.md draws it. Next to read: switch.c.
 */
#ifndef HV_NET_SWITCH_H
#define HV_NET_SWITCH_H

#include "hv/net/filter.h"
#include "hv/net/mac_table.h"
#include "hv/net/storm.h"
#include "hv/thread.h"

#define SWITCH_PORTS_MAX MAC_TABLE_PORTS
#define SWITCH_NAME_MAX 64u

enum net_switch_kind { SWITCH_MACHINE, SWITCH_OPEN, SWITCH_TRUSTED };

struct net_switch;

struct net_switch_slot {
	struct net_switch *of;        /* (c) */
	struct net_port *port;        /* [lock] NULL: free */
	u64 mac;                      /* (c) while it has a port */
	enum net_switch_kind kind;    /* (c) while it has a port */
	u32 users;                    /* [lock] threads that send from it or deliver to it */
	bool leaving;                 /* [lock] */
	char machine[SWITCH_NAME_MAX]; /* [lock] whose port it is, for the name server; "": no name */
	struct net_filter filter;     /* [lock] */
	struct net_storm storm;       /* [lock] */
	u64 drops[NET_VERDICTS];      /* [lock] of the filter */
	u64 storm_drops;              /* [lock] */
};

struct net_switch {
	struct spinlock lock;
	struct mac_table table;       /* [lock] */
	struct waitqueue quiet;       /* who leaves waits here until nobody uses its slot */
	u32 end;                      /* [lock] slots below it may be in use */
	struct net_switch_slot slots[SWITCH_PORTS_MAX];
};

void net_switch_init(struct net_switch *net);
/* All threads. ERR_EXISTS: its MAC address is another port's; ERR_FULL. Thread context. */
MUST_CHECK int net_switch_plug(struct net_switch *net, struct net_port *port, enum net_switch_kind kind);
/* Once it returns nobody is inside of the port's receive, nor of a send of it. Nothing when it is not plugged in. */
void net_switch_unplug(struct net_port *port);
/* The IPv4 address that a machine's port speaks from (0: not known), and how many of its frames were dropped by rules. */
void net_switch_look(struct net_port *port, u32 *address, u64 *filtered);
/* The machine's name, cut to what fits. */
void net_switch_set_name(struct net_port *port, const char *name);
/* The IPv4 address of a machine's first port here, by the machine's name in any case; 0: none; 0xffffffff: not known yet. */
u32 net_switch_resolve(struct net_switch *net, const char *name);
/* Its place at the switch, below SWITCH_PORTS_MAX; the port is plugged in. */
u32 net_switch_slot_of(const struct net_port *port);
/* The place that an Ethernet address is known at; 0 when it is not. */
u32 net_switch_find_slot(struct net_switch *net, const u8 *mac);
/* The address of the machine at a place; 0: nobody is there, or it is not known yet. */
u32 net_switch_address_at(struct net_switch *net, u32 slot);
/* The Ethernet address of the machine that has this IPv4 address by the filter's knowledge. False: nobody has. */
bool net_switch_find_machine(struct net_switch *net, u32 address, u8 mac[NET_MAC_BYTES]);
/* Binds the address to the port from now on. */
void net_switch_set_address(struct net_port *port, u32 address);

#endif
