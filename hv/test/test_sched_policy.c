/* SPDX-License-Identifier: MIT */
/* LINK: hv/sched_policy.c hv/sched_balance.c hv/sched_queue.c hv/sched_cap.c hv/lib/heap.c hv/test/sched_sim.c hv/test/sched_fluid.c */
/*
 * The scheduling policy in the simulator (sched_sim.h): random workloads against the ideal fluid, caps, latency, storms.
 * SOLERA_SCHED_ROUNDS=N in the environment: N times as many workloads (make check-full).
 */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include "hv/test/sched_sim.h"

#define MS 1000000ull

static int rounds(int usual)
{
	const char *factor = getenv("SOLERA_SCHED_ROUNDS");

	return usual * (factor ? atoi(factor) : 1);
}

static double off_by(const struct sim_actor *actor)
{
	double off = (double)actor->got - actor->ideal;

	return off < 0 ? -off : off;
}

static double allowed_off(const struct sim_actor *actor)
{
	return MAX(actor->ideal / 100, (double)SIM_SLICE);
}

static struct sim *workload(u32 cpus, u64 seed, u32 groups, u32 most_vcpus)
{
	struct sim *sim = sim_new(cpus, seed);
	u32 count = 1 + (u32)sim_random(sim, groups);

	sim->with_ideal = true;
	sim->rates_old = true;
	for (u32 i = 0; i < count; i++) {
		bool host = sim_random(sim, 5) == 0;
		struct sim_group *group = host ? NULL : sim_add_group(sim, "machine", 256 + (u32)sim_random(sim, 4096));
		u32 vcpus = 1 + (u32)sim_random(sim, most_vcpus);

		for (u32 k = 0; k < vcpus; k++)
			sim_add_actor(sim, "vcpu", group, 0, 0);
	}
	return sim;
}

/* Every spinner within 1 % of its ideal, or a slice: always on one CPU. */
START_TEST(one_cpu_shares_are_exact)
{
	for (int w = 0; w < rounds(300); w++) {
		struct sim *sim = workload(1, (u64)(_i * 1000000 + w), 8, 6);

		sim_run(sim, SIM_SECOND);
		for (u32 i = 0; i < sim->actor_count; i++)
			ck_assert_msg(off_by(&sim->actors[i]) <= allowed_off(&sim->actors[i]), "workload %d.%d: got %lu of %f", _i, w,
				      sim->actors[i].got, sim->actors[i].ideal);
		ck_assert_uint_eq(sim->idle[0], 0);
		sim_free(sim);
	}
}
END_TEST

/* What an actor is sure of on one CPU, in ns of a second: its part of its group's part, were all always runnable. */
static double sure_of(const struct sim *sim, const struct sim_actor *actor)
{
	double all = 0, mine = actor->task.group ? actor->task.group->shares : SCHED_WEIGHT_DEFAULT;
	u32 mates = 0;

	for (u32 i = 0; i < sim->group_count; i++)
		all += sim->groups[i].group.shares;
	for (u32 i = 0; i < sim->actor_count; i++) {
		all += sim->actors[i].task.group ? 0 : SCHED_WEIGHT_DEFAULT;
		mates += actor->task.group && sim->actors[i].task.group == actor->task.group;
	}
	return (double)SIM_SECOND * mine / all / MAX(mates, 1u);
}

/* Sleepers in the same machines and in others: a spinner loses nothing to them of what it is sure of. */
START_TEST(one_cpu_with_sleepers)
{
	for (int w = 0; w < rounds(60); w++) {
		struct sim *sim = workload(1, (u64)(_i * 1000000 + w), 4, 3);
		u32 sleepers = 1 + (u32)sim_random(sim, 6), spinners = sim->actor_count;

		for (u32 i = 0; i < sleepers; i++) {
			struct sim_group *group = sim->group_count ? &sim->groups[sim_random(sim, sim->group_count)] : NULL;

			sim_add_actor(sim, "sleeper", group, 100000 + sim_random(sim, 8 * MS), 100000 + sim_random(sim, 40 * MS))->random = true;
		}
		sim->with_ideal = false;
		sim_run(sim, SIM_SECOND);
		for (u32 i = 0; i < spinners; i++)
			ck_assert_msg((double)sim->actors[i].got + 2 * SIM_SLICE >= sure_of(sim, &sim->actors[i]), "workload %d.%d: got %lu of %f",
				      _i, w, sim->actors[i].got, sure_of(sim, &sim->actors[i]));
		sim_free(sim);
	}
}
END_TEST

