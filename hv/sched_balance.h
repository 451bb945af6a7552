/* SPDX-License-Identifier: MIT */
/*
 * Which CPU a task belongs to: where a waking one goes, what an idle CPU steals, what a crowded CPU gives away. Pure.
 *
 * Queues of CPUs can seldom be filled equally (three spinners on two CPUs), so equal numbers are not the aim. Each task
 * knows what service it had in the last seconds. Where one waits that had less for its weight, by a slice or more, than
 * the one that runs on another CPU, it changes places with it: the inequality rotates, and each gets its share of the
 * whole machine. A heavy task alone on a CPU has little service for its weight, so nobody is sent to it.
 * What is said here of other CPUs is read without their locks (struct sched_cpu, "for other CPUs' decisions") and may be a
 * moment old: a decision can be late or needless, never wrong. Affinity is always respected.
 */
#ifndef HV_SCHED_BALANCE_H
#define HV_SCHED_BALANCE_H

#include "hv/sched_policy.h"

#define SCHED_NOBODY (~(u32)0)

/* All CPUs as the decisions see them: cpus[i] for each i of online. */
struct sched_machine {
	struct sched_cpu *const *cpus;
	const struct cpu_mask *online;
};

#define SCHED_LOOKS_A_SLICE 4u /* of a CPU among several (sched_cpu.look): hv/test/test_sched_policy.c shows what fewer cost in fairness */

/* For a waking or new task: the CPU it had if that idles, any that idles, the one that is loaded least. */
u32 sched_place(const struct sched_machine *machine, const struct sched_task *task, u32 previous);
/* For an idle CPU: whom to rob; SCHED_NOBODY: nobody waits anywhere. */
u32 sched_steal_from(const struct sched_machine *machine, u32 thief);
/* Under the victim's lock: the queued task to take (sched_remove, then sched_add on the thief); NULL: none may go there. */
struct sched_task *sched_steal(const struct sched_cpu *victim, u32 thief);
/*
 * For a CPU on which somebody waits, at the end of each slice, under its lock: the queued task that is to change to the CPU *to
 * (sched_remove here, then sched_add there, and a kick); NULL: all are where they should be.
 */
struct sched_task *sched_give_away(const struct sched_machine *machine, const struct sched_cpu *from, u64 now, u32 *to);

/* For hv/sched_policy.c: the book of recent service. */
void sched_balance_arrive(struct sched_cpu *cpu, struct sched_task *task, u64 now);
void sched_balance_depart(struct sched_cpu *cpu, struct sched_task *task);
void sched_balance_served(struct sched_cpu *cpu, struct sched_task *task, u64 now, u64 ticks);
void sched_balance_running(struct sched_cpu *cpu, u64 now);
/* The running task's affinity has changed. */
void sched_balance_allowed(struct sched_cpu *cpu);

#endif
