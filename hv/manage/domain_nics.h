/* SPDX-License-Identifier: MIT */
/* A domain's network cards: what domiflist, domifstat, domifaddr and domif-getlink show. Copies. Thread context. */
#ifndef HV_MANAGE_DOMAIN_NICS_H
#define HV_MANAGE_DOMAIN_NICS_H

#include "hv/manage/domain.h"

struct domain_nic_info {
	char name[16];         /* "vnet0"; "": the machine does not run */
	char network[DOMAIN_NETWORK_NAME_MAX + 1];
	u8 mac[NET_MAC_BYTES];
	bool link_up;
	u32 address, prefix_bits; /* IPv4; 0: not known */
	struct net_statistics statistics;
};

/* The first of at most max cards; *count: how many were filled. inactive: of the next start. */
MUST_CHECK int domain_get_nics(struct domain *domain, bool inactive, struct domain_nic_info *infos, u32 max, u32 *count,
			       struct manage_error *error);
/* By name or MAC address. MANAGE_FAILED: no such card. */
MUST_CHECK int domain_get_nic(struct domain *domain, const char *name, bool inactive, struct domain_nic_info *info,
			      struct manage_error *error);
/* Of the running machine (live) or of the next start. */
MUST_CHECK int domain_set_link(struct domain *domain, const char *name, bool up, bool live, struct manage_error *error);

#endif
