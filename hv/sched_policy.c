/* SPDX-License-Identifier: MIT */
/* Two levels of sched_queue, and the caps in front of them. Every path costs a constant number of heap operations. */
#include "hv/sched_policy.h"
#include "hv/sched_balance.h"

static bool release_before(const struct heap_node *a, const struct heap_node *b)
{
	const struct sched_task *x = (const struct sched_task *)((const char *)a - offsetof(struct sched_task, entity.node));
	const struct sched_task *y = (const struct sched_task *)((const char *)b - offsetof(struct sched_task, entity.node));

	return (s64)(x->release - y->release) < 0;
}

void sched_cpu_init(struct sched_cpu *cpu, u32 index, u64 slice, u64 memory)
{
	*cpu = (struct sched_cpu){ .index = index, .slice = slice, .look = slice, .memory = memory, .throttled = { NULL, release_before } };
	sched_queue_init(&cpu->top);
}

void sched_group_init(struct sched_group *group, u32 shares, struct sched_part *parts, u32 count, u64 slice)
{
	*group = (struct sched_group){ .shares = shares, .parts = parts, .part_count = count };
	for (u32 i = 0; i < count; i++) {
		parts[i].group = group;
		sched_queue_init(&parts[i].queue);
		sched_entity_init(&parts[i].entity, shares, slice);
		parts[i].entity.is_part = true;
	}
}

void sched_task_init(struct sched_task *task, struct sched_group *group, u32 weight, u64 slice)
{
	*task = (struct sched_task){ .group = group, .allowed = CPU_MASK_ALL };
	sched_entity_init(&task->entity, weight, slice);
}

static struct sched_part *part_of(const struct sched_cpu *cpu, const struct sched_task *task)
{
	return task->group ? &task->group->parts[cpu->index] : NULL;
}

static bool part_is_queued(const struct sched_part *part)
{
	return heap_contains(&part->entity.node);
}

/* What stands in the CPU's queue for the task. */
static struct sched_entity *top_entity(const struct sched_cpu *cpu, const struct sched_task *task)
{
	struct sched_part *part = part_of(cpu, task);

	return part ? &part->entity : (struct sched_entity *)(uintptr_t)&task->entity;
}

static u32 part_weight(const struct sched_part *part)
{
	u64 everywhere = MAX(__atomic_load_n(&part->group->runnable, __ATOMIC_RELAXED), part->queue.total_weight);
	u64 weight = (u64)READ_ONCE(part->group->shares) << SCHED_WEIGHT_SHIFT;

	if (everywhere != part->queue.total_weight) /* some of it runs elsewhere */
		weight = weight * (part->queue.total_weight >> SCHED_WEIGHT_SHIFT) / MAX(everywhere >> SCHED_WEIGHT_SHIFT, 1u);
	return (u32)MAX(weight, 1u);
}

static void publish(struct sched_cpu *cpu)
{
	WRITE_ONCE(cpu->load, cpu->top.total_weight);
}

static void refresh_part(struct sched_cpu *cpu, struct sched_part *part)
{
	if (part->entity.counted)
		sched_reweigh(&cpu->top, &part->entity, part_weight(part), part_is_queued(part));
}

static void count_runnable(struct sched_task *task, bool more)
{
	u64 weight = task->entity.weight;

	if (task->group)
		__atomic_fetch_add(&task->group->runnable, more ? weight : -weight, __ATOMIC_RELAXED);
}

