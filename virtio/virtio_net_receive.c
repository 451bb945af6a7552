/* SPDX-License-Identifier: MIT */
/*
 * What comes to a guest ("Processing of Incoming Packets", 5.1.6.4): copied once, by the sender's thread, from where it lies to the
 * buffers that the driver offered; with mergeable buffers into as many as it takes, which the driver gets to see at once.
 *
 * No buffers: the frame is dropped, as by a card whose ring is empty. Nothing waits for a guest. While chains are taken the device
 * cannot be reset, so the driver's features are read after the first one.
 */
#include "hv/lib/string.h"
#include "hv/pages.h"
#include "virtio/virtio_net.h"

#define WORDS_BYTES ((u32)sizeof(struct virtio_net_header))

static const u8 broadcast[NET_MAC_BYTES] = { 255, 255, 255, 255, 255, 255 };

static bool in_list(const u8 (*list)[NET_MAC_BYTES], u32 count, const u8 *mac)
{
	for (u32 i = 0; i < count; i++)
		if (memcmp(list[i], mac, NET_MAC_BYTES) == 0)
			return true;
	return false;
}

/* [receive_mutex] */
static bool wants_address(const struct net_receive_filter *filter, const u8 *mac)
{
	if (filter->promiscuous)
		return true;
	if (memcmp(mac, broadcast, NET_MAC_BYTES) == 0)
		return !filter->no_broadcast;
	if (mac[0] & 1)
		return !filter->no_multicast && (filter->all_multicast || filter->multicast_overflow ||
						 in_list(filter->multicast, filter->multicast_count, mac));
	return !filter->no_unicast && (memcmp(mac, filter->mac, NET_MAC_BYTES) == 0 || filter->all_unicast ||
				       filter->unicast_overflow || in_list(filter->unicast, filter->unicast_count, mac));
}

/* "if VIRTIO_NET_F_CTRL_VLAN has not been negotiated, the device MUST accept all VLAN tagged packets" */
static bool wants_vlan(const struct virtio_net *net, const struct net_frame *frame)
{
	u32 vlan;

	if (!virtio_has(&net->device, VIRTIO_NET_F_CTRL_VLAN) || frame->header[12] != 0x81 || frame->header[13] || frame->header_bytes < 16)
		return true;
	vlan = (u32)(frame->header[14] & 15) << 8 | frame->header[15];
	return net->filter.vlans[vlan / 8] >> (vlan % 8) & 1;
}

/* The next buffer into chains[count]; *used: ranges that those before it take. */
static int take_chain(struct virtio_net *net, u32 count, u32 *used)
{
	struct virtq_chain *chain = &net->receive_chains[count];
	int code;
	u8 byte;

	if (count == NET_RECEIVE_CHAINS_MAX || *used == VIRTQ_CHAIN_MAX)
		return ERR_FULL;
	*chain = (struct virtq_chain){ .ranges = net->receive_ranges + *used, .capacity = VIRTQ_CHAIN_MAX - *used };
	do {
		code = virtio_take(&net->device, NET_QUEUE_RECEIVE, chain, NULL, NULL);
	} while (code == ERR_AGAIN && gmem_read(net->device.vm, GPA(chain->ranges[0].address), &byte, 1) == OK);
	if (code == OK)
		*used += chain->readable_count + chain->writable_count;
	return code;
}

/* Takes what holds size_bytes; returns how many, or an error, after which none is taken. */
static int take_chains(struct virtio_net *net, u32 size_bytes)
{
	u32 count = 0, used = 0, room = 0;
	int code = OK;

	while (room < size_bytes && code == OK) {
		if (count && !virtio_has(&net->device, VIRTIO_NET_F_MRG_RXBUF))
			code = ERR_FULL;
		else
			code = take_chain(net, count, &used);
		if (code != OK)
			break;
		room += MIN(net->receive_chains[count].writable_bytes, NET_FRAME_MAX_BYTES + WORDS_BYTES);
		count++;
		if (!net->receive_chains[count - 1].writable_bytes || (count == 1 && room < WORDS_BYTES)) {
			virtio_driver_error(&net->device, "a receive buffer with no room for a header");
			code = ERR_INVALID;
		}
	}
	if (code == OK)
		return (int)count;
	virtio_untake(&net->device, NET_QUEUE_RECEIVE, count);
	return code == ERR_NOT_FOUND ? ERR_FULL : code;
}

