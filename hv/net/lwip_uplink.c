/* SPDX-License-Identifier: MIT */
/*
 * The host's address on a card, the way to the outside: by lwIP's DHCP client, or as it was told. The router's interface 0.
 *
 * Frames come in the card's thread: the router has the first look, the host's own stack gets the rest. What the card cannot finish
 * itself of what a machine left undone is finished here, in the machine's thread. The card stays attached for ever.
 * Next to read: router.c, lwip_ask.c.
 */
#include "hv/net/lwip_internal.h"
#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <netif/ethernet.h>
#include "hv/clock.h"
#include "hv/host_card.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/finish.h"

#define NEIGHBOUR_FRESH_NS NS_PER_S /* that the last neighbour is used without asking lwIP, which knows when it is old */
#define DHCP_OPTION_DNS 6u

static struct {
	struct host_card *card;       /* (c) NULL: there is no uplink */
	struct netif netif;           /* [host_stack_lock] */
	bool fixed;                   /* (c) the address was told */
	bool dns_fixed;               /* (c) */
	u32 address, mask, gateway;   /* (a) as the netif has them; address 0: none */
	struct host_dns dns[HOST_DNS_MAX]; /* [host_stack_lock] */
	struct spinlock lock;
	u32 neighbour;                /* [lock] the last one that a frame was sent to */
	u8 neighbour_mac[NET_MAC_BYTES]; /* [lock] */
	u64 fresh_until_ns;           /* [lock] */
} uplink = { .lock = SPINLOCK_INIT("uplink", LOCK_RANK_NET) };

static int receive(void *context, const struct net_frame *frame)
{
	(void)context;
	return router_take(NAT_UPLINK, frame) ? OK : lwip_input(&uplink.netif, frame);
}

static int send_piece(void *context, const struct net_frame *piece)
{
	(void)context;
	(void)!host_card_send(uplink.card, piece); /* a piece that was lost does not stop the others, as on a wire */
	return OK;
}

static void send_frame(void *context, const struct net_frame *frame)
{
	u32 can = READ_ONCE(uplink.card->port.offload);
	struct net_headers headers;

	(void)context;
	if (!(frame->offload & NET_OFFLOAD_WORK & ~can)) {
		(void)!host_card_send(uplink.card, frame);
		return;
	}
	net_headers_read(frame, &headers);
	(void)!net_finish(frame, &headers, can & ~NET_GSO_ANY, send_piece, NULL);
}

/* [host_stack_lock] lwIP's own frames. */
static err_t send(struct netif *netif, struct pbuf *buffer)
{
	struct net_segment segments[NET_SEGMENTS_MAX];
	u8 header[NET_HEADER_BYTES];
	struct net_frame frame;

	(void)netif;
	if (!lwip_frame(buffer, header, segments, &frame))
		return ERR_BUF;
	send_frame(NULL, &frame);
	return ERR_OK;
}

/* The router's way to the outside */

static u32 next_station(u32 address)
{
	u32 own = READ_ONCE(uplink.address), mask = READ_ONCE(uplink.mask);

	return ((own ^ address) & mask) == 0 ? address : READ_ONCE(uplink.gateway);
}

static bool find(void *context, u32 address, u8 mac[NET_MAC_BYTES])
{
	u32 next = next_station(address);
	u64 now = clock_ns(), flags = lock_irqsave(&uplink.lock);
	bool known = uplink.neighbour == next && uplink.fresh_until_ns > now;

	(void)context;
	if (known)
		memcpy(mac, uplink.neighbour_mac, NET_MAC_BYTES);
	unlock_irqrestore(&uplink.lock, flags);
	if (known || !next)
		return known;
	if (!lwip_neighbour(&uplink.netif, next, mac))
		return false;
	flags = lock_irqsave(&uplink.lock);
	uplink.neighbour = next;
	memcpy(uplink.neighbour_mac, mac, NET_MAC_BYTES);
	uplink.fresh_until_ns = now + NEIGHBOUR_FRESH_NS;
	unlock_irqrestore(&uplink.lock, flags);
	return true;
}

static void send_unknown(void *context, const struct net_frame *frame, u32 address)
{
	u32 next = next_station(address);

	(void)context;
	if (next)
		lwip_send_unknown(&uplink.netif, frame, next);
}

/* Addresses */

static void tell(void)
{
	const u8 a[] = { (u8)(uplink.address >> 24), (u8)(uplink.address >> 16), (u8)(uplink.address >> 8), (u8)uplink.address };
	u32 bits = uplink.mask ? 32u - (u32)__builtin_ctz(uplink.mask) : 0;

	if (uplink.address)
		log_notice("%s: address %u.%u.%u.%u/%u %s; networks with <forward mode='nat'/> reach the outside", uplink.card->port.name,
			   a[0], a[1], a[2], a[3], bits, uplink.fixed ? "as told" : "by DHCP");
	else
		log_notice("%s: no address", uplink.card->port.name);
}

