/* SPDX-License-Identifier: MIT */
/*
 * The MSR policy's table (msr_policy.h). Numbers and meanings: AMD64 APM vol. 2, "MSR Cross-Reference" (appendix A);
 * AMD family 17h Processor Programming Reference, "MSRs"; Intel SDM vol. 4; Linux Documentation/virt/kvm/x86/msr.rst.
 */
#include "hv/msr_policy.h"
#include "hv/lib/string.h"

/* Sorted by first; msr_policy_find searches by halves. */
static const struct msr_rule rules[] = {
	{ 0x00000000, 0x00000001, MSR_VALUE, MSR_IGNORE, 0, "P5_MC_ADDR, P5_MC_TYPE: no machine check to report" },
	{ 0x00000010, 0x00000010, MSR_TSC, MSR_TSC, 0, "TSC: a write moves the offset" },
	{ 0x00000011, 0x00000012, MSR_KVM, MSR_KVM, 0, "KVM's clock, old numbers" },
	{ 0x00000017, 0x00000017, MSR_VALUE, MSR_DENY, 0, "PLATFORM_ID: Linux reads it on Intel" },
	{ 0x0000001b, 0x0000001b, MSR_APIC, MSR_APIC, 0, "APIC_BASE" },
	{ 0x0000002a, 0x0000002a, MSR_VALUE, MSR_DENY, 0, "EBL_CR_POWERON: bus ratios of old CPUs" },
	{ 0x0000003a, 0x0000003a, MSR_VALUE, MSR_DENY, 1, "FEATURE_CONTROL: locked, VMX off" },
	{ 0x0000003b, 0x0000003b, MSR_TSC_ADJUST, MSR_TSC_ADJUST, 0, "TSC_ADJUST: emulated with the offset; not announced, or Linux would read it each second that it is idle" },
	{ 0x0000008b, 0x0000008b, MSR_VALUE, MSR_IGNORE, 0x01000065, "microcode revision: high enough for every erratum" },
	{ 0x000000fe, 0x000000fe, MSR_VALUE, MSR_DENY, 0x508, "MTRRCAP: 8 variable, fixed, write-combining" },
	{ 0x00000174, 0x00000176, MSR_PASS, MSR_PASS, 0, "SYSENTER_CS, _ESP, _EIP: switched with the guest" },
	{ 0x00000179, 0x00000179, MSR_VALUE, MSR_DENY, 0, "MCG_CAP: no banks" },
	{ 0x0000017a, 0x0000017a, MSR_VALUE, MSR_ZERO_ONLY, 0, "MCG_STATUS: nothing pending" },
	{ 0x000001a0, 0x000001a0, MSR_VALUE, MSR_IGNORE, 1, "MISC_ENABLE: fast strings" },
	{ 0x000001d9, 0x000001d9, MSR_VALUE, MSR_ZERO_ONLY, 0, "DEBUGCTL: branch records are not offered" },
	{ 0x000001db, 0x000001de, MSR_VALUE, MSR_DENY, 0, "last branch and exception: not recorded" },
	{ 0x00000200, 0x0000020f, MSR_MTRR, MSR_MTRR, 0, "variable MTRRs: kept" },
	{ 0x00000250, 0x00000250, MSR_MTRR, MSR_MTRR, 0, "fixed MTRRs: kept" },
	{ 0x00000258, 0x00000259, MSR_MTRR, MSR_MTRR, 0, "fixed MTRRs: kept" },
	{ 0x00000268, 0x0000026f, MSR_MTRR, MSR_MTRR, 0, "fixed MTRRs: kept" },
	{ 0x00000277, 0x00000277, MSR_PAT_RW, MSR_PAT_RW, 0, "PAT: the guest's own, checked" },
	{ 0x000002ff, 0x000002ff, MSR_MTRR, MSR_MTRR, 0, "MTRR default type: kept" },
	{ 0x000006e0, 0x000006e0, MSR_APIC, MSR_APIC, 0, "TSC_DEADLINE" },
	{ 0x00000800, 0x000008ff, MSR_APIC, MSR_APIC, 0, "x2APIC registers" },
	{ 0x00000da0, 0x00000da0, MSR_XSS_RW, MSR_XSS_RW, 0, "XSS: no supervisor state is offered" },
	{ 0x4b564d00, 0x4b564d01, MSR_KVM, MSR_KVM, 0, "KVM's clock" },
	{ 0x4b564d03, 0x4b564d05, MSR_KVM, MSR_KVM, 0, "KVM's steal time, paravirtual EOI, halt-poll control" },
	{ 0xc0000080, 0xc0000080, MSR_EFER_RW, MSR_EFER_RW, 0, "EFER: SVME is ours" },
	{ 0xc0000081, 0xc0000084, MSR_PASS, MSR_PASS, 0, "STAR, LSTAR, CSTAR, SFMASK: switched with the guest" },
	{ 0xc0000100, 0xc0000102, MSR_PASS, MSR_PASS, 0, "FS, GS, kernel GS base: switched with the guest" },
	{ 0xc0000103, 0xc0000103, MSR_TSC_AUX_RW, MSR_TSC_AUX_RW, 0, "TSC_AUX: switched with the thread" },
	{ 0xc0010010, 0xc0010010, MSR_VALUE, MSR_IGNORE, 0, "SYSCFG: Linux looks for memory encryption and MTRR bits" },
	{ 0xc0010015, 0xc0010015, MSR_VALUE, MSR_IGNORE, 0, "HWCR: Linux clears and sets bits of errata" },
	{ 0xc001001f, 0xc001001f, MSR_VALUE, MSR_IGNORE, 0, "NB_CFG: Linux looks at it for extended configuration space" },
	{ 0xc0010055, 0xc0010055, MSR_VALUE, MSR_IGNORE, 0, "INTERRUPT_PENDING: C1E is off" },
	{ 0xc0010058, 0xc0010058, MSR_VALUE, MSR_DENY, 0, "MMIO_CONF_BASE: MCFG tells it" },
	{ 0xc0010112, 0xc0010113, MSR_VALUE, MSR_DENY, 0, "TSEG: there is none" },
	{ 0xc0010114, 0xc0010114, MSR_VALUE, MSR_DENY, 0x18, "VM_CR: SVM is off, locked" },
	{ 0xc001100c, 0xc001100c, MSR_VALUE, MSR_DENY, 0, "NODE_ID: one node" },
	{ 0xc0011020, 0xc0011022, MSR_VALUE, MSR_IGNORE, 0, "LS_CFG, IC_CFG, DC_CFG: Linux sets bits of errata" },
	{ 0xc0011029, 0xc0011029, MSR_VALUE, MSR_IGNORE, 2, "DE_CFG: LFENCE serialises" },
	{ 0xc001102a, 0xc001102a, MSR_VALUE, MSR_IGNORE, 0, "BU_CFG2: Linux reads it for errata" },
};

