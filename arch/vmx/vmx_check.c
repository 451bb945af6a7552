/* SPDX-License-Identifier: MIT */
/*
 * The rules of VM entry, one line each: name, what must hold, and the expression that is true when it is broken.
 *
 * The order is the manual's: controls, host state, guest control registers and MSRs, segments, descriptor tables, RIP
 * and RFLAGS, non-register state, PDPTEs. Features that Solera never turns on (SMM, dual monitor, APIC virtualisation,
 * VMCS shadowing, Intel PT, CET) have no rules here; `vmbreak` cannot turn them on either, since it writes guest state only.
 */
#include "arch/vmx/vmx_check.h"
#include "arch/vmx/vmx_regs.h"

#define F(name) (c->v[VMCS_INDEX_##name])
#define PIN F(PIN_BASED_CONTROLS)
#define PRIMARY F(PRIMARY_PROCESSOR_CONTROLS)
#define SECONDARY (PRIMARY & PRIMARY_SECONDARY_CONTROLS ? F(SECONDARY_PROCESSOR_CONTROLS) : 0)
#define EXIT F(EXIT_CONTROLS)
#define ENTRY F(ENTRY_CONTROLS)

#define CR0_PE BIT64(0)
#define CR0_NW BIT64(29)
#define CR0_CD BIT64(30)
#define CR0_PG BIT64(31)
#define CR4_PAE BIT64(5)
#define CR4_PCIDE BIT64(17)
#define CR4_CET BIT64(23)
#define CR0_WP BIT64(16)
#define EFER_VALID (BIT64(0) | BIT64(8) | BIT64(10) | BIT64(11))
#define EFER_LME BIT64(8)
#define EFER_LMA BIT64(10)

struct check {
	const u64 *v;
	u8 vtpr;
	const struct vmx_check_host *host;
};

static bool control_bad(u64 word, u64 capability)
{
	return ((u32)capability & ~word) || (word & ~(capability >> 32));
}

static bool page_bad(const struct check *c, u64 address)
{
	return (address & 0xfff) || address >> c->host->physical_bits;
}

static bool not_canonical(const struct check *c, u64 address)
{
	unsigned shift = 64 - c->host->linear_bits;

	return (u64)((s64)(address << shift) >> shift) != address;
}

static bool pat_bad(u64 pat)
{
	for (int i = 0; i < 8; i++, pat >>= 8)
		if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
			return true;
	return false;
}

static bool fixed_bad(u64 value, u64 fixed0, u64 fixed1)
{
	return (value & fixed0) != fixed0 || (value & ~fixed1);
}

static bool host_long(const struct check *c) { return EXIT & EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE; }
static bool guest_long(const struct check *c) { return ENTRY & ENTRY_CONTROL_IA32E_MODE_GUEST; }
static bool unrestricted(const struct check *c) { return SECONDARY & SECONDARY_UNRESTRICTED_GUEST; }
static bool v8086(const struct check *c) { return F(GUEST_RFLAGS) & RFLAGS_VM; }
static u64 guest_fixed0(const struct check *c)
{
	u64 fixed0 = c->host->capabilities.cr0_fixed0;

	return unrestricted(c) ? fixed0 & ~(CR0_PE | CR0_PG) : fixed0;
}

/* Access rights of segment i in the VMCS's order ES CS SS DS FS GS LDTR TR. */
static u64 rights(const struct check *c, int i) { return c->v[VMCS_INDEX_GUEST_ES_ACCESS_RIGHTS + i]; }
static u64 base(const struct check *c, int i) { return c->v[VMCS_INDEX_GUEST_ES_BASE + i]; }
static u64 limit(const struct check *c, int i) { return c->v[VMCS_INDEX_GUEST_ES_LIMIT + i]; }
static u64 selector(const struct check *c, int i) { return c->v[VMCS_INDEX_GUEST_ES_SELECTOR + i]; }
static bool usable(const struct check *c, int i) { return !(rights(c, i) & ACCESS_RIGHTS_UNUSABLE); }
enum { ES, CS, SS, DS, FS, GS, LDTR, TR };
#define TYPE(i) (rights(c, i) & 15)
#define DPL(i) ((rights(c, i) >> 5) & 3)
#define RIGHTS_S BIT64(4)
#define RIGHTS_P BIT64(7)
#define RIGHTS_L BIT64(13)
#define RIGHTS_DB BIT64(14)
#define RIGHTS_G BIT64(15)

static bool any_code_or_data(const struct check *c, bool (*bad)(const struct check *c, int i))
{
	for (int i = ES; i <= GS; i++)
		if (bad(c, i))
			return true;
	return false;
}

