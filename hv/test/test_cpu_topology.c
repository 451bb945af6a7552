/* SPDX-License-Identifier: MIT */
/* LINK: hv/cpu_topology.c */
#include "hv/cpu_topology.h"
#include "hv/lib/test/unit.h"

static const struct { struct cpu_topology topology; u32 index, apic_id; } ids[] = {
	{ { 1, 1, 1, 1 }, 0, 0 },
	{ { 1, 1, 4, 1 }, 3, 3 },
	{ { 1, 1, 3, 1 }, 2, 2 },
	{ { 2, 1, 3, 1 }, 3, 4 },   /* three cores take two bits: IDs 0 1 2 4 5 6 */
	{ { 2, 1, 3, 2 }, 6, 8 },
	{ { 2, 2, 3, 2 }, 23, 29 }, /* socket 1, die 1, core 2, thread 1: 1 1 10 1 */
	{ { 64, 1, 1, 1 }, 63, 63 },
	{ { 2, 3, 3, 3 }, 53, 0x6a }, /* 1 10 10 10 */
};

START_TEST(ids_have_their_fields)
{
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		ck_assert_uint_eq(cpu_topology_apic_id(&ids[i].topology, ids[i].index), ids[i].apic_id);
}
END_TEST

/* Whatever a machine of at most 64 vCPUs names: its IDs rise, and a byte holds them (no x2APIC entry in the MADT). */
START_TEST(every_topology_has_rising_ids_below_255)
{
	u32 seen = 0;

	for (u32 sockets = 1; sockets <= 64; sockets++)
		for (u32 dies = 1; sockets * dies <= 64; dies++)
			for (u32 cores = 1; sockets * dies * cores <= 64; cores++)
				for (u32 threads = 1; sockets * dies * cores * threads <= 64; threads++) {
					struct cpu_topology topology = { sockets, dies, cores, threads };
					u32 last = 0;

					ck_assert(cpu_topology_fits(&topology, sockets * dies * cores * threads));
					for (u32 i = 1; i < sockets * dies * cores * threads; i++) {
						u32 id = cpu_topology_apic_id(&topology, i);

						ck_assert_uint_gt(id, last);
						last = id;
					}
					ck_assert_uint_lt(last, 255);
					seen++;
				}
	ck_assert_uint_gt(seen, 1000);
}
END_TEST

static const struct { struct cpu_topology topology; u32 vcpus; bool fits; } products[] = {
	{ { 1, 1, 2, 2 }, 4, true },
	{ { 1, 1, 2, 2 }, 5, false },
	{ { 1, 1, 2, 2 }, 3, false },
	{ { 0, 1, 4, 1 }, 4, false },
	{ { 1, 0, 4, 1 }, 4, false },
	{ { 65536, 65536, 1, 1 }, 0, false },
	{ { 0x80000000, 2, 1, 4 }, 4, false }, /* the product wraps to 4 */
	{ { 0x10000, 0x10000, 0x10000, 0x10000 }, 1, false },
};

START_TEST(the_product_is_checked)
{
	for (size_t i = 0; i < ARRAY_SIZE(products); i++)
		ck_assert_int_eq(cpu_topology_fits(&products[i].topology, products[i].vcpus), products[i].fits);
}
END_TEST

START_TEST(a_default_is_one_socket_of_cores)
{
	struct cpu_topology topology;

	cpu_topology_default(&topology, 6);
	ck_assert(cpu_topology_fits(&topology, 6));
	ck_assert_uint_eq(topology.cores, 6);
	ck_assert_uint_eq(cpu_topology_socket_shift(&topology), 3);
	ck_assert_uint_eq(cpu_topology_core_shift(&topology), 0);
	ck_assert_uint_eq(cpu_topology_per_socket(&topology), 6);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("cpu_topology");
	TCase *cases = tcase_create("all");

	tcase_add_test(cases, ids_have_their_fields);
	tcase_add_test(cases, every_topology_has_rising_ids_below_255);
	tcase_add_test(cases, the_product_is_checked);
	tcase_add_test(cases, a_default_is_one_socket_of_cores);
	suite_add_tcase(suite, cases);
	return suite;
}
