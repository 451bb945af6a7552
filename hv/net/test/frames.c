/* SPDX-License-Identifier: MIT */
/* See frames.h. */
#include "hv/net/test/frames.h"
#include <string.h>
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"

u64 direct_map_base;
const u8 mac_host[6] = { 0x52, 0x54, 0, 0, 0, 1 }, mac_a[6] = { 0x52, 0x54, 0, 0, 0, 0xa }, mac_b[6] = { 0x52, 0x54, 0, 0, 0, 0xb },
	 mac_c[6] = { 0x52, 0x54, 0, 0, 0, 0xc }, mac_all[6] = { 255, 255, 255, 255, 255, 255 };

void frame_end(struct test_frame *to, u32 size_bytes)
{
	u32 header = MIN(size_bytes, NET_HEADER_BYTES);

	to->segment = (struct net_segment){ HPA((u64)(to->bytes + header)), size_bytes - header };
	to->frame = (struct net_frame){ .header = to->bytes, .header_bytes = (u16)header, .segment_count = size_bytes > header,
					.size_bytes = size_bytes, .segments = &to->segment };
}

u32 frame_ethernet(struct test_frame *to, const u8 *destination, const u8 *source, u16 type)
{
	memset(to->bytes, 0, 256);
	memcpy(to->bytes, destination, 6);
	memcpy(to->bytes + 6, source, 6);
	put_be16(to->bytes + 12, type);
	return 14;
}

void frame_arp(struct test_frame *to, const u8 *destination, const u8 *source, const u8 *sender_mac, u32 sender, u32 target)
{
	static const u8 fixed[] = { 0, 1, 8, 0, 6, 4, 0, 1 };

	frame_ethernet(to, destination, source, ETHERTYPE_ARP);
	memcpy(to->bytes + 14, fixed, sizeof(fixed));
	memcpy(to->bytes + 22, sender_mac, 6);
	put_be32(to->bytes + 28, sender);
	put_be32(to->bytes + 38, target);
	frame_end(to, 60);
}

static void ipv4(u8 *ip, u8 protocol, u32 payload, u32 from, u32 to)
{
	ip[0] = 0x45;
	put_be16(ip + 2, 20 + payload);
	ip[8] = 64;
	ip[9] = protocol;
	put_be32(ip + 12, from);
	put_be32(ip + 16, to);
	put_be16(ip + 10, (u16)~checksum_fold(checksum_add(0, ip, 20)));
}

static void fill(u8 *to, u32 size_bytes)
{
	for (u32 i = 0; i < size_bytes; i++)
		to[i] = (u8)(i * 7 + i / 251);
}

void frame_udp(struct test_frame *to, const u8 *destination, const u8 *source, u32 from, u32 to_address, u16 from_port, u16 to_port,
	       u32 payload)
{
	u8 *udp = to->bytes + 34;

	frame_ethernet(to, destination, source, ETHERTYPE_IPV4);
	ipv4(to->bytes + 14, IP_PROTOCOL_UDP, 8 + payload, from, to_address);
	put_be16(udp, from_port);
	put_be16(udp + 2, to_port);
	put_be16(udp + 4, 8 + payload);
	fill(udp + 8, payload);
	frame_end(to, 42 + payload);
}

void frame_tcp(struct test_frame *to, const u8 *destination, const u8 *source, bool v6, u32 payload, u8 flags)
{
	u32 at = v6 ? 54 : 34;
	u8 *tcp = to->bytes + at;

	frame_ethernet(to, destination, source, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	if (v6) {
		to->bytes[14] = 0x60;
		put_be16(to->bytes + 18, 20 + payload);
		to->bytes[20] = IP_PROTOCOL_TCP;
		to->bytes[22] = 0xfe;
		to->bytes[37] = 1;
		to->bytes[38] = 0xfe;
	} else {
		ipv4(to->bytes + 14, IP_PROTOCOL_TCP, 20 + payload, IP(10, 0, 0, 1), IP(10, 0, 0, 2));
	}
	put_be16(tcp, 1000);
	put_be16(tcp + 2, 80);
	put_be32(tcp + 4, 0xfffffff0);
	tcp[12] = 0x50;
	tcp[13] = flags;
	fill(tcp + 20, payload);
	frame_end(to, at + 20 + payload);
	to->frame.offload = NET_CSUM_PARTIAL;
	to->frame.checksum_start = (u16)at;
	to->frame.checksum_offset = 16;
}

bool frame_sums_good(const u8 *bytes, u32 size_bytes)
{
	bool v6 = get_be16(bytes + 12) == ETHERTYPE_IPV6;
	u32 at = v6 ? 54 : 34;

	if (!v6 && checksum_fold(checksum_add(0, bytes + 14, 20)) != 0xffff)
		return false;
	return checksum_fold(checksum_add(checksum_pseudo(bytes + (v6 ? 22 : 26), v6 ? 16 : 4, bytes[v6 ? 20 : 23], size_bytes - at),
					  bytes + at, size_bytes - at)) == 0xffff;
}

static int receive(struct net_port *port, const struct net_frame *frame)
{
	struct test_port *test = CONTAINER_OF(port, struct test_port, port);

	test->received++;
	test->last_bytes = frame->size_bytes;
	test->last_offload = frame->offload;
	net_frame_copy(frame, 0, test->last, frame->size_bytes);
	if (test->on_receive)
		test->on_receive(test, frame);
	return test->answer;
}

void test_port_init(struct test_port *port, const u8 *mac, u32 offload)
{
	static const struct net_port_ops ops = { .receive = receive };

	memset(port, 0, sizeof(*port));
	memcpy(port->port.mac, mac, 6);
	port->port.mtu_bytes = 1500;
	port->port.offload = offload;
	port->port.ops = &ops;
	port->port.link_up = true;
}
