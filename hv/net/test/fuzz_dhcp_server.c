/* SPDX-License-Identifier: MIT */
/* LINK: hv/net/dhcp_server.c */
/* Messages of the input's choice to a DHCP server: no address is given to two clients at once, none outside of its range. */
#include <assert.h>
#include <string.h>
#include "hv/net/bytes.h"
#include "hv/net/dhcp_server.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct dhcp_server server;

static void check(u64 now_ns)
{
	for (u32 i = 0; i < 32; i++)
		for (u32 k = i + 1; k < 32; k++)
			assert(!server.leases[i].mac || !server.leases[k].mac || server.leases[i].end_ns <= now_ns ||
			       server.leases[k].end_ns <= now_ns || server.leases[i].address != server.leases[k].address);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 message[400], reply[DHCP_REPLY_MAX];
	u64 now_ns = 1;
	u32 to;

	memset(&server, 0, sizeof(server));
	server.address = 0x0a000001;
	server.mask = 0xffffff00;
	server.start = 0x0a000002;
	server.end = 0x0a000005;
	server.host_count = 1;
	server.hosts[0] = (struct dhcp_host){ 3, 0x0a000003, "three" };
	while (size > 4) {
		u32 length = MIN(data[0] | (data[1] & 1u) << 8, (u32)sizeof(message)), given;

		now_ns += (u64)data[2] << 34;
		memset(message, 0, sizeof(message));
		message[DHCP_OP] = message[DHCP_HTYPE] = 1;
		message[DHCP_HLEN] = 6;
		message[DHCP_CHADDR + 5] = data[3] & 7;
		put_be32(message + DHCP_COOKIE, DHCP_COOKIE_VALUE);
		data += 4;
		size -= 4;
		if (length > DHCP_OPTIONS)
			memcpy(message + DHCP_OPTIONS, data, MIN(size, length - DHCP_OPTIONS));
		else
			memcpy(message, data, MIN(size, length));
		length = dhcp_server_answer(&server, message, MAX(length, 1u), now_ns, reply, &to);
		assert(!length || (length >= DHCP_REPLY_MIN && length <= DHCP_REPLY_MAX));
		given = length ? get_be32(reply + DHCP_YIADDR) : 0;
		assert(!given || (given >= server.start && given <= server.end));
		check(now_ns);
		data += MIN(size, 16u);
		size -= MIN(size, 16u);
	}
	return 0;
}
