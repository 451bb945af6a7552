/* SPDX-License-Identifier: MIT */
/* The simulator's clock and its CPUs: from event to event, as interrupts would come. */
#include "hv/test/sched_sim.h"
#include <stdio.h>
#include <stdlib.h>

u64 sim_random(struct sim *sim, u64 below)
{
	sim->seed = sim->seed * 6364136223846793005u + 1442695040888963407u;
	return below ? (sim->seed >> 33) % below : 0;
}

struct sim *sim_new(u32 cpus, u64 seed)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	if (!sim)
		abort();
	sim->cpu_count = cpus;
	sim->seed = seed * 2 + 1;
	sim->now = 1;
	for (u32 i = 0; i < cpus; i++) {
		sched_cpu_init(&sim->cpu[i], i, SIM_SLICE, SIM_MEMORY);
		if (cpus > 1)
			sim->cpu[i].look = SIM_SLICE / SCHED_LOOKS_A_SLICE;
		sim->cpus[i] = &sim->cpu[i];
		cpu_mask_set(&sim->online, i);
		sim->charged_at[i] = sim->now;
		sim->decide_at[i] = SCHED_NEVER;
	}
	return sim;
}

void sim_free(struct sim *sim)
{
	for (u32 i = 0; i < sim->group_count; i++)
		free(sim->groups[i].parts);
	free(sim);
}

struct sim_group *sim_add_group(struct sim *sim, const char *name, u32 shares)
{
	struct sim_group *group = &sim->groups[sim->group_count];

	if (sim->group_count++ == SIM_GROUPS_MAX)
		abort();
	snprintf(group->name, sizeof(group->name), "%s", name);
	group->parts = calloc(sim->cpu_count, sizeof(*group->parts));
	if (!group->parts)
		abort();
	sched_group_init(&group->group, shares, group->parts, sim->cpu_count, SIM_SLICE);
	return group;
}

struct sim_actor *sim_add_actor(struct sim *sim, const char *name, struct sim_group *group, u64 burst, u64 sleep)
{
	struct sim_actor *actor = &sim->actors[sim->actor_count];

	if (sim->actor_count++ == SIM_ACTORS_MAX)
		abort();
	snprintf(actor->name, sizeof(actor->name), "%s", name);
	sched_task_init(&actor->task, group ? &group->group : NULL, SCHED_WEIGHT_DEFAULT, SIM_SLICE);
	actor->burst = burst;
	actor->sleep = sleep;
	actor->cpu = SCHED_NOBODY;
	actor->wake_at = sim->now;
	return actor;
}

static struct sim_actor *actor_of(const struct sched_task *task)
{
	return CONTAINER_OF((struct sched_task *)(uintptr_t)task, struct sim_actor, task);
}

static u64 vary(struct sim *sim, const struct sim_actor *actor, u64 value)
{
	return MAX(actor->random ? value / 2 + sim_random(sim, value) : value, 1u);
}

/* What flowed since the last change, then the new rates at the next look. */
static void drink(struct sim *sim, bool changes)
{
	if (!sim->with_ideal)
		return;
	if (sim->rates_old) {
		sim_fluid_rates(sim);
		sim->rates_old = false;
	}
	for (u32 i = 0; i < sim->actor_count; i++)
		sim->actors[i].ideal += sim->rates[i] * (double)(sim->now - sim->rates_at);
	sim->rates_at = sim->now;
	sim->rates_old = changes;
}

static void charge(struct sim *sim, u32 c)
{
	struct sched_cpu *cpu = &sim->cpu[c];
	u64 ticks = sim->now - sim->charged_at[c];
	struct sim_actor *actor;

	if (!cpu->running) {
		sim->idle[c] += ticks;
		sim->charged_at[c] = sim->now;
		return;
	}
	actor = actor_of(cpu->running);
	if (ticks && sim->ran)
		sim->ran(sim->context, c, actor, sim->charged_at[c], sim->now);
	sched_run(cpu, sim->now, ticks);
	actor->got += ticks;
	if (actor->burst)
		actor->left -= MIN(ticks, actor->left);
	sim->charged_at[c] = sim->now;
}

