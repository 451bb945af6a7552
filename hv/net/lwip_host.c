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
#include "hv/pages.h"
#include "hv/random.h"
#include "hv/thread.h"

static struct mutex stack_mutex;
static struct waitqueue timers_wait;
static u32 interface_count; /* (a) */

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
		milliseconds = sys_timeouts_sleeptime();
		host_stack_unlock();
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

/* A frame from the switch, in its sender's thread. */
static int receive(struct net_port *port, const struct net_frame *frame)
{
	struct host_interface *interface = port->context;
	struct pbuf *buffer;
	u32 offset = 0;
	u16 checks = NETIF_CHECKSUM_ENABLE_ALL;

	host_stack_lock();
	buffer = pbuf_alloc(PBUF_RAW, (u16_t)frame->size_bytes, PBUF_POOL);
	if (!buffer) {
		host_stack_unlock();
		return ERR_FULL;
	}
	for (struct pbuf *part = buffer; part; offset += part->len, part = part->next)
		net_frame_copy(frame, offset, part->payload, part->len);
	/* A machine of this host that vouches for a sum, or has not made it, has it from its own memory: there was no wire. */
	if (frame->offload & (NET_CSUM_PARTIAL | NET_CSUM_VALID))
		checks &= (u16)~(NETIF_CHECKSUM_CHECK_UDP | NETIF_CHECKSUM_CHECK_TCP);
	NETIF_SET_CHECKSUM_CTRL(&interface->netif, checks);
	if (interface->netif.input(buffer, &interface->netif) != ERR_OK)
		pbuf_free(buffer);
	host_stack_unlock();
	return OK;
}

static const struct net_port_ops port_ops = { .receive = receive };

/* [host_stack_lock] pbuf's pieces as they are: the header is copied, the rest is segments. */
static err_t send(struct netif *netif, struct pbuf *buffer)
{
	struct host_interface *interface = netif->state;
	struct net_segment segments[NET_SEGMENTS_MAX];
	u8 header[NET_HEADER_BYTES];
	struct net_frame frame = { .header = header, .header_bytes = MIN(buffer->tot_len, NET_HEADER_BYTES), .size_bytes = buffer->tot_len,
				   .segments = segments, .offload = NET_CSUM_VALID };
	u32 skip = frame.header_bytes;

	if (buffer->tot_len < NET_ETHERNET_BYTES)
		return ERR_VAL;
	pbuf_copy_partial(buffer, header, frame.header_bytes, 0);
	for (const struct pbuf *part = buffer; part; part = part->next) {
		u32 from = MIN(skip, part->len);

		skip -= from;
		if (from == part->len)
			continue;
		if (frame.segment_count == NET_SEGMENTS_MAX)
			return ERR_BUF;
		segments[frame.segment_count++] = (struct net_segment){ direct_unmap((u8 *)part->payload + from), part->len - from };
	}
	return net_port_send(&interface->port, &frame) == OK ? ERR_OK : ERR_IF;
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
	host_stack_lock();
	code = add(interface, config);
	host_stack_unlock();
	if (code != OK)
		goto free;
	code = net_switch_plug(net, &interface->port, SWITCH_TRUSTED);
	if (code != OK)
		goto remove;
	net_switch_set_address(&interface->port, config->address);
	__atomic_fetch_add(&interface_count, 1, __ATOMIC_SEQ_CST);
	waitqueue_wake_all(&timers_wait);
	*out = interface;
	return OK;
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
	net_switch_unplug(&interface->port); /* without the mutex: who is in receive waits for it */
	host_stack_lock();
	remove(interface);
	host_stack_unlock();
	__atomic_fetch_sub(&interface_count, 1, __ATOMIC_SEQ_CST);
	kfree(interface);
}

struct net_port *host_interface_port(struct host_interface *interface)
{
	return &interface->port;
}