static bool v8086_base_bad(const struct check *c, int i) { return base(c, i) != selector(c, i) << 4; }
static bool v8086_limit_bad(const struct check *c, int i) { return limit(c, i) != 0xffff; }
static bool v8086_rights_bad(const struct check *c, int i) { return rights(c, i) != 0xf3; }
static bool data_type_bad(const struct check *c, int i)
{
	/* Accessed; and if code then readable. */
	return i != CS && i != SS && usable(c, i) && (!(TYPE(i) & 1) || ((TYPE(i) & 8) && !(TYPE(i) & 2)));
}
static bool s_bad(const struct check *c, int i) { return (i == CS || usable(c, i)) && !(rights(c, i) & RIGHTS_S); }
static bool p_bad(const struct check *c, int i) { return (i == CS || usable(c, i)) && !(rights(c, i) & RIGHTS_P); }
static bool reserved_bad(const struct check *c, int i)
{
	return (i == CS || usable(c, i)) && (rights(c, i) & (MASK64(11, 8) | MASK64(31, 17)));
}
static bool granularity_mismatch(const struct check *c, int i)
{
	bool g = rights(c, i) & RIGHTS_G;

	return (!g && limit(c, i) >> 20) || (g && (limit(c, i) & 0xfff) != 0xfff);
}
static bool g_bad(const struct check *c, int i) { return (i == CS || usable(c, i)) && granularity_mismatch(c, i); }
static bool data_dpl_bad(const struct check *c, int i)
{
	return i != CS && i != SS && usable(c, i) && TYPE(i) <= 11 && DPL(i) < (selector(c, i) & 3);
}

static bool cs_dpl_bad(const struct check *c)
{
	switch (TYPE(CS)) {
	case 3: return DPL(CS) != 0;
	case 9: case 11: return DPL(CS) != DPL(SS);
	default: return DPL(CS) > DPL(SS);
	}
}

static bool entry_event_bad(const struct check *c)
{
	u64 info = F(ENTRY_INTERRUPTION_INFORMATION);
	unsigned vector = info & 0xff, type = INTERRUPTION_TYPE(info);

	if (!(info & INTERRUPTION_VALID))
		return false;
	return type == 1 || (type == INTERRUPTION_NMI && vector != 2) ||
	       (type == INTERRUPTION_HARDWARE_EXCEPTION && vector > 31) || (type == INTERRUPTION_OTHER_EVENT && vector != 0) ||
	       (info & MASK64(30, 12));
}

static bool entry_error_code_bad(const struct check *c)
{
	u64 info = F(ENTRY_INTERRUPTION_INFORMATION);
	const u32 with_code = BIT32(8) | BIT32(10) | BIT32(11) | BIT32(12) | BIT32(13) | BIT32(14) | BIT32(17);
	bool wanted = INTERRUPTION_TYPE(info) == INTERRUPTION_HARDWARE_EXCEPTION && (info & 0xff) < 32 &&
		      (with_code & BIT32(info & 31)) && (!unrestricted(c) || (F(GUEST_CR0) & CR0_PE));

	return (info & INTERRUPTION_VALID) && !!(info & INTERRUPTION_ERROR_CODE_VALID) != wanted;
}

static bool entry_length_bad(const struct check *c)
{
	u64 info = F(ENTRY_INTERRUPTION_INFORMATION), length = F(ENTRY_INSTRUCTION_LENGTH);
	unsigned type = INTERRUPTION_TYPE(info);

	return (info & INTERRUPTION_VALID) && type >= INTERRUPTION_SOFTWARE_INTERRUPT &&
	       type <= INTERRUPTION_SOFTWARE_EXCEPTION && (length < 1 || length > 15);
}

static bool interruption_type_is(const struct check *c, unsigned type)
{
	u64 info = F(ENTRY_INTERRUPTION_INFORMATION);

	return (info & INTERRUPTION_VALID) && INTERRUPTION_TYPE(info) == type;
}

static bool pdpte_bad(const struct check *c)
{
	u64 reserved = MASK64(2, 1) | MASK64(8, 5) | ~(BIT64(c->host->physical_bits) - 1);

	if (!(F(GUEST_CR0) & CR0_PG) || !(F(GUEST_CR4) & CR4_PAE) || guest_long(c) || !(SECONDARY & SECONDARY_EPT))
		return false;
	for (int i = 0; i < 4; i++)
		if ((c->v[VMCS_INDEX_GUEST_PDPTE0 + i] & 1) && (c->v[VMCS_INDEX_GUEST_PDPTE0 + i] & reserved))
			return true;
	return false;
}

