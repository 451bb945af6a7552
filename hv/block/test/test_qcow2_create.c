/* SPDX-License-Identifier: MIT */
/* LINK: hv/block/qcow2_create.c hv/block/qcow2_header.c hv/lib/format.c hv/lib/string.c */
/* Empty qcow2 images: our own parser and qemu-img find nothing to say about them. */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hv/block/qcow2_create.h"
#include "hv/block/qcow2_format.h"
#include "hv/lib/error.h"

static const struct { u64 bytes; u32 clusters, l1; } rows[] = {
	{ 0, 4, 1 }, { 512, 4, 1 }, { 512ull << 20, 4, 1 }, { (512ull << 20) + 512, 4, 2 }, { 4ull << 40, 4, 8192 },
	{ (4ull << 40) + 512, 5, 8193 }, { 64ull << 40, 19, 131072 },
};

START_TEST(images)
{
	static u8 cluster[QCOW2_CREATE_CLUSTER_BYTES];
	char path[] = "/tmp/qcow2-create-XXXXXX", command[200], words[200];
	struct qcow2_header header;
	int file = mkstemp(path);

	ck_assert_int_ge(file, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 clusters = qcow2_create_clusters(rows[i].bytes);

		ck_assert_uint_eq(clusters, rows[i].clusters);
		ck_assert_int_eq(ftruncate(file, 0), 0);
		for (u32 k = 0; k < clusters; k++) {
			qcow2_create_cluster(rows[i].bytes, k, cluster);
			ck_assert_int_eq(pwrite(file, cluster, sizeof(cluster), (off_t)k * (off_t)sizeof(cluster)), sizeof(cluster));
		}
		qcow2_create_cluster(rows[i].bytes, 0, cluster);
		ck_assert_msg(qcow2_header_parse(cluster, qcow2_header_needs(cluster), (u64)clusters * sizeof(cluster), &header, words,
						 sizeof(words)) == OK, "%s", words);
		ck_assert(header.size_bytes == rows[i].bytes && header.l1_size == rows[i].l1 && !qcow2_header_read_only(&header));
		snprintf(command, sizeof(command), "qemu-img check -q -f qcow2 %s", path);
		ck_assert_int_eq(system(command), 0);
	}
	close(file);
	unlink(path);
	ck_assert_uint_eq(qcow2_create_clusters((64ull << 40) + 512), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("qcow2 images made");
	TCase *tests = tcase_create("images");

	tcase_add_test(tests, images);
	suite_add_tcase(suite, tests);
	return suite;
}