/* Into the queues, where it competes. */
static void enter(struct sched_cpu *cpu, struct sched_task *task)
{
	struct sched_part *part = part_of(cpu, task);
	struct sched_queue *queue = part ? &part->queue : &cpu->top;

	if (task->home != cpu->index) {
		task->entity.start = queue->time + task->entity.lead;
		task->home = cpu->index;
	}
	if (task->credit) { /* it counts what the task had on any CPU: what it was owed or ahead of on one is in it */
		task->entity.start = queue->time;
		task->entity.owed = sched_virtual(task->credit, task->entity.weight);
	}
	task->state = SCHED_TASK_QUEUED;
	WRITE_ONCE(cpu->waiting, cpu->waiting + 1);
	count_runnable(task, true);
	sched_join(queue, &task->entity);
	if (part && !part->entity.counted) {
		part->entity.weight = part_weight(part);
		if (UNLIKELY(task->credit))
			part->entity.owed = MAX(part->entity.owed, sched_virtual(task->credit, part->entity.weight));
		sched_join(&cpu->top, &part->entity);
	} else if (part) {
		refresh_part(cpu, part);
		if (UNLIKELY(task->credit))
			sched_favour(&cpu->top, &part->entity, sched_virtual(task->credit, part->entity.weight), part_is_queued(part));
		if (part_is_queued(part))
			sched_hurry(&cpu->top, &part->entity);
	}
	task->credit = 0;
	publish(cpu);
}

/* Out of the queues; queued: it is in a heap, else it runs. A part that is left empty leaves, too. */
static void leave(struct sched_cpu *cpu, struct sched_task *task, bool queued)
{
	struct sched_part *part = part_of(cpu, task);

	count_runnable(task, false);
	(queued ? sched_take : sched_leave)(part ? &part->queue : &cpu->top, &task->entity);
	if (part && part->queue.total_weight)
		refresh_part(cpu, part);
	else if (part)
		(part_is_queued(part) ? sched_take : sched_leave)(&cpu->top, &part->entity);
	publish(cpu);
}

static void throttle(struct sched_cpu *cpu, struct sched_task *task, u64 release)
{
	task->state = SCHED_TASK_THROTTLED;
	task->release = release;
	heap_insert(&cpu->throttled, &task->entity.node);
}

static struct sched_task *first_throttled(const struct sched_cpu *cpu)
{
	return cpu->throttled.root ? CONTAINER_OF(cpu->throttled.root, struct sched_task, entity.node) : NULL;
}

bool sched_release_due(const struct sched_cpu *cpu, u64 now)
{
	const struct sched_task *first = first_throttled(cpu);

	return first && (s64)(now - first->release) >= 0;
}

static void release_due(struct sched_cpu *cpu, u64 now)
{
	while (sched_release_due(cpu, now)) {
		struct sched_task *task = first_throttled(cpu);

		heap_remove(&cpu->throttled, &task->entity.node);
		enter(cpu, task);
		if (cpu->told)
			cpu->told(cpu, task, false);
	}
}

void sched_add(struct sched_cpu *cpu, struct sched_task *task, u64 now)
{
	sched_balance_arrive(cpu, task, now);
	if (task->state == SCHED_TASK_THROTTLED && (s64)(task->release - now) > 0)
		throttle(cpu, task, task->release);
	else
		enter(cpu, task);
}

void sched_remove(struct sched_cpu *cpu, struct sched_task *task)
{
	if (task->state == SCHED_TASK_THROTTLED) {
		heap_remove(&cpu->throttled, &task->entity.node); /* and stays throttled where it comes */
		return;
	}
	WRITE_ONCE(cpu->waiting, cpu->waiting - 1);
	task->state = SCHED_TASK_OFF;
	task->in_transit = true;
	leave(cpu, task, true);
	sched_balance_depart(cpu, task);
}

/* The caps of a task: its own (a vCPU's), or the one that the group's helpers share; and the whole machine's. */
static u32 caps_of(struct sched_task *task, struct sched_cap *caps[3])
{
	u32 count = 0;

	if (sched_cap_on(&task->own))
		caps[count++] = &task->own;
	if (task->helpers && sched_cap_on(task->helpers))
		caps[count++] = task->helpers;
	if (task->group && sched_cap_on(&task->group->whole))
		caps[count++] = &task->group->whole;
	return count;
}

/*
 * What follows stands apart from the paths that every switch takes: few tasks have caps, and an array on the stack costs its
 * clearing and the stack's guard wherever it stands.
 */
#define RARE __attribute__((noinline))

