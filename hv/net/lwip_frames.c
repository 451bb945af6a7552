/* SPDX-License-Identifier: MIT */
/* Frames into lwIP's buffers and out of them, and its knowledge of neighbours: what networks (lwip_host.c) and the outside (lwip_uplink.c) share. */
#include "hv/net/lwip_internal.h"
#include <lwip/etharp.h>
#include "hv/clock.h"
#include "hv/lib/string.h"
#include "hv/net/finish.h"
#include "hv/pages.h"

int lwip_input(struct netif *netif, const struct net_frame *frame)
{
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
	/* Whoever vouches for a sum has checked it, or is a machine of this host: then there was no wire. */
	if (frame->offload & (NET_CSUM_PARTIAL | NET_CSUM_VALID))
		checks &= (u16)~(NETIF_CHECKSUM_CHECK_UDP | NETIF_CHECKSUM_CHECK_TCP);
	NETIF_SET_CHECKSUM_CTRL(netif, checks);
	if (netif->input(buffer, netif) != ERR_OK)
		pbuf_free(buffer);
	host_stack_unlock();
	return OK;
}

bool lwip_frame(struct pbuf *buffer, u8 header[NET_HEADER_BYTES], struct net_segment segments[NET_SEGMENTS_MAX], struct net_frame *frame)
{
	u32 skip = MIN(buffer->tot_len, NET_HEADER_BYTES);

	*frame = (struct net_frame){ .header = header, .header_bytes = (u16)skip, .size_bytes = buffer->tot_len, .segments = segments,
				     .offload = NET_CSUM_VALID };
	if (buffer->tot_len < NET_ETHERNET_BYTES)
		return false;
	pbuf_copy_partial(buffer, header, frame->header_bytes, 0);
	for (const struct pbuf *part = buffer; part; part = part->next) {
		u32 from = MIN(skip, part->len);

		skip -= from;
		if (from == part->len)
			continue;
		if (frame->segment_count == NET_SEGMENTS_MAX)
			return false;
		segments[frame->segment_count++] = (struct net_segment){ direct_unmap((u8 *)part->payload + from), part->len - from };
	}
	return true;
}

bool lwip_neighbour(struct netif *netif, u32 address, u8 mac[NET_MAC_BYTES])
{
	ip4_addr_t wanted = { PP_HTONL(address) };
	const ip4_addr_t *found;
	struct eth_addr *ethernet;
	bool known;

	host_stack_lock();
	known = etharp_find_addr(netif, &wanted, &ethernet, &found) >= 0;
	if (known)
		memcpy(mac, ethernet->addr, NET_MAC_BYTES);
	host_stack_unlock();
	return known;
}

struct towards {
	struct netif *netif;
	u32 address;
};

/* lwIP asks for the neighbour and keeps the latest packet for it; those before are lost, as senders expect of a network. */
static int send_piece(void *context, const struct net_frame *piece)
{
	const struct towards *to = context;
	u32 size = piece->size_bytes - NET_ETHERNET_BYTES;
	ip4_addr_t address = { PP_HTONL(to->address) };
	struct pbuf *buffer;

	host_stack_lock();
	buffer = pbuf_alloc(PBUF_LINK, (u16_t)size, PBUF_RAM);
	if (buffer) {
		net_frame_copy(piece, NET_ETHERNET_BYTES, buffer->payload, size);
		(void)etharp_output(to->netif, buffer, &address);
		pbuf_free(buffer);
	}
	host_stack_unlock();
	return OK;
}

void lwip_send_unknown(struct netif *netif, const struct net_frame *frame, u32 address)
{
	struct towards to = { netif, address };
	struct net_headers headers;

	net_headers_read(frame, &headers);
	if (frame->offload & NET_OFFLOAD_WORK)
		(void)!net_finish(frame, &headers, 0, send_piece, &to);
	else
		(void)send_piece(&to, frame);
}
