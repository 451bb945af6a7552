/* SPDX-License-Identifier: MIT */
/*
 * A simulator for the scheduling policy: virtual CPUs, virtual nanoseconds, workloads of spinners and sleepers in machines
 * (groups), and beside them the ideal: a fluid that every runnable actor drinks from by its share at every instant.
 *
 * It calls the very code that Solera runs (hv/sched_policy.h, hv/sched_balance.h), as hv/thread.c does.
 * Used by test_sched_policy.c and by the laboratory, tools/sched-lab.
 */
#ifndef HV_TEST_SCHED_SIM_H
#define HV_TEST_SCHED_SIM_H

#include "hv/sched_balance.h"

#define SIM_SLICE 5000000u /* ns, as in hv/thread_internal.h */
#define SIM_SECOND 1000000000u
#define SIM_MEMORY (8ull * SIM_SECOND)
#define SIM_TIMER_MIN 100000u
#define SIM_CPUS_MAX 64
#define SIM_GROUPS_MAX 64
#define SIM_ACTORS_MAX 1024

struct sim_group {
	struct sched_group group;
	struct sched_part *parts;
	char name[24];
};

struct sim_actor {
	struct sched_task task;
	char name[32];
	u64 burst, sleep;  /* runs so long, then sleeps so long; burst 0: never sleeps */
	bool random;       /* both vary from half to one and a half */
	/* in the course of it: */
	u64 left;          /* of this burst */
	u64 wake_at;       /* sleeping until; 0: runnable */
	u64 woken_at;      /* wants the CPU since; 0: had it since */
	u32 cpu;
	/* results, ns: */
	u64 got, most_latency, wakes, switches, moves;
	double ideal;      /* of the fluid */
};

struct sim {
	u32 cpu_count, group_count, actor_count;
	u64 now, seed;
	bool with_ideal;   /* compute the fluid at each change of what is runnable */
	struct sched_cpu cpu[SIM_CPUS_MAX];
	struct sched_cpu *cpus[SIM_CPUS_MAX];
	struct cpu_mask online;
	u64 charged_at[SIM_CPUS_MAX], decide_at[SIM_CPUS_MAX], idle[SIM_CPUS_MAX];
	struct sim_group groups[SIM_GROUPS_MAX];
	struct sim_actor actors[SIM_ACTORS_MAX];
	double rates[SIM_ACTORS_MAX];
	bool rates_old;
	u64 rates_at;
	u64 picks;
	/* told of each piece of CPU time; NULL: nobody listens */
	void (*ran)(void *context, u32 cpu, const struct sim_actor *actor, u64 from, u64 to);
	void *context;
};

/* A new simulation on so many CPUs; malloc'd. */
struct sim *sim_new(u32 cpus, u64 seed);
void sim_free(struct sim *sim);
struct sim_group *sim_add_group(struct sim *sim, const char *name, u32 shares);
/* group NULL: a host task. It starts when sim_run is first called. */
struct sim_actor *sim_add_actor(struct sim *sim, const char *name, struct sim_group *group, u64 burst, u64 sleep);
void sim_run(struct sim *sim, u64 duration_ns);
/* What each runnable actor would drink per second of fluid now: into sim->rates. */
void sim_fluid_rates(struct sim *sim);
u64 sim_random(struct sim *sim, u64 below);

#endif
