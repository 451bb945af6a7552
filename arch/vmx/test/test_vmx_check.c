/* SPDX-License-Identifier: MIT */
/* LINK: arch/vmx/vmx_check.c */
/* Every rule of VM entry, broken by one change to a VMCS that breaks none; every rule has a row here. */
#include "hv/lib/test/unit.h"
#include "arch/vmx/vmx_check.h"
#include "arch/vmx/vmx_regs.h"
#include <string.h>

#define PIN_GOOD (0x16 | PIN_EXTERNAL_INTERRUPT_EXITING | PIN_NMI_EXITING | PIN_VIRTUAL_NMIS)
#define PRIMARY_GOOD (0x04006172 | PRIMARY_TPR_SHADOW | PRIMARY_IO_BITMAPS | PRIMARY_MSR_BITMAPS | PRIMARY_SECONDARY_CONTROLS)
#define SECONDARY_GOOD (SECONDARY_EPT | SECONDARY_UNRESTRICTED_GUEST | SECONDARY_VPID)
#define EXIT_GOOD (0x00036dfb | EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE | EXIT_CONTROL_LOAD_PAT | EXIT_CONTROL_LOAD_EFER)
#define ENTRY_GOOD (0x000011fb | ENTRY_CONTROL_IA32E_MODE_GUEST | ENTRY_CONTROL_LOAD_DEBUG_CONTROLS | \
		    ENTRY_CONTROL_LOAD_PAT | ENTRY_CONTROL_LOAD_EFER)

static struct vmcs_image image;
static struct vmx_check_host host;

#define SET(name, v) (image.value[VMCS_INDEX_##name] = (v))
#define GET(name) (image.value[VMCS_INDEX_##name])

static void set_segment(int i, u64 rights, u64 selector)
{
	image.value[VMCS_INDEX_GUEST_ES_ACCESS_RIGHTS + i] = rights;
	image.value[VMCS_INDEX_GUEST_ES_SELECTOR + i] = selector;
	image.value[VMCS_INDEX_GUEST_ES_LIMIT + i] = rights & BIT64(15) ? 0xffffffff : 0xffff;
}

/* A 64-bit guest and a 64-bit host, as Solera enters them. */
static void good(void)
{
	memset(&image, 0, sizeof(image));
	host = (struct vmx_check_host){
		.capabilities = {
			.vmx = true, .pin = 0x000000ff00000016ull, .primary = 0xfff9fffe04006172ull,
			.secondary = 0x000fffff00000000ull, .exit = 0x01ffffff00036dfbull, .entry = 0x0003ffff000011fbull,
			.misc = VMX_MISC_ACTIVITY_HLT, .cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
			.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x3767ff | BIT64(23),
			.ept_vpid = EPT_CAP_ACCESSED_DIRTY,
		},
		.physical_bits = 39, .linear_bits = 48,
	};
	SET(PIN_BASED_CONTROLS, PIN_GOOD);
	SET(PRIMARY_PROCESSOR_CONTROLS, PRIMARY_GOOD);
	SET(SECONDARY_PROCESSOR_CONTROLS, SECONDARY_GOOD);
	SET(EXIT_CONTROLS, EXIT_GOOD);
	SET(ENTRY_CONTROLS, ENTRY_GOOD);
	SET(VPID, 1);
	SET(EPT_POINTER, 0x100000 | EPTP_MEMORY_TYPE_WB | EPTP_WALK_LENGTH_4 | EPTP_ACCESSED_DIRTY);
	SET(HOST_CR0, 0x80010033);
	SET(HOST_CR4, 0x2020);
	SET(HOST_CS_SELECTOR, 8);
	SET(HOST_TR_SELECTOR, 0x18);
	SET(HOST_IA32_EFER, 0xd00);
	SET(HOST_IA32_PAT, 0x0007040600070406ull);
	SET(HOST_RIP, 0xffffffff80001000ull);
	SET(GUEST_CR0, 0x80050033);
	SET(GUEST_CR4, 0x20a0);
	SET(GUEST_IA32_EFER, 0xd01);
	SET(GUEST_IA32_PAT, 0x0007040600070406ull);
	SET(GUEST_DR7, 0x400);
	SET(GUEST_RFLAGS, 0x202);
	SET(GUEST_RIP, 0xffffffff81000000ull);
	SET(GUEST_VMCS_LINK_POINTER, ~(u64)0);
	for (int i = 0; i < 6; i++)
		set_segment(i, i == 1 ? 0xa09b : 0xc093, i == 1 ? 0x10 : 0x18);
	set_segment(6, 0x82, 0x28);
	set_segment(7, 0x8b, 0x40);
}

