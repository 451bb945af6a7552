/* SPDX-License-Identifier: MIT */
/* LINK: hv/sched_directed.c hv/sched_policy.c hv/sched_balance.c hv/sched_queue.c hv/sched_cap.c hv/lib/heap.c */
/*
 * Directed yield: whom it names, that its turn comes at once, that it costs other machines nothing, and what it is for: vCPUs
 * that share one spin lock on too few CPUs, where the holder loses its CPU.
 */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include "hv/sched_balance.h"
#include "hv/sched_directed.h"

START_TEST(choices)
{
	/* One letter a vCPU: w waits, s waits and spun, r runs or sleeps. */
	static const struct {
		const char *vcpus;
		u32 self, last, chosen;
	} rows[] = {
		{ "rrr", 0, 0, SCHED_DIRECTED_NOBODY },
		{ "w", 0, 0, SCHED_DIRECTED_NOBODY }, /* not itself */
		{ "rw", 0, 0, 1 },
		{ "rwww", 0, 1, 2 },
		{ "rwww", 0, 3, 1 },                  /* round and round */
		{ "rsww", 0, 0, 2 },                  /* the spinning one later */
		{ "rsrs", 0, 1, 3 },                  /* only spinning ones: in turn */
		{ "rsrs", 0, 3, 1 },
		{ "rwww", 0, ~(u32)0, 1 },            /* any number */
	};

	for (u32 r = 0; r < ARRAY_SIZE(rows); r++) {
		struct sched_directed_vcpu vcpus[8] = { { 0 } };
		u32 count = 0, chosen;

		for (; rows[r].vcpus[count]; count++)
			vcpus[count] = (struct sched_directed_vcpu){ rows[r].vcpus[count] != 'r', rows[r].vcpus[count] == 's' };
		chosen = sched_directed_choose(vcpus, count, rows[r].self, rows[r].last);
		ck_assert_msg(chosen == rows[r].chosen, "row %u: %u", r, chosen);
	}
	ck_assert_uint_eq(sched_directed_choose(NULL, 0, 0, 0), SCHED_DIRECTED_NOBODY);
}
END_TEST

#define SLICE 5000000u
#define STEP 50000u /* ns: a pause-loop exit in each of them while one spins */
#define VCPUS 4
#define CPUS_MAX 2

enum yield { SPIN_ON, YIELD, DIRECTED };

/* A machine of spin-lock users beside a spinner of equal shares, on one or two CPUs, in steps. */
struct bench {
	struct sched_cpu cpu[CPUS_MAX];
	struct sched_cpu *cpus[CPUS_MAX];
	struct cpu_mask online;
	u32 cpu_count;
	struct sched_part parts[2][CPUS_MAX];
	struct sched_group users, other;
	struct sched_task task[VCPUS + CPUS_MAX]; /* the users, then the spinners */
	u32 at[VCPUS + CPUS_MAX], work[VCPUS]; /* steps to the end of what each is doing */
	bool wants[VCPUS], spins[VCPUS];
	u32 holder, last[VCPUS];
	u64 taken, now, spinner_got;
};

static void start_bench(struct bench *bench, u32 cpus)
{
	*bench = (struct bench){ .cpu_count = cpus, .holder = VCPUS, .now = 1 };
	for (u32 i = 0; i < cpus; i++) {
		sched_cpu_init(&bench->cpu[i], i, SLICE, 8000000000ull);
		bench->cpus[i] = &bench->cpu[i];
		cpu_mask_set(&bench->online, i);
	}
	sched_group_init(&bench->users, 1024, bench->parts[0], cpus, SLICE);
	sched_group_init(&bench->other, 1024, bench->parts[1], cpus, SLICE);
	for (u32 i = 0; i < VCPUS + cpus; i++) {
		sched_task_init(&bench->task[i], i < VCPUS ? &bench->users : &bench->other, 1024, SLICE);
		bench->at[i] = i % cpus;
		if (i < VCPUS)
			bench->work[i] = 7 + 5 * i;
		sched_add(&bench->cpu[i % cpus], &bench->task[i], bench->now);
	}
}

