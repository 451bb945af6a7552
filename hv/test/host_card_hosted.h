/* SPDX-License-Identifier: MIT */
/*
 * What tests of host cards have in place of threads: a test turns a card's thread by hand (host_card_turn), time stands still until the
 * test moves it, and a wait that nothing can end is a failure, unless the test says what happens meanwhile.
 */
#ifndef HV_TEST_HOST_CARD_HOSTED_H
#define HV_TEST_HOST_CARD_HOSTED_H

#include "hv/host_card.h"

extern u64 hosted_now_ns;
extern void (*hosted_while_waiting)(void); /* NULL: no wait is expected */
extern void (*hosted_thread_function)(void *argument); /* the last thread that was made, which nobody runs */
extern void *hosted_thread_argument;
extern u32 hosted_log_lines;
extern char hosted_log_last[256];

/* Turns the card's thread until it has nothing to do; returns the turns. */
u32 hosted_turns(struct host_card *card);

/* Who attaches in a test: keeps the last frame. */
struct hosted_user {
	struct host_card_user user;
	u32 frames, links;
	u32 size_bytes, offload, segment_count, checksum_start, checksum_offset;
	bool up;
	u8 bytes[70000];
	void (*on_frame)(struct hosted_user *user, const struct net_frame *frame);
};
void hosted_user_init(struct hosted_user *user, const char *who);

#endif