static void as_v8086(void)
{
	SET(ENTRY_CONTROLS, ENTRY_GOOD & ~ENTRY_CONTROL_IA32E_MODE_GUEST);
	SET(GUEST_IA32_EFER, 0);
	SET(GUEST_RFLAGS, 0x20202);
	SET(GUEST_RIP, 0x100);
	for (int i = 0; i < 6; i++) {
		set_segment(i, 0xf3, 0x1000);
		image.value[VMCS_INDEX_GUEST_ES_BASE + i] = 0x10000;
	}
}

/* A 32-bit protected-mode guest without unrestricted guest. */
static void as_restricted(void)
{
	SET(SECONDARY_PROCESSOR_CONTROLS, SECONDARY_EPT);
	SET(VPID, 1);
}

#define NON_CANONICAL 0x8000000000000000ull
#define EVENT(type, vector) ((u64)(INTERRUPTION_VALID | (type) << 8 | (vector)))

#define CASES(X)                                                                                                  \
	X(pin_controls, GET(PIN_BASED_CONTROLS) &= ~2ull)                                                                 \
	X(primary_controls, GET(PRIMARY_PROCESSOR_CONTROLS) |= BIT64(0))                                                  \
	X(secondary_controls, GET(SECONDARY_PROCESSOR_CONTROLS) |= BIT64(31))                                             \
	X(cr3_target_count, SET(CR3_TARGET_COUNT, 5))                                                                     \
	X(io_bitmaps, SET(IO_BITMAP_B_ADDRESS, 1))                                                                        \
	X(msr_bitmap, SET(MSR_BITMAP_ADDRESS, BIT64(39)))                                                                 \
	X(virtual_apic, SET(VIRTUAL_APIC_ADDRESS, 0x800))                                                                 \
	X(tpr_threshold_vtpr, (SET(TPR_THRESHOLD, 5), image.vtpr = 0x4f))                                                 \
	X(tpr_threshold, SET(TPR_THRESHOLD, 0x10))                                                                        \
	X(virtual_nmis, GET(PIN_BASED_CONTROLS) &= ~(u64)PIN_NMI_EXITING)                                                 \
	X(nmi_window, (GET(PIN_BASED_CONTROLS) &= ~(u64)PIN_VIRTUAL_NMIS,                                                 \
		       GET(PRIMARY_PROCESSOR_CONTROLS) |= PRIMARY_NMI_WINDOW_EXITING))                            \
	X(vpid, SET(VPID, 0))                                                                                             \
	X(ept_type, GET(EPT_POINTER) ^= 1)                                                                                \
	X(ept_length, GET(EPT_POINTER) ^= 8)                                                                              \
	X(ept_dirty, host.capabilities.ept_vpid = 0)                                                                      \
	X(ept_reserved, GET(EPT_POINTER) |= BIT64(8))                                                                     \
	X(unrestricted_ept, SET(SECONDARY_PROCESSOR_CONTROLS, SECONDARY_UNRESTRICTED_GUEST))                              \
	X(exit_controls, GET(EXIT_CONTROLS) |= BIT64(31))                                                                 \
	X(save_timer, GET(EXIT_CONTROLS) |= EXIT_CONTROL_SAVE_PREEMPTION_TIMER)                                           \
	X(entry_controls, GET(ENTRY_CONTROLS) |= BIT64(31))                                                               \
	X(entry_smm, GET(ENTRY_CONTROLS) |= ENTRY_CONTROL_ENTRY_TO_SMM)                                                   \
	X(event_vector, SET(ENTRY_INTERRUPTION_INFORMATION, EVENT(INTERRUPTION_NMI, 3)))                                  \
	X(event_error_code, SET(ENTRY_INTERRUPTION_INFORMATION, EVENT(INTERRUPTION_HARDWARE_EXCEPTION, 14)))              \
	X(event_error_bits, (SET(ENTRY_INTERRUPTION_INFORMATION,                                                          \
				 EVENT(INTERRUPTION_HARDWARE_EXCEPTION, 14) | INTERRUPTION_ERROR_CODE_VALID),     \
			     SET(ENTRY_EXCEPTION_ERROR_CODE, BIT64(16))))                                         \
	X(event_length, SET(ENTRY_INTERRUPTION_INFORMATION, EVENT(INTERRUPTION_SOFTWARE_INTERRUPT, 0x80)))                \
	X(host_cr0, GET(HOST_CR0) &= ~0x20ull)                                                                            \
	X(host_cr4, GET(HOST_CR4) &= ~0x2000ull)                                                                          \
	X(host_cr3, SET(HOST_CR3, BIT64(39)))                                                                             \
	X(host_sysenter, SET(HOST_IA32_SYSENTER_EIP, NON_CANONICAL))                                                      \
	X(host_pat, SET(HOST_IA32_PAT, 2))                                                                                \
	X(host_efer, SET(HOST_IA32_EFER, 0x100))                                                                          \
	X(host_selectors, SET(HOST_DS_SELECTOR, 3))                                                                       \
	X(host_cs_tr, SET(HOST_TR_SELECTOR, 0))                                                                           \
	X(host_ss, (GET(EXIT_CONTROLS) &= ~(u64)EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE, SET(HOST_IA32_EFER, 0)))            \
	X(host_bases, SET(HOST_GDTR_BASE, NON_CANONICAL))                                                                 \
	X(host_size, (GET(EXIT_CONTROLS) &= ~(u64)EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE, SET(HOST_IA32_EFER, 0),           \
		      SET(HOST_SS_SELECTOR, 0x10)))                                                               \
	X(host_pae, GET(HOST_CR4) &= ~0x20ull)                                                                            \
	X(host_rip, SET(HOST_RIP, NON_CANONICAL))                                                                         \
	X(guest_cr0, GET(GUEST_CR0) &= ~0x20ull)                                                                          \
	X(guest_cr0_pg, GET(GUEST_CR0) &= ~1ull)                                                                          \
	X(guest_cr4, GET(GUEST_CR4) |= BIT64(31))                                                                         \
	X(guest_cet, (GET(GUEST_CR4) |= BIT64(23), GET(GUEST_CR0) &= ~BIT64(16)))                                         \
	X(guest_debugctl, SET(GUEST_IA32_DEBUGCTL, BIT64(2)))                                                             \
	X(guest_long_pg, GET(GUEST_CR4) &= ~0x20ull)                                                                      \
	X(guest_pcide, (as_v8086(), GET(GUEST_CR4) |= BIT64(17)))                                                         \
	X(guest_cr3, SET(GUEST_CR3, BIT64(40)))                                                                           \
	X(guest_dr7, GET(GUEST_DR7) |= BIT64(32))                                                                         \
	X(guest_sysenter, SET(GUEST_IA32_SYSENTER_ESP, NON_CANONICAL))                                                    \
	X(guest_pat, SET(GUEST_IA32_PAT, 8))                                                                              \
	X(guest_efer_reserved, GET(GUEST_IA32_EFER) |= BIT64(12))                                                         \
	X(guest_efer_lma, GET(GUEST_IA32_EFER) &= ~BIT64(10))                                                             \
	X(guest_tr_ti, GET(GUEST_TR_SELECTOR) |= 4)                                                                       \
	X(guest_ldtr_ti, GET(GUEST_LDTR_SELECTOR) |= 4)                                                                   \
	X(guest_ss_rpl, (as_restricted(), GET(GUEST_SS_SELECTOR) |= 3))                                                   \
	X(v8086_base, (as_v8086(), SET(GUEST_FS_BASE, 0)))                                                                \
	X(guest_base_canonical, SET(GUEST_GS_BASE, NON_CANONICAL))                                                        \
	X(guest_base_32, SET(GUEST_CS_BASE, BIT64(32)))                                                                   \
	X(v8086_limit, (as_v8086(), SET(GUEST_DS_LIMIT, 0xfffff)))                                                        \
	X(v8086_rights, (as_v8086(), SET(GUEST_GS_ACCESS_RIGHTS, 0x93)))                                                  \
	X(guest_cs_type, SET(GUEST_CS_ACCESS_RIGHTS, 0xa09a))                                                             \
	X(guest_ss_type, SET(GUEST_SS_ACCESS_RIGHTS, 0xc091))                                                             \
	X(guest_data_type, SET(GUEST_FS_ACCESS_RIGHTS, 0xc092))                                                           \
	X(guest_s, SET(GUEST_ES_ACCESS_RIGHTS, 0xc083))                                                                   \
	X(guest_cs_dpl, SET(GUEST_CS_ACCESS_RIGHTS, 0xa0fb))                                                              \
	X(guest_ss_dpl, (as_restricted(), SET(GUEST_SS_ACCESS_RIGHTS, 0xc0f3), SET(GUEST_CS_ACCESS_RIGHTS, 0xa0fb)))      \
	X(guest_data_dpl, (as_restricted(), GET(GUEST_DS_SELECTOR) |= 3))                                                 \
	X(guest_p, SET(GUEST_GS_ACCESS_RIGHTS, 0xc013))                                                                   \
	X(guest_reserved, SET(GUEST_DS_ACCESS_RIGHTS, 0xc193))                                                            \
	X(guest_cs_l, SET(GUEST_CS_ACCESS_RIGHTS, 0xe09b))                                                                \
	X(guest_g, SET(GUEST_DS_LIMIT, 0xfffff000))                                                                       \
	X(guest_tr_type, SET(GUEST_TR_ACCESS_RIGHTS, 0x89))                                                               \
	X(guest_tr_s, SET(GUEST_TR_ACCESS_RIGHTS, 0x9b))                                                                  \
	X(guest_tr_p, SET(GUEST_TR_ACCESS_RIGHTS, 0x0b))                                                                  \
	X(guest_tr_reserved, SET(GUEST_TR_ACCESS_RIGHTS, 0x18b))                                                          \
	X(guest_tr_g, SET(GUEST_TR_LIMIT, 0x100000))                                                                      \
	X(guest_tr_usable, SET(GUEST_TR_ACCESS_RIGHTS, 0x1008b))                                                          \
	X(guest_ldtr_type, SET(GUEST_LDTR_ACCESS_RIGHTS, 0x83))                                                           \
	X(guest_ldtr_s, SET(GUEST_LDTR_ACCESS_RIGHTS, 0x92))                                                              \
	X(guest_ldtr_p, SET(GUEST_LDTR_ACCESS_RIGHTS, 0x02))                                                              \
	X(guest_ldtr_reserved, SET(GUEST_LDTR_ACCESS_RIGHTS, 0x182))                                                      \
	X(guest_ldtr_g, SET(GUEST_LDTR_LIMIT, 0x100000))                                                                  \
	X(guest_tables_base, SET(GUEST_IDTR_BASE, NON_CANONICAL))                                                         \
	X(guest_tables_limit, SET(GUEST_GDTR_LIMIT, 0x10000))                                                             \
	X(guest_rip_32, (as_v8086(), SET(GUEST_RIP, BIT64(32))))                                                          \
	X(guest_rip_canonical, SET(GUEST_RIP, NON_CANONICAL))                                                             \
	X(guest_rflags_reserved, GET(GUEST_RFLAGS) &= ~2ull)                                                              \
	X(guest_rflags_vm, (as_v8086(), GET(GUEST_CR0) &= ~(1ull | BIT64(31))))                                           \
	X(guest_rflags_if, (SET(ENTRY_INTERRUPTION_INFORMATION, EVENT(INTERRUPTION_EXTERNAL, 0x40)), SET(GUEST_RFLAGS, 2))) \
	X(activity_range, SET(GUEST_ACTIVITY_STATE, 4))                                                                   \
	X(activity_support, (SET(GUEST_ACTIVITY_STATE, 1), host.capabilities.misc = 0))                                   \
	X(activity_hlt_dpl, (SET(GUEST_ACTIVITY_STATE, 1), SET(GUEST_SS_ACCESS_RIGHTS, 0xc0f3), SET(GUEST_CS_ACCESS_RIGHTS, 0xa0fb))) \
	X(activity_blocking, (SET(GUEST_ACTIVITY_STATE, 1), SET(GUEST_INTERRUPTIBILITY_STATE, 2)))                        \
	X(interruptibility_reserved, SET(GUEST_INTERRUPTIBILITY_STATE, 0x20))                                             \
	X(interruptibility_both, SET(GUEST_INTERRUPTIBILITY_STATE, 3))                                                    \
	X(interruptibility_sti, (SET(GUEST_INTERRUPTIBILITY_STATE, 1), SET(GUEST_RFLAGS, 2)))                             \
	X(interruptibility_external, (SET(ENTRY_INTERRUPTION_INFORMATION, EVENT(INTERRUPTION_EXTERNAL, 0x40)),            \
				      SET(GUEST_INTERRUPTIBILITY_STATE, 2)))                                      \
	X(interruptibility_nmi, (SET(ENTRY_INTERRUPTION_INFORMATION, EVENT(INTERRUPTION_NMI, 2)),                         \
				 SET(GUEST_INTERRUPTIBILITY_STATE, 2)))                                           \
	X(interruptibility_smi, SET(GUEST_INTERRUPTIBILITY_STATE, 4))                                                     \
	X(virtual_nmi_blocking, (SET(ENTRY_INTERRUPTION_INFORMATION, EVENT(INTERRUPTION_NMI, 2)),                         \
				 SET(GUEST_INTERRUPTIBILITY_STATE, 8)))                                           \
	X(pending_debug_reserved, SET(GUEST_PENDING_DEBUG_EXCEPTIONS, BIT64(13)))                                         \
	X(pending_debug_step, (SET(GUEST_INTERRUPTIBILITY_STATE, 2), SET(GUEST_PENDING_DEBUG_EXCEPTIONS, BIT64(14))))     \
	X(link_pointer, SET(GUEST_VMCS_LINK_POINTER, 0))                                                                  \
	X(pdptes, (as_v8086(), SET(GUEST_RFLAGS, 2), set_segment(1, 0x9b, 8), set_segment(0, 0x93, 0x10),                 \
		   set_segment(2, 0x93, 0x10), set_segment(3, 0x93, 0x10), set_segment(4, 0x93, 0x10),            \
		   set_segment(5, 0x93, 0x10), SET(GUEST_PDPTE2, 3)))

