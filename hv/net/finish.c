/* SPDX-License-Identifier: MIT */
/* Checksums and segmentation in software (finish.h): the frame is copied once, whole, and worked on there. */
#include "hv/net/finish.h"
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/net/bytes.h"
#include "hv/net/checksum.h"
#include "hv/pages.h"

enum { IPV4_TOTAL = 2, IPV4_ID = 4, IPV4_SUM = 10, IPV4_ADDRESSES = 12, IPV6_LENGTH = 4, IPV6_ADDRESSES = 8 };
enum { TCP_SEQUENCE = 4, TCP_OFFSET = 12, TCP_FLAGS = 13, TCP_SUM = 16 };
enum { TCP_FIN = 1, TCP_PSH = 8, TCP_CWR = 128 };
#define UDP_SUM 6u
#define GSO_MIN_BYTES 48u /* Linux's smallest TCP segment: a driver that asks for less only wants many frames */

/* A frame that is being cut. */
struct cutting {
	const struct net_frame *frame;
	const struct net_headers *headers;
	u8 *whole;        /* the frame's bytes */
	u32 header_bytes; /* up to the payload */
	u32 can;
	int (*give)(void *context, const struct net_frame *piece);
	void *context;
};

static u32 tcp_header_end(const struct net_frame *frame, const struct net_headers *headers)
{
	return headers->transport + (frame->header[headers->transport + TCP_OFFSET] >> 4) * 4u;
}

static bool gso_fits(const struct net_frame *frame, const struct net_headers *headers)
{
	u16 ethertype = frame->offload & NET_GSO_TCP4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
	u32 end;

	if ((frame->offload & NET_GSO_ANY) == NET_GSO_ANY || !(frame->offload & NET_CSUM_PARTIAL) || frame->gso_bytes < GSO_MIN_BYTES ||
	    headers->ethertype != ethertype || headers->protocol != IP_PROTOCOL_TCP || headers->fragment)
		return false;
	end = tcp_header_end(frame, headers);
	return end >= headers->transport + 20u && end <= frame->header_bytes && end < frame->size_bytes;
}

bool net_offload_fits(const struct net_frame *frame, const struct net_headers *headers)
{
	u32 offset;

	if ((frame->offload & NET_GSO_ECN) && !(frame->offload & NET_GSO_ANY))
		return false;
	if ((frame->offload & NET_GSO_ANY) && (headers->malformed || !gso_fits(frame, headers)))
		return false;
	if (!(frame->offload & NET_CSUM_PARTIAL))
		return true;
	if ((u32)frame->checksum_start + frame->checksum_offset + 2 > frame->header_bytes || headers->malformed || headers->fragment)
		return false;
	offset = headers->protocol == IP_PROTOCOL_TCP ? TCP_SUM : headers->protocol == IP_PROTOCOL_UDP ? UDP_SUM : 0;
	return offset && frame->checksum_start == headers->transport && frame->checksum_offset == offset;
}

u32 net_largest_piece(const struct net_frame *frame, const struct net_headers *headers)
{
	if (!(frame->offload & NET_GSO_ANY))
		return frame->size_bytes;
	return MIN(frame->size_bytes, tcp_header_end(frame, headers) + frame->gso_bytes);
}

static u32 pseudo(const struct net_headers *headers, const u8 *bytes, u32 transport_bytes)
{
	bool v4 = headers->ethertype == ETHERTYPE_IPV4;

	return checksum_pseudo(bytes + NET_ETHERNET_BYTES + (v4 ? IPV4_ADDRESSES : IPV6_ADDRESSES), v4 ? 4 : 16, headers->protocol,
			       transport_bytes);
}

/* The end of the IP packet in the frame: behind it there may be padding. */
static u32 packet_end(const struct net_headers *headers, const u8 *bytes)
{
	return headers->ethertype == ETHERTYPE_IPV4 ? NET_ETHERNET_BYTES + get_be16(bytes + NET_ETHERNET_BYTES + IPV4_TOTAL)
						    : NET_ETHERNET_BYTES + 40u + get_be16(bytes + NET_ETHERNET_BYTES + IPV6_LENGTH);
}

/* The transport's sum of a whole packet, made new or left as the pseudo-header's. */
static void sum_transport(const struct cutting *cutting, u8 *bytes, u32 end, bool partial)
{
	const struct net_headers *headers = cutting->headers;
	u8 *at = bytes + headers->transport + (headers->protocol == IP_PROTOCOL_TCP ? TCP_SUM : UDP_SUM);
	u32 sum = pseudo(headers, bytes, end - headers->transport);
	u16 value;

	put_be16(at, 0);
	if (partial) {
		put_be16(at, checksum_fold(sum));
		return;
	}
	value = (u16)~checksum_fold(checksum_add(sum, bytes + headers->transport, end - headers->transport));
	put_be16(at, value || headers->protocol == IP_PROTOCOL_TCP ? value : 0xffff); /* UDP's 0 means: none */
}

