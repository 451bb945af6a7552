/* SPDX-License-Identifier: MIT */
/* LINK: hv/host_topology.c hv/lib/string.c */
/* CPU topology from tables of CPUID values. */
#include <string.h>
#include "hv/host_cpu.h"
#include "hv/lib/test/unit.h"

struct row { u32 leaf, subleaf; struct cpuid_result value; };

static struct cpuid_result read_row(void *context, u32 leaf, u32 subleaf)
{
	struct cpuid_result none = { 0, 0, 0, 0 };

	for (const struct row *row = context; row->leaf != ~0u; row++) {
		if (row->leaf == leaf && row->subleaf == subleaf)
			return row->value;
	}
	return none;
}

static struct host_cpu_topology topology;

static void expect(const struct row *rows, u32 cpus, u32 sockets, u32 cores, u32 threads)
{
	host_cpu_topology(&topology, cpus, read_row, (void *)(size_t)rows);
	ck_assert_uint_eq(topology.sockets, sockets);
	ck_assert_uint_eq(topology.cores_per_socket, cores);
	ck_assert_uint_eq(topology.threads_per_core, threads);
}

START_TEST(intel_with_leaf_0b)
{
	static const struct row rows[] = {
		{ 0, 0, { 0x16, 0, 0, 0 } },
		{ 0x0b, 0, { 1, 2, 0x100, 0 } },
		{ 0x0b, 1, { 4, 8, 0x201, 0 } },
		{ ~0u, 0, { 0 } },
	};

	expect(rows, 8, 1, 4, 2);
	expect(rows, 16, 2, 4, 2);
	expect(rows, 4, 1, 2, 2); /* some are off */
	expect(rows, 3, 3, 1, 1); /* makes no sense */
	expect(rows, 1, 1, 1, 1);
}
END_TEST

START_TEST(amd_with_older_leaves)
{
	static const struct row rows[] = {
		{ 0, 0, { 0xd, 0, 0, 0 } },
		{ 1, 0, { 0, 16 << 16, 0, BIT32(28) } },
		{ 0x80000000u, 0, { 0x8000001eu, 0, 0, 0 } },
		{ 0x80000001u, 0, { 0, 0, BIT32(22), 0 } },
		{ 0x80000002u, 0, { 0x20444d41, 0x43595045, 0x6f725020, 0x73736563 } }, /* "AMD EPYC Process" */
		{ 0x80000003u, 0, { 0x2020726f, 0x00000020, 0, 0 } },                    /* "or   " */
		{ 0x80000008u, 0, { 0, 0, 15, 0 } },
		{ 0x8000001eu, 0, { 0, 1 << 8, 0, 0 } },
		{ ~0u, 0, { 0 } },
	};

	expect(rows, 16, 1, 8, 2);
	ck_assert_str_eq(topology.brand, "AMD EPYC Processor");
	expect(rows, 32, 2, 8, 2);
}
END_TEST

START_TEST(nothing_known)
{
	static const struct row rows[] = { { ~0u, 0, { 0 } } };
	static const struct row liar[] = {
		{ 0, 0, { ~0u, 0, 0, 0 } },
		{ 0x80000000u, 0, { ~0u, 0, 0, 0 } },
		{ 0x1f, 0, { ~0u, ~0u, ~0u, ~0u } },
		{ ~0u, 0, { 0 } },
	};

	expect(rows, 4, 4, 1, 1);
	ck_assert_str_eq(topology.brand, "");
	expect(rows, 0, 0, 1, 1);
	expect(liar, 6, 1, 6, 1);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("host topology");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, intel_with_leaf_0b);
	tcase_add_test(tests, amd_with_older_leaves);
	tcase_add_test(tests, nothing_known);
	suite_add_tcase(suite, tests);
	return suite;
}
