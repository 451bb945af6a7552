/* SPDX-License-Identifier: MIT */
/*
 * From a block request's segments to NVMe commands. Pure.
 *
 * A command's memory is a list of pages (PRP): only the first may begin inside a page, only the last may end inside one. A
 * request whose segments meet elsewhere becomes several commands, cut where it must be. A logical block that lies across
 * such a cut goes through a bounce page. NVM Express Base Specification 1.4, "Physical Region Page Entry and List" (4.3).
 */
#ifndef DRIVERS_NVME_PRP_H
#define DRIVERS_NVME_PRP_H

#include "hv/block_device.h"

#define NVME_PAGE_BYTES 4096u
#define NVME_TRANSFER_MAX (1024u * 1024u)                       /* of one command */
#define NVME_PRP_LIST_MAX (NVME_TRANSFER_MAX / NVME_PAGE_BYTES) /* entries behind the first page: they fit into one page */

/* How far a request has been turned into commands. */
struct nvme_cursor {
	u32 segment;
	u64 segment_done_bytes;
	u64 done_bytes;
};

struct nvme_piece {
	u64 offset_bytes, size_bytes; /* in the request's data */
	bool bounce;                  /* one logical block, to be copied: prp1 and prp2 are the caller's */
	u64 prp1, prp2;
};

/*
 * The next command's share, at most max_bytes, and moves the cursor behind it; false: nothing is left. list: room for
 * NVME_PRP_LIST_MAX entries, itself at list_address in physical memory.
 */
bool nvme_next_piece(const struct block_request *request, struct nvme_cursor *cursor, u32 block_bytes, u32 max_bytes,
		     u64 *list, u64 list_address, struct nvme_piece *piece);

/* Copies a piece of the request's data to or from a buffer, through the direct map. */
void nvme_copy_piece(const struct block_request *request, u64 offset_bytes, u64 size_bytes, void *buffer, bool to_buffer);

#endif
