/* SPDX-License-Identifier: MIT */
/* The host as data: see host.h. Nothing is kept here; each call asks the core. */
#include "hv/clock.h"
#include "hv/host_cpu.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/log.h"
#include "hv/manage/host.h"
#include "hv/memory.h"
#include "hv/pages.h"
#include "hv/power.h"
#include "hv/slab.h"
#include "hv/version.h"

void host_node(struct host_node *node)
{
	struct host_cpu_topology topology;
	struct pages_stats stats;

	memset(node, 0, sizeof(*node));
	node->cpus = host_cpu_count();
	host_cpu_topology_here(&topology);
	string_copy(node->cpu_model, "x86_64", sizeof(node->cpu_model));
	string_copy(node->cpu_brand, topology.brand, sizeof(node->cpu_brand));
	node->mhz = (u32)((clock_tsc_hz() + 500000) / 1000000);
	node->numa_cells = 1;
	node->sockets = topology.sockets;
	node->cores_per_socket = topology.cores_per_socket;
	node->threads_per_core = topology.threads_per_core;
	pages_stats(&stats);
	node->memory_kib = stats.total_pages * (PAGE_SIZE / KIB);
}

void host_memory(struct host_memory *memory)
{
	struct pages_stats stats;

	pages_stats(&stats);
	memory->total_kib = stats.total_pages * (PAGE_SIZE / KIB);
	memory->free_kib = (stats.free_pages - MIN(stats.reserved_pages, stats.free_pages)) * (PAGE_SIZE / KIB);
	memory->buffers_kib = 0;
	memory->cached_kib = 0;
}

u32 host_memory_uses(struct host_memory_use uses[HOST_MEMORY_USES_MAX])
{
	static const struct { const char *what; enum page_owner owner; } rows[] = {
		{ "guests", PAGE_OWNER_GUEST },   { "nested", PAGE_OWNER_NESTED }, { "modules", PAGE_OWNER_MODULE },
		{ "general", PAGE_OWNER_HOST },   { "slabs", PAGE_OWNER_SLAB },    { "stacks", PAGE_OWNER_STACK },
		{ "tables", PAGE_OWNER_TABLE },   { "dma", PAGE_OWNER_DMA },
	};
	u64 solera = memory_host_bytes() / KIB, rest = solera;
	struct pages_stats stats;
	u32 count = 0;

	pages_stats(&stats);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 kib = stats.by_owner[rows[i].owner] * (PAGE_SIZE / KIB);

		uses[count++] = (struct host_memory_use){ rows[i].what, kib };
		if (i > 2)
			rest -= MIN(rest, kib);
	}
	uses[count++] = (struct host_memory_use){ "image", rest };
	uses[count++] = (struct host_memory_use){ "solera", solera };
	return count;
}

u64 host_live_objects(void)
{
	return slab_objects();
}

int host_cpu_time(u32 cpu, struct host_cpu_time *time)
{
	u32 first = cpu == HOST_ALL_CPUS ? 0 : cpu, last = cpu == HOST_ALL_CPUS ? host_cpu_count() : cpu + 1;

	memset(time, 0, sizeof(*time));
	for (u32 i = first; i < last; i++) {
		struct host_cpu_ns ns;

		if (host_cpu_ns(i, &ns) != OK)
			return ERR_NOT_FOUND;
		time->user_ns += ns.guest;
		time->system_ns += ns.host;
		time->idle_ns += ns.idle;
	}
	return OK;
}

const char *host_version(void)
{
	return solera_version;
}

const char *host_build(void)
{
	return solera_config;
}

u64 host_uptime_ns(void)
{
	return clock_ns();
}

u64 host_wall_ns(void)
{
	return clock_wall_ns();
}

bool host_log_read(u64 *sequence, struct host_log_line *line)
{
	struct log_record record;

	if (!log_read(sequence, &record))
		return false;
	line->sequence = *sequence;
	line->time_ns = record.time_ns;
	line->level = (int)record.level;
	string_copy(line->text, record.text, sizeof(line->text));
	return true;
}

void host_power_off(void)
{
	power_off();
}

void host_reset(void)
{
	power_reset();
}
