/* SPDX-License-Identifier: MIT */
/* LINK: hv/sched_queue.c hv/lib/heap.c */
/*
 * One queue in a simulator: one CPU, virtual time, random workloads, against an ideal fluid share.
 */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include "hv/sched_queue.h"

#define SLICE 5000000u /* ns, as in thread_internal.h */
#define SECOND 1000000000u

struct actor {
	struct sched_entity entity;
	u64 got;
	u64 sleep_until; /* 0: wants to run */
	u64 burst;       /* runs so long, then sleeps; 0: never sleeps */
	u64 left;
};

static struct actor *actor_of(struct sched_entity *entity)
{
	return CONTAINER_OF(entity, struct actor, entity);
}

/* Runs the queue for a time; the CPU is re-examined every `step`. Returns how long it idled. */
static u64 simulate(struct sched_queue *queue, struct actor *actors, unsigned count, u64 time, u64 step)
{
	struct sched_entity *running = NULL;
	u64 idle = 0;

	for (u64 now = 1; now < time; now += step) {
		for (unsigned i = 0; i < count; i++) {
			if (actors[i].sleep_until && actors[i].sleep_until <= now) {
				actors[i].sleep_until = 0;
				sched_join(queue, &actors[i].entity);
			}
		}
		if (running)
			sched_put(queue, running);
		running = sched_pick(queue);
		if (!running) {
			idle += step;
			continue;
		}
		sched_charge(queue, running, step);
		actor_of(running)->got += step;
		if (actor_of(running)->burst && (actor_of(running)->left -= step) == 0) {
			actor_of(running)->left = actor_of(running)->burst;
			actor_of(running)->sleep_until = now + step * (1 + (u64)rand() % 50);
			sched_leave(queue, running);
			running = NULL;
		}
	}
	if (running)
		sched_put(queue, running);
	return idle;
}

START_TEST(spinners_get_their_share_within_one_slice)
{
	srand((unsigned)_i + 1);
	for (int workload = 0; workload < 60; workload++) {
		struct sched_queue queue;
		struct actor actors[32] = { 0 };
		unsigned count = 2 + (unsigned)rand() % 30;
		u64 total = 0, time = SECOND, step = 250000;

		sched_queue_init(&queue);
		for (unsigned i = 0; i < count; i++) {
			sched_entity_init(&actors[i].entity, 64 + (u32)rand() % 4096, SLICE);
			total += actors[i].entity.weight;
			sched_join(&queue, &actors[i].entity);
		}
		ck_assert_uint_eq(simulate(&queue, actors, count, time, step), 0);
		for (unsigned i = 0; i < count; i++) {
			double ideal = (double)time * actors[i].entity.weight / (double)total;
			double off = ideal - (double)actors[i].got;

			ck_assert_msg(off < SLICE + step && off > -(double)SLICE - step, "weight %u: got %lu of %f",
				      actors[i].entity.weight, actors[i].got, ideal);
		}
	}
}
END_TEST

/* Sleepers must not lose to spinners what they leave unused, nor gain more than their share by sleeping. */
START_TEST(sleepers_neither_gain_nor_starve)
{
	srand((unsigned)_i + 100);
	for (int workload = 0; workload < 60; workload++) {
		struct sched_queue queue;
		struct actor actors[12] = { 0 };
		u64 time = SECOND, step = 100000, share = time / ARRAY_SIZE(actors), idle;

		sched_queue_init(&queue);
		for (unsigned i = 0; i < ARRAY_SIZE(actors); i++) {
			sched_entity_init(&actors[i].entity, 1024, SLICE);
			if (i >= 4) {
				actors[i].burst = actors[i].left = step * (1 + (u64)rand() % 20);
			}
			sched_join(&queue, &actors[i].entity);
		}
		idle = simulate(&queue, actors, ARRAY_SIZE(actors), time, step);
		ck_assert_uint_eq(idle, 0);
		for (unsigned i = 0; i < 4; i++) /* spinners: at least their share of the whole */
			ck_assert_uint_ge(actors[i].got + 2 * SLICE, share);
		for (unsigned i = 4; i < ARRAY_SIZE(actors); i++) {
			ck_assert_uint_gt(actors[i].got, 0);
			ck_assert_uint_le(actors[i].got, actors[0].got + 4 * SLICE);
		}
	}
}
END_TEST

START_TEST(waking_preempts_within_bounds)
{
	struct sched_queue queue;
	struct sched_entity spinner, waker;

	sched_queue_init(&queue);
	sched_entity_init(&spinner, 1024, SLICE);
	sched_entity_init(&waker, 1024, SLICE / 5);
	sched_join(&queue, &spinner);
	ck_assert_ptr_eq(sched_pick(&queue), &spinner);
	sched_charge(&queue, &spinner, SLICE / 4); /* past its short first request */
	sched_join(&queue, &waker);
	ck_assert(sched_preempts(&queue, &waker, &spinner));
	sched_put(&queue, &spinner);
	ck_assert_ptr_eq(sched_pick(&queue), &waker);
	ck_assert_uint_eq(sched_slice_left(&waker), SLICE / 5 / SCHED_WAKE_FRACTION);
}
END_TEST

START_TEST(empty_and_last_one_standing)
{
	struct sched_queue queue;
	struct sched_entity one;

	sched_queue_init(&queue);
	ck_assert_ptr_null(sched_pick(&queue));
	sched_entity_init(&one, 0, SLICE);
	ck_assert_uint_eq(one.weight, SCHED_WEIGHT_MIN << SCHED_WEIGHT_SHIFT);
	sched_join(&queue, &one);
	for (int i = 0; i < 1000; i++) {
		ck_assert_ptr_eq(sched_pick(&queue), &one);
		sched_charge(&queue, &one, SLICE * 3);
		sched_put(&queue, &one);
	}
	sched_take(&queue, &one);
	ck_assert_uint_eq(queue.total_weight, 0);
	ck_assert_uint_eq(queue.count, 0);
}
END_TEST

/* One that has the earlier deadline gives its slice up: the other runs, and the first keeps its share. */
START_TEST(a_slice_can_be_given_up)
{
	struct sched_queue queue;
	struct sched_entity first, second, *running;

	sched_queue_init(&queue);
	sched_entity_init(&first, SCHED_WEIGHT_DEFAULT, SLICE);
	sched_entity_init(&second, SCHED_WEIGHT_DEFAULT, SLICE);
	sched_join(&queue, &first);
	running = sched_pick(&queue);
	ck_assert_ptr_eq(running, &first);
	sched_charge(&queue, running, 1000); /* alone: its deadline stays, and is earlier than that of who comes now */
	sched_join(&queue, &second);
	sched_put(&queue, running);
	running = sched_pick(&queue);
	ck_assert_ptr_eq(running, &first);
	u64 start = first.start;

	sched_give_up_slice(&first);
	sched_give_up_slice(&first);
	ck_assert_uint_eq(first.start, start);
	sched_put(&queue, running);
	ck_assert_ptr_eq(sched_pick(&queue), &second);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("sched_queue");
	TCase *tcase = tcase_create("sched_queue");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, spinners_get_their_share_within_one_slice, 0, 4);
	tcase_add_loop_test(tcase, sleepers_neither_gain_nor_starve, 0, 4);
	tcase_add_test(tcase, waking_preempts_within_bounds);
	tcase_add_test(tcase, empty_and_last_one_standing);
	tcase_add_test(tcase, a_slice_can_be_given_up);
	suite_add_tcase(suite, tcase);
	return suite;
}