/* [host_stack_lock] lwIP set or took the address. */
static void status_changed(struct netif *netif)
{
	u32 address = lwip_ntohl(ip4_addr_get_u32(netif_ip4_addr(netif)));

	WRITE_ONCE(uplink.gateway, lwip_ntohl(ip4_addr_get_u32(netif_ip4_gw(netif))));
	WRITE_ONCE(uplink.mask, lwip_ntohl(ip4_addr_get_u32(netif_ip4_netmask(netif))));
	if (address == uplink.address)
		return;
	WRITE_ONCE(uplink.address, address);
	if (router_set_uplink(address, uplink.mask))
		log_warning("%s: its network's addresses are also those of a network of this host: machines do not reach the outside",
			    uplink.card->port.name);
	tell();
}

/* [host_stack_lock] An option that lwIP leaves to others, of the reply that it is reading. */
void lwip_dhcp_option(struct netif *netif, u8_t state, u8_t option, u8_t size, struct pbuf *buffer, u16_t offset)
{
	u8 addresses[4 * HOST_DNS_MAX];
	u32 have;

	if (netif != &uplink.netif || option != DHCP_OPTION_DNS || uplink.dns_fixed || state == 0)
		return;
	have = pbuf_copy_partial(buffer, addresses, (u16_t)MIN((u32)size, (u32)sizeof(addresses)), offset) / 4;
	for (u32 i = 0; i < HOST_DNS_MAX; i++)
		uplink.dns[i] = (struct host_dns){ i < have ? get_be32(addresses + 4 * i) : 0, 53 };
}

bool lwip_uplink_dns(u32 turn, struct host_dns *server)
{
	u32 count = 0;

	while (count < HOST_DNS_MAX && uplink.dns[count].address)
		count++;
	if (count)
		*server = uplink.dns[turn % count];
	return count && uplink.address;
}

static void link_changed(void *context, bool up)
{
	(void)context;
	host_stack_lock();
	if (up)
		netif_set_link_up(&uplink.netif); /* a DHCP client asks anew: the cable may lead elsewhere */
	else
		netif_set_link_down(&uplink.netif);
	if (up && !uplink.fixed && !netif_dhcp_data(&uplink.netif) && dhcp_start(&uplink.netif) != ERR_OK)
		log_error("%s: no memory for the DHCP client", uplink.card->port.name);
	host_stack_unlock();
}

static err_t start(struct netif *netif)
{
	netif->name[0] = 'e';
	netif->name[1] = 't';
	netif->hwaddr_len = ETHARP_HWADDR_LEN;
	memcpy(netif->hwaddr, uplink.card->port.mac, ETHARP_HWADDR_LEN);
	netif->mtu = MIN(uplink.card->port.mtu_bytes, NET_MTU_DEFAULT);
	netif->output = etharp_output;
	netif->linkoutput = send;
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
	return ERR_OK;
}

/* [host_stack_lock] */
static bool add_netif(const struct host_uplink_config *config)
{
	ip4_addr_t address = { PP_HTONL(config->address) }, mask = { PP_HTONL(config->mask) }, gateway = { PP_HTONL(config->gateway) };

	if (!netif_add(&uplink.netif, &address, &mask, &gateway, NULL, start, ethernet_input))
		return false;
	netif_set_default(&uplink.netif);
	netif_set_status_callback(&uplink.netif, status_changed);
	netif_set_up(&uplink.netif);
	return true;
}

int host_uplink_start(const struct host_uplink_config *config)
{
	static const struct router_way way = { .mac = uplink.netif.hwaddr, .find = find, .send = send_frame, .send_unknown = send_unknown };
	static const struct host_card_user user = { .who = "the host", .receive = receive, .link_changed = link_changed };
	bool added;
	int code;

	uplink.card = config->card;
	uplink.fixed = config->address != 0;
	uplink.dns_fixed = config->dns[0].address != 0;
	memcpy(uplink.dns, config->dns, sizeof(uplink.dns));
	code = router_start(&way, MIN(config->card->port.mtu_bytes, NET_MTU_DEFAULT));
	if (code)
		goto fail;
	host_stack_lock();
	added = add_netif(config);
	host_stack_unlock();
	code = added ? host_card_attach(config->card, &user, HOST_CARD_OWN, NULL) : ERR_NO_MEMORY;
	if (code)
		goto fail;
	lwip_timers_begin();
	return OK;
fail:
	uplink.card = NULL;
	return code;
}

void host_uplink_get(struct host_uplink_info *info)
{
	host_stack_lock();
	*info = (struct host_uplink_info){ .card = uplink.card ? uplink.card->port.name : NULL, .address = uplink.address, .mask = uplink.mask,
					   .gateway = uplink.gateway };
	memcpy(info->dns, uplink.dns, sizeof(info->dns));
	host_stack_unlock();
}