/* Writes on through the chains; `at`: the next one, `offset` in it. */
struct cursor {
	struct virtio_net *net;
	u32 at, offset;
};

static int put(struct cursor *cursor, const u8 *from, u32 size_bytes)
{
	while (size_bytes) {
		struct virtq_chain *chain = &cursor->net->receive_chains[cursor->at];
		u32 part = MIN(size_bytes, chain->writable_bytes - cursor->offset);
		int code = virtq_chain_write(cursor->net->device.vm, chain, cursor->offset, from, part);

		if (code != OK)
			return code;
		from += part;
		size_bytes -= part;
		cursor->offset += part;
		if (cursor->offset == chain->writable_bytes) {
			cursor->at++;
			cursor->offset = 0;
		}
	}
	return OK;
}

static struct virtio_net_header words_for(const struct virtio_net *net, const struct net_frame *frame, u32 count)
{
	struct virtio_net_header words = { .num_buffers = (u16)count };

	if (frame->offload & NET_CSUM_PARTIAL) {
		words.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		words.csum_start = frame->checksum_start;
		words.csum_offset = frame->checksum_offset;
	} else if ((frame->offload & NET_CSUM_VALID) && virtio_has(&net->device, VIRTIO_NET_F_GUEST_CSUM)) {
		words.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	if (frame->offload & NET_GSO_ANY) {
		words.gso_type = frame->offload & NET_GSO_TCP4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
		words.gso_type |= frame->offload & NET_GSO_ECN ? VIRTIO_NET_HDR_GSO_ECN : 0;
		words.gso_size = frame->gso_bytes;
		words.hdr_len = (u16)(frame->checksum_start + (frame->header[frame->checksum_start + 12] >> 4) * 4);
	}
	return words;
}

static int write_frame(struct virtio_net *net, const struct net_frame *frame, u32 count)
{
	struct cursor cursor = { net, 0, 0 };
	struct virtio_net_header words = words_for(net, frame, count);
	int code = put(&cursor, (const u8 *)&words, sizeof(words));

	code = code ? code : put(&cursor, frame->header, frame->header_bytes);
	for (u32 i = 0; i < frame->segment_count && code == OK; i++)
		code = put(&cursor, direct_map(frame->segments[i].address), frame->segments[i].size_bytes);
	return code;
}

static void give(struct virtio_net *net, u32 count, u32 size_bytes)
{
	struct virtq_used_element elements[NET_RECEIVE_CHAINS_MAX];

	for (u32 i = 0; i < count; i++) {
		u32 part = MIN(size_bytes, net->receive_chains[i].writable_bytes);

		elements[i] = (struct virtq_used_element){ net->receive_chains[i].head, part };
		size_bytes -= part;
	}
	virtio_give_many(&net->device, NET_QUEUE_RECEIVE, elements, count);
}

/* [receive_mutex] */
static int receive(struct virtio_net *net, const struct net_frame *frame)
{
	u32 size = WORDS_BYTES + frame->size_bytes;
	int count = take_chains(net, size);

	if (count < 0)
		return count;
	if (!wants_vlan(net, frame)) {
		virtio_untake(&net->device, NET_QUEUE_RECEIVE, (u32)count);
		return OK;
	}
	if (frame->offload & NET_OFFLOAD_WORK & ~READ_ONCE(net->port->offload)) { /* changed since the switch looked */
		virtio_untake(&net->device, NET_QUEUE_RECEIVE, (u32)count);
		return ERR_INVALID;
	}
	if (write_frame(net, frame, (u32)count) != OK) {
		virtio_driver_error(&net->device, "a receive buffer outside of RAM");
		virtio_untake(&net->device, NET_QUEUE_RECEIVE, (u32)count);
		return ERR_INVALID;
	}
	give(net, (u32)count, size);
	return OK;
}

int net_receive(struct net_port *port, const struct net_frame *frame)
{
	struct virtio_net *net = port->context;
	int code = OK;

	mutex_lock(&net->receive_mutex);
	if (wants_address(&net->filter, frame->header))
		code = receive(net, frame);
	mutex_unlock(&net->receive_mutex);
	return code;
}
