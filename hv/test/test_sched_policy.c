/* SPDX-License-Identifier: MIT */
/* LINK: hv/sched_policy.c hv/lib/ordered_tree.c */
/* A simulated CPU: shares of spinners, sleepers' latency, nobody starves, a sleeper saves nothing up. */
#include "hv/lib/test/unit.h"
#include "hv/sched_policy.h"
#include <stdlib.h>

#define MS 1000000ull
#define MAX_ENTITIES 40

struct simulated {
	struct sched_entity entity;
	u64 ran_ns, runnable_since, longest_wait, wakes_at, burst_ns, burst_left, pause_ns;
};

static struct simulated s[MAX_ENTITIES];

static void run(struct sched_queue *queue, int count, u64 duration)
{
	for (u64 now = 0; now < duration;) {
		struct sched_entity *picked;
		struct simulated *it;
		u64 slice = SCHED_SLICE_NS;

		for (int i = 0; i < count; i++)
			if (s[i].wakes_at && s[i].wakes_at <= now) {
				s[i].wakes_at = 0;
				s[i].burst_left = s[i].burst_ns;
				s[i].runnable_since = now;
				sched_enqueue(queue, &s[i].entity);
			}
		picked = sched_pick(queue);
		if (!picked) {
			now += MS / 10;
			continue;
		}
		it = CONTAINER_OF(picked, struct simulated, entity);
		if (now - it->runnable_since > it->longest_wait)
			it->longest_wait = now - it->runnable_since;
		if (it->burst_ns && it->burst_left < slice)
			slice = it->burst_left;
		sched_charge(picked, slice);
		it->ran_ns += slice;
		now += slice;
		it->runnable_since = now;
		if (it->burst_ns && (it->burst_left -= slice) == 0)
			it->wakes_at = now + it->pause_ns;
		else
			sched_enqueue(queue, picked);
	}
}

static void add(struct sched_queue *queue, int i, u32 weight, u64 burst_ns, u64 pause_ns)
{
	s[i] = (struct simulated){ .burst_ns = burst_ns, .pause_ns = pause_ns, .burst_left = burst_ns };
	sched_entity_init(&s[i].entity, weight);
	sched_enqueue(queue, &s[i].entity);
}

START_TEST(spinners_get_their_weights_share)
{
	struct sched_queue queue = { 0 };
	u64 total_weight = 0, duration = 1000 * MS;
	int count;

	srand(100 + (unsigned)_i);
	count = 2 + rand() % 6;
	for (int i = 0; i < count; i++) {
		u32 weight = 256u << (rand() % 4);

		total_weight += weight;
		add(&queue, i, weight, 0, 0);
	}
	run(&queue, count, duration);
	for (int i = 0; i < count; i++) {
		s64 ideal = (s64)(duration * s[i].entity.weight / total_weight);
		s64 off = (s64)s[i].ran_ns - ideal;

		ck_assert_msg(llabs(off) <= (s64)(3 * SCHED_SLICE_NS) || llabs(off) * 100 <= ideal, "%lld of %lld",
			      (long long)off, (long long)ideal);
	}
}
END_TEST

START_TEST(sleepers_run_soon_and_spinners_do_not_starve)
{
	struct sched_queue queue = { 0 };

	for (int i = 0; i < 4; i++)
		add(&queue, i, SCHED_WEIGHT_DEFAULT, 0, 0);
	for (int i = 4; i < 8; i++)
		add(&queue, i, SCHED_WEIGHT_DEFAULT, MS / 5, 10 * MS);
	run(&queue, 8, 2000 * MS);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_gt(s[i].ran_ns, 400 * MS);
	for (int i = 4; i < 8; i++)
		ck_assert_msg(s[i].longest_wait <= 9 * SCHED_SLICE_NS, "%llu", (unsigned long long)s[i].longest_wait);
}
END_TEST

START_TEST(a_long_sleep_saves_nothing_up)
{
	struct sched_queue queue = { 0 };

	add(&queue, 0, SCHED_WEIGHT_DEFAULT, 0, 0);
	run(&queue, 1, 1000 * MS);
	s[1] = (struct simulated){ 0 };
	sched_entity_init(&s[1].entity, SCHED_WEIGHT_DEFAULT); /* as if it had slept for the whole second */
	sched_enqueue(&queue, &s[1].entity);
	s[0].ran_ns = 0;
	run(&queue, 2, 100 * MS);
	ck_assert_uint_ge(s[0].ran_ns, 44 * MS);
	ck_assert_uint_ge(s[1].ran_ns, 44 * MS);
}
END_TEST

START_TEST(preemption_follows_deadlines)
{
	struct sched_queue queue = { .virtual_time = 100 * MS };
	struct sched_entity running, waking;

	sched_entity_init(&running, SCHED_WEIGHT_DEFAULT);
	running.virtual_start = 100 * MS;
	sched_entity_init(&waking, SCHED_WEIGHT_DEFAULT);
	ck_assert(!sched_should_preempt(&queue, &running));
	sched_enqueue(&queue, &waking);
	ck_assert(sched_should_preempt(&queue, &running));
	sched_dequeue(&queue, &waking);
	waking.virtual_start = 102 * MS;
	sched_enqueue(&queue, &waking);
	ck_assert(!sched_should_preempt(&queue, &running));
	sched_charge(&running, SCHED_SLICE_NS);
	ck_assert(sched_should_preempt(&queue, &running));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("sched_policy");
	TCase *tcase = tcase_create("sched_policy");

	tcase_add_loop_test(tcase, spinners_get_their_weights_share, 0, 50);
	tcase_add_test(tcase, sleepers_run_soon_and_spinners_do_not_starve);
	tcase_add_test(tcase, a_long_sleep_saves_nothing_up);
	tcase_add_test(tcase, preemption_follows_deadlines);
	suite_add_tcase(suite, tcase);
	return suite;
}
