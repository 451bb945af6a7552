/* SPDX-License-Identifier: MIT */
/*
 * Who speaks to whom through the router: a bounded table of connections, each known by what its two sides send. Pure; the caller
 * keeps calls apart.
 *
 * A connection has two flows: the original one, as the packet that began it arrived, and the reply, as its answers will arrive. What
 * differs between them is the translation: nat.c makes it, this file only keeps it. Ports of an ICMP echo are its identifier: of a
 * request the source's, of a reply the destination's. Each connection is charged to an owner; an owner beyond its bound loses one of
 * its own, a full table loses one of the owner that has most. Next to read: conntrack.c, nat.h.
 */
#ifndef HV_NET_CONNTRACK_H
#define HV_NET_CONNTRACK_H

#include "hv/lib/types.h"

#define CONNTRACK_MAX 8192u             /* connections */
#define CONNTRACK_OWNER_MAX 2048u       /* of one owner */
#define CONNTRACK_OWNERS 4096u
#define CONNTRACK_BUCKETS 16384u        /* a power of two; each connection is in two */
#define CONNTRACK_NONE 0xffffu

enum connection_state {
	CONNECTION_ASKED,       /* nothing came back yet */
	CONNECTION_OPENING,     /* TCP: SYN answered by SYN */
	CONNECTION_ESTABLISHED, /* TCP: the third packet went; others: answered */
	CONNECTION_CLOSING,     /* TCP: one side, or both, sent FIN */
	CONNECTION_CLOSED,      /* TCP: both closed and acknowledged, or reset */
	CONNECTION_STATES,
};

struct flow {
	u32 source, destination;
	u16 source_port, destination_port;
	u8 protocol;
	u8 from;                /* number of the interface that it arrives by */
};

struct connection_side {
	u64 frames, bytes;      /* that it sent */
	u32 acknowledged;       /* TCP: the last acknowledgement number that it sent */
	u32 fin_end;            /* TCP: the number behind its FIN */
	bool fin, has_acknowledged;
};

struct connection {
	struct flow flows[2];   /* original, reply */
	struct connection_side sides[2];
	u64 end_ns;             /* when it is forgotten unless something comes */
	u16 owner;
	u8 state;               /* enum connection_state */
	bool used;
	u16 next_in_bucket[2];
	u16 newer, older;       /* of its owner's list; free ones are linked by `newer` */
};

/* Least recently used first: those that are established, and those that are not, which go first. */
struct conntrack_owner {
	u16 count;
	u16 oldest[2], newest[2];
};

struct conntrack {
	u64 secret[2];          /* so that nobody can aim at a bucket */
	u32 count;
	u32 swept;              /* where the next sweep begins */
	u16 free;
	u64 evicted;            /* connections given up for others */
	u16 buckets[CONNTRACK_BUCKETS];
	struct conntrack_owner owners[CONNTRACK_OWNERS];
	struct connection connections[CONNTRACK_MAX];
};

/* What of a TCP header matters here. */
struct tcp_seen {
	u8 flags;               /* 0 with other protocols */
	u32 sequence, acknowledgement;
	u32 payload_bytes;
};
enum { TCP_FLAG_FIN = 1, TCP_FLAG_SYN = 2, TCP_FLAG_RST = 4, TCP_FLAG_ACK = 16 };

void conntrack_init(struct conntrack *table, const u64 secret[2]);
/* The connection that a packet of this flow belongs to, and which of its flows it is (0 original, 1 reply); NULL: none. */
struct connection *conntrack_find(struct conntrack *table, const struct flow *flow, u64 now_ns, u32 *side);
/* A new one; its reply flow is nobody's (conntrack_find). NULL: the owner's bound is 0 (nothing to evict). */
struct connection *conntrack_add(struct conntrack *table, const struct flow *original, const struct flow *reply, u16 owner, u64 now_ns);
/* A packet of that side passed: state and time-out follow. */
void conntrack_see(struct conntrack *table, struct connection *connection, u32 side, const struct tcp_seen *tcp, u32 bytes, u64 now_ns);
/* Drops what is over among the next `count` entries. */
void conntrack_sweep(struct conntrack *table, u32 count, u64 now_ns);
void conntrack_forget(struct conntrack *table, struct connection *connection);
/* All of one owner; all that have the address on either side, before or after translation. */
void conntrack_forget_owner(struct conntrack *table, u16 owner);
void conntrack_forget_address(struct conntrack *table, u32 address);
const char *connection_state_name(const struct connection *connection);

#endif