#define RULES_CONTROLS(R)                                                                                         \
	R(pin_controls, "pin-based controls have only bits that the CPU allows, and all that it demands",                \
	  control_bad(PIN, c->host->capabilities.pin))                                                            \
	R(primary_controls, "primary processor-based controls have only bits that the CPU allows, and all that it demands", \
	  control_bad(PRIMARY, c->host->capabilities.primary))                                                    \
	R(secondary_controls, "secondary processor-based controls have only bits that the CPU allows",                   \
	  control_bad(SECONDARY, c->host->capabilities.secondary))                                                \
	R(cr3_target_count, "the CR3-target count is at most 4", F(CR3_TARGET_COUNT) > 4)                                 \
	R(io_bitmaps, "with I/O bitmaps, both bitmap addresses are page aligned and within the physical-address width",   \
	  (PRIMARY & PRIMARY_IO_BITMAPS) && (page_bad(c, F(IO_BITMAP_A_ADDRESS)) || page_bad(c, F(IO_BITMAP_B_ADDRESS)))) \
	R(msr_bitmap, "with MSR bitmaps, the bitmap address is page aligned and within the physical-address width",       \
	  (PRIMARY & PRIMARY_MSR_BITMAPS) && page_bad(c, F(MSR_BITMAP_ADDRESS)))                                   \
	R(virtual_apic, "with TPR shadow, the virtual-APIC address is page aligned and within the physical-address width", \
	  (PRIMARY & PRIMARY_TPR_SHADOW) && page_bad(c, F(VIRTUAL_APIC_ADDRESS)))                                  \
	R(tpr_threshold_vtpr, "with TPR shadow, the TPR threshold is at most bits 7:4 of the virtual task priority",      \
	  (PRIMARY & PRIMARY_TPR_SHADOW) && !(SECONDARY & (SECONDARY_APIC_ACCESSES | SECONDARY_VIRTUAL_INTERRUPT_DELIVERY)) && \
	  (F(TPR_THRESHOLD) & 15) > (u64)c->vtpr >> 4)                                                             \
	R(tpr_threshold, "with TPR shadow, bits 31:4 of the TPR threshold are 0",                                         \
	  (PRIMARY & PRIMARY_TPR_SHADOW) && (F(TPR_THRESHOLD) & MASK64(31, 4)))                                    \
	R(virtual_nmis, "virtual NMIs go only with NMI exiting", (PIN & PIN_VIRTUAL_NMIS) && !(PIN & PIN_NMI_EXITING))     \
	R(nmi_window, "NMI-window exiting goes only with virtual NMIs",                                                   \
	  (PRIMARY & PRIMARY_NMI_WINDOW_EXITING) && !(PIN & PIN_VIRTUAL_NMIS))                                     \
	R(vpid, "with VPID, the VPID is not 0", (SECONDARY & SECONDARY_VPID) && !(F(VPID) & 0xffff))                       \
	R(ept_type, "the EPT memory type is one that the CPU reports (0 or 6)",                                           \
	  (SECONDARY & SECONDARY_EPT) && (F(EPT_POINTER) & 7) != 0 && (F(EPT_POINTER) & 7) != 6)                     \
	R(ept_length, "the EPT page-walk length less 1 is 3", (SECONDARY & SECONDARY_EPT) && ((F(EPT_POINTER) >> 3) & 7) != 3) \
	R(ept_dirty, "EPT accessed and dirty flags are on only where the CPU has them",                                   \
	  (SECONDARY & SECONDARY_EPT) && (F(EPT_POINTER) & EPTP_ACCESSED_DIRTY) &&                                 \
	  !(c->host->capabilities.ept_vpid & EPT_CAP_ACCESSED_DIRTY))                                             \
	R(ept_reserved, "bits 11:7 of the EPT pointer and those beyond the physical-address width are 0",                 \
	  (SECONDARY & SECONDARY_EPT) && ((F(EPT_POINTER) & MASK64(11, 7)) || F(EPT_POINTER) >> c->host->physical_bits)) \
	R(unrestricted_ept, "unrestricted guest goes only with EPT", unrestricted(c) && !(SECONDARY & SECONDARY_EPT))