/*
 * On several CPUs shares come out by rotation. In nearly all workloads everybody is within 1 % or a slice; where one is not
 * (mostly one whose ideal is a whole CPU, and who shares it for moments), it is within a tenth or some slices.
 * With affinities that overlap, room can be made by chains of moves only; the policy sees chains of two. There more
 * workloads miss, and nobody has less than half of its ideal.
 */
static void several_cpus(u64 seed, u32 most_cpus, int count, bool affinity)
{
	int missed = 0;

	for (int w = 0; w < count; w++) {
		u64 at = seed * 1000000 + (u64)w;
		u32 cpus = 2 + (u32)(at * 2654435761u >> 16) % (most_cpus - 1);
		struct sim *sim = workload(cpus, at, 6, 6);
		bool all = true;

		for (u32 i = 0; affinity && i < sim->actor_count; i++) {
			u32 third = (u32)sim_random(sim, 3);

			for (u32 c = 0; third < 2 && c < cpus; c++) /* the lower or the upper half */
				if ((c < cpus / 2) != (third == 0))
					cpu_mask_clear(&sim->actors[i].task.allowed, c);
		}
		sim_run(sim, SIM_SECOND);
		for (u32 i = 0; i < sim->actor_count; i++) {
			const struct sim_actor *actor = &sim->actors[i];

			all = all && off_by(actor) <= allowed_off(actor);
			ck_assert_msg(affinity ? (double)actor->got + 4 * SIM_SLICE >= actor->ideal / 2
					       : off_by(actor) <= MAX(actor->ideal / 10, 4.0 * SIM_SLICE),
				      "workload %lu, %u CPUs: got %lu of %f", at, cpus, actor->got, actor->ideal);
		}
		missed += !all;
		sim_free(sim);
	}
	printf("%d CPUs at most, affinity %d: %d of %d workloads are not wholly within 1 %% or a slice\n", most_cpus, affinity, missed,
	       count);
	ck_assert_int_le(missed * (affinity ? 4 : 50), count);
}

START_TEST(several_cpus_share_by_rotation)
{
	several_cpus((u64)_i, _i & 1 ? 16 : 4, rounds(200), false);
}
END_TEST

START_TEST(many_cpus_share_by_rotation)
{
	several_cpus(50, 64, rounds(40), false);
}
END_TEST

START_TEST(affinity_is_respected_and_fair)
{
	several_cpus(60 + (u64)_i, 8, rounds(150), true);
}
END_TEST

/* CPU time by actor and by window of 100 ms. */
struct windows {
	u64 used[SIM_ACTORS_MAX][32];
	const struct sim *sim;
};

static void note_window(void *context, u32 cpu, const struct sim_actor *actor, u64 from, u64 to)
{
	struct windows *windows = context;

	ck_assert(cpu_mask_has(&actor->task.allowed, cpu));
	while (from < to) {
		u64 end = MIN(to, (from / (100 * MS) + 1) * 100 * MS);

		windows->used[actor - windows->sim->actors][from / (100 * MS)] += end - from;
		from = end;
	}
}

/* 30 % of a CPU for one vCPU, 150 % for a machine of four: in every period, up to what was granted just before its end. */
START_TEST(caps_hold_in_every_period)
{
	for (u32 cpus = 1; cpus <= 8; cpus *= 2) {
		struct sim *sim = sim_new(cpus, cpus);
		struct windows *windows = calloc(1, sizeof(*windows));
		struct sim_group *capped = sim_add_group(sim, "capped", 4096), *whole = sim_add_group(sim, "whole", 4096);
		u64 total = 0, slack = SIM_SLICE + SIM_TIMER_MIN, quota = cpus == 1 ? 40 * MS : 150 * MS;

		sched_cap_set(&sim_add_actor(sim, "vcpu0", capped, 0, 0)->task.own, 100 * MS, 30 * MS);
		sched_cap_set(&whole->group.whole, 100 * MS, quota);
		for (u32 i = 0; i < 4; i++)
			sim_add_actor(sim, "vcpu", whole, 0, 0);
		windows->sim = sim;
		sim->ran = note_window;
		sim->context = windows;
		sim_run(sim, SIM_SECOND);
		for (u32 w = 0; w < 10; w++) {
			u64 used = 0;

			for (u32 i = 1; i < sim->actor_count; i++)
				used += windows->used[i][w];
			total += used;
			ck_assert_uint_le(windows->used[0][w], 30 * MS + slack);
			ck_assert_uint_ge(windows->used[0][w] + slack, 30 * MS);
			ck_assert_uint_le(used, quota + cpus * slack);
		}
		ck_assert_uint_le(sim->actors[0].got, 300 * MS + slack);
		ck_assert_uint_ge(sim->actors[0].got + 30 * MS, 300 * MS);
		ck_assert_uint_le(total, 10 * quota + cpus * SIM_TIMER_MIN);
		if (cpus != 2) { /* on two CPUs both machines together want more than there is */
			ck_assert_uint_ge(total + quota, 10 * quota);
		}
		free(windows);
		sim_free(sim);
	}
}
END_TEST

