/* SPDX-License-Identifier: MIT */
/* Later fragments' ways (fragments.h): a table so small that it is searched from end to end. */
#include "hv/net/fragments.h"
#include "hv/lib/string.h"

static bool same(const struct fragment_key *a, const struct fragment_key *b)
{
	return a->source == b->source && a->destination == b->destination && a->id == b->id && a->protocol == b->protocol && a->from == b->from;
}

void fragments_add(struct fragments *table, const struct fragment_key *key, const struct fragment_way *way, u16 owner, u64 now_ns)
{
	u32 own = 0, oldest = 0, oldest_own = 0, place;

	for (u32 i = 0; i < FRAGMENTS_MAX; i++) {
		if (table->entries[i].end_ns < table->entries[oldest].end_ns)
			oldest = i;
		if (table->entries[i].end_ns <= now_ns || table->entries[i].owner != owner)
			continue;
		if (!own++ || table->entries[i].end_ns < table->entries[oldest_own].end_ns)
			oldest_own = i;
	}
	place = own < FRAGMENTS_OWNER_MAX ? oldest : oldest_own;
	/* The same packet's first fragment once more: one entry is enough. */
	for (u32 i = 0; i < FRAGMENTS_MAX; i++)
		if (table->entries[i].end_ns > now_ns && same(&table->entries[i].key, key))
			place = i;
	table->entries[place].key = *key;
	table->entries[place].way = *way;
	table->entries[place].owner = owner;
	table->entries[place].end_ns = now_ns + FRAGMENTS_AGE_NS;
}

bool fragments_find(const struct fragments *table, const struct fragment_key *key, u64 now_ns, struct fragment_way *way)
{
	for (u32 i = 0; i < FRAGMENTS_MAX; i++)
		if (table->entries[i].end_ns > now_ns && same(&table->entries[i].key, key)) {
			*way = table->entries[i].way;
			return true;
		}
	return false;
}