#define RULES_EXIT_ENTRY(R)                                                                                       \
	R(exit_controls, "VM-exit controls have only bits that the CPU allows, and all that it demands",                  \
	  control_bad(EXIT, c->host->capabilities.exit))                                                          \
	R(save_timer, "save VMX-preemption timer goes only with the timer",                                               \
	  (EXIT & EXIT_CONTROL_SAVE_PREEMPTION_TIMER) && !(PIN & PIN_PREEMPTION_TIMER))                            \
	R(entry_controls, "VM-entry controls have only bits that the CPU allows, and all that it demands",                \
	  control_bad(ENTRY, c->host->capabilities.entry))                                                        \
	R(entry_smm, "entry to SMM and deactivation of dual-monitor treatment are 0 outside of SMM",                      \
	  ENTRY & (ENTRY_CONTROL_ENTRY_TO_SMM | ENTRY_CONTROL_DEACTIVATE_DUAL_MONITOR))                            \
	R(event_vector, "the event to be injected has a type and a vector that go together", entry_event_bad(c))          \
	R(event_error_code, "an error code is delivered for just the exceptions that push one", entry_error_code_bad(c))  \
	R(event_error_bits, "bits 31:16 of the error code are 0",                                                         \
	  (F(ENTRY_INTERRUPTION_INFORMATION) & INTERRUPTION_VALID) &&                                             \
	  (F(ENTRY_INTERRUPTION_INFORMATION) & INTERRUPTION_ERROR_CODE_VALID) &&                                  \
	  (F(ENTRY_EXCEPTION_ERROR_CODE) & MASK64(31, 16)))                                                        \
	R(event_length, "a software event has an instruction length of 1 to 15", entry_length_bad(c))

#define RULES_HOST(R)                                                                                             \
	R(host_cr0, "host CR0 has the bits that VMX operation fixes",                                                     \
	  fixed_bad(F(HOST_CR0), c->host->capabilities.cr0_fixed0, c->host->capabilities.cr0_fixed1))             \
	R(host_cr4, "host CR4 has the bits that VMX operation fixes",                                                     \
	  fixed_bad(F(HOST_CR4), c->host->capabilities.cr4_fixed0, c->host->capabilities.cr4_fixed1))             \
	R(host_cr3, "host CR3 is within the physical-address width", F(HOST_CR3) >> c->host->physical_bits)               \
	R(host_sysenter, "host SYSENTER_ESP and SYSENTER_EIP are canonical",                                              \
	  not_canonical(c, F(HOST_IA32_SYSENTER_ESP)) || not_canonical(c, F(HOST_IA32_SYSENTER_EIP)))             \
	R(host_pat, "host IA32_PAT has valid memory types", (EXIT & EXIT_CONTROL_LOAD_PAT) && pat_bad(F(HOST_IA32_PAT)))    \
	R(host_efer, "host IA32_EFER has no reserved bits, and LMA and LME as the host address-space size says",          \
	  (EXIT & EXIT_CONTROL_LOAD_EFER) &&                                                                      \
	  ((F(HOST_IA32_EFER) & ~EFER_VALID) || !!(F(HOST_IA32_EFER) & EFER_LMA) != host_long(c) ||               \
	   !!(F(HOST_IA32_EFER) & EFER_LME) != host_long(c)))                                                     \
	R(host_selectors, "host selectors have RPL 0 and TI 0",                                                           \
	  (F(HOST_ES_SELECTOR) | F(HOST_CS_SELECTOR) | F(HOST_SS_SELECTOR) | F(HOST_DS_SELECTOR) |                \
	   F(HOST_FS_SELECTOR) | F(HOST_GS_SELECTOR) | F(HOST_TR_SELECTOR)) & 7)                                  \
	R(host_cs_tr, "host CS and TR are not null", !F(HOST_CS_SELECTOR) || !F(HOST_TR_SELECTOR))                        \
	R(host_ss, "host SS is not null on a 32-bit host", !host_long(c) && !F(HOST_SS_SELECTOR))                         \
	R(host_bases, "host FS, GS, TR, GDTR and IDTR bases are canonical",                                               \
	  not_canonical(c, F(HOST_FS_BASE)) || not_canonical(c, F(HOST_GS_BASE)) ||                               \
	  not_canonical(c, F(HOST_TR_BASE)) || not_canonical(c, F(HOST_GDTR_BASE)) ||                             \
	  not_canonical(c, F(HOST_IDTR_BASE)))                                                                    \
	R(host_size, "a 64-bit hypervisor has a 64-bit host address space", !host_long(c))                                \
	R(host_pae, "a 64-bit host has CR4.PAE", host_long(c) && !(F(HOST_CR4) & CR4_PAE))                                \
	R(host_rip, "host RIP is canonical", not_canonical(c, F(HOST_RIP)))

