/* SPDX-License-Identifier: MIT */
/* Earliest eligible virtual deadline first. Virtual times wrap: they are compared by their signed difference. */
#include "hv/sched_policy.h"

#define UNIT 1024u /* virtual ticks of an entity of weight 1024 are real ticks */

static bool before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

static const struct sched_entity *entity_of(const struct heap_node *node)
{
	return (const struct sched_entity *)((const char *)node - offsetof(struct sched_entity, node));
}

static bool deadline_before(const struct heap_node *a, const struct heap_node *b)
{
	return before(entity_of(a)->deadline, entity_of(b)->deadline);
}

static bool start_before(const struct heap_node *a, const struct heap_node *b)
{
	return before(entity_of(a)->start, entity_of(b)->start);
}

static struct sched_entity *root_of(const struct heap *heap)
{
	return heap->root ? CONTAINER_OF(heap->root, struct sched_entity, node) : NULL;
}

static u64 scaled(u64 ticks, u64 weight)
{
	return ticks * UNIT / weight;
}

void sched_queue_init(struct sched_queue *queue)
{
	*queue = (struct sched_queue){ .eligible = { NULL, deadline_before }, .waiting = { NULL, start_before } };
}

void sched_entity_init(struct sched_entity *entity, u32 weight, u64 slice)
{
	*entity = (struct sched_entity){ .weight = MIN(MAX(weight, SCHED_WEIGHT_MIN), SCHED_WEIGHT_MAX), .slice = slice };
}

static void insert(struct sched_queue *queue, struct sched_entity *entity)
{
	entity->eligible = !before(queue->time, entity->start);
	heap_insert(entity->eligible ? &queue->eligible : &queue->waiting, &entity->node);
	queue->count++;
}

static void extract(struct sched_queue *queue, struct sched_entity *entity)
{
	heap_remove(entity->eligible ? &queue->eligible : &queue->waiting, &entity->node);
	queue->count--;
}

void sched_join(struct sched_queue *queue, struct sched_entity *entity)
{
	u64 request = scaled(entity->slice, entity->weight);

	/* Ahead by at most one request: an older lead has been slept off, or belongs to another queue's time. */
	if (before(entity->start, queue->time) || before(queue->time + request, entity->start))
		entity->start = queue->time;
	entity->deadline = entity->start + request;
	entity->counted = true;
	queue->total_weight += entity->weight;
	insert(queue, entity);
}

void sched_leave(struct sched_queue *queue, struct sched_entity *entity)
{
	entity->counted = false;
	queue->total_weight -= entity->weight;
}

void sched_charge(struct sched_queue *queue, struct sched_entity *entity, u64 ticks)
{
	entity->start += scaled(ticks, entity->weight);
	if (queue->total_weight)
		queue->time += scaled(ticks, queue->total_weight);
	if (!before(entity->start, entity->deadline))
		entity->deadline = entity->start + scaled(entity->slice, entity->weight);
}

void sched_put(struct sched_queue *queue, struct sched_entity *entity)
{
	insert(queue, entity);
}

struct sched_entity *sched_pick(struct sched_queue *queue)
{
	struct sched_entity *next;

	while ((next = root_of(&queue->waiting)) && !before(queue->time, next->start)) {
		heap_remove(&queue->waiting, &next->node);
		next->eligible = true;
		heap_insert(&queue->eligible, &next->node);
	}
	next = root_of(&queue->eligible);
	if (!next) {
		/* Nobody is owed anything (those who were have left): the CPU does not idle for that. */
		next = root_of(&queue->waiting);
		if (!next)
			return NULL;
		queue->time = next->start;
	}
	extract(queue, next);
	return next;
}

void sched_take(struct sched_queue *queue, struct sched_entity *entity)
{
	extract(queue, entity);
	sched_leave(queue, entity);
}

bool sched_preempts(const struct sched_queue *queue, const struct sched_entity *queued, const struct sched_entity *running)
{
	return !before(queue->time, queued->start) && before(queued->deadline, running->deadline);
}

void sched_give_up_slice(struct sched_entity *entity)
{
	entity->deadline = entity->start + 2 * scaled(entity->slice, entity->weight);
}

u64 sched_slice_left(const struct sched_entity *running)
{
	u64 left = before(running->start, running->deadline) ? running->deadline - running->start : 0;

	return left * running->weight / UNIT;
}
