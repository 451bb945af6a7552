/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/lwip_host.c hv/net/lwip_dhcp.c hv/net/lwip_dns.c hv/net/lwip_frames.c hv/net/lwip_uplink.c hv/net/lwip_ask.c hv/net/dns_forward.c hv/net/router.c hv/net/icmp_error.c hv/net/nat.c hv/net/nat_rewrite.c hv/net/nat_icmp.c hv/net/conntrack.c hv/net/fragments.c hv/net/dns_server.c hv/net/dhcp_server.c hv/net/switch.c hv/net/filter.c hv/net/headers.c hv/net/finish.c hv/net/checksum.c hv/net/mac_table.c hv/net_port.c hv/net/test/frames.c hv/lib/string.c */
/* CFLAGS: -Ihv/net/lwip_options -isystem build/deps/lwip/src/include */
/* LIBS: build/lwip/fuzz/liblwip.a */
/*
 * Frames of the input's choice to the host's own stack, through the switch, from a machine without filters: ARP, fragments, ICMP, UDP,
 * DHCP, and to the router; and frames from a card, whose user the host is: answers to its DHCP client among them. Neither our code nor lwIP's reads or writes beyond what it has, asserts, or keeps what it was given.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/clock.h"
#include "hv/host_card.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/net/host_stack.h"
#include "hv/net/test/frames.h"
#include "hv/random.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* One thread, a clock that the input moves, no chance. */
static u64 now_ns = NS_PER_S;
u64 clock_ns(void) { return now_ns; }
void random_bytes(void *bytes, size_t size) { memset(bytes, 7, size); }
struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument)
{
	static int dummy;

	(void)name;
	(void)function;
	(void)argument;
	return (struct thread *)(void *)&dummy;
}
void thread_sleep_ns(u64 duration_ns) { (void)duration_ns; }
void waitqueue_init(struct waitqueue *queue, const char *name) { (void)queue; (void)name; }
void waitqueue_wake_all(struct waitqueue *queue) { (void)queue; }
void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }
void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }
bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns) { (void)queue; (void)waiter; (void)deadline_ns; abort(); }
void mutex_init(struct mutex *mutex, const char *name) { (void)name; mutex->owner = NULL; }
void mutex_lock(struct mutex *mutex) { assert(!mutex->owner); mutex->owner = (struct thread *)1; }
void mutex_unlock(struct mutex *mutex) { mutex->owner = NULL; }
void panic(const char *fmt, ...) { fprintf(stderr, "panic: %s\n", fmt); abort(); }

void sys_check_timeouts(void);

/* A card that keeps the last frame sent, so that its answer can be made of it. */
static struct host_card card = { .port = { .name = "eth0", .mac = { 0x52, 0x54, 0, 0, 9, 9 }, .mtu_bytes = 1500, .link_up = true } };
static struct host_card_user user;
static u8 sent[2048];
static u32 sent_bytes;

int host_card_attach(struct host_card *to, const struct host_card_user *by, enum host_card_reception reception, const char **other)
{
	(void)to;
	(void)reception;
	(void)other;
	user = *by;
	return OK;
}

int host_card_send(struct host_card *to, const struct net_frame *frame)
{
	(void)to;
	assert(!(frame->offload & NET_OFFLOAD_WORK) && frame->size_bytes <= 1514);
	sent_bytes = frame->size_bytes;
	net_frame_copy(frame, 0, sent, frame->size_bytes);
	return OK;
}

void log_line(enum log_level level, const char *fmt, ...) { (void)level; (void)fmt; }

static struct net_switch net;
static struct dhcp_server dhcp;
static struct host_interface *interface;
static struct test_port machine;
static struct test_frame f;

static u32 take(const u8 **data, size_t *size, unsigned count)
{
	u32 value = 0;

	for (unsigned i = 0; i < count && *size; i++, (*data)++, (*size)--)
		value |= (u32)**data << (8 * i);
	return value;
}

/* The sums made right, so that what lies behind them is reached. */
static void repair(void)
{
	u8 *ip = f.bytes + 14;

	if (get_be16(f.bytes + 12) != ETHERTYPE_IPV4 || f.frame.size_bytes < 34)
		return;
	put_be16(ip + 10, 0);
	put_be16(ip + 10, (u16)~checksum_fold(checksum_add(0, ip, MIN((ip[0] & 15u) * 4, f.frame.size_bytes - 14))));
	if (ip[9] == IP_PROTOCOL_UDP && f.frame.size_bytes >= 42)
		put_be16(ip + 26, 0);
	if (ip[9] == IP_PROTOCOL_ICMP && f.frame.size_bytes >= 42) {
		put_be16(ip + 22, 0);
		put_be16(ip + 22, (u16)~checksum_fold(checksum_add(0, ip + 20, f.frame.size_bytes - 34)));
	}
}

