/* SPDX-License-Identifier: MIT */
/*
 * The list of the host's network cards, who uses each, and the way of a frame between a card and its user (host_card.h).
 *
 * The user's functions run with the card marked as `inside`, not under its lock; whoever detaches waits for that mark.
 */
#include "hv/host_card.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

#define VLAN_TAG_BYTES 4u

static struct host_card *cards[HOST_CARDS_MAX]; /* (c) below card_count */
static u32 card_count;                          /* (a) grows at start only, by one thread */

static void count(u64 *counter, u64 more)
{
	__atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

void host_card_words(const struct host_card *card, char *text, size_t size)
{
	const u8 *mac = card->port.mac;
	char link[48] = "link down";

	if (READ_ONCE(card->port.link_up) && READ_ONCE(card->speed_mbps))
		format(link, sizeof(link), "link up %u Mb/s%s", READ_ONCE(card->speed_mbps),
		       READ_ONCE(card->half_duplex) ? " half duplex" : "");
	else if (READ_ONCE(card->port.link_up))
		format(link, sizeof(link), "link up");
	format(text, size, "%02x:%02x:%02x:%02x:%02x:%02x, %s", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], link);
}

void host_card_init(struct host_card *card)
{
	spinlock_init(&card->lock, "card's user", LOCK_RANK_DRIVER);
	waitqueue_init(&card->quiet, "a card's user leaves");
	waitqueue_init(&card->attention, "card");
}

int host_card_register(struct host_card *card)
{
	char words[96];

	if (card_count == HOST_CARDS_MAX)
		return ERR_FULL;
	format(card->port.name, sizeof(card->port.name), "eth%u", card_count);
	if (host_card_start(card))
		return ERR_NO_MEMORY;
	host_card_words(card, words, sizeof(words));
	log_notice("%s: %s, %s", card->port.name, card->model, words);
	cards[card_count] = card;
	__atomic_store_n(&card_count, card_count + 1, __ATOMIC_RELEASE);
	return OK;
}

struct host_card *host_card_at(u32 index)
{
	return index < __atomic_load_n(&card_count, __ATOMIC_ACQUIRE) ? cards[index] : NULL;
}

struct host_card *host_card_find(const char *name)
{
	struct host_card *card;

	for (u32 i = 0; (card = host_card_at(i)) != NULL; i++)
		if (string_equal(card->port.name, name))
			return card;
	return NULL;
}

void host_card_interrupt(struct host_card *card)
{
	__atomic_store_n(&card->asked, 1, __ATOMIC_SEQ_CST);
	waitqueue_wake_one(&card->attention);
}

void host_card_set_link(struct host_card *card, bool up, u32 speed_mbps, bool half_duplex)
{
	bool was = READ_ONCE(card->port.link_up);

	WRITE_ONCE(card->speed_mbps, up ? speed_mbps : 0);
	WRITE_ONCE(card->half_duplex, up && half_duplex);
	net_port_set_link(&card->port, up);
	if (was != up)
		count(&card->counters.link_changes, 1);
}

/* The plug's send while a user has a receive function. */
static int send_to_user(struct net_port *port, const struct net_frame *frame)
{
	struct host_card *card = port->network;
	u64 flags = lock_irqsave(&card->lock);
	struct host_card_user user = card->user;

	if (!user.who || card->leaving) {
		unlock_irqrestore(&card->lock, flags);
		return ERR_NOT_FOUND;
	}
	card->inside++;
	unlock_irqrestore(&card->lock, flags);
	(void)user.receive(user.context, frame); /* what it drops is its own to count */
	flags = lock_irqsave(&card->lock);
	card->inside--;
	if (card->leaving)
		waitqueue_wake_all(&card->quiet);
	unlock_irqrestore(&card->lock, flags);
	return OK;
}

int host_card_attach(struct host_card *card, const struct host_card_user *user, enum host_card_reception reception,
		     const char **other)
{
	u64 flags = lock_irqsave(&card->lock);
	const char *who = card->user.who;

	if (!who) {
		card->user = *user;
		card->leaving = false;
	}
	unlock_irqrestore(&card->lock, flags);
	if (who) {
		if (other)
			*other = who;
		return ERR_BUSY;
	}
	if (user->receive) {
		card->port.network = card;
		__atomic_store_n(&card->port.send, send_to_user, __ATOMIC_RELEASE);
	}
	card->ops->set_reception(card, reception);
	WRITE_ONCE(card->reception, reception);
	WRITE_ONCE(card->told, false);
	host_card_interrupt(card);
	return OK;
}

