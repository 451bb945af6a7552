/* SPDX-License-Identifier: MIT */
/*
 * Where a switch saw which sender last: bounded, ageing, without allocation. Pure; the caller keeps calls apart.
 *
 * Sets of a few entries by a salted hash, so that nobody can aim at a set; a full set loses its oldest entry, and one port may
 * hold a part of the table only: a sender of invented addresses drives out its own.
 */
#ifndef HV_NET_MAC_TABLE_H
#define HV_NET_MAC_TABLE_H

#include "hv/lib/types.h"

#define MAC_TABLE_SETS 256u
#define MAC_TABLE_WAYS 4u
#define MAC_TABLE_PORT_MAX 256u            /* entries of one port */
#define MAC_TABLE_AGE_NS (300ull * 1000000000ull) /* IEEE 802.1D's */
#define MAC_TABLE_PORTS 64u

struct mac_entry {
	u64 mac;      /* 0: free */
	u64 seen_ns;
	u8 port;
};

struct mac_table {
	u64 salt;
	u32 counts[MAC_TABLE_PORTS];
	struct mac_entry entries[MAC_TABLE_SETS][MAC_TABLE_WAYS];
};

void mac_table_init(struct mac_table *table, u64 salt);
void mac_table_learn(struct mac_table *table, u64 mac, unsigned port, u64 now_ns);
int mac_table_find(const struct mac_table *table, u64 mac, u64 now_ns); /* the port, or -1 */
void mac_table_forget(struct mac_table *table, unsigned port);

#endif
