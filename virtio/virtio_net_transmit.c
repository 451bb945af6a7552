/* SPDX-License-Identifier: MIT */
/*
 * What a guest sends ("Packet Transmission", 5.1.6.2): its header words and the frame's first bytes are copied and checked, the rest
 * is pinned and handed to the network as it lies in the guest's memory, and given back when the network is done with it.
 *
 * A frame that is no frame is counted and given back; memory that is none is the driver's error. Next to read: hv/net/switch.c.
 */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/pages.h"
#include "virtio/virtio_net.h"

#define WORDS_BYTES ((u32)sizeof(struct virtio_net_header))

static void count_error(struct virtio_net *net)
{
	__atomic_fetch_add(&net->port->statistics.tx_errors, 1, __ATOMIC_RELAXED);
}

static bool take_checksum(const struct virtio_net *net, struct net_transmission *out)
{
	const struct virtio_net_header *words = &out->words;

	if (!(words->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) /* then its two fields mean nothing */
		return true;
	if (!virtio_has(&net->device, VIRTIO_NET_F_CSUM) ||
	    (u32)words->csum_start + words->csum_offset + 2 > out->frame.header_bytes)
		return false;
	out->frame.offload |= NET_CSUM_PARTIAL;
	out->frame.checksum_start = words->csum_start;
	out->frame.checksum_offset = words->csum_offset;
	return true;
}

static bool take_segmentation(const struct virtio_net *net, struct net_transmission *out)
{
	const struct virtio_net_header *words = &out->words;
	u8 type = words->gso_type & (u8)~VIRTIO_NET_HDR_GSO_ECN;
	unsigned feature = type == VIRTIO_NET_HDR_GSO_TCPV4 ? VIRTIO_NET_F_HOST_TSO4 : VIRTIO_NET_F_HOST_TSO6;

	if (words->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if ((type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6) || !virtio_has(&net->device, feature) ||
	    !words->gso_size || !(out->frame.offload & NET_CSUM_PARTIAL))
		return false;
	out->frame.offload |= type == VIRTIO_NET_HDR_GSO_TCPV4 ? NET_GSO_TCP4 : NET_GSO_TCP6;
	out->frame.gso_bytes = words->gso_size;
	if (!(words->gso_type & VIRTIO_NET_HDR_GSO_ECN))
		return true;
	out->frame.offload |= NET_GSO_ECN;
	return virtio_has(&net->device, VIRTIO_NET_F_HOST_ECN);
}

static void unpin(struct virtio_net *net)
{
	struct net_transmission *out = &net->transmission;

	for (u32 i = 0; i < out->range_count; i++)
		gmem_unpin(net->device.vm, GPA(out->ranges[i].address), out->ranges[i].size_bytes, GMEM_READ);
	out->range_count = 0;
}

/* The pinned pages of one range, behind the segments that are there. */
static int pin_range(struct virtio_net *net, const struct virtq_range *range)
{
	struct net_transmission *out = &net->transmission;
	struct gmem_segment segments[NET_SEGMENTS_MAX];
	u32 room = NET_SEGMENTS_MAX - out->frame.segment_count;
	int count = room ? gmem_pin(net->device.vm, GPA(range->address), range->size_bytes, GMEM_READ, segments, room) : ERR_FULL;

	for (int i = 0; i < count; i++)
		out->segments[out->frame.segment_count++] = (struct net_segment){ segments[i].address, (u32)segments[i].size_bytes };
	return MIN(count, OK);
}

/* What is behind the copied header, as segments. ERR_FULL: too many pieces, nothing is pinned; ERR_FAULT: not RAM. */
static int pin(struct virtio_net *net, const struct virtq_chain *chain)
{
	struct net_transmission *out = &net->transmission;
	int count = virtq_chain_slice(chain, false, WORDS_BYTES + out->frame.header_bytes, out->frame.size_bytes - out->frame.header_bytes,
				      out->ranges, NET_SEGMENTS_MAX), code = MIN(count, OK);

	for (int i = 0; i < count && code == OK; i++) {
		code = pin_range(net, &out->ranges[i]);
		out->range_count += code == OK;
	}
	if (code != OK) {
		unpin(net);
		out->frame.segment_count = 0;
	}
	return code;
}

/* "Message Framing": no driver is told how to cut its buffers, so a frame of many crumbs is sent too: from a copy. */
static int send_copy(struct virtio_net *net, const struct virtq_chain *chain)
{
	struct net_transmission *out = &net->transmission;
	u32 rest = out->frame.size_bytes - out->frame.header_bytes;
	u8 *copy = kmalloc(rest);
	int code = copy ? OK : ERR_NO_MEMORY;

	if (code == OK)
		code = virtq_chain_read(net->device.vm, chain, WORDS_BYTES + out->frame.header_bytes, copy, rest, true);
	if (code == OK) {
		out->segments[0] = (struct net_segment){ direct_unmap(copy), rest };
		out->frame.segment_count = 1;
		__atomic_fetch_add(&net->bounces, 1, __ATOMIC_RELAXED);
		code = net_port_send(net->port, &out->frame);
	}
	kfree(copy);
	return code;
}

/* ERR_INVALID: no frame; ERR_FAULT: memory that is none. */
static int transmit(struct virtio_net *net, const struct virtq_chain *chain)
{
	struct net_transmission *out = &net->transmission;
	u32 size = chain->readable_bytes - MIN(chain->readable_bytes, WORDS_BYTES);
	struct vm *vm = net->device.vm;
	int code;

	if (size < NET_ETHERNET_BYTES || size > NET_FRAME_MAX_BYTES)
		return ERR_INVALID;
	out->frame = (struct net_frame){ .header = out->header, .header_bytes = (u16)MIN(size, NET_HEADER_BYTES), .size_bytes = size,
					 .segments = out->segments };
	code = virtq_chain_read(vm, chain, 0, &out->words, WORDS_BYTES, true);
	code = code ? code : virtq_chain_read(vm, chain, WORDS_BYTES, out->header, out->frame.header_bytes, true);
	if (code != OK)
		return code;
	if (!take_checksum(net, out) || !take_segmentation(net, out))
		return ERR_INVALID;
	code = pin(net, chain);
	if (code == ERR_FULL)
		return send_copy(net, chain);
	if (code == OK)
		code = net_port_send(net->port, &out->frame);
	unpin(net);
	return code;
}

/* Nothing to be done on no link, nor without memory: a frame that is lost. */
static void transmit_one(struct virtio_net *net, const struct virtq_chain *chain)
{
	int code = transmit(net, chain);

	if (code == ERR_FAULT) {
		virtio_driver_error(&net->device, "a frame outside of RAM");
		virtio_drop(&net->device, NET_QUEUE_TRANSMIT);
		return;
	}
	if (code == ERR_INVALID)
		count_error(net);
	else if (code != OK)
		__atomic_fetch_add(&net->port->statistics.tx_dropped, 1, __ATOMIC_RELAXED);
	virtio_give(&net->device, NET_QUEUE_TRANSMIT, chain->head, 0);
}

void net_transmit_work(struct virtio_net *net)
{
	struct virtq_chain chain = { .ranges = net->scratch, .capacity = VIRTQ_CHAIN_MAX };

	for (;;) {
		int code = virtio_take(&net->device, NET_QUEUE_TRANSMIT, &chain, NULL, NULL);
		u8 byte;

		if (code == ERR_AGAIN && gmem_read(net->device.vm, GPA(chain.ranges[0].address), &byte, 1) == OK)
			continue;
		if (code != OK)
			return;
		transmit_one(net, &chain);
	}
}