#define CASE_FUNCTION(id, change) static void break_##id(void) { (void)(change); }
CASES(CASE_FUNCTION)

static const struct { const char *rule; void (*change)(void); } cases[] = {
#define CASE_ROW(id, change) { #id, break_##id },
	CASES(CASE_ROW)
};

START_TEST(good_images_break_no_rule)
{
	const struct entry_rule *rule;

	good();
	rule = vmx_check(&image, &host);
	ck_assert_msg(!rule, "%s", rule ? rule->name : "");
	as_v8086();
	rule = vmx_check(&image, &host);
	ck_assert_msg(!rule, "virtual-8086: %s", rule ? rule->name : "");
}
END_TEST

START_TEST(each_rule_is_named_when_broken)
{
	const struct entry_rule *rule;

	good();
	cases[_i].change();
	rule = vmx_check(&image, &host);
	ck_assert_msg(rule != NULL, "%s: nothing found", cases[_i].rule);
	ck_assert_str_eq(rule->name, cases[_i].rule);
}
END_TEST

START_TEST(each_rule_has_a_case)
{
	for (size_t r = 0; r < vmx_check_rule_count(); r++) {
		bool found = false;

		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			found |= strcmp(cases[i].rule, vmx_check_rule(r)->name) == 0;
		ck_assert_msg(found, "no case for rule %s", vmx_check_rule(r)->name);
	}
	ck_assert_uint_eq(vmx_check_rule_count(), ARRAY_SIZE(cases));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("vmx_check");
	TCase *tcase = tcase_create("vmx_check");

	tcase_add_test(tcase, good_images_break_no_rule);
	tcase_add_loop_test(tcase, each_rule_is_named_when_broken, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(tcase, each_rule_has_a_case);
	suite_add_tcase(suite, tcase);
	return suite;
}