#define RULES_GUEST_REGISTERS(R)                                                                                  \
	R(guest_cr0, "guest CR0 has the bits that VMX operation fixes (PE and PG are free with unrestricted guest)",      \
	  fixed_bad(F(GUEST_CR0), guest_fixed0(c), c->host->capabilities.cr0_fixed1 | CR0_NW | CR0_CD))           \
	R(guest_cr0_pg, "guest CR0.PG goes only with CR0.PE", (F(GUEST_CR0) & CR0_PG) && !(F(GUEST_CR0) & CR0_PE))         \
	R(guest_cr4, "guest CR4 has the bits that VMX operation fixes",                                                   \
	  fixed_bad(F(GUEST_CR4), c->host->capabilities.cr4_fixed0, c->host->capabilities.cr4_fixed1))            \
	R(guest_cet, "guest CR4.CET goes only with CR0.WP", (F(GUEST_CR4) & CR4_CET) && !(F(GUEST_CR0) & CR0_WP))          \
	R(guest_debugctl, "guest IA32_DEBUGCTL has no reserved bits",                                                     \
	  (ENTRY & ENTRY_CONTROL_LOAD_DEBUG_CONTROLS) && (F(GUEST_IA32_DEBUGCTL) & ~0xdfc3ull))                    \
	R(guest_long_pg, "IA-32e mode guest has CR0.PG and CR4.PAE",                                                      \
	  guest_long(c) && (!(F(GUEST_CR0) & CR0_PG) || !(F(GUEST_CR4) & CR4_PAE)))                                \
	R(guest_pcide, "guest CR4.PCIDE goes only with IA-32e mode", !guest_long(c) && (F(GUEST_CR4) & CR4_PCIDE))         \
	R(guest_cr3, "guest CR3 is within the physical-address width", F(GUEST_CR3) >> c->host->physical_bits)            \
	R(guest_dr7, "bits 63:32 of guest DR7 are 0",                                                                     \
	  (ENTRY & ENTRY_CONTROL_LOAD_DEBUG_CONTROLS) && F(GUEST_DR7) >> 32)                                       \
	R(guest_sysenter, "guest SYSENTER_ESP and SYSENTER_EIP are canonical",                                            \
	  not_canonical(c, F(GUEST_IA32_SYSENTER_ESP)) || not_canonical(c, F(GUEST_IA32_SYSENTER_EIP)))           \
	R(guest_pat, "guest IA32_PAT has valid memory types",                                                             \
	  (ENTRY & ENTRY_CONTROL_LOAD_PAT) && pat_bad(F(GUEST_IA32_PAT)))                                          \
	R(guest_efer_reserved, "guest IA32_EFER has no reserved bits",                                                    \
	  (ENTRY & ENTRY_CONTROL_LOAD_EFER) && (F(GUEST_IA32_EFER) & ~EFER_VALID))                                 \
	R(guest_efer_lma, "guest EFER.LMA is the IA-32e mode guest control, and is LME with paging on",                   \
	  (ENTRY & ENTRY_CONTROL_LOAD_EFER) &&                                                                    \
	  (!!(F(GUEST_IA32_EFER) & EFER_LMA) != guest_long(c) ||                                                  \
	   ((F(GUEST_CR0) & CR0_PG) && !(F(GUEST_IA32_EFER) & EFER_LMA) != !(F(GUEST_IA32_EFER) & EFER_LME))))