static void make(const u8 **data, size_t *size)
{
	static const u16 ports[] = { 67, 68, 53, 7 };
	u32 kind = take(data, size, 1), payload = take(data, size, 1) * (kind & 0x40 ? 5u : 1u);

	if (kind % 4 == 0)
		frame_arp(&f, kind & 8 ? mac_all : mac_host, mac_a, mac_a, IP(10, 0, 0, 5), IP(10, 0, 0, 1));
	else
		frame_udp(&f, kind & 8 ? mac_all : mac_host, mac_a, kind & 16 ? 0 : IP(10, 0, 0, 5), kind & 32 ? 0xffffffff : IP(10, 0, 0, 1),
			  ports[take(data, size, 1) % 4], ports[take(data, size, 1) % 4], payload);
	if (kind % 4 == 2) {
		f.bytes[23] = IP_PROTOCOL_ICMP;
		f.bytes[34] = (u8)take(data, size, 1);
		f.bytes[35] = 0;
	}
	if (kind % 4 == 3 && f.frame.size_bytes > 300) { /* DHCP's fixed words */
		memset(f.bytes + 42, 0, DHCP_OPTIONS);
		f.bytes[42] = f.bytes[43] = 1;
		f.bytes[44] = 6;
		memcpy(f.bytes + 42 + DHCP_CHADDR, mac_a, 6);
		put_be32(f.bytes + 42 + DHCP_COOKIE, DHCP_COOKIE_VALUE);
		for (u32 i = 0; i < 24; i++)
			f.bytes[42 + DHCP_OPTIONS + i] = (u8)take(data, size, 1);
	}
	for (u32 changes = take(data, size, 1) % 8; changes; changes--)
		f.bytes[12 + take(data, size, 1) % 64] = (u8)take(data, size, 1);
}

/* An answer of a DHCP server to what the client sent last: an offer or an acknowledgement with options of the input's. */
static bool make_dhcp_answer(const u8 **data, size_t *size)
{
	u32 kind = take(data, size, 1);
	u8 *message = f.bytes + 42;

	if (sent_bytes < 42 + DHCP_OPTIONS || get_be16(sent + 36) != 67)
		return false;
	frame_udp(&f, card.port.mac, mac_c, IP(10, 1, 0, 1), kind & 1 ? 0xffffffff : IP(10, 1, 0, 7), 67, 68, 400);
	memcpy(message, sent + 42, DHCP_OPTIONS);
	message[0] = 2;
	put_be32(message + DHCP_YIADDR, kind & 2 ? IP(10, 0, 0, 7) : IP(10, 1, 0, 7));
	put_be32(message + DHCP_COOKIE, DHCP_COOKIE_VALUE);
	memcpy(message + DHCP_OPTIONS, (u8[]){ 53, 1, kind & 4 ? 2 : 5, 54, 4, 10, 1, 0, 1, 1, 4, 255, 255, 255, 0, 3, 4, 10, 1, 0, 1, 6, 8, 10,
					       1, 0, 1, 10, 1, 0, 2, 255 }, 32);
	for (u32 changes = take(data, size, 1) % 4; changes; changes--)
		message[DHCP_OPTIONS + take(data, size, 1) % 40] = (u8)take(data, size, 1);
	return true;
}

static void from_card(u32 step, const u8 **data, size_t *size)
{
	if (!(step & 8) || !make_dhcp_answer(data, size)) {
		make(data, size);
		if (step & 16) { /* for the host's address there, from its name server or to its ports */
			put_be32(f.bytes + 26, IP(10, 1, 0, 1));
			put_be32(f.bytes + 30, IP(10, 1, 0, 7));
		}
	}
	memcpy(f.bytes, card.port.mac, 6);
	if (step & 0x30)
		repair();
	(void)user.receive(user.context, &f.frame);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const struct host_uplink_config outside = { .card = &card };
	static bool ready;
	struct host_interface_config config = { .name = "virbr0", .mac = mac_host, .address = IP(10, 0, 0, 1), .mask = 0xffffff00,
						.mtu_bytes = 1500, .dhcp = &dhcp };

	if (!ready) {
		host_stack_init();
		assert(host_uplink_start(&outside) == OK);
		user.link_changed(user.context, true);
	}
	ready = true;
	config.mode = size && data[0] & 2 ? NAT_MASQUERADE : size && data[0] & 4 ? NAT_ROUTED : 0;
	config.port_first = 1024;
	config.port_last = 1100;
	net_switch_init(&net);
	memset(&dhcp, 0, sizeof(dhcp));
	dhcp.address = config.address;
	dhcp.mask = config.mask;
	dhcp.start = IP(10, 0, 0, 2);
	dhcp.end = IP(10, 0, 0, 9);
	dhcp.mtu_bytes = 1500;
	test_port_init(&machine, mac_a, size && data[0] & 1 ? NET_CSUM_PARTIAL : 0);
	if (host_interface_create(&config, &net, &interface) != OK) { /* the card's network is this one: rightly refused */
		user.link_changed(user.context, false);
		now_ns += NS_PER_S;
		user.link_changed(user.context, true);
		return 0;
	}
	assert(net_switch_plug(&net, &machine.port, SWITCH_OPEN) == OK);
	while (size) {
		u32 step = take(&data, &size, 1);

		if ((step & 7) == 1) {
			from_card(step, &data, &size);
			continue;
		}
		make(&data, &size);
		if (step & 8 && f.frame.size_bytes >= 34) /* to the outside */
			put_be32(f.bytes + 30, IP(8, 8, 8, 8));
		if (!(step & 7))
			f.frame.offload = NET_CSUM_VALID;
		if (step & 0x30)
			repair();
		assert(net_port_send(&machine.port, &f.frame) == OK);
		now_ns += (u64)(step & 0xc0) * 50 * NS_PER_MS;
		host_stack_lock();
		sys_check_timeouts();
		host_stack_unlock();
	}
	net_switch_unplug(&machine.port);
	host_interface_destroy(interface);
	now_ns += 300 * NS_PER_S; /* what waits for the rest of a packet is given up */
	for (u32 i = 0; i < 40; i++, now_ns += NS_PER_S)
		sys_check_timeouts();
	return 0;
}
