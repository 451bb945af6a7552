/* SPDX-License-Identifier: MIT */
/* Control words from capability MSRs, with the reason where a CPU will not do. See vmx_controls.h. */
#include "arch/vmx/vmx_controls.h"
#include "arch/vmx/vmx_regs.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"

struct wanted_bit {
	u32 bit;
	bool required;
	const char *name; /* as the SDM has it */
};

static const struct wanted_bit pin_bits[] = {
	{ PIN_EXTERNAL_INTERRUPT_EXITING, true, "external-interrupt exiting" },
	{ PIN_NMI_EXITING, true, "NMI exiting" },
	{ PIN_VIRTUAL_NMIS, true, "virtual NMIs" },
	{ PIN_PREEMPTION_TIMER, false, "VMX-preemption timer" },
};

static const struct wanted_bit primary_bits[] = {
	{ PRIMARY_TSC_OFFSETTING, true, "TSC offsetting" },
	{ PRIMARY_HLT_EXITING, true, "HLT exiting" },
	{ PRIMARY_MWAIT_EXITING, true, "MWAIT exiting" },
	{ PRIMARY_MONITOR_EXITING, true, "MONITOR exiting" },
	{ PRIMARY_RDPMC_EXITING, true, "RDPMC exiting" },
	{ PRIMARY_TPR_SHADOW, false, "TPR shadow" },
	{ PRIMARY_CR8_LOAD_EXITING, true, "CR8-load exiting" },   /* these two: only without a TPR shadow */
	{ PRIMARY_CR8_STORE_EXITING, true, "CR8-store exiting" },
	{ PRIMARY_MOV_DR_EXITING, true, "MOV-DR exiting" },
	{ PRIMARY_IO_BITMAPS, true, "I/O bitmaps" },
	{ PRIMARY_MSR_BITMAPS, true, "MSR bitmaps" },
	{ PRIMARY_SECONDARY_CONTROLS, true, "secondary controls" },
};

static const struct wanted_bit secondary_bits[] = {
	{ SECONDARY_EPT, true, "EPT" },
	{ SECONDARY_UNRESTRICTED_GUEST, true, "unrestricted guest" },
	{ SECONDARY_WBINVD_EXITING, true, "WBINVD exiting" },
	{ SECONDARY_VPID, false, "VPID" },
	{ SECONDARY_RDTSCP, false, "RDTSCP" },
	{ SECONDARY_INVPCID, false, "INVPCID" },
	{ SECONDARY_PAUSE_LOOP_EXITING, false, "PAUSE-loop exiting" },
	{ SECONDARY_XSAVES, false, "XSAVES/XRSTORS" },
};

static const struct wanted_bit exit_bits[] = {
	{ EXIT_CONTROL_SAVE_DEBUG_CONTROLS, true, "save debug controls" },
	{ EXIT_CONTROL_HOST_ADDRESS_SPACE_SIZE, true, "host address-space size" },
	{ EXIT_CONTROL_SAVE_PAT, true, "save IA32_PAT" },
	{ EXIT_CONTROL_LOAD_PAT, true, "load IA32_PAT" },
	{ EXIT_CONTROL_SAVE_EFER, true, "save IA32_EFER" },
	{ EXIT_CONTROL_LOAD_EFER, true, "load IA32_EFER" },
};

static const struct wanted_bit entry_bits[] = {
	{ ENTRY_CONTROL_LOAD_DEBUG_CONTROLS, true, "load debug controls" },
	{ ENTRY_CONTROL_LOAD_PAT, true, "load IA32_PAT" },
	{ ENTRY_CONTROL_LOAD_EFER, true, "load IA32_EFER" },
};

/* Low half of a capability: bits that must be 1; high half: bits that may be 1. NULL, or the first bit that lacks. */
static const char *compute(u64 capability, const struct wanted_bit *bits, size_t count, u32 *word)
{
	u32 must = (u32)capability, may = (u32)(capability >> 32);

	*word = must;
	for (size_t i = 0; i < count; i++) {
		if (may & bits[i].bit)
			*word |= bits[i].bit;
		else if (bits[i].required)
			return bits[i].name;
	}
	return NULL;
}