#define RULES_GUEST_SEGMENTS(R)                                                                                   \
	R(guest_tr_ti, "guest TR has TI 0", F(GUEST_TR_SELECTOR) & 4)                                                     \
	R(guest_ldtr_ti, "a usable guest LDTR has TI 0", usable(c, LDTR) && (F(GUEST_LDTR_SELECTOR) & 4))                  \
	R(guest_ss_rpl, "without unrestricted guest and outside of virtual-8086 mode, SS.RPL is CS.RPL",                  \
	  !v8086(c) && !unrestricted(c) && ((F(GUEST_SS_SELECTOR) ^ F(GUEST_CS_SELECTOR)) & 3))                    \
	R(v8086_base, "in virtual-8086 mode each segment's base is its selector times 16",                                \
	  v8086(c) && any_code_or_data(c, v8086_base_bad))                                                        \
	R(guest_base_canonical, "guest TR, FS, GS and a usable LDTR have canonical bases",                                \
	  not_canonical(c, F(GUEST_TR_BASE)) || not_canonical(c, F(GUEST_FS_BASE)) ||                             \
	  not_canonical(c, F(GUEST_GS_BASE)) || (usable(c, LDTR) && not_canonical(c, F(GUEST_LDTR_BASE))))        \
	R(guest_base_32, "bits 63:32 of the bases of CS, and of usable SS, DS and ES, are 0",                             \
	  F(GUEST_CS_BASE) >> 32 || (usable(c, SS) && F(GUEST_SS_BASE) >> 32) ||                                  \
	  (usable(c, DS) && F(GUEST_DS_BASE) >> 32) || (usable(c, ES) && F(GUEST_ES_BASE) >> 32))                 \
	R(v8086_limit, "in virtual-8086 mode each segment's limit is 0xffff", v8086(c) && any_code_or_data(c, v8086_limit_bad)) \
	R(v8086_rights, "in virtual-8086 mode each segment's access rights are 0xf3",                                     \
	  v8086(c) && any_code_or_data(c, v8086_rights_bad))                                                      \
	R(guest_cs_type, "guest CS is accessed code (9, 11, 13, 15), or 3 with unrestricted guest",                       \
	  !v8086(c) && !((TYPE(CS) & 9) == 9 || (unrestricted(c) && TYPE(CS) == 3)))                               \
	R(guest_ss_type, "a usable guest SS is read-write accessed data (3, 7)",                                          \
	  !v8086(c) && usable(c, SS) && TYPE(SS) != 3 && TYPE(SS) != 7)                                            \
	R(guest_data_type, "usable guest DS, ES, FS and GS are accessed, and readable where they are code",               \
	  !v8086(c) && any_code_or_data(c, data_type_bad))                                                        \
	R(guest_s, "guest CS and usable segments have S = 1", !v8086(c) && any_code_or_data(c, s_bad))                    \
	R(guest_cs_dpl, "guest CS.DPL is 0 for type 3, SS.DPL for non-conforming code, at most SS.DPL for conforming",    \
	  !v8086(c) && cs_dpl_bad(c))                                                                             \
	R(guest_ss_dpl, "without unrestricted guest SS.DPL is SS.RPL; it is 0 with CS type 3 or CR0.PE = 0",              \
	  !v8086(c) && ((!unrestricted(c) && DPL(SS) != (F(GUEST_SS_SELECTOR) & 3)) ||                             \
	  ((TYPE(CS) == 3 || !(F(GUEST_CR0) & CR0_PE)) && DPL(SS) != 0)))                                          \
	R(guest_data_dpl, "without unrestricted guest, usable DS, ES, FS and GS of type 0 to 11 have DPL at least RPL",   \
	  !v8086(c) && !unrestricted(c) && any_code_or_data(c, data_dpl_bad))                                     \
	R(guest_p, "guest CS and usable segments have P = 1", !v8086(c) && any_code_or_data(c, p_bad))                    \
	R(guest_reserved, "reserved bits of access rights are 0 in guest CS and usable segments",                         \
	  !v8086(c) && any_code_or_data(c, reserved_bad))                                                         \
	R(guest_cs_l, "guest CS with L = 1 has D = 0 in IA-32e mode",                                                     \
	  !v8086(c) && guest_long(c) && (rights(c, CS) & RIGHTS_L) && (rights(c, CS) & RIGHTS_DB))                 \
	R(guest_g, "granularity and limit agree in guest CS and usable segments", !v8086(c) && any_code_or_data(c, g_bad)) \
	R(guest_tr_type, "guest TR is a busy TSS: type 11, or 3 outside of IA-32e mode",                                  \
	  TYPE(TR) != 11 && (guest_long(c) || TYPE(TR) != 3))                                                     \
	R(guest_tr_s, "guest TR has S = 0", rights(c, TR) & RIGHTS_S)                                                     \
	R(guest_tr_p, "guest TR has P = 1", !(rights(c, TR) & RIGHTS_P))                                                  \
	R(guest_tr_reserved, "reserved bits of guest TR's access rights are 0",                                           \
	  rights(c, TR) & (MASK64(11, 8) | MASK64(31, 17)))                                                        \
	R(guest_tr_g, "granularity and limit agree in guest TR", granularity_mismatch(c, TR))                             \
	R(guest_tr_usable, "guest TR is usable", !usable(c, TR))                                                          \
	R(guest_ldtr_type, "a usable guest LDTR has type 2", usable(c, LDTR) && TYPE(LDTR) != 2)                           \
	R(guest_ldtr_s, "a usable guest LDTR has S = 0", usable(c, LDTR) && (rights(c, LDTR) & RIGHTS_S))                  \
	R(guest_ldtr_p, "a usable guest LDTR has P = 1", usable(c, LDTR) && !(rights(c, LDTR) & RIGHTS_P))                 \
	R(guest_ldtr_reserved, "reserved bits of a usable guest LDTR's access rights are 0",                              \
	  usable(c, LDTR) && (rights(c, LDTR) & (MASK64(11, 8) | MASK64(31, 17))))                                 \
	R(guest_ldtr_g, "granularity and limit agree in a usable guest LDTR", usable(c, LDTR) && granularity_mismatch(c, LDTR))