static void put_on(struct sim *sim, struct sim_actor *actor, u32 c)
{
	charge(sim, c);
	if (actor->cpu != c && actor->cpu != SCHED_NOBODY)
		actor->moves++;
	actor->cpu = c;
	sched_add(&sim->cpu[c], &actor->task, sim->now);
	if (sched_task_preempts(&sim->cpu[c], &actor->task))
		sim->decide_at[c] = sim->now;
	else
		sim->decide_at[c] = MIN(sim->decide_at[c], sim->now + MAX(sched_next_decision(&sim->cpu[c], sim->now), SIM_TIMER_MIN));
}

static void wake(struct sim *sim, struct sim_actor *actor)
{
	const struct sched_machine machine = { sim->cpus, &sim->online };

	drink(sim, true);
	actor->wake_at = 0;
	actor->woken_at = sim->now;
	actor->left = vary(sim, actor, actor->burst);
	actor->wakes++;
	put_on(sim, actor, sched_place(&machine, &actor->task, actor->cpu == SCHED_NOBODY ? 0 : actor->cpu));
}

static void steal(struct sim *sim, u32 c)
{
	const struct sched_machine machine = { sim->cpus, &sim->online };
	u32 victim = sched_steal_from(&machine, c);
	struct sched_task *task = victim == SCHED_NOBODY ? NULL : sched_steal(&sim->cpu[victim], c);

	if (!task)
		return;
	charge(sim, victim);
	sched_remove(&sim->cpu[victim], task);
	actor_of(task)->moves++;
	actor_of(task)->cpu = c;
	sched_add(&sim->cpu[c], task, sim->now);
}

static void give_away(struct sim *sim, u32 c)
{
	const struct sched_machine machine = { sim->cpus, &sim->online };
	u32 to = c;
	struct sched_task *task = sim->cpu[c].waiting ? sched_give_away(&machine, &sim->cpu[c], sim->now, &to) : NULL;

	if (!task)
		return;
	sched_remove(&sim->cpu[c], task);
	put_on(sim, actor_of(task), to);
}

static void decide(struct sim *sim, u32 c)
{
	struct sched_cpu *cpu = &sim->cpu[c];
	struct sched_task *before = cpu->running;
	struct sim_actor *actor = before ? actor_of(before) : NULL;
	u64 ticks;

	charge(sim, c);
	if (actor && actor->burst && !actor->left) {
		drink(sim, true);
		actor->wake_at = sim->now + vary(sim, actor, actor->sleep);
		sched_stop(cpu, sim->now, true);
	} else {
		sched_stop(cpu, sim->now, false);
	}
	sim->picks++;
	if (!sched_next(cpu, sim->now)) {
		steal(sim, c);
		sched_next(cpu, sim->now);
	}
	give_away(sim, c);
	if (cpu->running && cpu->running != before)
		actor_of(cpu->running)->switches++;
	if (cpu->running && actor_of(cpu->running)->woken_at) {
		actor = actor_of(cpu->running);
		actor->most_latency = MAX(actor->most_latency, sim->now - actor->woken_at);
		actor->woken_at = 0;
	}
	ticks = sched_next_decision(cpu, sim->now);
	sim->decide_at[c] = ticks == SCHED_NEVER ? SCHED_NEVER : sim->now + MAX(ticks, SIM_TIMER_MIN);
}

static u64 event_of(const struct sim *sim, u32 c)
{
	const struct sched_task *running = sim->cpu[c].running;

	if (running && actor_of(running)->burst)
		return MIN(sim->decide_at[c], sim->charged_at[c] + actor_of(running)->left);
	return sim->decide_at[c];
}

void sim_run(struct sim *sim, u64 duration_ns)
{
	u64 end = sim->now + duration_ns;

	if (!sim->rates_at)
		sim->rates_at = sim->now;
	for (;;) {
		u64 next = end;

		for (u32 c = 0; c < sim->cpu_count; c++)
			next = MIN(next, event_of(sim, c));
		for (u32 i = 0; i < sim->actor_count; i++) {
			if (sim->actors[i].wake_at)
				next = MIN(next, sim->actors[i].wake_at);
		}
		sim->now = MAX(next, sim->now);
		if (sim->now >= end)
			break;
		for (u32 i = 0; i < sim->actor_count; i++) {
			if (sim->actors[i].wake_at && sim->actors[i].wake_at <= sim->now)
				wake(sim, &sim->actors[i]);
		}
		for (u32 c = 0; c < sim->cpu_count; c++) {
			if (event_of(sim, c) <= sim->now)
				decide(sim, c);
		}
	}
	sim->now = end;
	for (u32 c = 0; c < sim->cpu_count; c++)
		charge(sim, c);
	drink(sim, false);
}
