/* SPDX-License-Identifier: MIT */
/*
 * Which thread runs next: proportional share by earliest eligible virtual deadline. Pure: no clock, no locks.
 *
 * Each entity owns a share of the CPU by its weight. Virtual time of the queue passes as service / total weight, so an
 * entity that got exactly its share has its start tag at the queue's virtual time. It is eligible when its start is not
 * ahead of that; among the eligible the earliest deadline (start + slice / weight) runs.
 * Stoica, Abdel-Wahab, "Earliest Eligible Virtual Deadline First" (1995).
 * An entity is a thread today; a group of threads (a machine's share) can be one as well, with a queue of its own.
 */
#ifndef HV_SCHED_POLICY_H
#define HV_SCHED_POLICY_H

#include "hv/lib/heap.h"
#include "hv/lib/types.h"

#define SCHED_WEIGHT_DEFAULT 1024u /* libvirt's cpu_shares */
#define SCHED_WEIGHT_MIN 2u
#define SCHED_WEIGHT_MAX 262144u

struct sched_entity {
	struct heap_node node;
	u64 start, deadline; /* virtual time: ticks * 1024 / weight */
	u32 weight;
	bool eligible;       /* which of the two heaps holds it */
	bool counted;        /* its weight is part of the queue's total: queued or running */
	u64 slice;           /* ticks it asks for at a time */
};

struct sched_queue {
	struct heap eligible;   /* by deadline */
	struct heap waiting;    /* by start */
	u64 time;               /* virtual */
	u64 total_weight;       /* of counted entities */
	u32 count;              /* in the heaps */
};

void sched_queue_init(struct sched_queue *queue);
void sched_entity_init(struct sched_entity *entity, u32 weight, u64 slice);
/* Wakes up or is new: comes back at the queue's time, unless it ran ahead of its share before it slept. */
void sched_join(struct sched_queue *queue, struct sched_entity *entity);
/* The running entity sleeps, ends, or moves to another queue. It is not in a heap. */
void sched_leave(struct sched_queue *queue, struct sched_entity *entity);
/* The running entity got so many ticks since the last charge. */
void sched_charge(struct sched_queue *queue, struct sched_entity *entity, u64 ticks);
/*
 * The running entity, just charged, gives up the rest of its slice: its deadline moves to two slices after its start, so that
 * others that can run come first. Doing it again moves nothing more, so that it costs no share.
 */
void sched_give_up_slice(struct sched_entity *entity);
/* The running entity goes back into the queue, still runnable. */
void sched_put(struct sched_queue *queue, struct sched_entity *entity);
/* Takes the next one out; NULL: none. */
struct sched_entity *sched_pick(struct sched_queue *queue);
/* Takes a queued entity out, to another queue. */
void sched_take(struct sched_queue *queue, struct sched_entity *entity);
/* Should a queued entity run at once in place of the running one? */
bool sched_preempts(const struct sched_queue *queue, const struct sched_entity *queued, const struct sched_entity *running);
/* Ticks until the running one should be compared again with the queue. */
u64 sched_slice_left(const struct sched_entity *running);

#endif