static u32 number_of(const struct bench *bench, const struct sched_task *task)
{
	return (u32)(task - bench->task);
}

/* Changes places with a user that waits on another CPU, as thread_yield_to does. */
static void give_turn(struct bench *bench, u32 c, u32 self)
{
	struct sched_directed_vcpu vcpus[VCPUS];
	u32 to;

	for (u32 i = 0; i < VCPUS; i++)
		vcpus[i] = (struct sched_directed_vcpu){ bench->task[i].state == SCHED_TASK_QUEUED, bench->spins[i] };
	to = sched_directed_choose(vcpus, VCPUS, self, bench->last[self]);
	bench->spins[self] = true;
	if (to != SCHED_DIRECTED_NOBODY) {
		bench->last[self] = to;
		if (bench->at[to] != c) {
			u32 there = bench->at[to];

			sched_remove(&bench->cpu[there], &bench->task[to]);
			bench->at[to] = c;
			sched_add(&bench->cpu[c], &bench->task[to], bench->now);
			(void)sched_yield_to(&bench->cpu[c], &bench->task[to]);
			bench->task[self].in_transit = true;
			sched_stop(&bench->cpu[c], bench->now, true);
			bench->at[self] = there;
			sched_add(&bench->cpu[there], &bench->task[self], bench->now);
			return;
		}
		if (sched_yield_to(&bench->cpu[c], &bench->task[to]))
			return;
	}
	sched_yield_task(&bench->cpu[c]);
}

/* One step of what runs on CPU c; true: its CPU is to decide anew. */
static bool work(struct bench *bench, u32 c, u32 who, enum yield yield)
{
	if (who >= VCPUS) {
		bench->spinner_got += STEP;
		return false;
	}
	bench->spins[who] = false;
	if (bench->wants[who] && bench->holder != VCPUS) {
		if (yield == DIRECTED)
			give_turn(bench, c, who);
		else if (yield == YIELD)
			sched_yield_task(&bench->cpu[c]);
		return yield != SPIN_ON;
	}
	if (bench->wants[who]) {
		bench->wants[who] = false;
		bench->holder = who;
		bench->work[who] = 6; /* 300 us inside */
		bench->taken++;
	} else if (bench->work[who]) {
		bench->work[who]--;
	} else if (bench->holder == who) {
		bench->holder = VCPUS;
		bench->work[who] = 4; /* 200 us outside */
	} else {
		bench->wants[who] = true;
	}
	return false;
}

static void run_bench(struct bench *bench, u64 duration_ns, enum yield yield)
{
	const struct sched_machine machine = { bench->cpus, &bench->online };
	u64 decide[CPUS_MAX] = { 0 };

	for (u64 end = bench->now + duration_ns; bench->now < end;) {
		bench->now += STEP;
		for (u32 c = 0; c < bench->cpu_count; c++) {
			struct sched_cpu *cpu = &bench->cpu[c];
			bool again = !cpu->running;
			struct sched_task *given;
			u32 to;

			if (cpu->running) {
				sched_run(cpu, bench->now, STEP);
				again = work(bench, c, number_of(bench, cpu->running), yield);
			}
			if (!again && bench->now < decide[c])
				continue;
			sched_stop(cpu, bench->now, false);
			sched_next(cpu, bench->now);
			given = cpu->waiting ? sched_give_away(&machine, cpu, bench->now, &to) : NULL;
			if (given && to != c) {
				sched_remove(cpu, given);
				bench->at[number_of(bench, given)] = to;
				sched_add(&bench->cpu[to], given, bench->now);
			}
			decide[c] = bench->now + sched_next_decision(cpu, bench->now);
		}
	}
}

