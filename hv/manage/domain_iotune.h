/* SPDX-License-Identifier: MIT */
/* A disk's limits: <iotune>, and what blkdeviotune shows and sets. libvirt's names and rules. Thread context. */
#ifndef HV_MANAGE_DOMAIN_IOTUNE_H
#define HV_MANAGE_DOMAIN_IOTUNE_H

#include "hv/device_model.h"
#include "hv/manage/domain_tune.h"

#define DOMAIN_IOTUNE_COUNT (2u * DISK_LIMITS)

/* The limits in enum disk_limit's order, "total_bytes_sec", then their bursts, "total_bytes_sec_max". */
extern const char *const domain_iotune_names[DOMAIN_IOTUNE_COUNT];
#define DOMAIN_IOTUNE_MAX 1000000000000000ull /* libvirt's */

/* NULL: they go together; else why not, into words. */
const char *domain_iotune_problem(const u64 values[DOMAIN_IOTUNE_COUNT], char *words, size_t size);
/* For the device. */
void domain_iotune_limits(const u64 values[DOMAIN_IOTUNE_COUNT], struct disk_limits *limits);

/* flags: enum domain_tune_flags; path: target or source. */
MUST_CHECK int domain_get_iotune(struct domain *domain, unsigned flags, const char *path, u64 values[DOMAIN_IOTUNE_COUNT],
				 struct manage_error *error);
/*
 * which: a bit for each value that is given. As libvirt: with one of a group (bytes, iops, and the bursts of each) the whole group is
 * said, and what of it is not given is 0. All or nothing.
 */
MUST_CHECK int domain_set_iotune(struct domain *domain, unsigned flags, const char *path, u32 which, const u64 values[DOMAIN_IOTUNE_COUNT],
				 struct manage_error *error);

#endif
