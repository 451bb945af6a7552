/* SPDX-License-Identifier: MIT */
/* Frames for the tests of networks, and ports that remember what they were sent. */
#ifndef HV_NET_TEST_FRAMES_H
#define HV_NET_TEST_FRAMES_H

#include "hv/net/headers.h"

extern const u8 mac_host[6], mac_a[6], mac_b[6], mac_c[6], mac_all[6];
#define IP(a, b, c, d) ((u32)(a) << 24 | (u32)(b) << 16 | (u32)(c) << 8 | (d))

/* A frame in one piece of memory, as a card's driver or a device would describe it. */
struct test_frame {
	struct net_frame frame;
	struct net_segment segment;
	u8 bytes[70000];
};

void frame_end(struct test_frame *to, u32 size_bytes); /* fills the description for bytes[0, size) */
u32 frame_ethernet(struct test_frame *to, const u8 *destination, const u8 *source, u16 type); /* all return where they end */
void frame_arp(struct test_frame *to, const u8 *destination, const u8 *source, const u8 *sender_mac, u32 sender, u32 target);
void frame_udp(struct test_frame *to, const u8 *destination, const u8 *source, u32 from, u32 to_address, u16 from_port, u16 to_port,
	       u32 payload);
void frame_tcp(struct test_frame *to, const u8 *destination, const u8 *source, bool v6, u32 payload, u8 flags);
/* Are the sums of IPv4 and of the transport right? */
bool frame_sums_good(const u8 *bytes, u32 size_bytes);

struct test_port {
	struct net_port port;
	u32 received;
	u32 last_bytes, last_offload;
	u8 last[70000];
	int answer; /* what receive returns */
	void (*on_receive)(struct test_port *port, const struct net_frame *frame);
};

void test_port_init(struct test_port *port, const u8 *mac, u32 offload);

#endif
