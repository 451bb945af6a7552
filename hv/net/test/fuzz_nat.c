/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/nat.c hv/net/nat_rewrite.c hv/net/nat_icmp.c hv/net/conntrack.c hv/net/fragments.c hv/net/finish.c hv/net/headers.c hv/net/checksum.c hv/net_port.c hv/net/test/frames.c */
/*
 * Frames of the input's choice through the translation, from machines and from outside, among them answers to what went out. What was
 * right before is right after; nothing leaves with a machine's address, and nothing is read beyond the copy.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "hv/clock.h"
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/net/finish.h"
#include "hv/net/nat.h"
#include "hv/net/test/frames.h"
#include "hv/random.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define OUTER IP(10, 0, 2, 15)
#define A IP(192, 168, 122, 10)

static u64 state;
void random_bytes(void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((u8 *)bytes)[i] = (u8)((state = state * 6364136223846793005ull + 1442695040888963407ull) >> 56);
}

static struct nat *nat;
static struct test_frame f;
static struct nat_result result;
static u8 last[NET_HEADER_BYTES]; /* what went out last, to be answered or quoted */

static u32 take(const u8 **data, size_t *size, unsigned count)
{
	u32 value = 0;

	for (unsigned i = 0; i < count && *size; i++, (*data)++, (*size)--)
		value |= (u32)**data << (8 * i);
	return value;
}

static u32 address_of(void *context, u8 interface, u16 slot)
{
	(void)context;
	return interface == 1 && slot < 8 ? A + slot : 0;
}

static bool ip_sum_good(const u8 *bytes)
{
	return checksum_fold(checksum_add(0, bytes + 14, 20)) == 0xffff;
}

static void sum_ip(u8 *bytes)
{
	put_be16(bytes + 24, 0);
	put_be16(bytes + 24, (u16)~checksum_fold(checksum_add(0, bytes + 14, 20)));
}

static u32 pick_address(u32 choice)
{
	static const u32 addresses[] = { A, A + 1, OUTER, IP(192, 168, 122, 1), IP(8, 8, 8, 8), IP(172, 20, 0, 5), IP(192, 168, 122, 255), 0xffffffff };

	return addresses[choice % ARRAY_SIZE(addresses)];
}

/* An answer to what went out last, or an error about it. */
static void answer(u32 kind)
{
	if (kind & 1) {
		frame_udp(&f, mac_host, mac_a, IP(1, 1, 1, 1), get_be32(last + 26), 0, 0, 40);
		f.bytes[23] = IP_PROTOCOL_ICMP;
		f.bytes[34] = kind & 2 ? 3 : 11;
		memcpy(f.bytes + 42, last + 14, 48);
	} else {
		memcpy(f.bytes, last, sizeof(last));
		memcpy(f.bytes + 26, last + 30, 4);
		memcpy(f.bytes + 30, last + 26, 4);
		if (last[23] != IP_PROTOCOL_ICMP) {
			memcpy(f.bytes + 34, last + 36, 2);
			memcpy(f.bytes + 36, last + 34, 2);
		} else {
			f.bytes[34] = 0;
		}
		frame_end(&f, 14 + MAX(20u, (u32)get_be16(last + 16)));
	}
}

static void make(const u8 **data, size_t *size)
{
	u32 kind = take(data, size, 1), payload = take(data, size, 1) * (kind & 0x80 ? 40u : 1u);

	if (kind % 4 == 3 && last[12]) {
		answer(kind >> 2);
	} else if (kind % 4 == 2) {
		frame_tcp(&f, mac_host, mac_a, false, payload, (u8)take(data, size, 1));
		put_be32(f.bytes + 26, pick_address(take(data, size, 1)));
		put_be32(f.bytes + 30, pick_address(take(data, size, 1)));
	} else {
		u32 from = pick_address(take(data, size, 1)), to = pick_address(take(data, size, 1));

		frame_udp(&f, mac_host, mac_a, from, to, (u16)take(data, size, 2), (u16)take(data, size, 2), payload);
		if (kind % 4 == 1) {
			f.bytes[23] = IP_PROTOCOL_ICMP;
			f.bytes[34] = (u8)take(data, size, 1);
		}
	}
	for (u32 changes = take(data, size, 1) % 6; changes; changes--)
		f.bytes[12 + take(data, size, 1) % 116] = (u8)take(data, size, 1);
	if (kind & 0x40)
		f.frame.offload = 0;
	if (kind & 0x20 && f.frame.offload & NET_CSUM_PARTIAL) {
		f.frame.offload |= NET_GSO_TCP4;
		f.frame.gso_bytes = 1448;
	}
	if (f.frame.size_bytes >= 34 && take(data, size, 1) & 3)
		sum_ip(f.bytes);
}

static void look(u8 from)
{
	struct net_headers headers;
	const u8 *ip = result.header + 14;

	net_headers_read(&result.frame, &headers);
	assert(!headers.malformed && ip_sum_good(result.header) && result.to < 4 && result.destination == headers.destination);
	assert(ip[8] && ip[8] == f.bytes[22] - 1);
	assert(result.frame.segments == f.frame.segments && result.frame.size_bytes == f.frame.size_bytes);
	assert(net_offload_fits(&result.frame, &headers));
	/* No machine's address leaves, and nothing from outside comes with one. */
	if (result.to == NAT_UPLINK && from == 1) {
		assert(headers.source == OUTER);
		memcpy(last, result.header, sizeof(last));
	}
	if (from == NAT_UPLINK)
		assert(headers.source >> 8 != A >> 8);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const struct nat_forward forward = { .protocol = IP_PROTOCOL_UDP, .interface = 1, .slot = 1, .start = 0, .end = 300, .to = 80 };
	const struct nat_forward *other;
	u64 now_ns = NS_PER_S;

	if (!nat)
		nat = malloc(sizeof(*nat));
	state = 1;
	memset(last, 0, sizeof(last));
	nat_init(nat, address_of, NULL);
	nat->interfaces[0] = (struct nat_interface){ NAT_ROUTED, OUTER, 0xffffff00, 1500, 0, 0 };
	nat->interfaces[1] = (struct nat_interface){ NAT_MASQUERADE, IP(192, 168, 122, 1), 0xffffff00, 1500, 1024, 1100 };
	nat->interfaces[2] = (struct nat_interface){ NAT_ROUTED, IP(172, 20, 0, 1), 0xffff0000, 9000, 0, 0 };
	nat->interfaces[3] = (struct nat_interface){ NAT_ISOLATED, IP(192, 168, 7, 1), 0xffffff00, 1500, 0, 0 };
	assert(nat_forward_add(nat, &forward, &other) == 0);
	while (size) {
		u32 step = take(&data, &size, 1);
		u8 from = (u8)(step % 4);
		struct net_headers headers;

		make(&data, &size);
		now_ns += (u64)(step >> 4) * NS_PER_S;
		/* What a switch has seen to before a port gets it. */
		net_headers_read(&f.frame, &headers);
		if (!net_offload_fits(&f.frame, &headers))
			f.frame.offload = 0;
		if (nat_translate(nat, from, (u16)(step >> 2 & 3), &f.frame, now_ns, &result) == NAT_SEND)
			look(from);
		if (step == 0xff)
			nat_forget_machine(nat, 1, 1);
	}
	for (u16 owner = 0; owner < CONNTRACK_OWNERS; owner++)
		conntrack_forget_owner(&nat->connections, owner);
	assert(!nat->connections.count);
	return 0;
}
