/* SPDX-License-Identifier: MIT */
/* Questions to other name servers, and what of their answers is believed (RFC 1035, 5452). Pure. Next to read: dns_forward.c, lwip_ask.c. */
#ifndef HV_NET_DNS_FORWARD_H
#define HV_NET_DNS_FORWARD_H

#include "hv/net/dns_server.h"

#define DNS_REPLY_MAX 1472u /* of UDP in one Ethernet frame: an asker that takes more than 512 bytes says so in its question */

/* Is it the answer to that query: its id, and the question word for word but for the letters' case? */
bool dns_answers(const u8 *query, u32 query_bytes, const u8 *reply, u32 reply_bytes);
/* A question for a name's IPv4 address, in query (DNS_MESSAGE_MAX bytes); its size, 0: it is not a name. */
u32 dns_make_query(const char *name, u16 id, u8 *query);
/* The first IPv4 address among the answers; 0: none. */
u32 dns_first_address(const u8 *reply, u32 size_bytes);

#endif
