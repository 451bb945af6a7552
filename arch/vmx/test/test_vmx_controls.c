/* SPDX-License-Identifier: MIT */
/* LINK: arch/vmx/vmx_controls.c hv/lib/format.c */
/* Verdicts over capability MSRs: a CPU with everything, and every required bit taken away in turn. */
#include "hv/lib/test/unit.h"
#include "arch/vmx/vmx_controls.h"
#include "arch/vmx/vmx_regs.h"
#include "hv/lib/error.h"
#include <string.h>

/* The default1 bits of the TRUE forms, and all others allowed. */
static struct vmx_capabilities full(void)
{
	return (struct vmx_capabilities){
		.vmx = true,
		.feature_control = FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX_OUTSIDE_SMX,
		.pin = 0xffffffff00000016ull,
		.primary = 0xffffffff04006172ull,
		.secondary = 0xffffffff00000000ull,
		.exit = 0xffffffff00036dfbull,
		.entry = 0xffffffff000011fbull,
		.misc = 0x65,
		.ept_vpid = ~(u64)0,
		.rdtscp = true, .invpcid = true, .xsaves = true,
	};
}

START_TEST(full_cpu_is_accepted)
{
	struct vmx_capabilities cap = full();
	struct vmx_controls controls;
	char why[128] = "";

	ck_assert_int_eq(vmx_controls_compute(&cap, &controls, why, sizeof(why)), OK);
	ck_assert_uint_eq(controls.pin & 0x16, 0x16);
	ck_assert(controls.secondary & SECONDARY_VPID);
	ck_assert(controls.preemption_timer);
	ck_assert_uint_eq(controls.preemption_timer_shift, 5);
	ck_assert(!(controls.primary & PRIMARY_CR3_LOAD_EXITING));
	ck_assert(controls.primary & PRIMARY_TPR_SHADOW);
	ck_assert(!(controls.primary & (PRIMARY_CR8_LOAD_EXITING | PRIMARY_CR8_STORE_EXITING)));
	ck_assert(!(controls.exit & EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT));
}
END_TEST

START_TEST(each_lacking_bit_is_named)
{
	static const struct { size_t offset; u32 bit; const char *name; } rows[] = {
		{ offsetof(struct vmx_capabilities, pin), PIN_VIRTUAL_NMIS, "virtual NMIs" },
		{ offsetof(struct vmx_capabilities, primary), PRIMARY_MSR_BITMAPS, "MSR bitmaps" },
		{ offsetof(struct vmx_capabilities, primary), PRIMARY_SECONDARY_CONTROLS, "secondary controls" },
		{ offsetof(struct vmx_capabilities, secondary), SECONDARY_EPT, "no EPT" },
		{ offsetof(struct vmx_capabilities, secondary), SECONDARY_UNRESTRICTED_GUEST, "unrestricted guest" },
		{ offsetof(struct vmx_capabilities, secondary), SECONDARY_RDTSCP, "RDTSCP" },
		{ offsetof(struct vmx_capabilities, secondary), SECONDARY_INVPCID, "INVPCID" },
		{ offsetof(struct vmx_capabilities, secondary), SECONDARY_XSAVES, "XSAVES" },
		{ offsetof(struct vmx_capabilities, exit), EXIT_CONTROL_LOAD_EFER, "load IA32_EFER" },
		{ offsetof(struct vmx_capabilities, entry), ENTRY_CONTROL_LOAD_PAT, "load IA32_PAT" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vmx_capabilities cap = full();
		struct vmx_controls controls;
		char why[128] = "";

		*(u64 *)(void *)((char *)&cap + rows[i].offset) &= ~((u64)rows[i].bit << 32);
		ck_assert_int_eq(vmx_controls_compute(&cap, &controls, why, sizeof(why)), ERR_UNSUPPORTED);
		ck_assert_msg(strstr(why, rows[i].name) != NULL, "%s: %s", rows[i].name, why);
	}
}
END_TEST

START_TEST(firmware_lock_is_told_apart)
{
	static const struct { u64 feature_control; int code; } rows[] = {
		{ 0, OK }, /* unlocked: Solera writes it */
		{ FEATURE_CONTROL_LOCKED, ERR_UNSUPPORTED },
		{ FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX_IN_SMX, ERR_UNSUPPORTED },
		{ FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX_OUTSIDE_SMX, OK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vmx_capabilities cap = full();
		struct vmx_controls controls;
		char why[128] = "";

		cap.feature_control = rows[i].feature_control;
		ck_assert_int_eq(vmx_controls_compute(&cap, &controls, why, sizeof(why)), rows[i].code);
		if (rows[i].code != OK)
			ck_assert_ptr_nonnull(strstr(why, "firmware"));
	}
}
END_TEST

START_TEST(optional_parts_fall_away)
{
	struct vmx_capabilities cap = full();
	struct vmx_controls controls;
	char why[128];

	cap.ept_vpid &= ~(VPID_CAP_SINGLE | EPT_CAP_ACCESSED_DIRTY | EPT_CAP_1G);
	cap.pin &= ~((u64)PIN_PREEMPTION_TIMER << 32);
	cap.primary &= ~((u64)PRIMARY_TPR_SHADOW << 32);
	cap.secondary &= ~((u64)(SECONDARY_RDTSCP | SECONDARY_INVPCID | SECONDARY_XSAVES) << 32);
	cap.rdtscp = cap.invpcid = cap.xsaves = false;
	ck_assert_int_eq(vmx_controls_compute(&cap, &controls, why, sizeof(why)), OK);
	ck_assert(!(controls.secondary & SECONDARY_VPID));
	ck_assert(!controls.ept_accessed_dirty && !controls.ept_1g && controls.ept_2m);
	ck_assert(!controls.preemption_timer);
	/* Without the shadow each move of CR8 exits. */
	ck_assert(controls.primary & PRIMARY_CR8_LOAD_EXITING && controls.primary & PRIMARY_CR8_STORE_EXITING);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vmx_controls");
	TCase *tcase = tcase_create("vmx_controls");

	tcase_add_test(tcase, full_cpu_is_accepted);
	tcase_add_test(tcase, each_lacking_bit_is_named);
	tcase_add_test(tcase, firmware_lock_is_told_apart);
	tcase_add_test(tcase, optional_parts_fall_away);
	suite_add_tcase(suite, tcase);
	return suite;
}
