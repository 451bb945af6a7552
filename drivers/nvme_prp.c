/* SPDX-License-Identifier: MIT */
/* Cutting of requests into what page lists can say (nvme_prp.h). */
#include "drivers/nvme_prp.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

static u64 segment_left(const struct block_request *request, const struct nvme_cursor *cursor)
{
	return request->segments[cursor->segment].size_bytes - cursor->segment_done_bytes;
}

static u64 address_at(const struct block_request *request, const struct nvme_cursor *cursor)
{
	return request->segments[cursor->segment].address.value + cursor->segment_done_bytes;
}

static void advance(const struct block_request *request, struct nvme_cursor *cursor, u64 size_bytes)
{
	cursor->done_bytes += size_bytes;
	cursor->segment_done_bytes += size_bytes;
	if (cursor->segment_done_bytes == request->segments[cursor->segment].size_bytes) {
		cursor->segment++;
		cursor->segment_done_bytes = 0;
	}
}

/*
 * How many bytes from here on one page list can describe: through segments as long as each ends with its page and the
 * next one begins with one.
 */
static u64 reach(const struct block_request *request, struct nvme_cursor at, u64 max_bytes)
{
	u64 bytes = 0;

	while (at.segment < request->segment_count && bytes < max_bytes) {
		u64 left = MIN(segment_left(request, &at), max_bytes - bytes);

		if (bytes && address_at(request, &at) % NVME_PAGE_BYTES)
			break;
		bytes += left;
		if ((address_at(request, &at) + left) % NVME_PAGE_BYTES) /* ends inside a page: nothing may follow */
			break;
		advance(request, &at, left);
	}
	return bytes;
}

/* Page by page: the first entry is prp1, a single second one prp2, more of them the list. */
static void fill_pages(const struct block_request *request, struct nvme_cursor *cursor, u64 size_bytes, u64 *list,
		       u64 list_address, struct nvme_piece *piece)
{
	u32 count = 0;
	bool first = true;

	piece->prp1 = address_at(request, cursor);
	piece->prp2 = 0;
	while (size_bytes) {
		u64 address = address_at(request, cursor);
		u64 here = MIN(NVME_PAGE_BYTES - address % NVME_PAGE_BYTES, MIN(size_bytes, segment_left(request, cursor)));

		if (!first)
			list[count++] = address;
		first = false;
		advance(request, cursor, here);
		size_bytes -= here;
	}
	if (count)
		piece->prp2 = count == 1 ? list[0] : list_address;
}

bool nvme_next_piece(const struct block_request *request, struct nvme_cursor *cursor, u32 block_bytes, u32 max_bytes,
		     u64 *list, u64 list_address, struct nvme_piece *piece)
{
	u64 total = request->sector_count * BLOCK_SECTOR_BYTES, size;

	if (cursor->done_bytes >= total)
		return false;
	/* The first page may be used in part, so the list could be one page short of the limit. */
	size = reach(request, *cursor, MIN(max_bytes, NVME_TRANSFER_MAX));
	size -= size % block_bytes;
	piece->offset_bytes = cursor->done_bytes;
	piece->bounce = size == 0;
	piece->size_bytes = piece->bounce ? block_bytes : size;
	if (!piece->bounce) {
		fill_pages(request, cursor, size, list, list_address, piece);
		return true;
	}
	for (u64 left = block_bytes; left && cursor->segment < request->segment_count;) {
		u64 here = MIN(left, segment_left(request, cursor));

		advance(request, cursor, here);
		left -= here;
	}
	return true;
}

void nvme_copy_piece(const struct block_request *request, u64 offset_bytes, u64 size_bytes, void *buffer, bool to_buffer)
{
	u8 *at = buffer;

	for (u32 i = 0; i < request->segment_count && size_bytes; i++) {
		const struct block_segment *segment = &request->segments[i];
		u64 here;
		u8 *data;

		if (offset_bytes >= segment->size_bytes) {
			offset_bytes -= segment->size_bytes;
			continue;
		}
		here = MIN(size_bytes, segment->size_bytes - offset_bytes);
		data = (u8 *)direct_map(segment->address) + offset_bytes;
		memcpy(to_buffer ? at : data, to_buffer ? data : at, here);
		at += here;
		size_bytes -= here;
		offset_bytes = 0;
	}
}