static RARE bool grant_by_caps(struct sched_cpu *cpu, struct sched_task *task, u64 now, u64 *release)
{
	struct sched_cap *caps[3];
	u32 count = caps_of(task, caps);
	u64 got = cpu->slice;

	task->limited = count != 0;
	for (u32 i = 0; i < count; i++) {
		u64 less = sched_cap_grant(caps[i], now, got);

		for (u32 j = 0; j < i; j++)
			sched_cap_return(caps[j], now, now, got - less);
		got = less;
		if (!got) {
			*release = sched_cap_refill(caps[i], now);
			return false;
		}
	}
	task->granted = got;
	return true;
}

static RARE void return_to_caps(struct sched_task *task, u64 now)
{
	struct sched_cap *caps[3];
	u32 count = caps_of(task, caps);

	for (u32 i = 0; i < count; i++)
		sched_cap_return(caps[i], now, task->granted_at, task->granted);
}

static RARE void overrun_caps(struct sched_task *task, u64 now, u64 ticks)
{
	struct sched_cap *caps[3];
	u32 count = caps_of(task, caps);

	for (u32 i = 0; i < count; i++)
		sched_cap_overrun(caps[i], now, ticks);
}

/* True: it may run. False: *release says when to ask again. */
static bool grant(struct sched_cpu *cpu, struct sched_task *task, u64 now, u64 *release)
{
	task->granted_at = now;
	if (sched_cap_on(&task->own) || (task->helpers && sched_cap_on(task->helpers)) ||
	    (task->group && sched_cap_on(&task->group->whole)))
		return grant_by_caps(cpu, task, now, release);
	task->limited = false;
	task->granted = cpu->slice;
	return true;
}

static void give_back(struct sched_task *task, u64 now)
{
	if (UNLIKELY(task->limited))
		return_to_caps(task, now);
	task->granted = 0;
}

static void use_grant(struct sched_task *task, u64 now, u64 ticks)
{
	if (LIKELY(!task->limited))
		return;
	if (ticks > task->granted)
		overrun_caps(task, now, ticks - task->granted);
	task->granted -= MIN(ticks, task->granted);
}

void sched_run(struct sched_cpu *cpu, u64 now, u64 ticks)
{
	struct sched_task *task = cpu->running;
	struct sched_part *part;

	if (!task)
		return;
	part = part_of(cpu, task);
	if (part) {
		refresh_part(cpu, part);
		sched_charge(&part->queue, &task->entity, ticks);
		sched_charge(&cpu->top, &part->entity, ticks);
		part->served += ticks;
		part->helped += task->helpers ? ticks : 0;
	} else {
		sched_charge(&cpu->top, &task->entity, ticks);
	}
	use_grant(task, now, ticks);
	sched_balance_served(cpu, task, now, ticks);
}

void sched_stop(struct sched_cpu *cpu, u64 now, bool sleeps)
{
	struct sched_task *task = cpu->running;
	struct sched_part *part;

	if (!task)
		return;
	part = part_of(cpu, task);
	cpu->running = NULL;
	give_back(task, now);
	if (sleeps) {
		task->state = SCHED_TASK_OFF;
		leave(cpu, task, false);
		sched_balance_depart(cpu, task);
		if (!task->in_transit)
			task->credit = 0; /* sleep ends a claim */
		if (part && part->entity.counted)
			sched_put(&cpu->top, &part->entity);
		return;
	}
	task->state = SCHED_TASK_QUEUED;
	WRITE_ONCE(cpu->waiting, cpu->waiting + 1);
	if (part)
		sched_put(&part->queue, &task->entity);
	sched_put(&cpu->top, top_entity(cpu, task));
}

void sched_yield_task(struct sched_cpu *cpu)
{
	if (!cpu->running)
		return;
	sched_give_up_slice(&cpu->running->entity);
	if (cpu->running->group)
		sched_give_up_slice(top_entity(cpu, cpu->running));
}

bool sched_yield_to(struct sched_cpu *cpu, struct sched_task *target)
{
	struct sched_task *running = cpu->running;

	if (!running || !running->group || target->group != running->group || target->state != SCHED_TASK_QUEUED || target->home != cpu->index)
		return false;
	if (!sched_prefer(&part_of(cpu, target)->queue, &target->entity))
		return false;
	sched_give_up_slice(&running->entity);
	return true;
}

