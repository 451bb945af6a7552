/* SPDX-License-Identifier: MIT */
/* Devices that come and go: attach-device, detach-device, attach-disk, detach-disk. Thread context; flags: enum domain_tune_flags. */
#ifndef HV_MANAGE_DOMAIN_HOTPLUG_H
#define HV_MANAGE_DOMAIN_HOTPLUG_H

#include "hv/manage/domain.h"

/* A <disk>. Live it needs a root port that is free. All or nothing. file: for messages. */
MUST_CHECK int domain_attach_device(struct domain *domain, const char *file, const char *xml, size_t size, unsigned flags,
				    struct manage_error *error);
/*
 * The disk of that target or source; or the one that a <disk> has as its target. Live the guest is asked, and has some seconds;
 * *left false: it has not let go of it yet, and keeps it until it does.
 */
MUST_CHECK int domain_detach_disk(struct domain *domain, const char *path, unsigned flags, bool *left, struct manage_error *error);
MUST_CHECK int domain_detach_device(struct domain *domain, const char *file, const char *xml, size_t size, unsigned flags, bool *left,
				    struct manage_error *error);

#endif
