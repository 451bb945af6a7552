/* SPDX-License-Identifier: MIT */
/* Placement, stealing, giving away: by weights, and by the service that each had of late. */
#include "hv/sched_balance.h"

#define CANDIDATES 16   /* queued tasks that are looked at: the first of the heaps, so the cost does not grow */
#define CREDIT_SLICES 2u /* of what it is short of, so much is made good at once */
#define CLAIMS_SLICES 3u
#define GRAIN 12     /* ages are counted in steps of 2^12 ticks */

/* Service fades, so that old inequality that nobody could help is forgotten. */
static u64 faded(u64 recent, u64 age, u64 memory)
{
	if (age < BIT64(GRAIN)) /* as mostly: no division for nothing */
		return recent;
	if (age >= memory)
		return 0;
	return recent - (recent >> GRAIN) * (age >> GRAIN) / MAX(memory >> (2 * GRAIN), 1u);
}

static void fade(struct sched_task *task, u64 now, u64 memory)
{
	u64 age = now - task->recent_at;

	if ((s64)age < (s64)BIT64(GRAIN))
		return;
	task->recent = faded(task->recent, age, memory);
	task->recent_at += ALIGN_DOWN(age, BIT64(GRAIN));
}

/* The task's weight as if there were one level: its part of what its group has everywhere. */
static u32 flat_weight(const struct sched_task *task)
{
	u64 weight = task->entity.weight, everywhere;

	if (!task->group)
		return task->entity.weight;
	everywhere = MAX(__atomic_load_n(&task->group->runnable, __ATOMIC_RELAXED), weight);
	if (everywhere == weight) /* the only one */
		return READ_ONCE(task->group->shares) << SCHED_WEIGHT_SHIFT;
	weight = ((u64)READ_ONCE(task->group->shares) << SCHED_WEIGHT_SHIFT) * (weight >> SCHED_WEIGHT_SHIFT) /
		 (everywhere >> SCHED_WEIGHT_SHIFT);
	return (u32)MAX(weight, 1u);
}

/* The service that a task of this weight would have had, had it been served as the one that runs on that CPU. */
static u64 service_as(const struct sched_cpu *cpu, u32 weight, u64 now)
{
	u32 its = READ_ONCE(cpu->running_weight);
	u64 at = READ_ONCE(cpu->running_at), recent = READ_ONCE(cpu->running_recent);
	u64 age = (s64)(now - at) > 0 ? now - at : 0;

	if (!its)
		return SCHED_NEVER;
	recent = MIN(faded(recent, age, cpu->memory) + MIN(age, cpu->memory), BIT64(36));
	return recent * (weight >> 2) / MAX(its >> 2, 1u);
}

static u64 had(const struct sched_cpu *cpu, const struct sched_task *task, u64 now)
{
	return faded(task->recent, now - task->recent_at, cpu->memory) + task->booked;
}

/* A sleeper does not come back with a claim on all that others had meanwhile: it counts as served as whoever runs here. */
void sched_balance_arrive(struct sched_cpu *cpu, struct sched_task *task, u64 now)
{
	bool slept = !task->in_transit;
	u64 floor;

	task->in_transit = false;
	fade(task, now, cpu->memory);
	task->booked = task->credit;
	WRITE_ONCE(cpu->claims, cpu->claims + task->booked);
	if (!slept || !cpu->running_weight)
		return;
	floor = service_as(cpu, flat_weight(task), now);
	task->recent = MAX(task->recent, MIN(floor, cpu->memory));
}

void sched_balance_depart(struct sched_cpu *cpu, struct sched_task *task)
{
	WRITE_ONCE(cpu->claims, cpu->claims - task->booked);
	task->credit = MIN(task->booked + task->gift, CREDIT_SLICES * cpu->slice); /* what is left of it goes along */
	task->gift = 0;
	task->booked = 0;
}

void sched_balance_served(struct sched_cpu *cpu, struct sched_task *task, u64 now, u64 ticks)
{
	fade(task, now, cpu->memory);
	task->recent += MIN(ticks, cpu->memory);
	if (UNLIKELY(task->booked)) {
		ticks = MIN(ticks, task->booked);
		task->booked -= ticks;
		WRITE_ONCE(cpu->claims, cpu->claims - ticks);
	}
	/* What others see of it need not be refreshed: they add the time since (service_as). */
}

void sched_balance_running(struct sched_cpu *cpu, u64 now)
{
	const struct sched_task *running = cpu->running;

	if (running) {
		sched_balance_allowed(cpu);
		WRITE_ONCE(cpu->running_weight, flat_weight(running));
		WRITE_ONCE(cpu->running_at, now);
		WRITE_ONCE(cpu->running_recent, faded(running->recent, now - running->recent_at, cpu->memory));
		return;
	}
	for (u32 i = 0; i < CPU_MASK_WORDS; i++)
		WRITE_ONCE(cpu->running_allowed.words[i], 0);
	WRITE_ONCE(cpu->running_weight, 0);
	WRITE_ONCE(cpu->running_at, now);
	WRITE_ONCE(cpu->running_recent, 0);
}

void sched_balance_allowed(struct sched_cpu *cpu)
{
	for (u32 i = 0; i < CPU_MASK_WORDS; i++)
		WRITE_ONCE(cpu->running_allowed.words[i], cpu->running->allowed.words[i]);
}