/* The best task of both levels, out of its heaps; NULL: nobody waits. */
static struct sched_task *pick(struct sched_cpu *cpu)
{
	struct sched_entity *entity = sched_pick(&cpu->top);

	if (entity && entity->is_part)
		entity = sched_pick(&CONTAINER_OF(entity, struct sched_part, entity)->queue);
	if (!entity)
		return NULL;
	WRITE_ONCE(cpu->waiting, cpu->waiting - 1);
	return CONTAINER_OF(entity, struct sched_task, entity);
}

/* A picked task that its caps forbid to run. It comes back without credit for the time. */
static void set_aside(struct sched_cpu *cpu, struct sched_task *task, u64 release)
{
	struct sched_part *part = part_of(cpu, task);

	leave(cpu, task, false);
	task->entity.owed = 0;
	if (part && part->entity.counted)
		sched_put(&cpu->top, &part->entity);
	else if (part)
		part->entity.owed = 0;
	throttle(cpu, task, release);
	if (cpu->told)
		cpu->told(cpu, task, true);
}

/* Each task is set aside at most once a period: so the loop's cost belongs to the periods, not to the picks. */
struct sched_task *sched_next(struct sched_cpu *cpu, u64 now)
{
	struct sched_task *task;
	u64 release = 0;

	release_due(cpu, now);
	while ((task = pick(cpu)) && !grant(cpu, task, now, &release))
		set_aside(cpu, task, release);
	cpu->running = task;
	if (task)
		task->state = SCHED_TASK_RUNNING;
	if (task && task->group)
		refresh_part(cpu, part_of(cpu, task));
	sched_balance_running(cpu, now);
	return task;
}

bool sched_task_preempts(const struct sched_cpu *cpu, const struct sched_task *queued)
{
	const struct sched_task *running = cpu->running;

	if (!running)
		return true;
	if (queued->state != SCHED_TASK_QUEUED)
		return false;
	if (queued->group && queued->group == running->group)
		return sched_preempts(&part_of(cpu, queued)->queue, &queued->entity, &running->entity);
	return sched_preempts(&cpu->top, top_entity(cpu, queued), top_entity(cpu, running));
}

u64 sched_next_decision(const struct sched_cpu *cpu, u64 now)
{
	const struct sched_task *running = cpu->running, *first = first_throttled(cpu);
	u64 ticks = SCHED_NEVER;

	if (first)
		ticks = (s64)(first->release - now) > 0 ? first->release - now : 0;
	if (!running)
		return ticks;
	if (running->limited)
		ticks = MIN(ticks, running->granted);
	if (running->group && part_of(cpu, running)->queue.count)
		ticks = MIN(ticks, sched_slice_left(&running->entity));
	if (cpu->top.count)
		ticks = MIN(ticks, sched_slice_left(top_entity(cpu, running)));
	if (READ_ONCE(cpu->waiting)) /* also for those who might go elsewhere */
		ticks = MIN(ticks, cpu->look);
	return ticks;
}

void sched_task_set_weight(struct sched_cpu *cpu, struct sched_task *task, u32 weight)
{
	struct sched_part *part = part_of(cpu, task);
	u32 new_weight = MIN(MAX(weight, SCHED_WEIGHT_MIN), SCHED_WEIGHT_MAX) << SCHED_WEIGHT_SHIFT;

	if (!task->entity.counted) {
		task->entity.weight = new_weight;
		return;
	}
	count_runnable(task, false);
	sched_reweigh(part ? &part->queue : &cpu->top, &task->entity, new_weight, task->state == SCHED_TASK_QUEUED);
	count_runnable(task, true);
	if (part)
		refresh_part(cpu, part);
	publish(cpu);
}

void sched_task_set_allowed(struct sched_cpu *cpu, struct sched_task *task, const struct cpu_mask *allowed)
{
	task->allowed = *allowed;
	task->pinned = cpu_mask_count(allowed) == 1;
	if (cpu->running == task)
		sched_balance_allowed(cpu);
}

void sched_group_set_shares(struct sched_group *group, u32 shares)
{
	WRITE_ONCE(group->shares, MIN(MAX(shares, SCHED_WEIGHT_MIN), SCHED_WEIGHT_MAX));
}
