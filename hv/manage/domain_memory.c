/* SPDX-License-Identifier: MIT */
/* See domain_memory.h. The balloon's own words come through struct balloon_state and are the guest's: shown, never relied on. */
#include "hv/manage/domain_memory.h"
#include "hv/clock.h"
#include "hv/gmem.h"
#include "hv/lib/error.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/domain_tune.h"

#define BALLOON_ALIAS "balloon0"
#define ANSWER_NS (250 * NS_PER_MS) /* how long a guest has for fresh statistics before the old ones are shown */
#define LOOK_NS (5 * NS_PER_MS)

int domain_impact(struct domain *domain, unsigned flags, bool *live, bool *config, struct manage_error *error)
{
	*live = flags & DOMAIN_TUNE_LIVE || (!(flags & DOMAIN_TUNE_CONFIG) && domain->vm);
	*config = flags & DOMAIN_TUNE_CONFIG || (!(flags & DOMAIN_TUNE_LIVE) && !domain->vm);
	if (*live && !domain->vm)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
	if (*config && !domain->persistent)
		return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "transient domains do not have any persistent config");
	return OK;
}

static int no_balloon(struct manage_error *error)
{
	return manage_fail(error, MANAGE_ERR_OPERATION_INVALID,
			   "Unable to change memory of active domain without the balloon device and guest OS balloon driver");
}

/* [operation] May this description have so much? */
static int check(const struct domain_config *config, u64 kib, struct manage_error *error)
{
	if (kib > config->memory_kib)
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "cannot set memory higher than max memory");
	if (kib != config->memory_kib && !config->balloon.present)
		return no_balloon(error);
	return OK;
}

/* [operation] */
static int set_live(struct domain *domain, u64 kib, struct manage_error *error)
{
	struct balloon_state *state = domain_balloon_state(domain);
	u64 short_bytes;

	if (!state)
		return no_balloon(error);
	if (gmem_set_target(domain->vm, kib * 1024, &short_bytes) != OK)
		return manage_fail(error, MANAGE_ERR_NO_MEMORY, "the machine gave memory back, and this host lacks %llu KiB to give it again",
				   (unsigned long long)DIV_ROUND_UP(short_bytes, 1024));
	__atomic_store_n(&state->target_bytes, kib * 1024, __ATOMIC_RELEASE);
	vm_device_changed(domain->vm, BALLOON_ALIAS);
	return OK;
}

static void store(u64 *field, u64 value)
{
	mutex_lock(&domains_lock);
	*field = value;
	mutex_unlock(&domains_lock);
}

int domain_set_memory(struct domain *domain, u64 kib, unsigned flags, struct manage_error *error)
{
	bool live, config;
	int code;

	kib = ALIGN_UP(MIN(kib, DOMAIN_MEMORY_MAX_KIB + 1), 1024ull);
	if (!kib)
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "memory in domain_set_memory must not be zero");
	mutex_lock(&domain->operation);
	code = domain_impact(domain, flags, &live, &config, error);
	if (!code && config)
		code = check(&domain->config, kib, error);
	if (!code && live)
		code = check(&domain->running, kib, error);
	if (!code && live)
		code = set_live(domain, kib, error);
	if (!code && live)
		store(&domain->running.current_memory_kib, kib);
	if (!code && config) {
		store(&domain->config.current_memory_kib, kib);
		(void)domain_keep(domain);
	}
	mutex_unlock(&domain->operation);
	return code;
}

int domain_set_max_memory(struct domain *domain, u64 kib, unsigned flags, struct manage_error *error)
{
	bool live, config;
	int code;

	kib = ALIGN_UP(MIN(kib, DOMAIN_MEMORY_MAX_KIB + 1), 1024ull);
	mutex_lock(&domain->operation);
	code = domain_impact(domain, flags, &live, &config, error);
	if (!code && live)
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "cannot resize the maximum memory on an active domain");
	if (!code && (kib < DOMAIN_MEMORY_MIN_KIB || kib > DOMAIN_MEMORY_MAX_KIB))
		code = manage_fail(error, MANAGE_ERR_INVALID_ARG, "a machine has %llu KiB to %llu KiB of memory",
				   (unsigned long long)DOMAIN_MEMORY_MIN_KIB, (unsigned long long)DOMAIN_MEMORY_MAX_KIB);
	if (!code) {
		mutex_lock(&domains_lock);
		domain->config.memory_kib = kib;
		if (domain->config.current_memory_kib > kib || !domain->config.balloon.present)
			domain->config.current_memory_kib = kib;
		mutex_unlock(&domains_lock);
		(void)domain_keep(domain);
	}
	mutex_unlock(&domain->operation);
	return code;
}