/* Helpers share one cap, and are charged to the machine. */
START_TEST(helpers_share_a_cap)
{
	struct sim *sim = sim_new(4, 1);
	struct sim_group *group = sim_add_group(sim, "machine", 1024);

	sched_cap_set(&group->group.helpers, 50 * MS, 10 * MS);
	for (u32 i = 0; i < 3; i++)
		sim_add_actor(sim, "io", group, 0, 0)->task.helpers = &group->group.helpers;
	sim_run(sim, SIM_SECOND);
	u64 all = sim->actors[0].got + sim->actors[1].got + sim->actors[2].got;

	ck_assert_uint_le(all, 200 * MS + SIM_TIMER_MIN * 4);
	ck_assert_uint_ge(all + 10 * MS, 200 * MS);
	sim_free(sim);
}
END_TEST

START_TEST(groups_weigh_the_same_whatever_they_hold)
{
	static const struct {
		u32 shares[2], vcpus[2];
		double first;
	} rows[] = {
		{ { 1024, 1024 }, { 4, 1 }, 50 },
		{ { 1024, 3072 }, { 1, 1 }, 25 },
		{ { 1024, 3072 }, { 8, 2 }, 25 },
		{ { 2, 262144 }, { 1, 1 }, 0 },
	};

	for (u32 r = 0; r < ARRAY_SIZE(rows); r++) {
		struct sim *sim = sim_new(1, r);
		double got = 0;

		for (u32 g = 0; g < 2; g++) {
			struct sim_group *group = sim_add_group(sim, "machine", rows[r].shares[g]);

			for (u32 i = 0; i < rows[r].vcpus[g]; i++)
				sim_add_actor(sim, "vcpu", group, 0, 0);
		}
		sim_run(sim, 2ull * SIM_SECOND);
		for (u32 i = 0; i < rows[r].vcpus[0]; i++)
			got += (double)sim->actors[i].got / 2e7;
		ck_assert_msg(got > rows[r].first - 0.5 && got < rows[r].first + 0.5, "row %u: %f %%", r, got);
		sim_free(sim);
	}
}
END_TEST

/* A machine whose vCPUs wake and sleep as fast as they can takes nothing from a spinner beyond its share. */
START_TEST(storms_gain_nothing)
{
	struct sim *sim = sim_new(1, 7);
	struct sim_group *storm = sim_add_group(sim, "storm", 1024), *victim = sim_add_group(sim, "victim", 1024);

	for (u32 i = 0; i < 8; i++)
		sim_add_actor(sim, "storm", storm, 20000 + i * 1000, 20000)->random = true;
	struct sim_actor *spinner = sim_add_actor(sim, "victim", victim, 0, 0);

	sim_run(sim, SIM_SECOND);
	ck_assert_uint_ge(spinner->got + 2 * SIM_SLICE, 500 * MS);
	sim_free(sim);
}
END_TEST

/* One that needs little of its share has it soon, however many spin: its short request's fair time, and a slice. */
START_TEST(wake_up_latency_is_bounded)
{
	for (u32 spinners = 1; spinners <= 32; spinners *= 2) {
		struct sim *sim = sim_new(1, spinners);
		struct sim_actor *shell;

		for (u32 i = 0; i < spinners; i++)
			sim_add_actor(sim, "vcpu", sim_add_group(sim, "machine", 1024), 0, 0);
		shell = sim_add_actor(sim, "shell", NULL, 100000, 20 * MS);
		sim_run(sim, 4ull * SIM_SECOND);
		ck_assert_uint_gt(shell->wakes, 50);
		ck_assert_msg(shell->most_latency <= SIM_SLICE / SCHED_WAKE_FRACTION * (spinners + 1) + SIM_SLICE, "%u spinners: %lu ns",
			      spinners, shell->most_latency);
		sim_free(sim);
	}
}
END_TEST

