/* SPDX-License-Identifier: MIT */
/* What lies in a machine's CD drives: virsh's change-media. Thread context; flags: enum domain_tune_flags. */
#ifndef HV_MANAGE_DOMAIN_MEDIA_H
#define HV_MANAGE_DOMAIN_MEDIA_H

#include "hv/manage/domain.h"

/*
 * xml: a <disk device='cdrom'> with the target of a drive that there is; its <source> is the drive's from now on, none: it is empty. Live
 * the guest may hold the medium; then it is asked for it and has some seconds (force: it is not asked). All or nothing.
 */
MUST_CHECK int domain_update_medium(struct domain *domain, const char *xml, size_t size, bool force, unsigned flags, struct manage_error *error);

#endif
