/* SPDX-License-Identifier: MIT */
/*
 * A DHCP server for one network (RFC 2131, 2132): a range of addresses, fixed hosts, leases. Pure: a message in, an answer out.
 *
 * Bounded: a lease for each client's hardware address, DHCP_LEASES_MAX of them. A machine has one hardware address (filter.c sees to
 * it, in the message too), so it has one lease. The caller keeps calls apart. Next to read: dhcp_server.c, lwip_dhcp.c.
 */
#ifndef HV_NET_DHCP_SERVER_H
#define HV_NET_DHCP_SERVER_H

#include "hv/lib/types.h"
#include "hv/net/dhcp_message.h"

#define DHCP_LEASES_MAX 256u
#define DHCP_HOSTS_MAX 64u
#define DHCP_NAME_MAX 64u
#define DHCP_CLIENT_ID_MAX 32u
#define DHCP_LEASE_SECONDS 3600u
#define DHCP_OFFER_SECONDS 60u      /* that an offered address is kept for its client */
#define DHCP_DECLINED_MAX 8u
#define DHCP_DECLINED_SECONDS 600u  /* that an address in use by somebody else is not given out */
#define DHCP_REPLY_MAX 576u
#define DHCP_REPLY_MIN 300u         /* BOOTP's message, which old clients wait for */

struct dhcp_host { /* <host mac= name= ip=> */
	u64 mac;
	u32 address;
	char name[DHCP_NAME_MAX]; /* "": none */
};

struct dhcp_lease {
	u64 mac;                  /* 0: free */
	u32 address;
	bool bound;               /* else only offered */
	u64 end_ns;
	char name[DHCP_NAME_MAX]; /* that the client gave itself; what is not a host name is left out */
	u8 client_id[DHCP_CLIENT_ID_MAX];
	u8 client_id_bytes;
};

struct dhcp_server {
	u32 address, mask;        /* the host's own on this network */
	u32 start, end;           /* the range, both included; 0: fixed hosts only */
	u32 router, dns;          /* told to clients; 0: none */
	u16 mtu_bytes;            /* 1500: not told */
	char domain[DHCP_NAME_MAX];
	u32 host_count;
	struct dhcp_host hosts[DHCP_HOSTS_MAX];
	struct dhcp_lease leases[DHCP_LEASES_MAX];
	struct { u32 address; u64 end_ns; } declined[DHCP_DECLINED_MAX];
};

/*
 * The answer to a client's message, in reply (DHCP_REPLY_MAX bytes); its size, 0: none. *to: whom to send it to, from port 67 to
 * port 68: an address, or 0xffffffff.
 */
u32 dhcp_server_answer(struct dhcp_server *server, const u8 *message, u32 size_bytes, u64 now_ns, u8 *reply, u32 *to);
/* A name as a host may have it: letters, digits, hyphens inside. */
bool dhcp_name_is_good(const char *name);

#endif
