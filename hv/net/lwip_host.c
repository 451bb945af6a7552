/* SPDX-License-Identifier: MIT */
/*
 * lwIP's port (host_stack.h): its clock, its random numbers, its timers' thread, and an interface for each network.
 *
 * lwIP knows no threads here (NO_SYS); the mutex keeps them apart. It is held while frames go out: a switch hands them to a
 * machine's buffers, and no receiver comes back to the stack from there. Next to read: lwip_dhcp.c, lwip_ping.c.
 */
#include "hv/net/lwip_internal.h"
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <netif/ethernet.h>
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/random.h"
#include "hv/thread.h"

static struct mutex stack_mutex;
static struct waitqueue timers_wait;
static u32 interface_count; /* (a) and the uplink */

void host_stack_lock(void) { mutex_lock(&stack_mutex); }
void host_stack_unlock(void) { mutex_unlock(&stack_mutex); }

u32_t sys_now(void)
{
	return (u32_t)(clock_ns() / NS_PER_MS);
}

unsigned int lwip_random(void)
{
	unsigned int value;

	random_bytes(&value, sizeof(value));
	return value;
}

static void timers_main(void *argument)
{
	(void)argument;
	for (;;) {
		u32 milliseconds;

		waitqueue_wait(&timers_wait, READ_ONCE(interface_count));
		host_stack_lock();
		sys_check_timeouts();
		lwip_ask_expire();
		milliseconds = sys_timeouts_sleeptime();
		host_stack_unlock();
		router_sweep();
		thread_sleep_ns(MIN(MAX(milliseconds, 1u), 1000u) * NS_PER_MS);
	}
}

void host_stack_init(void)
{
	mutex_init(&stack_mutex, "host stack");
	waitqueue_init(&timers_wait, "host stack timers");
	host_stack_lock();
	lwip_init();
	host_stack_unlock();
	if (!thread_create("lwip", timers_main, NULL))
		panic("no memory for the network stack's thread");
}

void lwip_timers_begin(void)
{
	__atomic_fetch_add(&interface_count, 1, __ATOMIC_SEQ_CST);
	waitqueue_wake_all(&timers_wait);
}

/* A frame from the switch, in its sender's thread: the router's, or the host's own. */
static int receive(struct net_port *port, const struct net_frame *frame)
{
	struct host_interface *interface = port->context;
	u8 route = READ_ONCE(interface->route);

	if (route && router_take(route, frame))
		return OK;
	return lwip_input(&interface->netif, frame);
}

static const struct net_port_ops port_ops = { .receive = receive };

/* [host_stack_lock] */
static err_t send(struct netif *netif, struct pbuf *buffer)
{
	struct host_interface *interface = netif->state;
	struct net_segment segments[NET_SEGMENTS_MAX];
	u8 header[NET_HEADER_BYTES];
	struct net_frame frame;

	if (!lwip_frame(buffer, header, segments, &frame))
		return ERR_BUF;
	return net_port_send(&interface->port, &frame) == OK ? ERR_OK : ERR_IF;
}

/* The router's way to this network. The filter's knowledge first: no machine can claim another's address there. */

static bool way_find(void *context, u32 address, u8 mac[NET_MAC_BYTES])
{
	struct host_interface *interface = context;

	return net_switch_find_machine(interface->net, address, mac) || lwip_neighbour(&interface->netif, address, mac);
}

static void way_send(void *context, const struct net_frame *frame)
{
	struct host_interface *interface = context;

	(void)!net_port_send(&interface->port, frame);
}

static void way_send_unknown(void *context, const struct net_frame *frame, u32 address)
{
	struct host_interface *interface = context;

	lwip_send_unknown(&interface->netif, frame, address);
}

static u16 way_slot(void *context, const struct net_frame *frame)
{
	struct host_interface *interface = context;

	return (u16)net_switch_find_slot(interface->net, net_source_mac(frame));
}

static u32 way_address_of(void *context, u16 slot)
{
	struct host_interface *interface = context;

	return net_switch_address_at(interface->net, slot);
}

