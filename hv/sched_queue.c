/* SPDX-License-Identifier: MIT */
/* Earliest eligible virtual deadline first. Virtual times wrap: they are compared by their signed difference. */
#include "hv/sched_queue.h"

#define UNIT_SHIFT SCHED_UNIT_SHIFT
/* One that ran alone for so long without a charge has nobody to be compared with; the product stays below 2^64. */
#define TICKS_MAX BIT64(42)

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
	return (MIN(ticks, TICKS_MAX) << UNIT_SHIFT) / weight;
}

u64 sched_virtual(u64 ticks, u32 weight)
{
	return scaled(ticks, weight);
}

/* a * b / c for quotients that fit; without 128-bit division, which no library gives us here. */
static u64 ratio(u64 a, u64 b, u64 c)
{
	return a / c * b + a % c * b / c;
}

void sched_queue_init(struct sched_queue *queue)
{
	*queue = (struct sched_queue){ .eligible = { NULL, deadline_before }, .waiting = { NULL, start_before } };
}

void sched_entity_init(struct sched_entity *entity, u32 weight, u64 slice)
{
	weight = MIN(MAX(weight, SCHED_WEIGHT_MIN), SCHED_WEIGHT_MAX);
	*entity = (struct sched_entity){ .weight = weight << SCHED_WEIGHT_SHIFT, .slice = slice };
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
	if (queue->preferred == entity)
		queue->preferred = NULL;
}

/* A distance in virtual time, of an entity of this weight, as a distance of the queue's time. */
static u64 spread(u64 distance, u64 weight, u64 total_weight)
{
	return distance && total_weight ? ratio(distance, weight, total_weight) : 0;
}

/*
 * The queue's time is the weighted mean of all starts. So whoever comes with a claim moves it back, and whoever leaves with
 * one moves it forward: what one is owed, the others owe together, and nobody else is compensated for it.
 */
void sched_join(struct sched_queue *queue, struct sched_entity *entity)
{
	u64 slice = scaled(entity->slice, entity->weight), owed = entity->owed, lead = 0;

	if (before(queue->time, entity->start)) {
		lead = MIN(entity->start - queue->time, slice);
		owed = 0;
	}
	entity->start = queue->time + lead - owed;
	entity->owed = 0;
	entity->deadline = entity->start + MAX(slice / SCHED_WAKE_FRACTION, owed);
	entity->counted = true;
	queue->total_weight += entity->weight;
	queue->time += spread(lead, entity->weight, queue->total_weight) - spread(owed, entity->weight, queue->total_weight);
	insert(queue, entity);
}

void sched_leave(struct sched_queue *queue, struct sched_entity *entity)
{
	u64 owed = before(entity->start, queue->time) ? queue->time - entity->start : 0;
	u64 lead = before(queue->time, entity->start) ? entity->start - queue->time : 0;

	entity->counted = false;
	queue->total_weight -= entity->weight;
	queue->time += spread(owed, entity->weight, queue->total_weight) - spread(lead, entity->weight, queue->total_weight);
	entity->owed = MIN(owed, scaled(entity->slice, entity->weight));
	entity->lead = lead;
	if (!queue->total_weight)
		queue->time += lead; /* nobody is left to have a claim on it */
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

bool sched_prefer(struct sched_queue *queue, struct sched_entity *entity)
{
	if (before(queue->time + scaled(entity->slice, entity->weight), entity->start))
		return false;
	queue->preferred = entity;
	return true;
}

struct sched_entity *sched_pick(struct sched_queue *queue)
{
	struct sched_entity *next = queue->preferred;

	if (UNLIKELY(next)) {
		extract(queue, next);
		return next;
	}
	while ((next = root_of(&queue->waiting)) && !before(queue->time, next->start)) {
		heap_remove(&queue->waiting, &next->node);
		next->eligible = true;
		heap_insert(&queue->eligible, &next->node);
	}
	while ((next = root_of(&queue->eligible)) && before(queue->time, next->start)) {
		heap_remove(&queue->eligible, &next->node); /* somebody came with a claim since */
		next->eligible = false;
		heap_insert(&queue->waiting, &next->node);
	}
	if (!next) {
		/* By rounding alone: the mean is not before all starts. */
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

/* A distance in virtual time, for another weight the same number of ticks. */
static u64 rescaled(u64 to, u64 from, u32 old, u32 new)
{
	return before(to, from) ? -ratio(from - to, old, new) : ratio(to - from, old, new);
}

void sched_reweigh(struct sched_queue *queue, struct sched_entity *entity, u32 weight, bool queued)
{
	u64 request;

	if (weight == entity->weight)
		return;
	request = rescaled(entity->deadline, entity->start, entity->weight, weight);
	if (queued)
		extract(queue, entity);
	entity->start = queue->time + rescaled(entity->start, queue->time, entity->weight, weight);
	entity->deadline = entity->start + request;
	queue->total_weight += (u64)weight - entity->weight;
	entity->weight = weight;
	if (queued)
		insert(queue, entity);
}

void sched_favour(struct sched_queue *queue, struct sched_entity *entity, u64 virtual_time, bool queued)
{
	if (queued)
		extract(queue, entity);
	entity->start -= virtual_time;
	entity->deadline -= virtual_time;
	queue->time -= spread(virtual_time, entity->weight, queue->total_weight);
	if (queued)
		insert(queue, entity);
}

void sched_hurry(struct sched_queue *queue, struct sched_entity *entity)
{
	u64 deadline = (before(entity->start, queue->time) ? queue->time : entity->start) +
		       scaled(entity->slice, entity->weight) / SCHED_WAKE_FRACTION;
	if (!before(deadline, entity->deadline))
		return;
	extract(queue, entity);
	entity->deadline = deadline;
	insert(queue, entity);
}

void sched_give_up_slice(struct sched_entity *entity)
{
	entity->deadline = entity->start + 2 * scaled(entity->slice, entity->weight);
}

/* Breadth first from the root: a heap's upper nodes are among its earliest. */
static u32 peek_heap(const struct heap *heap, struct sched_entity **entities, u32 count, u32 max)
{
	u32 next = count;

	if (heap->root && count < max)
		entities[count++] = CONTAINER_OF(heap->root, struct sched_entity, node);
	for (; next < count; next++) {
		for (struct heap_node *node = entities[next]->node.child; node && count < max; node = node->next)
			entities[count++] = CONTAINER_OF(node, struct sched_entity, node);
	}
	return count;
}

u32 sched_peek(const struct sched_queue *queue, struct sched_entity **entities, u32 max)
{
	return peek_heap(&queue->waiting, entities, peek_heap(&queue->eligible, entities, 0, max), max);
}
