/* SPDX-License-Identifier: MIT */
/*
 * The ideal: weighted max-min fairness. All runnable actors' rates rise together, each in proportion to its weight, until
 * something is full; whoever cannot rise any more is fixed there, and the rest goes on.
 *
 * What can be full: an actor (one CPU, or its cap), a machine's cap, or a set of CPUs, for those that may run only there.
 * By Hall's theorem it is enough to look at unions of the affinity masks in use; a workload here has few different ones.
 */
#include "hv/test/sched_sim.h"

#define CLASSES_MAX 8

struct fluid {
	struct sim *sim;
	double weight[SIM_ACTORS_MAX];
	bool fixed[SIM_ACTORS_MAX], wants[SIM_ACTORS_MAX];
	u32 class_of[SIM_ACTORS_MAX], class_count;
	struct cpu_mask classes[CLASSES_MAX];
	double level; /* the common rate per weight */
};

static double cap_of(const struct sched_cap *cap)
{
	return cap->quota ? (double)cap->quota / (double)cap->period : 1e9;
}

static u32 classify(struct fluid *fluid, const struct cpu_mask *allowed)
{
	struct cpu_mask mask = cpu_mask_and(allowed, &fluid->sim->online);

	for (u32 c = 0; c < fluid->class_count; c++) {
		bool same = true;

		for (u32 i = 0; i < CPU_MASK_WORDS; i++)
			same = same && fluid->classes[c].words[i] == mask.words[i];
		if (same)
			return c;
	}
	if (fluid->class_count == CLASSES_MAX)
		__builtin_trap(); /* a workload with more masks than this is not for the fluid */
	fluid->classes[fluid->class_count] = mask;
	return fluid->class_count++;
}

static void weigh(struct fluid *fluid)
{
	struct sim *sim = fluid->sim;
	u64 runnable[SIM_GROUPS_MAX] = { 0 };

	for (u32 i = 0; i < sim->actor_count; i++) {
		struct sim_actor *actor = &sim->actors[i];

		fluid->wants[i] = !actor->wake_at;
		fluid->fixed[i] = !fluid->wants[i];
		sim->rates[i] = 0;
		if (fluid->wants[i] && actor->task.group)
			runnable[CONTAINER_OF(actor->task.group, struct sim_group, group) - sim->groups] += actor->task.entity.weight;
	}
	for (u32 i = 0; i < sim->actor_count; i++) {
		struct sim_actor *actor = &sim->actors[i];

		if (!fluid->wants[i])
			continue;
		fluid->class_of[i] = classify(fluid, &actor->task.allowed);
		fluid->weight[i] = actor->task.entity.weight;
		if (actor->task.group)
			fluid->weight[i] *= (double)((u64)actor->task.group->shares << SCHED_WEIGHT_SHIFT) /
				(double)runnable[CONTAINER_OF(actor->task.group, struct sim_group, group) - sim->groups];
	}
}

/* Does the limit bind this actor? kind: 0 an actor's own, 1 a group's, 2 a set of classes. */
static bool member(const struct fluid *fluid, u32 kind, u32 which, u32 actor)
{
	const struct sched_task *task = &fluid->sim->actors[actor].task;

	if (!fluid->wants[actor])
		return false;
	if (kind == 0)
		return actor == which;
	if (kind == 1)
		return task->group == &fluid->sim->groups[which].group;
	return which >> fluid->class_of[actor] & 1;
}

static double capacity(const struct fluid *fluid, u32 kind, u32 which)
{
	struct cpu_mask all = { { 0 } };

	if (kind == 0)
		return MIN(1.0, cap_of(&fluid->sim->actors[which].task.own));
	if (kind == 1)
		return cap_of(&fluid->sim->groups[which].group.whole);
	for (u32 c = 0; c < fluid->class_count; c++) {
		for (u32 i = 0; i < CPU_MASK_WORDS && (which >> c & 1); i++)
			all.words[i] |= fluid->classes[c].words[i];
	}
	return cpu_mask_count(&all);
}

/* The level at which it is full; a huge one when nobody in it can still rise. */
static double full_at(const struct fluid *fluid, u32 kind, u32 which)
{
	double room, weight = 0;

	if (kind == 0 && fluid->fixed[which])
		return 1e30;
	room = capacity(fluid, kind, which);
	for (u32 i = kind ? 0 : which; i < (kind ? fluid->sim->actor_count : which + 1); i++) {
		if (!member(fluid, kind, which, i))
			continue;
		if (fluid->fixed[i])
			room -= fluid->sim->rates[i];
		else
			weight += fluid->weight[i];
	}
	return weight > 0 ? MAX(room, 0.0) / weight : 1e30;
}

void sim_fluid_rates(struct sim *sim)
{
	struct fluid *fluid = __builtin_alloca(sizeof(*fluid));

	fluid->sim = sim;
	fluid->class_count = 0;
	weigh(fluid);
	for (;;) {
		const u32 counts[3] = { sim->actor_count, sim->group_count, (u32)BIT32(fluid->class_count) };
		double lowest = 1e29;
		u32 kind_full = 3, which_full = 0;

		for (u32 kind = 0; kind < 3; kind++) {
			for (u32 which = kind == 2; which < counts[kind]; which++) {
				double level = full_at(fluid, kind, which);

				if (level < lowest) {
					lowest = level;
					kind_full = kind;
					which_full = which;
				}
			}
		}
		if (kind_full == 3)
			return;
		for (u32 i = 0; i < sim->actor_count; i++) {
			if (!fluid->fixed[i] && member(fluid, kind_full, which_full, i)) {
				fluid->fixed[i] = true;
				sim->rates[i] = fluid->weight[i] * lowest;
			}
		}
	}
}
