/* SPDX-License-Identifier: MIT */
/* The arithmetic of sched_policy.h. Virtual time wraps after centuries, so plain comparison is right. */
#include "hv/sched_policy.h"

static u64 to_virtual(const struct sched_entity *entity, u64 ns)
{
	return ns * SCHED_WEIGHT_DEFAULT / entity->weight;
}

static u64 deadline(const struct sched_entity *entity)
{
	return entity->virtual_start + to_virtual(entity, SCHED_SLICE_NS);
}

void sched_entity_init(struct sched_entity *entity, u32 weight)
{
	*entity = (struct sched_entity){ .weight = weight };
}

void sched_enqueue(struct sched_queue *queue, struct sched_entity *entity)
{
	u64 slice = to_virtual(entity, SCHED_SLICE_NS);
	u64 earliest = queue->virtual_time > slice ? queue->virtual_time - slice : 0;

	if (entity->virtual_start < earliest)
		entity->virtual_start = earliest;
	entity->queued = true;
	queue->count++;
	ordered_insert(&queue->tree, &entity->node, deadline(entity));
}

void sched_dequeue(struct sched_queue *queue, struct sched_entity *entity)
{
	ordered_remove(&queue->tree, &entity->node);
	entity->queued = false;
	queue->count--;
}

struct sched_entity *sched_pick(struct sched_queue *queue)
{
	struct sched_entity *entity;

	if (!queue->tree.first)
		return NULL;
	entity = CONTAINER_OF(queue->tree.first, struct sched_entity, node);
	sched_dequeue(queue, entity);
	if (entity->virtual_start > queue->virtual_time)
		queue->virtual_time = entity->virtual_start;
	return entity;
}

void sched_charge(struct sched_entity *entity, u64 ran_ns)
{
	entity->virtual_start += to_virtual(entity, ran_ns);
}

bool sched_should_preempt(const struct sched_queue *queue, const struct sched_entity *running)
{
	return queue->tree.first && queue->tree.first->key < deadline(running);
}
