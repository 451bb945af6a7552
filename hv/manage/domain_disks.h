/* SPDX-License-Identifier: MIT */
/* Figures of a domain's disks: what domblklist, domblkinfo, domblkstat and domblkerror show. Copies. Thread context. */
#ifndef HV_MANAGE_DOMAIN_DISKS_H
#define HV_MANAGE_DOMAIN_DISKS_H

#include "hv/device_model.h"
#include "hv/manage/domain.h"

struct domain_disk_info {
	char target[8];
	char source[256];
	bool block;
	char pool[65];             /* of a volume, whose name is source; "": none */
	bool cdrom;                /* its source may be "": no medium */
	bool qcow2;
	bool found;                /* its device or file is there, and its image sound */
	u64 capacity_bytes, allocation_bytes, physical_bytes; /* of the guest's disk; in use; of what it lies in */
	struct disk_statistics statistics; /* of the running machine; zero when it does not run */
};

/* The first of at most max disks; *count: how many were filled. inactive: of the next start. */
MUST_CHECK int domain_get_disks(struct domain *domain, bool inactive, struct domain_disk_info *infos, u32 max, u32 *count,
				struct manage_error *error);
/*
 * A disk of a running machine gets longer, by zeroes; that takes as long as they take to write. virtio: its capacity changes, SCSI: a unit
 * attention. MANAGE_FAILED with words where it cannot.
 */
MUST_CHECK int domain_block_resize(struct domain *domain, const char *path, u64 size_bytes, struct manage_error *error);
/* By target or source. MANAGE_FAILED: no such disk, or (running) the domain does not run. */
MUST_CHECK int domain_get_disk(struct domain *domain, const char *path, bool running, struct domain_disk_info *info,
			       struct manage_error *error);

#endif
