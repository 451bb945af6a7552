/* SPDX-License-Identifier: MIT */
/* The name server's place on lwIP: UDP port 53 of one network. What it answers is dns_server.c's; names and addresses are the switch's. */
#include "hv/lib/string.h"
#include "hv/net/dns_server.h"
#include "hv/net/lwip_internal.h"

static u32 find(void *context, const char *name)
{
	struct host_interface *interface = context;

	return net_switch_resolve(interface->net, name);
}

static void receive(void *context, struct udp_pcb *pcb, struct pbuf *buffer, const ip_addr_t *from, u16_t port)
{
	struct host_interface *interface = context;
	struct host_dns server;
	/* Without anybody to ask, other names are refused at once: silence would keep the asker waiting. */
	struct dns_zone zone = { interface->dhcp ? interface->dhcp->domain : "", find, interface,
				 interface->asks_outside && lwip_uplink_dns(0, &server) };
	u8 query[DNS_MESSAGE_MAX], reply[DNS_MESSAGE_MAX];
	u32 size = buffer->tot_len > sizeof(query) ? 0 : pbuf_copy_partial(buffer, query, sizeof(query), 0), answer;
	struct pbuf *out;

	pbuf_free(buffer);
	answer = dns_server_answer(&zone, query, size, reply);
	if (answer == DNS_ASK_OUTSIDE) {
		lwip_ask(interface, lwip_ntohl(ip4_addr_get_u32(from)), port, query, size);
		return;
	}
	size = answer;
	out = size ? pbuf_alloc(PBUF_TRANSPORT, (u16_t)size, PBUF_RAM) : NULL;
	if (!out)
		return;
	pbuf_take(out, reply, (u16_t)size);
	(void)udp_sendto_if_src(pcb, out, from, port, &interface->netif, netif_ip_addr4(&interface->netif));
	pbuf_free(out);
}

int lwip_dns_start(struct host_interface *interface)
{
	struct udp_pcb *pcb = udp_new();

	if (!pcb)
		return ERR_NO_MEMORY;
	ip_set_option(pcb, SOF_REUSEADDR); /* as lwip_dhcp.c: one for each network */
	udp_bind_netif(pcb, &interface->netif);
	if (udp_bind(pcb, netif_ip_addr4(&interface->netif), 53) != ERR_OK) {
		udp_remove(pcb);
		return ERR_BUSY;
	}
	udp_recv(pcb, receive, interface);
	interface->dns_pcb = pcb;
	return OK;
}

void lwip_dns_stop(struct host_interface *interface)
{
	lwip_ask_forget(interface);
	if (interface->dns_pcb)
		udp_remove(interface->dns_pcb);
	interface->dns_pcb = NULL;
}
