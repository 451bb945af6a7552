/* SPDX-License-Identifier: MIT */
/*
 * Who runs next on one CPU: proportional share by virtual deadlines. Pure: the unit tests simulate it.
 *
 * Each entity has a weight. Its virtual start moves on by (time it ran) * 1024 / weight; its virtual deadline is the start
 * plus one slice in the same measure, and the earliest deadline runs. Over time all runnable entities' virtual starts stay
 * within a slice of each other, so each gets its weight's share. One that slept comes back at most one slice early, so that
 * it runs soon but cannot save up time. All operations are O(log n).
 * Not locked: hv/thread.c calls it under the run queue's lock. Next to read: hv/thread.c.
 */
#ifndef HV_SCHED_POLICY_H
#define HV_SCHED_POLICY_H

#include "hv/lib/ordered_tree.h"

#define SCHED_WEIGHT_DEFAULT 1024u
#define SCHED_WEIGHT_MIN 2u
#define SCHED_WEIGHT_MAX 262144u
#define SCHED_SLICE_NS 3000000ull

struct sched_entity {
	struct ordered_node node; /* key: the virtual deadline */
	u64 virtual_start;        /* virtual ns */
	u32 weight;
	bool queued;
};

struct sched_queue {
	struct ordered_tree tree; /* runnable, without the running one */
	u64 virtual_time;         /* the largest virtual start that was ever chosen */
	u32 count;
};

void sched_entity_init(struct sched_entity *entity, u32 weight);
/* It can run now: after sleep, when new, or when it lost the CPU. */
void sched_enqueue(struct sched_queue *queue, struct sched_entity *entity);
void sched_dequeue(struct sched_queue *queue, struct sched_entity *entity); /* moved or stopped while queued */
/* Takes the earliest deadline out; NULL: nobody is runnable. */
struct sched_entity *sched_pick(struct sched_queue *queue);
/* The running entity has used so much of the CPU since the last call. */
void sched_charge(struct sched_entity *entity, u64 ran_ns);
/* Shall the first one in the queue take the CPU from the running one, which is charged up to now? */
bool sched_should_preempt(const struct sched_queue *queue, const struct sched_entity *running);

#endif
