/* SPDX-License-Identifier: MIT */
/*
 * Where the guest's bytes stand: the two levels of a qcow2 image's mapping, read and changed.
 *
 * An entry is judged each time it is used: it may have been written by anybody. Next to read: qcow2_request.c.
 */
#include "hv/block/qcow2_internal.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define QUICK_CLUSTERS 64u

static u64 l1_word(const struct qcow2 *image, u64 guest_cluster)
{
	return image->header.l1_offset + (guest_cluster >> image->l2_bits) * 8;
}

static bool is_sound(const struct qcow2 *image, u64 offset, u64 size_bytes)
{
	return !(offset & (image->cluster_bytes - 1)) && offset < image->file.size_bytes && !qcow2_is_metadata(image, offset, size_bytes);
}

/* Where guest_cluster's L2 table stands; 0: there is none. */
static int find_table(struct qcow2 *image, u64 guest_cluster, u64 *table, u64 *l1_entry)
{
	int code = qcow2_word(image, QCOW2_L1, l1_word(image, guest_cluster), l1_entry);

	if (code)
		return code;
	*table = *l1_entry & QCOW2_OFFSET_MASK;
	if (*table && !is_sound(image, *table, image->cluster_bytes))
		return qcow2_contradiction(image, "L1 entry %llu (at byte %llu) points at byte %llu",
					   (unsigned long long)(guest_cluster >> image->l2_bits),
					   (unsigned long long)l1_word(image, guest_cluster), (unsigned long long)*table);
	return OK;
}

static u64 l2_word(const struct qcow2 *image, u64 table, u64 guest_cluster)
{
	return table + (guest_cluster & (BIT64(image->l2_bits) - 1)) * 8;
}

int qcow2_entry(struct qcow2 *image, u64 guest_cluster, u64 *entry)
{
	u64 table, l1_entry;
	int code = find_table(image, guest_cluster, &table, &l1_entry);

	*entry = 0;
	return code || !table ? code : qcow2_word(image, QCOW2_L2, l2_word(image, table, guest_cluster), entry);
}

/* A table of zeroes for guest_cluster; on the medium before L1 points at it. */
static int make_table(struct qcow2 *image, u64 guest_cluster, u64 *table)
{
	u64 got;
	int code = qcow2_allocate(image, 1, table, &got);

	code = code ? code : qcow2_zero_below(image, *table, image->cluster_bytes);
	if (code)
		return code;
	qcow2_forget(image, *table, image->cluster_bytes);
	return qcow2_set_word(image, QCOW2_L1, l1_word(image, guest_cluster), *table | QCOW2_COPIED);
}

/* The table to change guest_cluster's entry in; made if there is none. */
static int own_table(struct qcow2 *image, u64 guest_cluster, u64 *table)
{
	u64 l1_entry;
	int code = find_table(image, guest_cluster, table, &l1_entry);

	if (code == OK && *table && !(l1_entry & QCOW2_COPIED))
		return qcow2_contradiction(image, "L1 entry %llu does not say that its table is its own, and there are no snapshots",
					   (unsigned long long)(guest_cluster >> image->l2_bits));
	return code || *table ? code : make_table(image, guest_cluster, table);
}

int qcow2_need_tables(struct qcow2 *image, u64 guest_cluster, u64 clusters)
{
	u64 table, last = (guest_cluster + clusters - 1) >> image->l2_bits;
	int code = OK;

	for (u64 i = guest_cluster >> image->l2_bits; i <= last && code == OK; i++)
		code = own_table(image, i << image->l2_bits, &table);
	return code;
}

int qcow2_set_entry(struct qcow2 *image, u64 guest_cluster, u64 entry)
{
	u64 table;
	int code = own_table(image, guest_cluster, &table);

	return code ? code : qcow2_set_word(image, QCOW2_L2, l2_word(image, table, guest_cluster), entry);
}

void qcow2_packed_place(const struct qcow2 *image, u64 entry, u64 *offset, u64 *size_bytes)
{
	u32 shift = 62 - (image->cluster_bits - 8);

	*offset = entry & (BIT64(shift) - 1);
	*size_bytes = (((entry & ~QCOW2_COMPRESSED & ~QCOW2_COPIED) >> shift) + 1) * 512 - (*offset & 511);
}

