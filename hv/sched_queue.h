/* SPDX-License-Identifier: MIT */
/*
 * One queue of the scheduler: proportional share by earliest eligible virtual deadline. Pure: no clock, no locks.
 *
 * Each entity owns a share of what the queue hands out by its weight. Virtual time of the queue passes as service / total
 * weight, so an entity that got exactly its share has its start tag at the queue's virtual time. It is eligible when its start
 * is not ahead of that; among the eligible the earliest deadline (start + request / weight) runs.
 * Stoica, Abdel-Wahab, "Earliest Eligible Virtual Deadline First" (1995).
 * An entity is a thread, or a machine's part on one CPU, which has a queue of its own: hv/sched_policy.h, to be read next.
 */
#ifndef HV_SCHED_QUEUE_H
#define HV_SCHED_QUEUE_H

#include "hv/lib/heap.h"
#include "hv/lib/types.h"

#define SCHED_WEIGHT_DEFAULT 1024u /* libvirt's cpu_shares */
#define SCHED_WEIGHT_MIN 2u
#define SCHED_WEIGHT_MAX 262144u
/* Weights are kept this much finer, so that the smallest share can still be divided among CPUs. */
#define SCHED_WEIGHT_SHIFT 8
/* Whoever comes back asks for this part of a slice first: its deadline is near, its share the same. */
#define SCHED_WAKE_FRACTION 8u

#define SCHED_UNIT_SHIFT 20

struct sched_entity {
	struct heap_node node;
	u64 start, deadline; /* virtual time: ticks * 2^SCHED_UNIT_SHIFT / weight */
	u32 weight;          /* libvirt's << SCHED_WEIGHT_SHIFT */
	bool eligible;       /* which of the two heaps holds it */
	bool counted;        /* its weight is part of the queue's total: queued or running */
	u64 slice;           /* ticks it asks for at a time */
	bool is_part;        /* the owner's: not a task but a group's part of a CPU */
	u64 owed, lead;      /* virtual: what it was short of, or ahead by, when it left */
};

struct sched_queue {
	struct heap eligible;   /* by deadline */
	struct heap waiting;    /* by start */
	u64 time;               /* virtual */
	u64 total_weight;       /* of counted entities */
	u32 count;              /* in the heaps */
	struct sched_entity *preferred; /* queued here, and to be picked next; NULL: none */
};

void sched_queue_init(struct sched_queue *queue);
void sched_entity_init(struct sched_entity *entity, u32 weight, u64 slice); /* weight: libvirt's, cut to its limits */
/* Wakes up or is new: comes back at the queue's time; what it was owed when it left it still gets, as it still owes its lead. */
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
/* The next pick takes this queued entity. False: it is ahead of its share by more than a slice already. */
bool sched_prefer(struct sched_queue *queue, struct sched_entity *entity);
/* Takes a queued entity out, to another queue. */
void sched_take(struct sched_queue *queue, struct sched_entity *entity);
/* A counted entity's weight changes; what it is owed in ticks, or owes, stays. queued: it is in a heap. */
void sched_reweigh(struct sched_queue *queue, struct sched_entity *entity, u32 weight, bool queued);
/* It is owed so much virtual time more, as of now. */
void sched_favour(struct sched_queue *queue, struct sched_entity *entity, u64 virtual_time, bool queued);
/* A queued entity asks for less at once: something in it has woken up. Its share stays. */
void sched_hurry(struct sched_queue *queue, struct sched_entity *entity);
/* Should a queued entity run at once in place of the running one? */
static inline bool sched_preempts(const struct sched_queue *queue, const struct sched_entity *queued,
				  const struct sched_entity *running)
{
	return (s64)(queue->time - queued->start) >= 0 && (s64)(queued->deadline - running->deadline) < 0;
}
/* Ticks until the running one should be compared again with the queue. */
static inline u64 sched_slice_left(const struct sched_entity *running)
{
	s64 left = (s64)(running->deadline - running->start);

	/* The two halves apart: the product of the whole could pass 2^64. */
	return left <= 0 ? 0 : ((u64)left >> SCHED_UNIT_SHIFT) * running->weight +
			       (((u64)left & MASK64(SCHED_UNIT_SHIFT - 1, 0)) * running->weight >> SCHED_UNIT_SHIFT);
}
/* What so many ticks are in the virtual time of this weight. */
u64 sched_virtual(u64 ticks, u32 weight);
/* Looks at up to max queued entities, those that would run soonest first (roughly); returns how many. */
u32 sched_peek(const struct sched_queue *queue, struct sched_entity **entities, u32 max);

#endif