void host_card_detach(struct host_card *card)
{
	u64 flags = lock_irqsave(&card->lock);
	bool receives = card->user.who && card->user.receive;

	card->leaving = true;
	unlock_irqrestore(&card->lock, flags);
	WRITE_ONCE(card->reception, HOST_CARD_OFF);
	card->ops->set_reception(card, HOST_CARD_OFF);
	if (receives)
		__atomic_store_n(&card->port.send, NULL, __ATOMIC_RELEASE);
	waitqueue_wait(&card->quiet, __atomic_load_n(&card->inside, __ATOMIC_ACQUIRE) == 0);
	flags = lock_irqsave(&card->lock);
	card->user = (struct host_card_user){ 0 };
	unlock_irqrestore(&card->lock, flags);
}

void host_card_user_words(struct host_card *card, char *text, size_t size)
{
	u64 flags = lock_irqsave(&card->lock);

	format(text, size, "%s", card->user.who ? card->user.who : "");
	unlock_irqrestore(&card->lock, flags);
}

int host_card_send(struct host_card *card, const struct net_frame *frame)
{
	if (!READ_ONCE(card->port.link_up))
		return ERR_NOT_FOUND;
	if (frame->offload & NET_OFFLOAD_WORK & ~READ_ONCE(card->port.offload))
		return ERR_INVALID;
	return card->port.ops->receive(&card->port, frame);
}

/* Takes the header's bytes off the front of the pieces. */
static void cut_front(struct host_card_frame *frame, u32 bytes, u32 *first)
{
	*first = 0;
	while (bytes && *first < frame->segment_count) {
		struct net_segment *segment = &frame->segments[*first];
		u32 part = MIN(bytes, segment->size_bytes);

		segment->address.value += part;
		segment->size_bytes -= part;
		bytes -= part;
		*first += segment->size_bytes == 0;
	}
}

static bool makes_sense(const struct host_card *card, const struct host_card_frame *frame, u32 header_bytes)
{
	u64 sum = 0;

	for (u32 i = 0; i < frame->segment_count; i++) {
		if (!frame->segments[i].size_bytes)
			return false;
		sum += frame->segments[i].size_bytes;
	}
	if (sum != frame->size_bytes || frame->size_bytes < NET_ETHERNET_BYTES ||
	    frame->size_bytes > card->port.mtu_bytes + NET_ETHERNET_BYTES + VLAN_TAG_BYTES)
		return false;
	return !(frame->offload & NET_CSUM_PARTIAL) || (u32)frame->checksum_start + frame->checksum_offset + 2 <= header_bytes;
}

void host_card_received(struct host_card *card, struct host_card_frame *frame)
{
	u32 header_bytes = MIN(frame->size_bytes, NET_HEADER_BYTES), first;
	struct net_frame whole = { .header = card->header, .header_bytes = (u16)header_bytes };

	if (!makes_sense(card, frame, header_bytes)) {
		count(&card->wire.rx_errors, 1);
		return;
	}
	count(&card->wire.rx_frames, 1);
	count(&card->wire.rx_bytes, frame->size_bytes);
	if (READ_ONCE(card->reception) == HOST_CARD_OFF)
		return;
	/* What is judged is this copy: a device that writes on changes nothing of it. */
	for (u32 i = 0, at = 0; at < header_bytes; i++) {
		u32 part = MIN(header_bytes - at, frame->segments[i].size_bytes);

		memcpy(card->header + at, direct_map(frame->segments[i].address), part);
		at += part;
	}
	cut_front(frame, header_bytes, &first);
	whole.segments = frame->segments + first;
	whole.segment_count = (u16)(frame->segment_count - first);
	whole.size_bytes = frame->size_bytes;
	whole.offload = frame->offload;
	whole.checksum_start = frame->checksum_start;
	whole.checksum_offset = frame->checksum_offset;
	if (net_port_send(&card->port, &whole) != OK)
		count(&card->wire.rx_dropped, 1);
}
