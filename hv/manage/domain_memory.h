/* SPDX-License-Identifier: MIT */
/* A domain's memory while it runs: setmem, setmaxmem, dommemstat. Thread context; flags: enum domain_tune_flags. */
#ifndef HV_MANAGE_DOMAIN_MEMORY_H
#define HV_MANAGE_DOMAIN_MEMORY_H

#include "hv/manage/domain.h"

/* Rounded up to whole MiB. Live: the balloon's target; what the host has not is refused. */
MUST_CHECK int domain_set_memory(struct domain *domain, u64 kib, unsigned flags, struct manage_error *error);
/* Only of the next start: what a running machine could have at most stands in its tables. */
MUST_CHECK int domain_set_max_memory(struct domain *domain, u64 kib, unsigned flags, struct manage_error *error);
/* How old statistics may be; 0: none are asked for. */
MUST_CHECK int domain_set_memory_stats_period(struct domain *domain, u64 period_s, unsigned flags, struct manage_error *error);

struct domain_memory_stat {
	const char *name; /* "actual" */
	u64 value;        /* KiB, a count, or (last_update) seconds since 1970 */
};
#define DOMAIN_MEMORY_STATS_MAX 14
/* *count of them, in libvirt's order. Waits a moment for the guest if its last ones are older than the period. */
MUST_CHECK int domain_memory_stats(struct domain *domain, struct domain_memory_stat stats[DOMAIN_MEMORY_STATS_MAX], u32 *count,
				   struct manage_error *error);

#endif