/* OK, or the contradiction. */
static int decode(struct qcow2 *image, u64 guest_cluster, u64 entry, struct qcow2_mapping *mapping)
{
	bool zero = image->header.version == 3 && entry & QCOW2_ZERO && !(entry & QCOW2_COMPRESSED);
	u64 offset = entry & QCOW2_OFFSET_MASK, size = 0;

	*mapping = (struct qcow2_mapping){ .own = entry & QCOW2_COPIED, .host = offset, .entry = entry };
	if (entry & QCOW2_COMPRESSED) {
		qcow2_packed_place(image, entry, &offset, &size);
		mapping->state = QCOW2_PACKED;
		if (offset >= image->file.size_bytes)
			return qcow2_contradiction(image, "the entry of guest cluster %llu says that it is packed at byte %llu",
						   (unsigned long long)guest_cluster, (unsigned long long)offset);
		return OK;
	}
	mapping->state = zero ? QCOW2_ZEROES : offset ? QCOW2_DATA : QCOW2_NOTHING;
	if (offset && !is_sound(image, offset, image->cluster_bytes))
		return qcow2_contradiction(image, "the entry of guest cluster %llu points at byte %llu", (unsigned long long)guest_cluster,
					   (unsigned long long)offset);
	return OK;
}

static bool goes_on(const struct qcow2 *image, const struct qcow2_mapping *first, const struct qcow2_mapping *next, u64 distance)
{
	if (next->state != first->state || first->state == QCOW2_PACKED)
		return false;
	return first->state != QCOW2_DATA || (next->own == first->own && next->host == first->host + distance * image->cluster_bytes);
}

int qcow2_map(struct qcow2 *image, u64 guest, u64 bytes, struct qcow2_mapping *mapping)
{
	u64 cluster = guest >> image->cluster_bits, inside = guest & (image->cluster_bytes - 1), entry, count = 1;
	u64 last = (guest + bytes - 1) >> image->cluster_bits;
	struct qcow2_mapping next;
	int code = qcow2_entry(image, cluster, &entry);

	code = code ? code : decode(image, cluster, entry, mapping);
	for (; code == OK && cluster + count <= last; count++) {
		code = qcow2_entry(image, cluster + count, &entry);
		code = code ? code : decode(image, cluster + count, entry, &next);
		if (code == OK && !goes_on(image, mapping, &next, count))
			break;
	}
	if (code)
		return code;
	mapping->bytes = MIN(bytes, (count << image->cluster_bits) - inside);
	if (mapping->state == QCOW2_DATA)
		mapping->host += inside;
	return OK;
}

bool qcow2_map_quick(struct qcow2 *image, u64 guest, u64 bytes, bool write, u64 *host)
{
	u64 first = guest >> image->cluster_bits, last = (guest + bytes - 1) >> image->cluster_bits, table, entry, start = 0;

	if (last - first > QUICK_CLUSTERS) /* interrupts are off */
		return false;
	for (u64 cluster = first; cluster <= last; cluster++) {
		u64 offset;

		if (!qcow2_peek(image, l1_word(image, cluster), &table) || !(table & QCOW2_OFFSET_MASK) ||
		    !qcow2_peek(image, l2_word(image, table & QCOW2_OFFSET_MASK, cluster), &entry))
			return false;
		offset = entry & QCOW2_OFFSET_MASK;
		if (entry & (QCOW2_COMPRESSED | QCOW2_ZERO) || !offset || (write && !(entry & QCOW2_COPIED)) ||
		    !is_sound(image, offset, image->cluster_bytes) ||
		    (cluster > first && offset != start + ((cluster - first) << image->cluster_bits)))
			return false;
		if (cluster == first)
			start = offset;
	}
	*host = start + (guest & (image->cluster_bytes - 1));
	return *host + bytes <= image->file.size_bytes;
}

int qcow2_release_entry(struct qcow2 *image, u64 entry)
{
	u64 offset = entry & QCOW2_OFFSET_MASK, size = image->cluster_bytes, first;

	if (entry & QCOW2_COMPRESSED)
		qcow2_packed_place(image, entry, &offset, &size);
	if (!offset)
		return OK;
	first = ALIGN_DOWN(offset, image->cluster_bytes);
	return qcow2_free_later(image, first, (ALIGN_UP(offset + size, image->cluster_bytes) - first) >> image->cluster_bits);
}
