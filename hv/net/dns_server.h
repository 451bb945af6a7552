/* SPDX-License-Identifier: MIT */
/*
 * A DNS server for the names of one network's machines (RFC 1035). Pure: a query in, an answer out. What is not
 * a machine's name is the outside's to answer where there is a way there; else it is refused, so that a client may ask another server.
 * Next to read: dns_server.c, lwip_dns.c, lwip_ask.c.
 */
#ifndef HV_NET_DNS_SERVER_H
#define HV_NET_DNS_SERVER_H

#include "hv/lib/types.h"

#define DNS_MESSAGE_MAX 512u /* without EDNS */
#define DNS_NAME_MAX 255u
#define DNS_TTL_SECONDS 10u  /* machines come and go */

struct dns_zone {
	const char *domain; /* names in it are machines' names, too; "": none */
	/* The address of a machine; 0: none of that name; DNS_NO_ADDRESS: there is one, its address is not known. */
	u32 (*find)(void *context, const char *name);
	void *context;
	bool asks_outside;
};
#define DNS_NO_ADDRESS 0xffffffffu

/* The answer, in reply (DNS_MESSAGE_MAX bytes); its size, 0: none, DNS_ASK_OUTSIDE: not ours, and the zone asks outside. */
#define DNS_ASK_OUTSIDE 0xffffffffu
u32 dns_server_answer(const struct dns_zone *zone, const u8 *query, u32 size_bytes, u8 *reply);

#endif