static int add_route(struct host_interface *interface, const struct host_interface_config *config)
{
	const struct router_way way = { .mac = interface->port.mac, .find = way_find, .send = way_send, .send_unknown = way_send_unknown,
					.slot = way_slot, .address_of = way_address_of, .context = interface };
	const struct nat_interface nat = { .mode = config->mode ? config->mode : NAT_ISOLATED, .address = config->address, .mask = config->mask,
					   .mtu_bytes = config->mtu_bytes, .port_first = config->port_first, .port_last = config->port_last };
	u8 number;
	int code = router_add(&nat, &way, &number);

	WRITE_ONCE(interface->route, number);
	return code;
}

static err_t start(struct netif *netif)
{
	struct host_interface *interface = netif->state;

	netif->name[0] = 'v';
	netif->name[1] = 'b';
	netif->hwaddr_len = ETHARP_HWADDR_LEN;
	memcpy(netif->hwaddr, interface->port.mac, ETHARP_HWADDR_LEN);
	netif->mtu = interface->port.mtu_bytes;
	netif->output = etharp_output;
	netif->linkoutput = send;
	netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
	return ERR_OK;
}

/* [host_stack_lock] */
static int add(struct host_interface *interface, const struct host_interface_config *config)
{
	ip4_addr_t address = { PP_HTONL(config->address) }, mask = { PP_HTONL(config->mask) };
	int code;

	if (!netif_add(&interface->netif, &address, &mask, NULL, interface, start, ethernet_input))
		return ERR_FULL;
	netif_set_up(&interface->netif);
	code = lwip_dns_start(interface);
	if (code == OK && interface->dhcp)
		code = lwip_dhcp_start(interface);
	if (code != OK) {
		lwip_dns_stop(interface);
		netif_remove(&interface->netif);
	}
	return code;
}

/* [host_stack_lock] */
static void remove(struct host_interface *interface)
{
	lwip_dhcp_stop(interface);
	lwip_dns_stop(interface);
	netif_remove(&interface->netif);
}

int host_interface_create(const struct host_interface_config *config, struct net_switch *net, struct host_interface **out)
{
	struct host_interface *interface = kzalloc(sizeof(*interface));
	int code;

	if (!interface)
		return ERR_NO_MEMORY;
	string_copy(interface->port.name, config->name, sizeof(interface->port.name));
	memcpy(interface->port.mac, config->mac, NET_MAC_BYTES);
	interface->port.mtu_bytes = config->mtu_bytes;
	interface->port.offload = NET_CSUM_PARTIAL;
	interface->port.ops = &port_ops;
	interface->port.context = interface;
	interface->port.link_up = true;
	interface->dhcp = config->dhcp;
	interface->net = net;
	interface->asks_outside = config->mode >= NAT_MASQUERADE;
	host_stack_lock();
	code = add(interface, config);
	host_stack_unlock();
	if (code != OK)
		goto free;
	code = net_switch_plug(net, &interface->port, SWITCH_TRUSTED);
	if (code != OK)
		goto remove;
	net_switch_set_address(&interface->port, config->address);
	code = add_route(interface, config);
	if (code != OK)
		goto unplug;
	lwip_timers_begin();
	*out = interface;
	return OK;
unplug:
	net_switch_unplug(&interface->port);
remove:
	host_stack_lock();
	remove(interface);
	host_stack_unlock();
free:
	kfree(interface);
	return code;
}

void host_interface_destroy(struct host_interface *interface)
{
	router_remove(interface->route);
	net_switch_unplug(&interface->port); /* without the mutex: who is in receive waits for it */
	host_stack_lock();
	remove(interface);
	host_stack_unlock();
	__atomic_fetch_sub(&interface_count, 1, __ATOMIC_SEQ_CST);
	kfree(interface);
}

u8 host_interface_route(const struct host_interface *interface)
{
	return interface->route;
}

struct net_port *host_interface_port(struct host_interface *interface)
{
	return &interface->port;
}