#define RULES_GUEST_REST(R)                                                                                       \
	R(guest_tables_base, "guest GDTR and IDTR bases are canonical",                                                   \
	  not_canonical(c, F(GUEST_GDTR_BASE)) || not_canonical(c, F(GUEST_IDTR_BASE)))                           \
	R(guest_tables_limit, "bits 31:16 of guest GDTR's and IDTR's limits are 0",                                       \
	  F(GUEST_GDTR_LIMIT) >> 16 || F(GUEST_IDTR_LIMIT) >> 16)                                                 \
	R(guest_rip_32, "bits 63:32 of guest RIP are 0 outside of 64-bit mode",                                           \
	  (!guest_long(c) || !(rights(c, CS) & RIGHTS_L)) && F(GUEST_RIP) >> 32)                                   \
	R(guest_rip_canonical, "guest RIP is canonical in 64-bit mode",                                                   \
	  guest_long(c) && (rights(c, CS) & RIGHTS_L) && not_canonical(c, F(GUEST_RIP)))                           \
	R(guest_rflags_reserved, "reserved bits of guest RFLAGS are 0, and bit 1 is 1",                                   \
	  (F(GUEST_RFLAGS) & (MASK64(63, 22) | BIT64(15) | BIT64(5) | BIT64(3))) || !(F(GUEST_RFLAGS) & BIT64(1))) \
	R(guest_rflags_vm, "guest RFLAGS.VM is 0 in IA-32e mode and with CR0.PE = 0",                                     \
	  v8086(c) && (guest_long(c) || !(F(GUEST_CR0) & CR0_PE)))                                                 \
	R(guest_rflags_if, "guest RFLAGS.IF is 1 when an external interrupt is injected",                                 \
	  interruption_type_is(c, INTERRUPTION_EXTERNAL) && !(F(GUEST_RFLAGS) & RFLAGS_IF))                        \
	R(activity_range, "the activity state is 0 to 3", F(GUEST_ACTIVITY_STATE) > 3)                                    \
	R(activity_support, "the activity state HLT is one that the CPU supports",                                        \
	  F(GUEST_ACTIVITY_STATE) == ACTIVITY_HLT && !(c->host->capabilities.misc & VMX_MISC_ACTIVITY_HLT))        \
	R(activity_hlt_dpl, "a halted guest has SS.DPL 0", F(GUEST_ACTIVITY_STATE) == ACTIVITY_HLT && DPL(SS) != 0)        \
	R(activity_blocking, "with blocking by STI or MOV SS the guest is active",                                        \
	  (F(GUEST_INTERRUPTIBILITY_STATE) & (INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS)) &&                 \
	  F(GUEST_ACTIVITY_STATE) != ACTIVITY_ACTIVE)                                                             \
	R(interruptibility_reserved, "reserved bits of the interruptibility state are 0",                                 \
	  F(GUEST_INTERRUPTIBILITY_STATE) & MASK64(31, 5))                                                        \
	R(interruptibility_both, "blocking by STI and by MOV SS are not both there",                                      \
	  (F(GUEST_INTERRUPTIBILITY_STATE) & 3) == 3)                                                             \
	R(interruptibility_sti, "blocking by STI goes only with RFLAGS.IF = 1",                                           \
	  (F(GUEST_INTERRUPTIBILITY_STATE) & INTERRUPTIBILITY_STI) && !(F(GUEST_RFLAGS) & RFLAGS_IF))              \
	R(interruptibility_external, "no blocking by STI or MOV SS when an external interrupt is injected",               \
	  interruption_type_is(c, INTERRUPTION_EXTERNAL) && (F(GUEST_INTERRUPTIBILITY_STATE) & 3))                 \
	R(interruptibility_nmi, "no blocking by MOV SS when an NMI is injected",                                          \
	  interruption_type_is(c, INTERRUPTION_NMI) && (F(GUEST_INTERRUPTIBILITY_STATE) & INTERRUPTIBILITY_MOV_SS)) \
	R(interruptibility_smi, "no blocking by SMI outside of SMM", F(GUEST_INTERRUPTIBILITY_STATE) & INTERRUPTIBILITY_SMI) \
	R(virtual_nmi_blocking, "with virtual NMIs, no blocking by NMI when an NMI is injected",                          \
	  (PIN & PIN_VIRTUAL_NMIS) && interruption_type_is(c, INTERRUPTION_NMI) &&                                \
	  (F(GUEST_INTERRUPTIBILITY_STATE) & INTERRUPTIBILITY_NMI))                                               \
	R(pending_debug_reserved, "reserved bits of the pending debug exceptions are 0",                                  \
	  F(GUEST_PENDING_DEBUG_EXCEPTIONS) & ~(0xfull | BIT64(12) | BIT64(14) | BIT64(16)))                       \
	R(pending_debug_step, "with blocking or in HLT, pending BS is 1 just when TF is 1 and BTF is 0",                  \
	  ((F(GUEST_INTERRUPTIBILITY_STATE) & 3) || F(GUEST_ACTIVITY_STATE) == ACTIVITY_HLT) &&                   \
	  !!(F(GUEST_PENDING_DEBUG_EXCEPTIONS) & BIT64(14)) !=                                                    \
	  ((F(GUEST_RFLAGS) & RFLAGS_TF) && !(F(GUEST_IA32_DEBUGCTL) & BIT64(1))))                                 \
	R(link_pointer, "the VMCS link pointer is all ones where VMCS shadowing is off",                                  \
	  F(GUEST_VMCS_LINK_POINTER) != ~(u64)0)                                                                  \
	R(pdptes, "the PDPTEs of a PAE guest have no reserved bits", pdpte_bad(c))

