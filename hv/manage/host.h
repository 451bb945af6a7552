/* SPDX-License-Identifier: MIT */
/*
 * The host as management sees it: what it is, how much it has, how long it runs, its log, its power switch.
 * Takes and returns data, never text for a terminal. Thread context.
 */
#ifndef HV_MANAGE_HOST_H
#define HV_MANAGE_HOST_H

#include "hv/lib/types.h"

struct host_node {
	char cpu_model[64];   /* the architecture, as libvirt's nodeinfo: x86_64 */
	char cpu_brand[64];   /* the CPU's own name for itself */
	u32 cpus, mhz, numa_cells, sockets, cores_per_socket, threads_per_core;
	u64 memory_kib;
};
void host_node(struct host_node *node);

struct host_memory {
	u64 total_kib, free_kib, buffers_kib, cached_kib; /* libvirt's four; the last two are 0 here */
};
void host_memory(struct host_memory *memory);

/* What the host's memory is used for, in the order of a listing; rows as libvirt has none. Returns how many. */
struct host_memory_use {
	const char *what; /* lives for ever */
	u64 kib;
};
#define HOST_MEMORY_USES_MAX 12
u64 host_live_objects(void); /* what kmalloc has given out and not got back: pages of slabs can be kept, these must balance */
u32 host_memory_uses(struct host_memory_use uses[HOST_MEMORY_USES_MAX]);

struct host_cpu_time {
	u64 user_ns, system_ns, idle_ns, iowait_ns; /* user: in guests; system: in Solera itself */
};
/* ERR_NOT_FOUND: no such CPU. HOST_ALL_CPUS: the sum. */
#define HOST_ALL_CPUS (~0u)
MUST_CHECK int host_cpu_time(u32 cpu, struct host_cpu_time *time);

const char *host_version(void);    /* "0.1.0" */
const char *host_build(void);      /* debug or release */
u64 host_uptime_ns(void);
u64 host_wall_ns(void);            /* since 1970-01-01 UTC */

struct host_log_line {
	u64 sequence, time_ns;
	int level; /* enum log_level */
	char text[481]; /* longer lines are cut */
};
/* The first line with a sequence not below *sequence; sets *sequence to the one after it. False: there is none yet. */
bool host_log_read(u64 *sequence, struct host_log_line *line);

/* They return only when the firmware and the chipset refused. */
void host_power_off(void);
void host_reset(void);

#endif
