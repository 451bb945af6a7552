/* SPDX-License-Identifier: MIT */
/*
 * Frames to and from a virtio card of the host.
 *
 * Each descriptor has a buffer of its own, so a descriptor's number is all that must be known of a buffer. A received frame may lie in
 * several ("mergeable buffers", 5.1.6.3.2); it is handed on from where it lies, then its buffers are offered again. A sent frame is
 * copied behind its header words; interrupts for sent frames are off: buffers are taken back when somebody sends.
 */
#include "drivers/virtio_host_net.h"
#include "hv/lib/string.h"

static void count(u64 *counter, u64 more)
{
	__atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

static u64 receive_buffer(const struct virtio_host_net *net, u16 descriptor)
{
	return net->receive_address.value + (u64)descriptor * VIRTIO_HOST_NET_BUFFER;
}

static void offer(struct virtio_host_net *net, u32 buffers)
{
	for (u32 i = 0; i < buffers; i++) {
		u16 descriptor = virtio_host_queue_free_at(&net->receive, VIRTIO_HOST_NONE);
		struct virtio_host_buffer buffer = { 0, VIRTIO_HOST_NET_BUFFER, true };

		if (descriptor == VIRTIO_HOST_NONE)
			break;
		buffer.address = receive_buffer(net, descriptor);
		if (virtio_host_queue_add(&net->receive, &buffer, 1) < 0)
			break;
	}
}

void virtio_host_net_offer_all(struct virtio_host_net *net)
{
	offer(net, net->receive.size);
	virtio_host_queue_publish(&net->receive);
}

/* What the device's words ask of whoever gets the frame. Other types of segmentation were not agreed on: their words are ignored. */
static void read_words(const struct virtio_host_net *net, const struct virtio_net_header *words, struct host_card_frame *frame)
{
	if (!virtio_host_has(&net->device, VIRTIO_NET_F_GUEST_CSUM))
		return;
	if (words->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		frame->offload = NET_CSUM_PARTIAL;
		frame->checksum_start = words->csum_start;
		frame->checksum_offset = words->csum_offset;
	} else if (words->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
		frame->offload = NET_CSUM_VALID;
	}
}

/* The next buffer of the frame; its first `skip` bytes are none of it. */
static int take_piece(struct virtio_host_net *net, struct host_card_frame *frame, u32 skip)
{
	u32 written;
	int id = virtio_host_queue_take(&net->receive, &written);

	if (id < 0)
		return id;
	if (written > skip) {
		frame->segments[frame->segment_count++] =
			(struct net_segment){ HPA(receive_buffer(net, (u16)id) + skip), written - skip };
		frame->size_bytes += written - skip;
	}
	return id;
}

/* One frame. ERR_NOT_FOUND: none; ERR_IO: the queue is broken. *buffers: how many it was in. */
static int receive_one(struct virtio_host_net *net, u32 *buffers)
{
	struct host_card_frame frame = { 0 };
	struct virtio_net_header words;
	int id = take_piece(net, &frame, VIRTIO_HOST_NET_WORDS), next;
	u32 pieces = 1;

	*buffers = 0;
	if (id < 0)
		return id;
	*buffers = 1;
	memcpy(&words, net->receive_memory + (size_t)id * VIRTIO_HOST_NET_BUFFER, sizeof(words));
	if (virtio_host_has(&net->device, VIRTIO_NET_F_MRG_RXBUF))
		pieces = words.num_buffers;
	if (pieces == 0 || pieces > NET_SEGMENTS_MAX || frame.segment_count == 0) {
		count(&net->card.counters.bad_device, 1);
		return OK; /* that buffer is lost to its frame; what follows is taken for frames, and mostly is none */
	}
	for (u32 i = 1; i < pieces; i++) {
		next = take_piece(net, &frame, 0);
		if (next < 0) {
			count(&net->card.counters.bad_device, 1); /* the device shows all of a frame's buffers at once */
			return next == ERR_IO ? ERR_IO : OK;
		}
		++*buffers;
	}
	read_words(net, &words, &frame);
	host_card_received(&net->card, &frame);
	return OK;
}

u32 virtio_host_net_receive(struct virtio_host_net *net, u32 frames)
{
	u32 taken = 0, buffers;
	int code = OK;

	while (taken < frames && code == OK) {
		code = receive_one(net, &buffers);
		offer(net, buffers);
		taken += code == OK;
	}
	if (code == ERR_IO && !READ_ONCE(net->failed)) {
		count(&net->card.counters.bad_device, 1);
		WRITE_ONCE(net->failed, true);
	}
	virtio_host_queue_publish(&net->receive);
	return taken;
}

/* [lock] */
static void take_sent(struct virtio_host_net *net)
{
	u32 written;
	int code;

	do
		code = virtio_host_queue_take(&net->transmit, &written);
	while (code >= 0);
	if (code == ERR_IO && !READ_ONCE(net->failed)) {
		count(&net->card.counters.bad_device, 1);
		WRITE_ONCE(net->failed, true);
	}
}

static struct virtio_net_header words_for(const struct net_frame *frame)
{
	struct virtio_net_header words = { 0 };
	u32 length_at = frame->checksum_start + 12u; /* of TCP's header */

	if (frame->offload & NET_CSUM_PARTIAL) {
		words.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		words.csum_start = frame->checksum_start;
		words.csum_offset = frame->checksum_offset;
	}
	if (frame->offload & NET_GSO_ANY) {
		words.gso_type = frame->offload & NET_GSO_TCP4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
		words.gso_type |= frame->offload & NET_GSO_ECN ? VIRTIO_NET_HDR_GSO_ECN : 0;
		words.gso_size = frame->gso_bytes;
		words.hdr_len = (u16)(length_at < frame->header_bytes ? frame->checksum_start + (frame->header[length_at] >> 4) * 4u
								      : frame->header_bytes);
	}
	return words;
}

/* [lock] Copies the words and the frame into the buffers of the next chain's descriptors. They are free, and enough. */
static u32 fill(struct virtio_host_net *net, const struct net_frame *frame, struct virtio_host_buffer *buffers)
{
	struct virtio_net_header words = words_for(frame);
	u16 descriptor = VIRTIO_HOST_NONE;
	u32 done = 0, pieces = 0;

	while (done < frame->size_bytes) {
		u32 skip = pieces ? 0 : VIRTIO_HOST_NET_WORDS, part = MIN(frame->size_bytes - done, VIRTIO_HOST_NET_BUFFER - skip);
		u8 *memory;

		descriptor = virtio_host_queue_free_at(&net->transmit, descriptor);
		memory = net->transmit_memory + (size_t)descriptor * VIRTIO_HOST_NET_BUFFER;
		if (skip)
			memcpy(memory, &words, skip);
		net_frame_copy(frame, done, memory + skip, part);
		buffers[pieces++] = (struct virtio_host_buffer){
			net->transmit_address.value + (u64)descriptor * VIRTIO_HOST_NET_BUFFER, skip + part, false };
		done += part;
	}
	return pieces;
}

int virtio_host_net_transmit(struct net_port *port, const struct net_frame *frame)
{
	struct virtio_host_net *net = port->context;
	struct virtio_host_buffer buffers[DIV_ROUND_UP(NET_FRAME_MAX_BYTES + sizeof(struct virtio_net_header), VIRTIO_HOST_NET_BUFFER)];
	u32 needed = DIV_ROUND_UP(frame->size_bytes + VIRTIO_HOST_NET_WORDS, VIRTIO_HOST_NET_BUFFER);
	int code = ERR_FULL;
	u64 flags;

	if (frame->offload & NET_OFFLOAD_WORK & ~READ_ONCE(port->offload))
		return ERR_INVALID;
	flags = lock_irqsave(&net->lock);
	if (net->live) {
		take_sent(net);
		if (needed <= net->transmit.free_count)
			code = virtio_host_queue_add(&net->transmit, buffers, fill(net, frame, buffers));
		virtio_host_queue_publish(&net->transmit);
	}
	unlock_irqrestore(&net->lock, flags);
	if (code < 0) {
		count(&net->card.wire.tx_dropped, 1);
		return code;
	}
	count(&net->card.wire.tx_frames, 1);
	count(&net->card.wire.tx_bytes, frame->size_bytes);
	return OK;
}