#define DEFINE_RULE(id, text, broken) static bool broken_##id(const struct check *c) { return (broken) != 0; }
RULES_CONTROLS(DEFINE_RULE)
RULES_EXIT_ENTRY(DEFINE_RULE)
RULES_HOST(DEFINE_RULE)
RULES_GUEST_REGISTERS(DEFINE_RULE)
RULES_GUEST_SEGMENTS(DEFINE_RULE)
RULES_GUEST_REST(DEFINE_RULE)

static const struct rule_row {
	struct entry_rule rule;
	bool (*broken)(const struct check *c);
} rules[] = {
#define ROW_CONTROLS(id, text, b) { { #id, "\"Checks on VM-Execution Control Fields\" (26.2.1.1)", text }, broken_##id },
#define ROW_EXIT_ENTRY(id, text, b) { { #id, "\"Checks on VM-Exit and VM-Entry Control Fields\" (26.2.1.2, 26.2.1.3)", text }, broken_##id },
#define ROW_HOST(id, text, b) { { #id, "\"Checks on Host Control Registers, Segments and Address-Space Size\" (26.2.2 to 26.2.4)", text }, broken_##id },
#define ROW_REGISTERS(id, text, b) { { #id, "\"Checks on Guest Control Registers, Debug Registers, and MSRs\" (26.3.1.1)", text }, broken_##id },
#define ROW_SEGMENTS(id, text, b) { { #id, "\"Checks on Guest Segment Registers\" (26.3.1.2)", text }, broken_##id },
#define ROW_REST(id, text, b) { { #id, "\"Checks on Guest Descriptor Tables, RIP, RFLAGS and Non-Register State\" (26.3.1.3 to 26.3.1.6)", text }, broken_##id },
	RULES_CONTROLS(ROW_CONTROLS) RULES_EXIT_ENTRY(ROW_EXIT_ENTRY) RULES_HOST(ROW_HOST)
	RULES_GUEST_REGISTERS(ROW_REGISTERS) RULES_GUEST_SEGMENTS(ROW_SEGMENTS) RULES_GUEST_REST(ROW_REST)
};

unsigned vmx_check_all(const struct vmcs_image *image, const struct vmx_check_host *host, const struct entry_rule **broken,
		       unsigned max)
{
	struct check c = { image->value, image->vtpr, host };
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!rules[i].broken(&c))
			continue;
		if (count < max)
			broken[count] = &rules[i].rule;
		count++;
	}
	return count;
}

const struct entry_rule *vmx_check(const struct vmcs_image *image, const struct vmx_check_host *host)
{
	const struct entry_rule *first;

	return vmx_check_all(image, host, &first, 1) ? first : NULL;
}

size_t vmx_check_rule_count(void)
{
	return ARRAY_SIZE(rules);
}

const struct entry_rule *vmx_check_rule(size_t index)
{
	return &rules[index].rule;
}
