/* SPDX-License-Identifier: MIT */
/* LINK: arch/svm/svm_check.c */
/* Every rule of VMRUN, broken by one change to a VMCB that breaks none; every rule has a row here. */
#include "hv/lib/test/unit.h"
#include "arch/svm/svm_check.h"
#include <string.h>

static struct vmcb vmcb;
static struct svm_check_host host;

static void good(void)
{
	memset(&vmcb, 0, sizeof(vmcb));
	host = (struct svm_check_host){ .physical_bits = 40, .cr4_valid = 0x3507ff | BIT64(23), .efer_valid = 0x7d01 };
	vmcb.intercept[1] = 1;
	vmcb.guest_asid = 1;
	vmcb.nested_control = 1;
	vmcb.nested_cr3 = 0x100000;
	vmcb.iopm_base_pa = 0x200000;
	vmcb.msrpm_base_pa = 0x300000;
	vmcb.efer = 0x1d01;
	vmcb.cr0 = 0x80010033;
	vmcb.cr4 = 0xa0;
	vmcb.cs.attributes = 0x29b;
	vmcb.dr6 = 0xffff0ff0;
	vmcb.dr7 = 0x400;
	vmcb.rflags = 2;
	vmcb.g_pat = 0x0007040600070406ull;
}

#define CASES(X)                                                                                                  \
	X(svme, vmcb.efer &= ~0x1000ull)                                                                                  \
	X(cr0_cache, vmcb.cr0 |= BIT64(29))                                                                               \
	X(cr0_high, vmcb.cr0 |= BIT64(32))                                                                                \
	X(cr3_reserved, vmcb.cr3 = BIT64(40))                                                                             \
	X(cr4_reserved, vmcb.cr4 |= BIT64(31))                                                                            \
	X(cr4_cet, (vmcb.cr4 |= BIT64(23), vmcb.cr0 &= ~BIT64(16)))                                                       \
	X(dr6_high, vmcb.dr6 |= BIT64(32))                                                                                \
	X(dr7_high, vmcb.dr7 |= BIT64(32))                                                                                \
	X(efer_reserved, vmcb.efer |= BIT64(1))                                                                           \
	X(long_pae, vmcb.cr4 = 0)                                                                                         \
	X(long_pe, vmcb.cr0 &= ~1ull)                                                                                     \
	X(long_cs, vmcb.cs.attributes |= 0x400)                                                                           \
	X(vmrun_intercept, vmcb.intercept[1] = 0)                                                                         \
	X(iopm, vmcb.iopm_base_pa = BIT64(40) - PAGE_SIZE)                                                                \
	X(msrpm, vmcb.msrpm_base_pa = BIT64(40))                                                                          \
	X(event, vmcb.event_injection = BIT64(31) | 5 << 8)                                                               \
	X(asid, vmcb.guest_asid = 0)                                                                                      \
	X(nested_cr3, vmcb.nested_cr3 = BIT64(41))                                                                        \
	X(g_pat, vmcb.g_pat = 3)                                                                                          \
	X(rflags, vmcb.rflags = 0)

#define CASE_FUNCTION(id, change) static void break_##id(void) { (void)(change); }
CASES(CASE_FUNCTION)

static const struct { const char *rule; void (*change)(void); } cases[] = {
#define CASE_ROW(id, change) { #id, break_##id },
	CASES(CASE_ROW)
};

START_TEST(a_good_vmcb_breaks_no_rule)
{
	good();
	ck_assert_ptr_null(svm_check(&vmcb, &host));
	/* Real mode: no paging, no long mode. */
	vmcb.cr0 = 0x10;
	vmcb.cr4 = 0;
	vmcb.efer = 0x1000;
	vmcb.cs.attributes = 0x9b;
	ck_assert_ptr_null(svm_check(&vmcb, &host));
}
END_TEST

START_TEST(each_rule_is_named_when_broken)
{
	const struct entry_rule *rule;

	good();
	cases[_i].change();
	rule = svm_check(&vmcb, &host);
	ck_assert_msg(rule != NULL, "%s: nothing found", cases[_i].rule);
	ck_assert_str_eq(rule->name, cases[_i].rule);
}
END_TEST

START_TEST(each_rule_has_a_case)
{
	ck_assert_uint_eq(svm_check_rule_count(), ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(cases[i].rule, svm_check_rule(i)->name);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("svm_check");
	TCase *tcase = tcase_create("svm_check");

	tcase_add_test(tcase, a_good_vmcb_breaks_no_rule);
	tcase_add_loop_test(tcase, each_rule_is_named_when_broken, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(tcase, each_rule_has_a_case);
	suite_add_tcase(suite, tcase);
	return suite;
}