/* Everything at once: CPU time adds up, affinity holds (note_window), no spinner starves, no CPU idles while one waits. */
START_TEST(mixed_workloads_keep_the_books)
{
	for (int w = 0; w < rounds(40); w++) {
		u64 seed = (u64)(_i * 1000000 + w), sum = 0;
		struct sim *sim = workload(1 + (u32)(seed * 40503u >> 4) % 64, seed, 20, 8);
		struct windows *windows = calloc(1, sizeof(*windows));
		u32 count = sim->actor_count;

		sim->with_ideal = false;
		for (u32 i = 0; i < count; i++) {
			struct sim_actor *actor = &sim->actors[i];

			if (sim_random(sim, 3) == 0) {
				actor->burst = 50000 + sim_random(sim, 10 * MS);
				actor->sleep = 50000 + sim_random(sim, 10 * MS);
				actor->random = true;
			}
			if (sim_random(sim, 6) == 0)
				sched_cap_set(&actor->task.own, 10 * MS * (1 + sim_random(sim, 10)), MS * (1 + sim_random(sim, 10)));
			if (sim_random(sim, 4) == 0)
				cpu_mask_clear(&actor->task.allowed, (u32)sim_random(sim, MAX(sim->cpu_count - 1, 1u)) + 1);
		}
		windows->sim = sim;
		sim->ran = note_window;
		sim->context = windows;
		sim_run(sim, SIM_SECOND);
		for (u32 i = 0; i < count; i++) {
			sum += sim->actors[i].got;
			if (sure_of(sim, &sim->actors[i]) > 3 * SIM_SLICE)
				ck_assert_msg(sim->actors[i].got > 0, "workload %lu: actor %u got nothing", seed, i);
		}
		for (u32 c = 0; c < sim->cpu_count; c++)
			sum += sim->idle[c];
		ck_assert_uint_eq(sum, (u64)sim->cpu_count * SIM_SECOND);
		free(windows);
		sim_free(sim);
	}
}
END_TEST

/* How many comparisons a pick costs: counted in the heaps' own order. */
static u64 comparisons;
static bool (*real_before[2])(const struct heap_node *a, const struct heap_node *b);

static bool count_eligible(const struct heap_node *a, const struct heap_node *b)
{
	comparisons++;
	return real_before[0](a, b);
}

static bool count_waiting(const struct heap_node *a, const struct heap_node *b)
{
	comparisons++;
	return real_before[1](a, b);
}

static double cost_of_a_pick(u32 runnable)
{
	struct sim *sim = sim_new(1, runnable);
	struct sched_queue *top = &sim->cpu[0].top;

	real_before[0] = top->eligible.before;
	real_before[1] = top->waiting.before;
	top->eligible.before = count_eligible;
	top->waiting.before = count_waiting;
	for (u32 i = 0; i < runnable; i++)
		sim_add_actor(sim, "vcpu", NULL, 0, 0);
	sim_run(sim, SIM_SECOND);
	comparisons = sim->picks = 0;
	sim_run(sim, 60ull * SIM_SECOND);
	double cost = (double)comparisons / (double)sim->picks;

	sim_free(sim);
	return cost;
}

START_TEST(a_pick_costs_no_more_than_the_logarithm)
{
	double ten = cost_of_a_pick(10), hundred = cost_of_a_pick(100), thousand = cost_of_a_pick(1000);

	printf("comparisons a pick: %.1f with 10, %.1f with 100, %.1f with 1,000 runnable\n", ten, hundred, thousand);
	ck_assert(hundred <= 2.2 * ten + 4);      /* log 100 / log 10 = 2, and a constant */
	ck_assert(thousand <= 1.6 * hundred + 4); /* 1.5 */
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("sched_policy");
	TCase *tcase = tcase_create("sched_policy");

	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(tcase, one_cpu_shares_are_exact, 0, 3);
	tcase_add_loop_test(tcase, one_cpu_with_sleepers, 0, 3);
	tcase_add_loop_test(tcase, several_cpus_share_by_rotation, 0, 4);
	tcase_add_test(tcase, many_cpus_share_by_rotation);
	tcase_add_loop_test(tcase, affinity_is_respected_and_fair, 0, 2);
	tcase_add_test(tcase, caps_hold_in_every_period);
	tcase_add_test(tcase, helpers_share_a_cap);
	tcase_add_test(tcase, groups_weigh_the_same_whatever_they_hold);
	tcase_add_test(tcase, storms_gain_nothing);
	tcase_add_test(tcase, wake_up_latency_is_bounded);
	tcase_add_loop_test(tcase, mixed_workloads_keep_the_books, 0, 2);
	tcase_add_test(tcase, a_pick_costs_no_more_than_the_logarithm);
	suite_add_tcase(suite, tcase);
	return suite;
}
