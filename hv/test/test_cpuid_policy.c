/* SPDX-License-Identifier: MIT */
/* LINK: hv/cpuid_policy.c hv/cpuid_topology.c hv/cpu_topology.c */
#include <string.h>
#include "hv/cpuid_policy.h"
#include "hv/lib/test/unit.h"

/* A host that has every feature there is, SVM, MONITOR and PMU included. */
static void all_ones_host(void *context, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
	const u32 *ebx = context;

	memset(out, 0xff, sizeof(*out));
	if (leaf == 0)
		*out = (struct cpuid_leaf){ { 0x10, *ebx, 0, 0 } };
	if (leaf == 0x80000000)
		*out = (struct cpuid_leaf){ { 0x8000001f, *ebx, 0, 0 } };
	if (leaf == 0x80000008)
		out->r[CPUID_EAX] = 0x3030;
	if (leaf == 0xd && subleaf == 2)
		*out = (struct cpuid_leaf){ { 256, 576, 0, 0 } };
	if (leaf == 0xd && subleaf > 2)
		*out = (struct cpuid_leaf){ { 64, 1024 + subleaf * 64, 2, 0 } };
	if (leaf == 4 || leaf == 0x8000001d) /* three caches, all shared by everybody, and no more */
		*out = subleaf < 3 ? (struct cpuid_leaf){ { 0xffffc000 | (subleaf + 1) << 5 | 1, subleaf, 63, 1 } } :
				     (struct cpuid_leaf){ { 0 } };
	if (leaf > 0x8000001f || (leaf > 0x10 && leaf < 0x80000000))
		memset(out, 0, sizeof(*out));
}

static u32 amd = 0x68747541, intel = 0x756e6547;
static struct cpuid_table table;

static struct cpuid_leaf get(u32 leaf, u32 subleaf, const struct cpuid_state *state)
{
	struct cpuid_leaf result;
	u8 dynamic;

	result = *cpuid_policy_lookup(&table, leaf, subleaf, &dynamic);
	if (dynamic && state)
		cpuid_policy_patch(&table, dynamic, subleaf, state, &result);
	return result;
}

static void build_as(u32 *vendor, u32 sockets, u32 dies, u32 cores, u32 threads)
{
	struct cpuid_config config = { .topology = { sockets, dies, cores, threads }, .kvm = true };

	cpuid_policy_build(&table, all_ones_host, vendor, &config);
}

static void build(u32 *vendor, u32 vcpus)
{
	build_as(vendor, 1, 1, vcpus, 1);
}

START_TEST(what_is_not_listed_is_hidden)
{
	build(&amd, 1);
	ck_assert(!(get(1, 0, NULL).r[CPUID_ECX] & (BIT32(3) | BIT32(5) | BIT32(15)))); /* MONITOR, VMX, PDCM */
	ck_assert(!(get(1, 0, NULL).r[CPUID_EDX] & (BIT32(21) | BIT32(28))));          /* DS, HTT with one CPU */
	ck_assert(!(get(0x80000001, 0, NULL).r[CPUID_ECX] & BIT32(2)));                 /* SVM */
	ck_assert(!(get(7, 0, NULL).r[CPUID_EBX] & (BIT32(2) | BIT32(4) | BIT32(14)))); /* SGX, HLE, MPX */
	for (u32 r = 0; r < 4; r++) {
		ck_assert_uint_eq(get(0xa, 0, NULL).r[r], 0);
		ck_assert_uint_eq(get(5, 0, NULL).r[r], 0);
		ck_assert_uint_eq(get(0x8000000a, 0, NULL).r[r], 0);
		ck_assert_uint_eq(get(0x8000001f, 0, NULL).r[r], 0);
		ck_assert_uint_eq(get(2, 0, NULL).r[r], 0);
		ck_assert_uint_eq(get(0x21, 0, NULL).r[r], 0);
		ck_assert_uint_eq(get(~0u, ~0u, NULL).r[r], 0);
		ck_assert_uint_eq(get(7, 1, NULL).r[r], 0);
		ck_assert_uint_eq(get(0xd, 16, NULL).r[r], 0);
		ck_assert_uint_eq(get(0xd, 8, NULL).r[r], 0); /* a supervisor component */
	}
	build(&intel, 1);
	ck_assert_uint_ne(get(2, 0, NULL).r[0], 0);
}
END_TEST

START_TEST(emulated_features_are_always_there)
{
	build(&amd, 1);
	ck_assert(get(1, 0, NULL).r[CPUID_ECX] & BIT32(21));
	ck_assert(get(1, 0, NULL).r[CPUID_ECX] & BIT32(24));
	ck_assert(get(1, 0, NULL).r[CPUID_ECX] & BIT32(31));
	ck_assert(!(get(7, 0, NULL).r[CPUID_EBX] & BIT32(1)));
	ck_assert_uint_eq(get(6, 0, NULL).r[CPUID_EAX], 4);
	ck_assert_mem_eq(&get(0x40000000, 5, NULL).r[1], "KVMKVMKVM\0\0\0", 12);
	ck_assert(get(0x40000001, 0, NULL).r[0] & KVM_FEATURE_CLOCKSOURCE2);
}
END_TEST

