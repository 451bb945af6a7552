/* SPDX-License-Identifier: MIT */
/*
 * The two rings of an Intel gigabit card, with legacy descriptors: frames are handed on from where the card wrote them, and copied to
 * where it reads them.
 *
 * A descriptor is read once into memory of our own; its address is written anew before the card gets it again, whatever it says by
 * then. A frame that does not fit one buffer is dropped: the card is told to take none that long.
 */
#include "drivers/e1000_internal.h"
#include "hv/dma.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/mmio.h"

#define RING_BYTES (E1000_RING * 16u)
#define MEMORY_BYTES ((u64)E1000_RING * E1000_BUFFER_BYTES)
#define GIVE_BACK 16u /* tail writes are exits, or slow: one for so many descriptors */

static void count(u64 *counter, u64 more)
{
	__atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

static u32 after(u32 index)
{
	return (index + 1) & (E1000_RING - 1);
}

int e1000_rings_create(struct e1000 *e1000)
{
	e1000->receive = dma_alloc(RING_BYTES, false, &e1000->receive_address);
	e1000->transmit = dma_alloc(RING_BYTES, false, &e1000->transmit_address);
	e1000->receive_memory = dma_alloc(MEMORY_BYTES, false, &e1000->receive_memory_address);
	e1000->transmit_memory = dma_alloc(MEMORY_BYTES, false, &e1000->transmit_memory_address);
	return e1000->receive && e1000->transmit && e1000->receive_memory && e1000->transmit_memory ? OK : ERR_NO_MEMORY;
}

void e1000_rings_free(struct e1000 *e1000)
{
	dma_free((void *)e1000->receive, RING_BYTES);
	dma_free((void *)e1000->transmit, RING_BYTES);
	dma_free(e1000->receive_memory, MEMORY_BYTES);
	dma_free(e1000->transmit_memory, MEMORY_BYTES);
}

static void offer(struct e1000 *e1000, u32 index)
{
	volatile struct e1000_receive_descriptor *descriptor = &e1000->receive[index];

	descriptor->status = 0;
	descriptor->address = e1000->receive_memory_address.value + (u64)index * E1000_BUFFER_BYTES;
}

void e1000_rings_start(struct e1000 *e1000)
{
	volatile void *registers = e1000->registers;
	u64 flags = lock_irqsave(&e1000->lock);

	memset((void *)e1000->transmit, 0, RING_BYTES);
	memset((void *)e1000->receive, 0, RING_BYTES);
	e1000->transmit_next = e1000->transmit_clean = 0;
	e1000->receive_next = 0;
	e1000->skipping = false;
	for (u32 i = 0; i < E1000_RING; i++)
		offer(e1000, i);
	unlock_irqrestore(&e1000->lock, flags);
	mmio_write32(registers, E1000_RDBAL, (u32)e1000->receive_address.value);
	mmio_write32(registers, E1000_RDBAH, (u32)(e1000->receive_address.value >> 32));
	mmio_write32(registers, E1000_RDLEN, RING_BYTES);
	mmio_write32(registers, E1000_RDH, 0);
	mmio_write32(registers, E1000_RDT, 0);
	mmio_write32(registers, E1000_TDBAL, (u32)e1000->transmit_address.value);
	mmio_write32(registers, E1000_TDBAH, (u32)(e1000->transmit_address.value >> 32));
	mmio_write32(registers, E1000_TDLEN, RING_BYTES);
	mmio_write32(registers, E1000_TDH, 0);
	mmio_write32(registers, E1000_TDT, 0);
}

/* One descriptor that the card is done with. */
static void receive_one(struct e1000 *e1000, u32 index, u8 status)
{
	volatile struct e1000_receive_descriptor *descriptor = &e1000->receive[index];
	u32 length = descriptor->length;
	u8 errors = descriptor->errors;
	bool last = status & E1000_RXD_EOP, whole = last && !e1000->skipping;
	struct host_card_frame frame = { .segment_count = 1, .size_bytes = length };

	e1000->skipping = !last;
	if (!whole || length > E1000_BUFFER_BYTES) {
		count(&e1000->card.counters.bad_device, 1);
		return;
	}
	if (errors & E1000_RXD_BAD_FRAME) {
		count(&e1000->card.wire.rx_errors, 1);
		return;
	}
	if (!(status & E1000_RXD_IXSM) && (status & E1000_RXD_TCPCS) && !(errors & E1000_RXD_TCPE))
		frame.offload = NET_CSUM_VALID;
	frame.segments[0] = (struct net_segment){ HPA(e1000->receive_memory_address.value + (u64)index * E1000_BUFFER_BYTES), length };
	host_card_received(&e1000->card, &frame);
}

bool e1000_received_more(const struct e1000 *e1000)
{
	return e1000->receive[e1000->receive_next].status & E1000_RXD_DD;
}

/* The tail is the descriptor before the one that we look at next: that one stays ours until others are given back. */
static void give_back(struct e1000 *e1000)
{
	COMPILER_BARRIER();
	mmio_write32(e1000->registers, E1000_RDT, (e1000->receive_next - 1) & (E1000_RING - 1));
}

u32 e1000_receive(struct e1000 *e1000, u32 frames)
{
	u32 taken = 0;

	while (taken < frames) {
		u8 status = e1000->receive[e1000->receive_next].status;

		if (!(status & E1000_RXD_DD))
			break;
		COMPILER_BARRIER(); /* the rest is read after DD */
		receive_one(e1000, e1000->receive_next, status);
		offer(e1000, e1000->receive_next);
		e1000->receive_next = after(e1000->receive_next);
		if (++taken % GIVE_BACK == 0)
			give_back(e1000);
	}
	if (taken % GIVE_BACK)
		give_back(e1000);
	return taken;
}

void e1000_take_sent(struct e1000 *e1000)
{
	while (e1000->transmit_clean != e1000->transmit_next && (e1000->transmit[e1000->transmit_clean].status & E1000_TXD_DD))
		e1000->transmit_clean = after(e1000->transmit_clean);
}

/* [lock] */
static int send(struct e1000 *e1000, const struct net_frame *frame)
{
	u32 index = e1000->transmit_next;

	if (!e1000->live)
		return ERR_FULL;
	e1000_take_sent(e1000);
	if (after(index) == e1000->transmit_clean)
		return ERR_FULL;
	net_frame_copy(frame, 0, e1000->transmit_memory + (size_t)index * E1000_BUFFER_BYTES, frame->size_bytes);
	e1000->transmit[index].address = e1000->transmit_memory_address.value + (u64)index * E1000_BUFFER_BYTES;
	e1000->transmit[index].length = (u16)frame->size_bytes;
	e1000->transmit[index].checksum_offset = e1000->transmit[index].checksum_start = 0;
	e1000->transmit[index].special = 0;
	e1000->transmit[index].status = 0;
	e1000->transmit[index].command = E1000_TXD_EOP | E1000_TXD_IFCS | E1000_TXD_RS;
	e1000->transmit_next = after(index);
	COMPILER_BARRIER();
	mmio_write32(e1000->registers, E1000_TDT, e1000->transmit_next);
	return OK;
}

int e1000_transmit(struct net_port *port, const struct net_frame *frame)
{
	struct e1000 *e1000 = port->context;
	u64 flags;
	int code;

	if ((frame->offload & NET_OFFLOAD_WORK) || frame->size_bytes > E1000_FRAME_MAX) {
		count(&e1000->card.wire.tx_dropped, 1);
		return ERR_INVALID;
	}
	flags = lock_irqsave(&e1000->lock);
	code = send(e1000, frame);
	unlock_irqrestore(&e1000->lock, flags);
	if (code) {
		count(&e1000->card.wire.tx_dropped, 1);
		return code;
	}
	count(&e1000->card.wire.tx_frames, 1);
	count(&e1000->card.wire.tx_bytes, frame->size_bytes);
	return OK;
}