/* CR3 exits and INVLPG exits are forced on by the non-TRUE forms; with EPT they would only cost. */
static const char *check_forced(u32 primary)
{
	if (primary & (PRIMARY_CR3_LOAD_EXITING | PRIMARY_CR3_STORE_EXITING))
		return "TRUE control MSRs (CR3 accesses without exits)";
	return NULL;
}

/* Without its bit an instruction raises #UD in a guest, which CPUID has told that it is there. */
static const char *check_instructions(const struct vmx_capabilities *cap, u32 secondary)
{
	if (cap->rdtscp && !(secondary & SECONDARY_RDTSCP))
		return "RDTSCP for guests";
	if (cap->invpcid && !(secondary & SECONDARY_INVPCID))
		return "INVPCID for guests";
	return cap->xsaves && !(secondary & SECONDARY_XSAVES) ? "XSAVES/XRSTORS for guests" : NULL;
}

static const char *check_ept(u64 cap)
{
	if (!(cap & EPT_CAP_WALK_4))
		return "EPT with 4 levels";
	if (!(cap & EPT_CAP_MEMORY_TYPE_WB))
		return "EPT with write-back tables";
	if (!(cap & EPT_CAP_INVEPT) || !(cap & EPT_CAP_INVEPT_SINGLE) || !(cap & EPT_CAP_INVEPT_ALL))
		return "INVEPT (single-context and global)";
	return NULL;
}

static int refuse(char *why, size_t why_size, const char *lacking)
{
	format(why, why_size, "VT-x of this CPU has no %s, which Solera needs: a CPU of 2010 or later has it", lacking);
	return ERR_UNSUPPORTED;
}

int vmx_controls_compute(const struct vmx_capabilities *cap, struct vmx_controls *controls, char *why, size_t why_size)
{
	const char *lacking;

	*controls = (struct vmx_controls){ 0 };
	if (!cap->vmx) {
		format(why, why_size, "this CPU has no VT-x");
		return ERR_UNSUPPORTED;
	}
	if ((cap->feature_control & FEATURE_CONTROL_LOCKED) && !(cap->feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX)) {
		format(why, why_size, "VT-x is locked off: enable VT-x (Intel Virtualization Technology) in the firmware");
		return ERR_UNSUPPORTED;
	}
	lacking = compute(cap->pin, pin_bits, ARRAY_SIZE(pin_bits), &controls->pin);
	if (!lacking)
		lacking = compute(cap->primary, primary_bits, ARRAY_SIZE(primary_bits), &controls->primary);
	if (!lacking)
		lacking = compute(cap->secondary, secondary_bits, ARRAY_SIZE(secondary_bits), &controls->secondary);
	if (!lacking)
		lacking = check_instructions(cap, controls->secondary);
	if (!lacking)
		lacking = check_ept(cap->ept_vpid);
	if (!lacking)
		lacking = check_forced(controls->primary);
	if (!lacking)
		lacking = compute(cap->exit, exit_bits, ARRAY_SIZE(exit_bits), &controls->exit);
	if (!lacking)
		lacking = compute(cap->entry, entry_bits, ARRAY_SIZE(entry_bits), &controls->entry);
	if (lacking)
		return refuse(why, why_size, lacking);

	if (controls->primary & PRIMARY_TPR_SHADOW)
		controls->primary &= ~(PRIMARY_CR8_LOAD_EXITING | PRIMARY_CR8_STORE_EXITING) | (u32)cap->primary;
	controls->ept_accessed_dirty = cap->ept_vpid & EPT_CAP_ACCESSED_DIRTY;
	controls->ept_2m = cap->ept_vpid & EPT_CAP_2M;
	controls->ept_1g = cap->ept_vpid & EPT_CAP_1G;
	controls->invvpid_single = (cap->ept_vpid & VPID_CAP_INVVPID) && (cap->ept_vpid & VPID_CAP_SINGLE);
	/* A VPID that cannot be flushed by itself is of no use. */
	if (!controls->invvpid_single)
		controls->secondary &= ~SECONDARY_VPID;
	controls->preemption_timer = controls->pin & PIN_PREEMPTION_TIMER;
	controls->preemption_timer_shift = VMX_MISC_PREEMPTION_TIMER_SHIFT(cap->misc);
	controls->halt_activity = cap->misc & VMX_MISC_ACTIVITY_HLT;
	return OK;
}
