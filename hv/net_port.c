/* SPDX-License-Identifier: MIT */
/* What every plug of a network has (net_port.h). */
#include "hv/net_port.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

int net_port_send(struct net_port *port, const struct net_frame *frame)
{
	int (*send)(struct net_port *port, const struct net_frame *frame) = __atomic_load_n(&port->send, __ATOMIC_ACQUIRE);

	if (!send || !READ_ONCE(port->link_up))
		return ERR_NOT_FOUND;
	return send(port, frame);
}

void net_port_set_link(struct net_port *port, bool up)
{
	if (__atomic_exchange_n(&port->link_up, up, __ATOMIC_SEQ_CST) != up && port->ops && port->ops->link_changed)
		port->ops->link_changed(port);
}

void net_frame_copy(const struct net_frame *frame, u32 offset, void *to, u32 size_bytes)
{
	u8 *at = to;
	u32 part = offset < frame->header_bytes ? MIN(size_bytes, frame->header_bytes - offset) : 0;

	memcpy(at, frame->header + (part ? offset : 0), part);
	offset -= MIN(offset, (u32)frame->header_bytes);
	for (u32 i = 0; part < size_bytes && i < frame->segment_count; i++) {
		const struct net_segment *segment = &frame->segments[i];
		u32 piece;

		if (offset >= segment->size_bytes) {
			offset -= segment->size_bytes;
			continue;
		}
		piece = MIN(segment->size_bytes - offset, size_bytes - part);
		memcpy(at + part, (const u8 *)direct_map(segment->address) + offset, piece);
		part += piece;
		offset = 0;
	}
}