START_TEST(state_shows_through)
{
	struct cpuid_state state = { .cr4 = BIT64(18) | BIT64(22), .xcr0 = 7, .apic_id = 3, .apic_enabled = true };

	build(&amd, 4);
	ck_assert(get(1, 0, &state).r[CPUID_ECX] & BIT32(27));
	ck_assert(get(1, 0, &state).r[CPUID_EDX] & BIT32(28));
	ck_assert_uint_eq(get(1, 0, &state).r[CPUID_EBX] >> 16, 0x0304);
	ck_assert(get(7, 0, &state).r[CPUID_ECX] & BIT32(4));
	ck_assert_uint_eq(get(0xb, 1, &state).r[CPUID_EBX], 4);
	ck_assert_uint_eq(get(0xb, 1, &state).r[CPUID_EAX], 2);
	ck_assert_uint_eq(get(0xb, 0, &state).r[CPUID_EDX], 3);
	ck_assert_uint_eq(get(0xd, 0, &state).r[CPUID_EBX], 832);
	ck_assert_uint_eq(get(0xd, 1, &state).r[CPUID_EBX], 832);
	state.xcr0 = 3;
	ck_assert_uint_eq(get(0xd, 0, &state).r[CPUID_EBX], 576);
	state = (struct cpuid_state){ 0 };
	ck_assert(!(get(1, 0, &state).r[CPUID_ECX] & BIT32(27)));
	ck_assert(!(get(1, 0, &state).r[CPUID_EDX] & BIT32(9)));
	ck_assert(!(get(0x80000001, 0, &state).r[CPUID_EDX] & BIT32(9)));
	ck_assert_uint_eq(table.xcr0_allowed, MASK64(2, 0) | MASK64(7, 5) | BIT64(9));
	ck_assert(!(table.cr4_allowed & (BIT64(13) | BIT64(14) | BIT64(23)))); /* VMXE, SMXE, CET */
	ck_assert(!(table.efer_allowed & BIT64(12)));
}
END_TEST

/* 2 sockets of 2 dies of 3 cores of 2 threads: APIC IDs S D CC T. */
START_TEST(all_leaves_tell_one_topology)
{
	struct cpuid_state state = { .apic_id = 0x1b, .apic_enabled = true }; /* 1 1 01 1 */

	build_as(&amd, 2, 2, 3, 2);
	ck_assert_uint_eq(get(0, 0, NULL).r[CPUID_EAX], 0x1f);
	ck_assert_uint_eq(get(1, 0, &state).r[CPUID_EBX] >> 16, 0x1b0c);
	ck_assert(get(1, 0, &state).r[CPUID_EDX] & BIT32(28));
	ck_assert_uint_eq(get(0xb, 0, &state).r[CPUID_EAX], 1);
	ck_assert_uint_eq(get(0xb, 0, &state).r[CPUID_EBX], 2);
	ck_assert_uint_eq(get(0xb, 1, &state).r[CPUID_EAX], 4);
	ck_assert_uint_eq(get(0xb, 1, &state).r[CPUID_EBX], 12);
	ck_assert_uint_eq(get(0xb, 2, &state).r[CPUID_ECX], 2); /* no level: type 0, the subleaf and the ID */
	ck_assert_uint_eq(get(0xb, 2, &state).r[CPUID_EDX], 0x1b);
	ck_assert_uint_eq(get(0x1f, 1, &state).r[CPUID_EAX], 3);
	ck_assert_uint_eq(get(0x1f, 1, &state).r[CPUID_EBX], 6);
	ck_assert_uint_eq(get(0x1f, 2, &state).r[CPUID_EAX], 4);
	ck_assert_uint_eq(get(0x1f, 2, &state).r[CPUID_ECX], 0x502);
	ck_assert_uint_eq(get(0x80000008, 0, &state).r[CPUID_ECX], 0x400b);
	ck_assert(get(0x80000001, 0, &state).r[CPUID_ECX] & BIT32(1));
	ck_assert(get(0x80000001, 0, &state).r[CPUID_ECX] & BIT32(22));
	ck_assert_uint_eq(get(0x8000001e, 0, &state).r[CPUID_EAX], 0x1b);
	ck_assert_uint_eq(get(0x8000001e, 0, &state).r[CPUID_EBX], 0x105); /* 2 threads a core, core 1 01 */
	ck_assert_uint_eq(get(0x8000001e, 0, &state).r[CPUID_ECX], 0x103); /* 2 nodes a socket, node 3 */
	ck_assert_uint_eq(get(0x8000001d, 0, NULL).r[CPUID_EAX], 1 << 14 | 1 << 5 | 1);
	ck_assert_uint_eq(get(0x8000001d, 2, NULL).r[CPUID_EAX], 7 << 14 | 3 << 5 | 1);
	ck_assert_uint_eq(get(0x8000001d, 3, NULL).r[CPUID_EAX], 0);
	ck_assert_uint_eq(get(4, 0, NULL).r[CPUID_EAX], 0);
	build_as(&intel, 2, 1, 3, 2);
	ck_assert_uint_eq(get(0x1f, 0, &state).r[CPUID_EBX], 0);
	ck_assert_uint_eq(get(4, 1, NULL).r[CPUID_EAX], 3u << 26 | 1 << 14 | 2 << 5 | 1);
	ck_assert_uint_eq(get(4, 2, NULL).r[CPUID_EAX], 3u << 26 | 7 << 14 | 3 << 5 | 1);
	ck_assert_uint_eq(get(4, 2, NULL).r[CPUID_ECX], 63);
	ck_assert_uint_eq(get(0x8000001e, 0, &state).r[CPUID_EAX], 0);
	build_as(&intel, 1, 1, 64, 1);
	ck_assert_uint_eq(get(4, 0, NULL).r[CPUID_EAX] >> 26, 63);
}
END_TEST

