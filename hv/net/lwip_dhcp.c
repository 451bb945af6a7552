/* SPDX-License-Identifier: MIT */
/* The DHCP server's place on lwIP: UDP port 67 of one network. What it answers is dhcp_server.c's. */
#include "hv/clock.h"
#include "hv/lib/string.h"
#include "hv/net/lwip_internal.h"

#define MESSAGE_MAX 1500u

static void answer(struct host_interface *interface, u32 size_bytes, u32 to)
{
	struct pbuf *out = pbuf_alloc(PBUF_TRANSPORT, (u16_t)size_bytes, PBUF_RAM);
	ip_addr_t address = { PP_HTONL(to) };

	if (!out)
		return; /* as if it was lost on the way: clients ask again */
	pbuf_take(out, interface->dhcp_reply, (u16_t)size_bytes);
	(void)udp_sendto_if_src(interface->dhcp_pcb, out, &address, UDP_PORT_DHCP_CLIENT, &interface->netif,
				netif_ip_addr4(&interface->netif));
	pbuf_free(out);
}

static void receive(void *context, struct udp_pcb *pcb, struct pbuf *buffer, const ip_addr_t *from, u16_t port)
{
	struct host_interface *interface = context;
	u8 message[MESSAGE_MAX];
	u32 size, to;

	(void)pcb;
	(void)from;
	(void)port;
	size = pbuf_copy_partial(buffer, message, sizeof(message), 0);
	pbuf_free(buffer);
	size = dhcp_server_answer(interface->dhcp, message, size, clock_ns(), interface->dhcp_reply, &to);
	if (size)
		answer(interface, size, to);
}

int lwip_dhcp_start(struct host_interface *interface)
{
	struct udp_pcb *pcb = udp_new();

	if (!pcb)
		return ERR_NO_MEMORY;
	/* Each network has its own server: lwIP gives a datagram to the socket of the interface that it came in by. */
	ip_set_option(pcb, SOF_REUSEADDR);
	udp_bind_netif(pcb, &interface->netif);
	if (udp_bind(pcb, IP4_ADDR_ANY, UDP_PORT_DHCP_SERVER) != ERR_OK) {
		udp_remove(pcb);
		return ERR_BUSY;
	}
	udp_recv(pcb, receive, interface);
	interface->dhcp_pcb = pcb;
	return OK;
}

void lwip_dhcp_stop(struct host_interface *interface)
{
	if (interface->dhcp_pcb)
		udp_remove(interface->dhcp_pcb);
	interface->dhcp_pcb = NULL;
}
