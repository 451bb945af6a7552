/* SPDX-License-Identifier: MIT */
/* LINK: drivers/nvme_prp.c hv/lib/string.c */
/* NVMe page lists: whatever the segments, the commands describe the request's bytes in order, and the rules for pages hold. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include "drivers/nvme_prp.h"
#include "hv/pages.h"

#define SEGMENTS 12u
#define LIST_ADDRESS 0x7000000u

u64 direct_map_base;

static struct block_segment segments[SEGMENTS];
static u64 list[NVME_PRP_LIST_MAX];

static struct block_request request_of(u32 count)
{
	struct block_request request = { .operation = BLOCK_READ, .segment_count = count, .segments = segments };

	for (u32 i = 0; i < count; i++)
		request.sector_count += segments[i].size_bytes / BLOCK_SECTOR_BYTES;
	return request;
}

/* The physical address of a byte of the request's data. */
static u64 byte_address(const struct block_request *request, u64 offset)
{
	for (u32 i = 0; i < request->segment_count; i++) {
		if (offset < segments[i].size_bytes)
			return segments[i].address.value + offset;
		offset -= segments[i].size_bytes;
	}
	ck_abort_msg("beyond the request");
	return 0;
}

/* As a controller reads the entries (PRP1, PRP2, list). */
static void check_piece(const struct block_request *request, const struct nvme_piece *piece)
{
	u64 page = piece->prp1, left = NVME_PAGE_BYTES - piece->prp1 % NVME_PAGE_BYTES;
	u64 pages = 1 + (piece->size_bytes > left ? DIV_ROUND_UP(piece->size_bytes - left, NVME_PAGE_BYTES) : 0);
	u32 entry = 0, wrong = 0;

	ck_assert_uint_le(pages - 1, NVME_PRP_LIST_MAX);
	if (pages > 2)
		ck_assert_uint_eq(piece->prp2, LIST_ADDRESS);
	for (u64 done = 0; done < piece->size_bytes;) {
		u64 here = MIN(left, piece->size_bytes - done);

		for (u64 i = 0; i < here; i += BLOCK_SECTOR_BYTES)
			wrong += page + i != byte_address(request, piece->offset_bytes + done + i);
		wrong += page + here - 1 != byte_address(request, piece->offset_bytes + done + here - 1);
		done += here;
		if (done == piece->size_bytes)
			break;
		page = pages == 2 ? piece->prp2 : list[entry++];
		wrong += page % NVME_PAGE_BYTES != 0;
		left = NVME_PAGE_BYTES;
	}
	ck_assert_uint_eq(wrong, 0);
}

static u32 check_request(u32 count, u32 block_bytes, u32 max_bytes)
{
	struct block_request request = request_of(count);
	struct nvme_cursor cursor = { 0 };
	struct nvme_piece piece;
	u64 expected = 0;
	u32 pieces = 0;

	while (nvme_next_piece(&request, &cursor, block_bytes, max_bytes, list, LIST_ADDRESS, &piece)) {
		ck_assert_uint_eq(piece.offset_bytes, expected);
		ck_assert_uint_gt(piece.size_bytes, 0);
		ck_assert_uint_eq(piece.size_bytes % block_bytes, 0);
		ck_assert_uint_le(piece.size_bytes, max_bytes);
		if (piece.bounce)
			ck_assert_uint_eq(piece.size_bytes, block_bytes);
		else
			check_piece(&request, &piece);
		expected += piece.size_bytes;
		pieces++;
	}
	ck_assert_uint_eq(expected, request.sector_count * BLOCK_SECTOR_BYTES);
	return pieces;
}

START_TEST(whole_pages_are_one_command)
{
	segments[0] = (struct block_segment){ HPA(0x10000), 65536 };
	segments[1] = (struct block_segment){ HPA(0x50000), 65536 };
	ck_assert_uint_eq(check_request(2, 512, NVME_TRANSFER_MAX), 1);
	ck_assert_uint_eq(check_request(2, 512, 65536), 2);
	segments[0] = (struct block_segment){ HPA(0x10200), 1024 * 1024 };
	ck_assert_uint_eq(check_request(1, 512, NVME_TRANSFER_MAX), 1);
}
END_TEST

START_TEST(the_same_page_twice)
{
	segments[0] = (struct block_segment){ HPA(0x10000), 4096 };
	segments[1] = segments[2] = segments[0];
	ck_assert_uint_eq(check_request(3, 512, NVME_TRANSFER_MAX), 1);
}
END_TEST

START_TEST(cut_where_pages_do_not_meet)
{
	segments[0] = (struct block_segment){ HPA(0x10000), 512 };
	segments[1] = (struct block_segment){ HPA(0x20000), 4096 };
	segments[2] = (struct block_segment){ HPA(0x30200), 3584 };
	ck_assert_uint_eq(check_request(3, 512, NVME_TRANSFER_MAX), 3);
	/* With blocks of 4 KiB the first two blocks lie across the cuts. */
	ck_assert_uint_eq(check_request(3, 4096, NVME_TRANSFER_MAX), 2);
}
END_TEST

START_TEST(random_segments)
{
	srand(7);
	for (unsigned round = 0; round < 1000; round++) {
		u32 block = rand() & 1 ? 512 : 4096, count = 1 + (u32)rand() % SEGMENTS;
		u64 total = 0;

		for (u32 i = 0; i < count; i++) {
			bool tidy = rand() % 4;

			segments[i].address = HPA((u64)(1 + rand() % 4096) * 4096 + (tidy ? 0 : (u64)(rand() % 8) * 512));
			segments[i].size_bytes = tidy ? (u64)(1 + rand() % 6) * 4096 : (u64)(1 + rand() % 24) * 512;
			total += segments[i].size_bytes;
		}
		/* A request is whole blocks. */
		if (total % block)
			segments[count - 1].size_bytes += block - total % block;
		check_request(count, block, (u32)MIN(NVME_TRANSFER_MAX, 4096u << rand() % 9));
	}
}
END_TEST

START_TEST(bounced_blocks_are_copied)
{
	static u8 memory[3 * 4096] ALIGNED(4096);
	struct block_request request;
	u8 block[4096];

	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (u8)(i * 7 + i / 256);
	direct_map_base = (u64)memory;
	segments[0] = (struct block_segment){ HPA(0x200), 1536 };
	segments[1] = (struct block_segment){ HPA(0x1400), 4608 };
	segments[2] = (struct block_segment){ HPA(0x0e00), 2048 };
	request = request_of(3);
	nvme_copy_piece(&request, 1024, 4096, block, true);
	ck_assert_mem_eq(block, memory + 0x200 + 1024, 512);
	ck_assert_mem_eq(block + 512, memory + 0x1400, 3584);
	memset(block, 0xee, sizeof(block));
	nvme_copy_piece(&request, 4096, 4096, block, false);
	ck_assert_mem_eq(memory + 0x1400 + 2560, block, 2048);
	ck_assert_mem_eq(memory + 0xe00, block, 2048);
	direct_map_base = 0;
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("NVMe page lists");
	TCase *tests = tcase_create("prp");

	tcase_add_test(tests, whole_pages_are_one_command);
	tcase_add_test(tests, the_same_page_twice);
	tcase_add_test(tests, cut_where_pages_do_not_meet);
	tcase_add_test(tests, random_segments);
	tcase_add_test(tests, bounced_blocks_are_copied);
	suite_add_tcase(suite, tests);
	return suite;
}
