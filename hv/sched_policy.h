/* SPDX-License-Identifier: MIT */
/*
 * Which task runs next on a CPU: two levels of shares, and caps. Pure: no clock, no locks; time is in ticks.
 *
 *   CPU's queue ──┬── host task                        a task: a thread. A group: a machine, with shares of its own.
 *                 └── group's part on this CPU ──┬── task        (vCPUs, and its I/O and helper threads)
 *                                                └── task
 *
 * A part's weight is the group's shares times what runs here of it / what runs of it everywhere; so a group weighs the same
 * however many vCPUs it has and wherever they are. This is what CFS does with task groups (Linux: kernel/sched/fair.c), and
 * it was preferred to one level with divided weights: on one CPU the part's weight never changes while vCPUs come and
 * go, so a guest cannot gain by waking and sleeping; on several, a stale weight lives at most until the part's next
 * turn. What a group leaves unused goes to everybody by their shares.
 * Not here: which CPU a task belongs to (hv/sched_balance.h, to be read next), and who calls (hv/thread.c, under the CPU's
 * run-queue lock; a group's totals are atomic, a part is its CPU's).
 */
#ifndef HV_SCHED_POLICY_H
#define HV_SCHED_POLICY_H

#include "hv/lib/cpu_mask.h"
#include "hv/sched_cap.h"
#include "hv/sched_queue.h"

#define SCHED_NEVER (~(u64)0)

struct sched_part { /* a group on one CPU */
	struct sched_entity entity;
	struct sched_queue queue;
	struct sched_group *group;
	u64 served, helped; /* ticks that the group had here, and of them its helpers */
};

struct sched_group {
	u32 shares;              /* (a) libvirt's cpu_shares */
	u64 runnable;            /* (a) weight of its runnable tasks, on all CPUs */
	struct sched_cap whole;  /* global_period, global_quota: all that the machine does */
	struct sched_cap helpers; /* emulator_period, emulator_quota: its threads that are no vCPUs */
	struct sched_part *parts; /* (c) one a CPU, the caller's memory */
	u32 part_count;          /* (c) */
};

enum sched_task_state { SCHED_TASK_OFF, SCHED_TASK_QUEUED, SCHED_TASK_RUNNING, SCHED_TASK_THROTTLED };

struct sched_task {
	struct sched_entity entity;
	struct sched_group *group;  /* NULL: the host's own */
	struct sched_cap own;       /* vcpu_period, vcpu_quota */
	struct sched_cap *helpers;  /* &group->helpers, or NULL for a vCPU */
	struct cpu_mask allowed;    /* affinity */
	bool pinned;                /* to one CPU: nobody need look for another */
	u8 state;                   /* enum sched_task_state */
	bool limited;               /* a cap granted what it runs on */
	bool in_transit;            /* it left a CPU for another one, and did not sleep: set by sched_remove, or before sched_stop */
	u64 granted, granted_at;    /* ticks left of the grant */
	u64 release;                /* throttled: until when */
	u32 home;                   /* the CPU in whose virtual time its entity stands */
	u64 recent, recent_at;      /* service of the last seconds, fading: hv/sched_balance.c */
	u64 credit, gift;           /* ticks that it is to get first where it is moved to; added by the mover */
	u64 booked;                 /* of such credit, what it did not get yet */
};

struct sched_cpu {
	u32 index;
	u64 slice;                  /* (c) ticks */
	u64 look;                   /* ticks; while somebody waits, the longest time without a decision: a fraction of a slice where there are
				     * several CPUs, so that who had less soon finds one that has room. The caller may change it */
	u64 memory;                 /* (c) ticks; for how long inequality is remembered */
	struct sched_queue top;
	struct heap throttled;      /* by release */
	u32 waiting;                /* (a) tasks that are queued, on both levels */
	struct sched_task *running; /* NULL: idle */
	/* (a) for other CPUs' decisions, which may be a little late: */
	u64 load;                   /* total weight of the top queue */
	u64 running_recent, running_at; /* the running one's recent service, and when that was */
	u32 running_weight;         /* its weight on one level; 0: idle */
	struct cpu_mask running_allowed; /* where it may go */
	u64 claims;                 /* what is booked here */
	/* (c) told of a task that a cap stops, and of its release; NULL: nobody listens */
	void (*told)(const struct sched_cpu *cpu, const struct sched_task *task, bool throttled);
};

void sched_cpu_init(struct sched_cpu *cpu, u32 index, u64 slice, u64 memory);
/* parts: `count` of them, zeroed. slice: as the CPUs'. */
void sched_group_init(struct sched_group *group, u32 shares, struct sched_part *parts, u32 count, u64 slice);
void sched_task_init(struct sched_task *task, struct sched_group *group, u32 weight, u64 slice);

/* New, woken up, or come from another CPU. It is queued, or throttled. */
void sched_add(struct sched_cpu *cpu, struct sched_task *task, u64 now);
/* A queued or throttled task leaves for another CPU. */
void sched_remove(struct sched_cpu *cpu, struct sched_task *task);
/* The running task got so many ticks since the last charge. */
void sched_run(struct sched_cpu *cpu, u64 now, u64 ticks);
/* The running task, just charged, is no longer running: it goes back, or (sleeps) waits for something else, or is in transit. */
void sched_stop(struct sched_cpu *cpu, u64 now, bool sleeps);
/* The running task gives up the rest of its slice (thread_yield). */
void sched_yield_task(struct sched_cpu *cpu); /* not sched_yield: hosted tests have that of the C library */
/*
 * The running task gives its turn to a queued one of its group that is on this CPU, too: that one runs next where the group's
 * part does, as long as it is not ahead of its own share by more than a slice (hv/sched_directed.h says for whom).
 * The group as a whole neither gains nor loses: its part stays where it is. False: not possible, nothing is changed.
 */
bool sched_yield_to(struct sched_cpu *cpu, struct sched_task *target);
/* The next one, now running; NULL: idle. Nothing runs before. */
struct sched_task *sched_next(struct sched_cpu *cpu, u64 now);
/* Should the queued task run at once in place of the running one, which has just been charged? */
bool sched_task_preempts(const struct sched_cpu *cpu, const struct sched_task *queued);
/* Ticks until sched_next should decide again, counted from the last charge; SCHED_NEVER: not before something else happens. */
u64 sched_next_decision(const struct sched_cpu *cpu, u64 now);
/* Somebody's throttling is over: decide again. */
bool sched_release_due(const struct sched_cpu *cpu, u64 now);

/* Changes of a task or group that may be anywhere; on the task's CPU, charged. */
void sched_task_set_weight(struct sched_cpu *cpu, struct sched_task *task, u32 weight);
void sched_task_set_allowed(struct sched_cpu *cpu, struct sched_task *task, const struct cpu_mask *allowed);
void sched_group_set_shares(struct sched_group *group, u32 shares); /* each part takes it at its next turn */

#endif
