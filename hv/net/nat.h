/* SPDX-License-Identifier: MIT */
/*
 * What a router between the machines' networks and the outside does with an IPv4 packet: whose it is, what it is translated to, where
 * it goes. Pure but for random numbers; the caller keeps calls apart and sends.
 *
 * Interface 0 is the uplink, the host's own address on a card; the others are networks. A masqueraded network's machines speak to the
 * outside from the uplink's address, with ports chosen by chance for each connection; from outside only answers reach them, and what a
 * port forward lets in. A routed network's packets pass with their own addresses. What is for the host itself is not looked at.
 * The payload is not touched, nor copied: the frame's copied header is changed, sums follow by difference (RFC 1624), and what a
 * sender left undone (partial sums, segments to cut) stays so. Next to read: nat.c, nat_rewrite.c, nat_icmp.c, router.c.
 */
#ifndef HV_NET_NAT_H
#define HV_NET_NAT_H

#include "hv/net/conntrack.h"
#include "hv/net/fragments.h"
#include "hv/net/headers.h"

#define NAT_UPLINK 0u
#define NAT_INTERFACES 33u
#define NAT_SLOTS 64u                /* ports of a network's switch */
#define NAT_FORWARDS_MAX 256u
#define NAT_PORT_FIRST 1024u
#define NAT_PORT_LAST 49151u         /* from 49152 on ports are the host's own */

enum nat_mode { NAT_ABSENT, NAT_ISOLATED, NAT_MASQUERADE, NAT_ROUTED };

struct nat_interface {
	enum nat_mode mode;          /* of the uplink: NAT_ROUTED */
	u32 address, mask;           /* the host's own; 0: none (yet) */
	u16 mtu_bytes;
	u16 port_first, port_last;   /* of the outside's ports that this network's connections get */
};

/* From the uplink's ports start to end to those from `to` on, of the machine at a network's switch. */
struct nat_forward {
	bool used;
	u8 protocol, interface;
	u16 slot;
	u16 start, end, to;
};

enum nat_drop {
	NAT_DROP_NONE,
	NAT_DROP_MALFORMED,
	NAT_DROP_OPTIONS,            /* IPv4 options: not passed on (RFC 7126) */
	NAT_DROP_SUM,                /* of the IPv4 header */
	NAT_DROP_ADDRESS,            /* not a source of where it comes from, or no destination of anybody */
	NAT_DROP_POLICY,             /* from a network to another */
	NAT_DROP_PROTOCOL,           /* what has no ports cannot be translated */
	NAT_DROP_NO_CONNECTION,      /* neither of a connection nor the begin of one */
	NAT_DROP_FRAGMENT,           /* before its packet's first */
	NAT_DROP_FULL,               /* no port free */
	NAT_DROP_TTL,
	NAT_DROP_TOO_BIG,
	NAT_DROP_UNREACHABLE,        /* there is no uplink, or nobody answers for its address */
	NAT_DROPS,
};

struct nat {
	struct conntrack connections;
	struct fragments fragments;
	struct nat_interface interfaces[NAT_INTERFACES];
	struct nat_forward forwards[NAT_FORWARDS_MAX];
	/* The IPv4 address of the machine at that switch port; 0: not known (yet). */
	u32 (*address_of)(void *context, u8 interface, u16 slot);
	void *context;
	u64 passed, drops[NAT_DROPS];
};

enum nat_verdict { NAT_TO_HOST, NAT_SEND, NAT_DROP };

struct nat_result {
	u8 header[NET_HEADER_BYTES]; /* the Ethernet addresses are the caller's to fill in */
	struct net_frame frame;      /* NAT_SEND: the frame with that header */
	u8 to;                       /* by which interface */
	u32 destination;             /* for which address */
	enum nat_drop reason;        /* NAT_DROP */
};

void nat_init(struct nat *nat, u32 (*address_of)(void *context, u8 interface, u16 slot), void *context);
/* A frame that came for the host's Ethernet address by interface `from`, of a network from its switch's port `slot`. */
enum nat_verdict nat_translate(struct nat *nat, u8 from, u16 slot, const struct net_frame *frame, u64 now_ns, struct nat_result *result);
/* ERR_EXISTS: one of the ports is forwarded already (*other: whose); ERR_FULL. */
MUST_CHECK int nat_forward_add(struct nat *nat, const struct nat_forward *forward, const struct nat_forward **other);
/* A machine is gone: its connections and forwards. */
void nat_forget_machine(struct nat *nat, u8 interface, u16 slot);
const char *nat_drop_name(enum nat_drop drop); /* "no connection" */

#endif