static bool idles(const struct sched_cpu *cpu)
{
	return !READ_ONCE(cpu->running_weight) && !READ_ONCE(cpu->waiting);
}

u32 sched_place(const struct sched_machine *machine, const struct sched_task *task, u32 previous)
{
	struct cpu_mask usable = cpu_mask_and(&task->allowed, machine->online);
	u32 best = SCHED_NOBODY;
	u64 least = 0;

	if (cpu_mask_has(&usable, previous)) {
		if (idles(machine->cpus[previous]))
			return previous;
		best = previous;
		least = READ_ONCE(machine->cpus[previous]->load);
	}
	CPU_MASK_FOR_EACH(i, &usable) {
		u64 load = READ_ONCE(machine->cpus[i]->load);

		if (idles(machine->cpus[i]))
			return i;
		if (best == SCHED_NOBODY || load < least) {
			best = i;
			least = load;
		}
	}
	return best;
}

u32 sched_steal_from(const struct sched_machine *machine, u32 thief)
{
	u32 best = SCHED_NOBODY;
	u64 most = 0;

	CPU_MASK_FOR_EACH(i, machine->online) {
		u64 load = READ_ONCE(machine->cpus[i]->load);

		if (i == thief || !READ_ONCE(machine->cpus[i]->waiting) || (best != SCHED_NOBODY && load <= most))
			continue;
		best = i;
		most = load;
	}
	return best;
}

/* Queued tasks of both levels, at most CANDIDATES. */
static u32 candidates(const struct sched_cpu *cpu, struct sched_task *tasks[CANDIDATES])
{
	struct sched_entity *tops[CANDIDATES + 1], *inner[CANDIDATES];
	u32 top_count = sched_peek(&cpu->top, tops, CANDIDATES), count = 0;

	if (cpu->running && cpu->running->group) /* its part is in no heap, but others may wait in it */
		tops[top_count++] = &cpu->running->group->parts[cpu->index].entity;
	for (u32 i = 0; i < top_count && count < CANDIDATES; i++) {
		u32 inner_count = 1;

		inner[0] = tops[i];
		if (tops[i]->is_part)
			inner_count = sched_peek(&CONTAINER_OF(tops[i], struct sched_part, entity)->queue, inner, CANDIDATES - count);
		for (u32 j = 0; j < inner_count && count < CANDIDATES; j++)
			tasks[count++] = CONTAINER_OF(inner[j], struct sched_task, entity);
	}
	return count;
}

struct sched_task *sched_steal(const struct sched_cpu *victim, u32 thief)
{
	struct sched_task *tasks[CANDIDATES];
	u32 count = candidates(victim, tasks);

	for (u32 i = 0; i < count; i++) {
		if (cpu_mask_has(&tasks[i]->allowed, thief))
			return tasks[i];
	}
	return NULL;
}

/* What those have still to get who were sent there; the running one has been getting it since the last charge. */
static u64 claimed(const struct sched_cpu *cpu, u64 now)
{
	u64 claims = READ_ONCE(cpu->claims), at = READ_ONCE(cpu->running_at);
	u64 age = (s64)(now - at) > 0 ? now - at : 0;

	return claims > age ? claims - age : 0;
}

static struct cpu_mask idle_cpus(const struct sched_machine *machine)
{
	struct cpu_mask idle = { { 0 } };

	CPU_MASK_FOR_EACH(c, machine->online) {
		if (idles(machine->cpus[c]))
			cpu_mask_set(&idle, c);
	}
	return idle;
}

/* How much more service one has there: compared with what the task had. */
static u64 worth(const struct sched_cpu *cpu, const struct cpu_mask *idle, u32 weight, u64 now)
{
	struct cpu_mask way_out = cpu_mask_and(&cpu->running_allowed, idle);

	/* Who runs there can go where nobody is, which this task (or it would) cannot. */
	if (!cpu_mask_empty(&way_out) && !READ_ONCE(cpu->waiting))
		return SCHED_NEVER / 2;
	/* Few at a time: all see the same CPU as the best to give to, and those who live there wait meanwhile. */
	if (claimed(cpu, now) >= CLAIMS_SLICES * cpu->slice)
		return 0;
	return service_as(cpu, weight, now);
}

struct sched_task *sched_give_away(const struct sched_machine *machine, const struct sched_cpu *from, u64 now, u32 *to)
{
	struct sched_task *tasks[CANDIDATES], *best = NULL;
	u32 count = candidates(from, tasks);
	u64 most = from->slice / 4; /* short of so much, or more */
	struct cpu_mask idle = idle_cpus(machine);

	for (u32 i = 0; i < count; i++) {
		struct cpu_mask usable = cpu_mask_and(&tasks[i]->allowed, machine->online);
		u32 weight = flat_weight(tasks[i]);
		u64 has = had(from, tasks[i], now);

		CPU_MASK_FOR_EACH(c, &usable) {
			u64 would = c == from->index ? 0 : worth(machine->cpus[c], &idle, weight, now);

			if (would <= has || would - has < most)
				continue;
			most = would - has;
			best = tasks[i];
			*to = c;
		}
	}
	if (best) /* what it is short of becomes a claim on the other CPU: nobody need send it further for that */
		best->gift = MIN(most, CREDIT_SLICES * from->slice);
	return best;
}