/* Half as many acquisitions more than by spinning, more than by a plain yield, and the other machine has its half all the same. */
START_TEST(lock_holders_go_on)
{
	for (u32 cpus = 1; cpus <= CPUS_MAX; cpus++) {
		u64 taken[3];

		for (enum yield yield = SPIN_ON; yield <= DIRECTED; yield++) {
			static struct bench bench;
			u64 half = 2000000000ull * cpus / 2;

			start_bench(&bench, cpus);
			run_bench(&bench, 2000000000ull, yield);
			taken[yield] = bench.taken;
			ck_assert_msg(bench.spinner_got + half / 50 + 2 * SLICE >= half && bench.spinner_got <= half + half / 50 + 2 * SLICE,
				      "%u CPUs, yield %d: the spinners had %lu of %lu", cpus, yield, bench.spinner_got, half);
		}
		printf("%u CPUs, 4 vCPUs that share a spin lock: taken %lu times spinning, %lu yielding, %lu with directed yield\n", cpus,
		       taken[SPIN_ON], taken[YIELD], taken[DIRECTED]);
		/* A turn of the lock is 600 us of work; on one CPU the machine's half is all that there is for it. */
		if (cpus == 1)
			ck_assert_uint_ge(taken[DIRECTED] * 600000, 1000000000ull * 3 / 4);
		ck_assert_uint_ge(taken[DIRECTED] * 2, taken[SPIN_ON] * 3);
		ck_assert_uint_ge(taken[DIRECTED], taken[YIELD]);
	}
}
END_TEST

/* One that always names the same one gives its own time away, no other machine's, and the favoured one's lead is bounded. */
START_TEST(favour_is_bounded)
{
	static struct bench bench;
	u64 got[2] = { 0 };

	start_bench(&bench, 1);
	for (u64 step = 0; step < 200000; step++) {
		struct sched_cpu *cpu = &bench.cpu[0];

		bench.now += STEP;
		if (cpu->running) {
			u32 who = number_of(&bench, cpu->running);

			sched_run(cpu, bench.now, STEP);
			got[who >= VCPUS] += STEP;
			if (who != 1 && who < VCPUS && sched_yield_to(cpu, &bench.task[1]))
				ck_assert(bench.parts[0][0].queue.preferred == &bench.task[1].entity);
			sched_stop(cpu, bench.now, false);
		}
		sched_next(cpu, bench.now);
		ck_assert_ptr_nonnull(cpu->running);
	}
	ck_assert_uint_ge(got[0] + got[0] / 50, got[1]);
	ck_assert_uint_ge(got[1] + got[1] / 50, got[0]);
	for (u32 i = 0; i < VCPUS; i++) /* each has its part of the machine's half in the end: what was given away is owed */
		ck_assert_msg(bench.task[i].recent > 0, "vCPU %u had nothing", i);
}
END_TEST

START_TEST(refusals)
{
	static struct bench bench;
	struct sched_cpu *cpu = &bench.cpu[0];

	start_bench(&bench, 2);
	ck_assert(!sched_yield_to(cpu, &bench.task[0])); /* nobody runs */
	ck_assert_ptr_nonnull(sched_next(cpu, bench.now));
	ck_assert(!sched_yield_to(cpu, cpu->running));
	ck_assert(!sched_yield_to(cpu, &bench.task[1])); /* on the other CPU */
	for (u32 i = 0; i < VCPUS + 2; i += 2)
		if (bench.task[i].group != cpu->running->group)
			ck_assert(!sched_yield_to(cpu, &bench.task[i])); /* another machine's */
	for (u32 i = 0; i < VCPUS; i += 2) {
		if (bench.task[i].group != cpu->running->group || &bench.task[i] == cpu->running)
			continue;
		ck_assert(sched_yield_to(cpu, &bench.task[i]));
		sched_remove(cpu, &bench.task[i]); /* it goes before its turn comes */
		ck_assert_ptr_null(bench.parts[0][0].queue.preferred);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("sched_directed");
	TCase *tcase = tcase_create("sched_directed");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, choices);
	tcase_add_test(tcase, lock_holders_go_on);
	tcase_add_test(tcase, favour_is_bounded);
	tcase_add_test(tcase, refusals);
	suite_add_tcase(suite, tcase);
	return suite;
}