int domain_set_memory_stats_period(struct domain *domain, u64 period_s, unsigned flags, struct manage_error *error)
{
	bool live, config;
	int code;

	mutex_lock(&domain->operation);
	code = domain_impact(domain, flags, &live, &config, error);
	if (!code && ((live && !domain->running.balloon.present) || (config && !domain->config.balloon.present)))
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "No memory balloon device configured, can not set the collection period");
	if (!code && period_s > DOMAIN_BALLOON_PERIOD_MAX)
		code = manage_fail(error, MANAGE_ERR_INVALID_ARG, "period %llu is out of range: seconds up to %u",
				   (unsigned long long)period_s, DOMAIN_BALLOON_PERIOD_MAX);
	if (!code) {
		mutex_lock(&domains_lock);
		if (live)
			domain->running.balloon.period_s = (u32)period_s;
		if (config)
			domain->config.balloon.period_s = (u32)period_s;
		mutex_unlock(&domains_lock);
		if (config)
			(void)domain_keep(domain);
	}
	mutex_unlock(&domain->operation);
	return code;
}

/* [operation] Asks the guest, unless what it said is young enough; what it said last is shown if it does not answer. */
static void refresh(struct domain *domain, struct balloon_state *state)
{
	u64 start = clock_ns(), period_ns = domain->running.balloon.period_s * NS_PER_S, updated = READ_ONCE(state->updated_ns);

	if (!period_ns || domain->state != DOMAIN_RUNNING || (updated && start - MIN(start, updated) < period_ns))
		return;
	__atomic_fetch_add(&state->polls, 1, __ATOMIC_RELEASE);
	vm_device_changed(domain->vm, BALLOON_ALIAS);
	while (__atomic_load_n(&state->updated_ns, __ATOMIC_ACQUIRE) == updated && clock_ns() - start < ANSWER_NS)
		thread_sleep_ns(LOOK_NS);
}

static void add(struct domain_memory_stat *stats, u32 *count, const char *name, u64 value)
{
	stats[(*count)++] = (struct domain_memory_stat){ name, value };
}

static void add_guests(struct domain_memory_stat *stats, u32 *count, const struct balloon_state *state)
{
	static const struct { const char *name; u8 tag; bool bytes; } rows[] = { /* in virsh's order, with the device's tags */
		{ "swap_in", 0, true }, { "swap_out", 1, true }, { "major_fault", 2, false }, { "minor_fault", 3, false },
		{ "unused", 4, true }, { "available", 5, true }, { "usable", 6, true },
	};
	static const struct { const char *name; u8 tag; bool bytes; } later[] = {
		{ "disk_caches", 7, true }, { "hugetlb_pgalloc", 8, false }, { "hugetlb_pgfail", 9, false },
	};
	u32 known = __atomic_load_n(&state->known, __ATOMIC_ACQUIRE);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (known & BIT32(rows[i].tag))
			add(stats, count, rows[i].name, READ_ONCE(state->statistics[rows[i].tag]) / (rows[i].bytes ? 1024 : 1));
	if (known)
		add(stats, count, "last_update", (clock_wall_ns() - (clock_ns() - READ_ONCE(state->updated_ns))) / NS_PER_S);
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (known & BIT32(later[i].tag))
			add(stats, count, later[i].name, READ_ONCE(state->statistics[later[i].tag]) / (later[i].bytes ? 1024 : 1));
}

int domain_memory_stats(struct domain *domain, struct domain_memory_stat stats[DOMAIN_MEMORY_STATS_MAX], u32 *count,
			struct manage_error *error)
{
	struct balloon_state *state;
	struct gmem_stats memory;
	struct domain_info info;
	int code = OK;

	*count = 0;
	mutex_lock(&domain->operation);
	if (!domain->vm) {
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
	} else {
		state = domain_balloon_state(domain);
		if (state)
			refresh(domain, state);
		domain_get_info(domain, &info);
		add(stats, count, "actual", info.current_memory_kib);
		if (state && domain->running.balloon.period_s)
			add_guests(stats, count, state);
		gmem_get_stats(domain->vm, &memory);
		add(stats, count, "rss", memory.populated_bytes / 1024);
	}
	mutex_unlock(&domain->operation);
	return code;
}
