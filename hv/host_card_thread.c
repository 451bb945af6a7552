/* SPDX-License-Identifier: MIT */
/*
 * A card's thread: work that an interrupt asked for, in bounded rounds; the link, told to its user; a look each second.
 *
 * While it works, the card's interrupts are off (its handler turned them off); under load it goes from round to round without any. The
 * second's look is there for what no interrupt tells: a transmitter that hangs, or an interrupt that was lost. A card that nobody
 * uses wakes nobody.
 */
#include "hv/clock.h"
#include "hv/host_card.h"
#include "hv/lib/log.h"

/* The user's link function, marked as inside as any of its functions is. */
static void tell_user(struct host_card *card, bool up)
{
	u64 flags = lock_irqsave(&card->lock);
	struct host_card_user user = card->user;

	if (!user.who || !user.link_changed || card->leaving) {
		unlock_irqrestore(&card->lock, flags);
		return;
	}
	card->inside++;
	unlock_irqrestore(&card->lock, flags);
	user.link_changed(user.context, up);
	flags = lock_irqsave(&card->lock);
	card->inside--;
	if (card->leaving)
		waitqueue_wake_all(&card->quiet);
	unlock_irqrestore(&card->lock, flags);
}

/* Returns when the next report may be made, or WAITQUEUE_NO_TIMEOUT when there is none to make. */
static u64 tell_link(struct host_card *card, u64 now)
{
	bool up = READ_ONCE(card->port.link_up), changed = card->told_up != up;
	char words[96];

	if (!changed && READ_ONCE(card->told))
		return WAITQUEUE_NO_TIMEOUT;
	if (changed && card->told_ns && now < card->told_ns + HOST_CARD_LINK_PAUSE_NS)
		return card->told_ns + HOST_CARD_LINK_PAUSE_NS;
	if (changed) {
		host_card_words(card, words, sizeof(words));
		log_notice("%s: %s", card->port.name, words);
		card->told_ns = now;
	}
	card->told_up = up;
	WRITE_ONCE(card->told, true);
	tell_user(card, up);
	return WAITQUEUE_NO_TIMEOUT;
}

u64 host_card_turn(struct host_card *card)
{
	u64 now = clock_ns(), next;

	__atomic_store_n(&card->asked, 0, __ATOMIC_SEQ_CST);
	if (card->ops->work(card, HOST_CARD_ROUND) >= HOST_CARD_ROUND || card->ops->arm(card))
		__atomic_store_n(&card->asked, 1, __ATOMIC_SEQ_CST);
	next = tell_link(card, now);
	return READ_ONCE(card->reception) == HOST_CARD_OFF ? next : MIN(next, now + HOST_CARD_TICK_NS);
}

static void run(void *context)
{
	struct host_card *card = context;
	u64 ticked = clock_ns();

	for (;;) {
		u64 until = host_card_turn(card);

		if (READ_ONCE(card->asked))
			thread_yield();
		else
			(void)waitqueue_wait_until(&card->attention, READ_ONCE(card->asked), until);
		if (READ_ONCE(card->reception) != HOST_CARD_OFF && clock_ns() >= ticked + HOST_CARD_TICK_NS) {
			ticked = clock_ns();
			card->ops->tick(card);
		}
	}
}

int host_card_start(struct host_card *card)
{
	card->told_up = card->port.link_up; /* the line of its registration says so */
	return thread_create(card->port.name, run, card) ? OK : ERR_NO_MEMORY;
}
