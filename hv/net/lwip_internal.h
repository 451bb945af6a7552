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

struct host_interface {
	struct net_port port;
	struct netif netif;         /* [host_stack_lock] */
	struct net_switch *net;     /* (c) */
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

#endif