/* QEMU's EPYC without TOPOEXT: 32 KiB of 8 and 64 KiB of 4 ways, 512 KiB of 8, 8 MiB of 16. */
static void host_without_topoext(void *context, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
	all_ones_host(context, leaf, subleaf, out);
	if (leaf == 0x80000001)
		out->r[CPUID_ECX] &= ~BIT32(22);
	if (leaf == 0x80000005)
		*out = (struct cpuid_leaf){ { 0, 0, 32u << 24 | 8 << 16 | 64, 64u << 24 | 4 << 16 | 64 } };
	if (leaf == 0x80000006)
		*out = (struct cpuid_leaf){ { 0, 0, 512u << 16 | 6 << 12 | 64, 16u << 18 | 8 << 12 | 64 } };
}

START_TEST(threads_show_without_the_hosts_topoext)
{
	struct cpuid_config config = { .topology = { 1, 1, 2, 2 } };
	struct cpuid_leaf l1, l3;

	cpuid_policy_build(&table, host_without_topoext, &amd, &config);
	ck_assert(get(0x80000001, 0, &(struct cpuid_state){ 0 }).r[CPUID_ECX] & BIT32(22));
	l1 = get(0x8000001d, 0, NULL);
	ck_assert_uint_eq(l1.r[CPUID_EAX], 1 << 14 | BIT32(8) | 1 << 5 | 1);
	ck_assert_uint_eq(l1.r[CPUID_EBX], 7u << 22 | 63);
	ck_assert_uint_eq(l1.r[CPUID_ECX], 63);
	ck_assert_uint_eq(get(0x8000001d, 1, NULL).r[CPUID_ECX], 255);
	ck_assert_uint_eq(get(0x8000001d, 2, NULL).r[CPUID_ECX], 1023);
	l3 = get(0x8000001d, 3, NULL);
	ck_assert_uint_eq(l3.r[CPUID_EAX], 3 << 14 | BIT32(8) | 3 << 5 | 3);
	ck_assert_uint_eq(l3.r[CPUID_EBX], 15u << 22 | 63);
	ck_assert_uint_eq(l3.r[CPUID_ECX], 8191);
	ck_assert_uint_eq(get(0x8000001d, 4, NULL).r[CPUID_EAX], 0);
}
END_TEST

/* A host with nothing beyond leaf 1. */
static void poor_host(void *context, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
	(void)context;
	(void)subleaf;
	memset(out, 0, sizeof(*out));
	if (leaf == 0)
		*out = (struct cpuid_leaf){ { 1, amd, 0, 0 } };
}

START_TEST(a_poor_host_gives_no_garbage)
{
	struct cpuid_config config = { .topology = { 1, 1, 1, 1 } };

	cpuid_policy_build(&table, poor_host, NULL, &config);
	ck_assert_uint_eq(table.xcr0_allowed, 0);
	ck_assert_uint_eq(get(0x40000000, 0, NULL).r[1], 0);
	ck_assert_uint_eq(get(7, 0, NULL).r[CPUID_EBX], 0);
	ck_assert_uint_eq(table.physical_bits, 36);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("cpuid_policy");
	TCase *cases = tcase_create("all");

	tcase_add_test(cases, what_is_not_listed_is_hidden);
	tcase_add_test(cases, emulated_features_are_always_there);
	tcase_add_test(cases, state_shows_through);
	tcase_add_test(cases, all_leaves_tell_one_topology);
	tcase_add_test(cases, threads_show_without_the_hosts_topoext);
	tcase_add_test(cases, a_poor_host_gives_no_garbage);
	suite_add_tcase(suite, cases);
	return suite;
}
