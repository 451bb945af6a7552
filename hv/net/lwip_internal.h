/* SPDX-License-Identifier: MIT */
/* What the files that see lwIP share. */
#ifndef HV_NET_LWIP_INTERNAL_H
#define HV_NET_LWIP_INTERNAL_H

#define ERR_TIMEOUT LWIP_ERR_TIMEOUT /* the one name that lwIP's errors share with ours */
#include <lwip/netif.h>
#include <lwip/udp.h>
#undef ERR_TIMEOUT
#include "hv/lib/error.h"
#include "hv/net/host_stack.h"
#include "hv/net/router.h"

struct host_interface {
	struct net_port port;
	struct netif netif;         /* [host_stack_lock] */
	struct net_switch *net;     /* (c) */
	u8 route;                   /* (a) its number with the router; 0: none */
	bool asks_outside;          /* (c) names that are no machine's are asked for outside */
	struct udp_pcb *dns_pcb;    /* [host_stack_lock] */
	struct udp_pcb *dhcp_pcb;   /* [host_stack_lock] NULL: none */
	struct dhcp_server *dhcp;   /* (c) */
	u8 dhcp_reply[DHCP_REPLY_MAX]; /* [host_stack_lock] */
};

/* lwip_dhcp.c; host_stack_lock held. */
MUST_CHECK int lwip_dhcp_start(struct host_interface *interface);
void lwip_dhcp_stop(struct host_interface *interface);
/* lwip_dns.c; the same. */
MUST_CHECK int lwip_dns_start(struct host_interface *interface);
void lwip_dns_stop(struct host_interface *interface);


/* lwip_frames.c; all take host_stack_lock themselves but lwip_frame. */
int lwip_input(struct netif *netif, const struct net_frame *frame); /* ERR_FULL */
/* A buffer's bytes as a frame: the beginning copied to header, the rest in segments. False: it cannot be one. */
bool lwip_frame(struct pbuf *buffer, u8 header[NET_HEADER_BYTES], struct net_segment segments[NET_SEGMENTS_MAX], struct net_frame *frame);
bool lwip_neighbour(struct netif *netif, u32 address, u8 mac[NET_MAC_BYTES]);
void lwip_send_unknown(struct netif *netif, const struct net_frame *frame, u32 address);
void lwip_timers_begin(void); /* lwip_host.c: one more reason for lwIP's clock to run */

/* lwip_ask.c; host_stack_lock held. Asks the outside's servers in a machine's place; nothing when it cannot: clients ask again. */
void lwip_ask(struct host_interface *interface, u32 client, u16 client_port, const u8 *query, u32 size_bytes);
void lwip_ask_forget(struct host_interface *interface); /* its questions; no answer comes any more */
void lwip_ask_expire(void);
/* lwip_uplink.c; host_stack_lock held. The name server to ask: number `turn` of those known, round and round. False: none. */
bool lwip_uplink_dns(u32 turn, struct host_dns *server);

#endif