const struct msr_rule *msr_policy_find(u32 msr)
{
	const struct msr_rule *low = rules;

	for (u32 count = ARRAY_SIZE(rules); count > 1; count -= count / 2)
		if (low[count / 2].first <= msr)
			low += count / 2;
	return msr >= low->first && msr <= low->last ? low : NULL;
}

void msr_policy_passed(void (*pass)(void *context, u32 msr, bool read, bool write), void *context)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		for (u32 msr = rules[i].first; msr <= rules[i].last; msr++)
			if (rules[i].read == MSR_PASS || rules[i].write == MSR_PASS)
				pass(context, msr, rules[i].read == MSR_PASS, rules[i].write == MSR_PASS);
}

/* The three ranges that the map covers; everything else always exits. */
static int svm_map_index(u32 msr)
{
	if (msr < 0x2000)
		return (int)msr;
	if (msr - 0xc0000000u < 0x2000)
		return (int)(msr - 0xc0000000u + 0x2000);
	if (msr - 0xc0010000u < 0x2000)
		return (int)(msr - 0xc0010000u + 0x4000);
	return -1;
}

static void pass_in_svm_map(void *context, u32 msr, bool read, bool write)
{
	u8 *map = context;
	int index = svm_map_index(msr);

	if (index < 0)
		return;
	if (read)
		map[index / 4] &= (u8)~(1u << (index % 4 * 2));
	if (write)
		map[index / 4] &= (u8)~(2u << (index % 4 * 2));
}

void msr_policy_fill_svm(u8 map[MSR_MAP_SVM_BYTES])
{
	memset(map, 0xff, MSR_MAP_SVM_BYTES);
	msr_policy_passed(pass_in_svm_map, map);
}

static void pass_vmx(void *context, u32 msr, bool read, bool write)
{
	u8 *map = context;
	u32 index = msr < 0x2000 ? msr : msr - 0xc0000000u;

	if (index >= 0x2000)
		return; /* outside of both ranges: always an exit */
	if (msr >= 0xc0000000u)
		map += 1024;
	if (read)
		map[index / 8] &= (u8)~BIT32(index % 8);
	if (write)
		map[2048 + index / 8] &= (u8)~BIT32(index % 8);
}

void msr_policy_fill_vmx(u8 map[MSR_MAP_VMX_BYTES])
{
	memset(map, 0xff, MSR_MAP_VMX_BYTES);
	msr_policy_passed(pass_vmx, map);
}

static bool memory_type_valid(u64 type)
{
	return type <= 1 || (type >= 4 && type <= 6); /* UC, WC, WT, WP, WB */
}

bool msr_pat_valid(u64 value)
{
	for (unsigned i = 0; i < 8; i++) {
		u64 type = (value >> (8 * i)) & 0xff;

		if (!memory_type_valid(type) && type != 7) /* UC- */
			return false;
	}
	return true;
}

bool msr_mtrr_valid(u32 msr, u64 value, unsigned physical_bits)
{
	u64 beyond = physical_bits < 64 ? ~(u64)0 << physical_bits : 0;

	if (msr == 0x2ff)
		return !(value & ~(BIT64(11) | BIT64(10) | 0xff)) && memory_type_valid(value & 0xff);
	if (msr >= 0x200 && msr <= 0x20f)
		return msr & 1 ? !(value & (beyond | MASK64(10, 0))) :
				 !(value & (beyond | MASK64(11, 8))) && memory_type_valid(value & 0xff);
	for (unsigned i = 0; i < 8; i++)
		if (!memory_type_valid((value >> (8 * i)) & 0xff))
			return false;
	return true;
}

bool address_is_canonical(u64 address, unsigned linear_bits)
{
	unsigned shift = 64 - linear_bits;

	return (u64)((s64)(address << shift) >> shift) == address;
}
