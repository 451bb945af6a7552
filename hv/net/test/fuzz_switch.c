/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/switch.c hv/net/filter.c hv/net/headers.c hv/net/finish.c hv/net/checksum.c hv/net/mac_table.c hv/net_port.c hv/net/test/frames.c hv/test/thread_hosted.c hv/lib/string.c */
/*
 * Frames that the input makes up or changes, with the offload words that a device would let through, from machines and others, to
 * ports that can do everything or nothing; plugs pulled and put back. What reaches a port came from whom it says it came from.
 */
#include <assert.h>
#include <string.h>
#include "hv/clock.h"
#include "hv/net/bytes.h"
#include "hv/net/switch.h"
#include "hv/random.h"
#include "hv/net/test/frames.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static u64 now_ns;
u64 clock_ns(void) { return now_ns += 1000000; }
void random_bytes(void *bytes, size_t size) { memset(bytes, 7, size); }

static struct net_switch net;
static struct test_port ports[4];
static struct test_frame f;
static const u8 *const macs[] = { mac_host, mac_a, mac_b, mac_c };
static const enum net_switch_kind kinds[] = { SWITCH_TRUSTED, SWITCH_MACHINE, SWITCH_MACHINE, SWITCH_OPEN };

static u32 take(const u8 **data, size_t *size, unsigned count)
{
	u32 value = 0;

	for (unsigned i = 0; i < count && *size; i++, (*data)++, (*size)--)
		value |= (u32)**data << (8 * i);
	return value;
}

static struct test_port *sender;

static void look(struct test_port *port, const struct net_frame *frame)
{
	assert(port != sender && frame->size_bytes >= NET_ETHERNET_BYTES && frame->size_bytes <= NET_FRAME_MAX_BYTES);
	assert(!(frame->offload & NET_OFFLOAD_WORK & ~port->port.offload));
	if (sender == &ports[1] || sender == &ports[2]) {
		assert(memcmp(port->last + 6, sender->port.mac, 6) == 0);
		assert(get_be16(port->last + 12) != ETHERTYPE_VLAN);
		if (get_be16(port->last + 12) == ETHERTYPE_ARP)
			assert(memcmp(port->last + 22, sender->port.mac, 6) == 0);
	}
}

static void make(const u8 **data, size_t *size)
{
	const u8 *to = macs[take(data, size, 1) % 4], *from = macs[take(data, size, 1) % 4];
	u32 payload = take(data, size, 2) % 65000, changes;

	switch (take(data, size, 1) % 4) {
	case 0: frame_arp(&f, mac_all, from, from, take(data, size, 1), take(data, size, 1)); break;
	case 1: frame_udp(&f, to, from, take(data, size, 1), take(data, size, 1), (u16)take(data, size, 1), (u16)take(data, size, 1), payload); break;
	case 2: frame_tcp(&f, to, from, payload & 1, payload, 0x10); break;
	default:
		memset(f.bytes, 0, 200);
		memcpy(f.bytes, *data, MIN(*size, 200u));
		frame_end(&f, MAX(14u, (u32)MIN(*size, 200u)));
	}
	for (changes = take(data, size, 1) % 8; changes; changes--)
		f.bytes[take(data, size, 1) % 128] = (u8)take(data, size, 1);
	f.frame.offload = take(data, size, 1) & 0x1f;
	f.frame.gso_bytes = (u16)take(data, size, 2);
	if (take(data, size, 1) & 1) {
		f.frame.checksum_start = (u16)take(data, size, 1);
		f.frame.checksum_offset = (u16)take(data, size, 1);
	}
	/* What a device has seen to. */
	if ((u32)f.frame.checksum_start + f.frame.checksum_offset + 2 > f.frame.header_bytes)
		f.frame.offload &= ~(u32)NET_CSUM_PARTIAL;
	if (!f.frame.gso_bytes)
		f.frame.offload &= ~(u32)NET_GSO_ANY;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	net_switch_init(&net);
	for (u32 i = 0; i < 4; i++) {
		test_port_init(&ports[i], macs[i], size ? data[0] >> i & 1 ? NET_OFFLOAD_WORK : 0 : 0);
		ports[i].on_receive = look;
		ports[i].port.mtu_bytes = i == 3 ? 65521 : 1500;
		assert(net_switch_plug(&net, &ports[i].port, kinds[i]) == OK);
	}
	while (size) {
		u32 i = take(&data, &size, 1);

		sender = &ports[i % 4];
		if (i & 0x40) {
			net_switch_unplug(&sender->port);
			assert(net_switch_plug(&net, &sender->port, kinds[i % 4]) == OK);
		}
		make(&data, &size);
		assert(net_port_send(&sender->port, &f.frame) == OK);
	}
	for (u32 i = 0; i < 4; i++)
		net_switch_unplug(&ports[i].port);
	return 0;
}
