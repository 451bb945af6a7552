/* SPDX-License-Identifier: MIT */
/* What the files of the translation share. */
#ifndef HV_NET_NAT_INTERNAL_H
#define HV_NET_NAT_INTERNAL_H

#include "hv/net/nat.h"

/* Offsets in a frame whose IPv4 header has no options. */
enum { NAT_IP = 14, NAT_IP_ID = NAT_IP + 4, NAT_IP_FRAGMENT = NAT_IP + 6, NAT_IP_TTL = NAT_IP + 8, NAT_IP_PROTOCOL = NAT_IP + 9,
       NAT_IP_SUM = NAT_IP + 10, NAT_IP_SOURCE = NAT_IP + 12, NAT_IP_DESTINATION = NAT_IP + 16, NAT_TRANSPORT = NAT_IP + 20 };
enum { ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_ECHO_REQUEST = 8, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETER = 12 };

/* What a packet's addresses and ports become. */
struct nat_change {
	u32 source, destination;
	u16 source_port, destination_port;
};

/* nat_rewrite.c: on result->header, whose frame is set up (partial sums are recognised by its offload). */
void nat_rewrite_addresses(u8 *header, u32 source, u32 destination);     /* and the IPv4 sum */
void nat_rewrite_id(u8 *header, u16 id);
void nat_rewrite_ttl(u8 *header);                                        /* one less */
void nat_rewrite_packet(struct nat_result *result, const struct net_headers *headers, const struct nat_change *change);
void nat_clamp_mss(struct nat_result *result, u32 mtu_bytes);
u16 nat_sum_replace(u16 sum, u32 old, u32 new);                          /* 16 or 32 bits of what a complemented sum covers */

/* nat_icmp.c */
bool nat_is_icmp_error(const struct net_frame *frame);
/* Whose answer the error is about: the connection, and the side that the error belongs to; NULL: nobody's. */
struct connection *nat_icmp_find(struct nat *nat, u8 from, const struct net_frame *frame, u64 now_ns, u32 *side);
void nat_icmp_rewrite(struct nat_result *result, const struct connection *connection, u32 side, u8 from);

#endif
