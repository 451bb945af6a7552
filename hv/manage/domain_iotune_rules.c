/* SPDX-License-Identifier: MIT */
/* Limits of disks: their names, and which go together. Pure. Next to read: domain_iotune.c. */
#include "hv/lib/format.h"
#include "hv/manage/domain_iotune.h"

const char *const domain_iotune_names[DOMAIN_IOTUNE_COUNT] = {
	"total_bytes_sec", "read_bytes_sec", "write_bytes_sec", "total_iops_sec", "read_iops_sec", "write_iops_sec",
	"total_bytes_sec_max", "read_bytes_sec_max", "write_bytes_sec_max", "total_iops_sec_max", "read_iops_sec_max",
	"write_iops_sec_max",
};

#define GROUP 3u /* total, read, write */

const char *domain_iotune_problem(const u64 values[DOMAIN_IOTUNE_COUNT], char *words, size_t size)
{
	static const char *const groups[] = { "bytes_sec", "iops_sec", "bytes_sec_max", "iops_sec_max" };

	for (u32 i = 0; i < DOMAIN_IOTUNE_COUNT; i += GROUP) {
		if (!values[i] || !(values[i + 1] || values[i + 2]))
			continue;
		format(words, size, "total and read/write of %s cannot be set at the same time", groups[i / GROUP]);
		return words;
	}
	for (u32 i = 0; i < DOMAIN_IOTUNE_COUNT; i++) {
		if (values[i] <= DOMAIN_IOTUNE_MAX)
			continue;
		format(words, size, "block I/O throttle limit value must be no more than %llu using %s",
		       (unsigned long long)DOMAIN_IOTUNE_MAX, domain_iotune_names[i]);
		return words;
	}
	for (u32 i = 0; i < DISK_LIMITS; i++) {
		u64 rate = values[i], most = values[DISK_LIMITS + i];

		if (!most || (rate && most >= rate))
			continue;
		format(words, size, rate ? "value '%s' cannot be smaller than '%s'" : "value '%s' cannot be set if '%s' is not set",
		       domain_iotune_names[DISK_LIMITS + i], domain_iotune_names[i]);
		return words;
	}
	return NULL;
}

void domain_iotune_limits(const u64 values[DOMAIN_IOTUNE_COUNT], struct disk_limits *limits)
{
	bool active = false;

	for (u32 i = 0; i < DISK_LIMITS; i++) {
		WRITE_ONCE(limits->rates[i], values[i]);
		WRITE_ONCE(limits->bursts[i], values[DISK_LIMITS + i]);
		active |= values[i] != 0;
	}
	WRITE_ONCE(limits->active, active);
	__atomic_fetch_add(&limits->changes, 1, __ATOMIC_RELEASE);
}
