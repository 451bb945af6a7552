/* SPDX-License-Identifier: MIT */
/* The switch's memory of senders (mac_table.h). */
#include "hv/net/mac_table.h"
#include "hv/lib/string.h"

static u32 set_of(const struct mac_table *table, u64 mac)
{
	return (u32)((mac ^ table->salt) * 0x9e3779b97f4a7c15ull >> 56);
}
STATIC_ASSERT(MAC_TABLE_SETS == 256, "set_of takes eight bits");

void mac_table_init(struct mac_table *table, u64 salt)
{
	memset(table, 0, sizeof(*table));
	table->salt = salt;
}

static bool is_old(const struct mac_entry *entry, u64 now_ns)
{
	return now_ns - entry->seen_ns > MAC_TABLE_AGE_NS;
}

static void release(struct mac_table *table, struct mac_entry *entry)
{
	if (entry->mac)
		table->counts[entry->port]--;
	entry->mac = 0;
}

/* The entry to use for a new address: a free one, else the oldest of the set, or of this port's when the port has its share. */
static struct mac_entry *victim(struct mac_table *table, struct mac_entry *set, unsigned port)
{
	bool own_only = table->counts[port] >= MAC_TABLE_PORT_MAX;
	struct mac_entry *best = NULL;

	for (u32 i = 0; i < MAC_TABLE_WAYS; i++) {
		struct mac_entry *entry = &set[i];

		if (own_only && (!entry->mac || entry->port != port))
			continue;
		if (!entry->mac)
			return entry;
		if (!best || entry->seen_ns < best->seen_ns)
			best = entry;
	}
	return best;
}

void mac_table_learn(struct mac_table *table, u64 mac, unsigned port, u64 now_ns)
{
	struct mac_entry *set = table->entries[set_of(table, mac)], *entry = NULL;

	for (u32 i = 0; i < MAC_TABLE_WAYS; i++) {
		if (set[i].mac && is_old(&set[i], now_ns))
			release(table, &set[i]);
		if (set[i].mac == mac)
			entry = &set[i];
	}
	if (!entry || entry->port != port) {
		if (entry)
			release(table, entry);
		entry = victim(table, set, port);
		if (!entry)
			return; /* the port has its share, and none of it in this set */
		release(table, entry);
		table->counts[port]++;
	}
	*entry = (struct mac_entry){ mac, now_ns, (u8)port };
}

int mac_table_find(const struct mac_table *table, u64 mac, u64 now_ns)
{
	const struct mac_entry *set = table->entries[set_of(table, mac)];

	for (u32 i = 0; i < MAC_TABLE_WAYS; i++)
		if (set[i].mac == mac && !is_old(&set[i], now_ns))
			return set[i].port;
	return -1;
}

void mac_table_forget(struct mac_table *table, unsigned port)
{
	for (u32 i = 0; i < MAC_TABLE_SETS; i++)
		for (u32 k = 0; k < MAC_TABLE_WAYS; k++)
			if (table->entries[i][k].mac && table->entries[i][k].port == port)
				release(table, &table->entries[i][k]);
}