static int give(const struct cutting *cutting, u8 *bytes, u32 size_bytes)
{
	u32 header_bytes = MIN(size_bytes, NET_HEADER_BYTES);
	struct net_segment segment = { .size_bytes = size_bytes - header_bytes };
	struct net_frame piece = {
		.header = bytes, .header_bytes = (u16)header_bytes, .segment_count = segment.size_bytes != 0, .size_bytes = size_bytes,
		.segments = &segment,
	};

	segment.address = direct_unmap(bytes + header_bytes);
	if (cutting->can & NET_CSUM_PARTIAL) {
		piece.offload = NET_CSUM_PARTIAL;
		piece.checksum_start = cutting->frame->checksum_start;
		piece.checksum_offset = cutting->frame->checksum_offset;
	} else {
		piece.offload = NET_CSUM_VALID;
	}
	return cutting->give(cutting->context, &piece);
}

/* One piece's headers, from the whole's: payload bytes [from, from + size) of number `index`. */
static void write_headers(const struct cutting *cutting, u8 *bytes, u32 from, u32 size_bytes, u32 index, bool last)
{
	u8 *ip = bytes + NET_ETHERNET_BYTES, *tcp = bytes + cutting->headers->transport;
	u32 end = cutting->header_bytes + size_bytes;
	u8 dropped = (u8)((last ? 0 : TCP_FIN | TCP_PSH) | (index ? TCP_CWR : 0));

	memcpy(bytes, cutting->whole, cutting->header_bytes);
	if (cutting->headers->ethertype == ETHERTYPE_IPV4) {
		u32 header_bytes = cutting->headers->transport - NET_ETHERNET_BYTES;

		put_be16(ip + IPV4_TOTAL, end - NET_ETHERNET_BYTES);
		put_be16(ip + IPV4_ID, get_be16(ip + IPV4_ID) + index);
		put_be16(ip + IPV4_SUM, 0);
		put_be16(ip + IPV4_SUM, (u16)~checksum_fold(checksum_add(0, ip, header_bytes)));
	} else {
		put_be16(ip + IPV6_LENGTH, end - NET_ETHERNET_BYTES - 40u);
	}
	put_be32(tcp + TCP_SEQUENCE, get_be32(tcp + TCP_SEQUENCE) + from);
	tcp[TCP_FLAGS] &= (u8)~dropped;
}

static int cut(const struct cutting *cutting)
{
	u32 end = packet_end(cutting->headers, cutting->whole), payload = end - cutting->header_bytes, from = 0;
	u8 *bytes = kmalloc(cutting->header_bytes + cutting->frame->gso_bytes);
	int code = bytes ? OK : ERR_NO_MEMORY;

	for (u32 index = 0; code == OK && from < payload; index++) {
		u32 size = MIN(payload - from, (u32)cutting->frame->gso_bytes);

		write_headers(cutting, bytes, from, size, index, from + size == payload);
		memcpy(bytes + cutting->header_bytes, cutting->whole + cutting->header_bytes + from, size);
		sum_transport(cutting, bytes, cutting->header_bytes + size, cutting->can & NET_CSUM_PARTIAL);
		code = give(cutting, bytes, cutting->header_bytes + size);
		from += size;
	}
	kfree(bytes);
	return code;
}

int net_finish(const struct net_frame *frame, const struct net_headers *headers, u32 can,
	       int (*give_piece)(void *context, const struct net_frame *piece), void *context)
{
	struct cutting cutting = { .frame = frame, .headers = headers, .can = can, .give = give_piece, .context = context };
	int code = OK;

	cutting.whole = kmalloc(frame->size_bytes);
	if (!cutting.whole)
		return ERR_NO_MEMORY;
	net_frame_copy(frame, 0, cutting.whole, frame->size_bytes);
	if (frame->offload & NET_GSO_ANY) {
		cutting.header_bytes = tcp_header_end(frame, headers);
		if (packet_end(headers, cutting.whole) > cutting.header_bytes)
			code = cut(&cutting);
	} else {
		sum_transport(&cutting, cutting.whole, packet_end(headers, cutting.whole), false);
		code = give(&cutting, cutting.whole, frame->size_bytes);
	}
	kfree(cutting.whole);
	return code;
}
