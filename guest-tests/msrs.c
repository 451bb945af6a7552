/* SPDX-License-Identifier: MIT */
/*
 * MSRs: which raise #GP, which keep what is written, and those that are more than a cell: EFER, PAT, MTRRs, TSC and its
 * adjustment, TSC_AUX. The table of hv/msr_policy.c as the guest sees it.
 */
#include "guest-tests/lib/guest.h"

#define GP 13
#define TSC 0x10
#define TSC_ADJUST 0x3b
#define EFER 0xc0000080
#define PAT 0x277
#define TSC_AUX 0xc0000103

/* The value comes back, and the old one is put back. */
static bool keeps(u32 msr, u64 value)
{
	u64 old = rdmsr(msr), found;

	wrmsr(msr, value);
	found = rdmsr(msr);
	wrmsr(msr, old);
	return found == value && rdmsr(msr) == old;
}

static bool refuses(u32 msr, u64 value)
{
	u64 old = rdmsr(msr);

	return wrmsr_trapped(msr, value) == GP && last_trap.error_code == 0 && rdmsr(msr) == old;
}

static const struct { const char *name; u32 msr; } unknown[] = {
	{ "FEATURE_CONTROL's neighbour", 0x3c }, { "the first performance counter", 0xc1 }, { "the VMX capabilities", 0x480 },
	{ "an RTIT register", 0x570 }, { "the end of the low range", 0x1fff }, { "between the ranges", 0x2000 },
	{ "Hyper-V's guest OS id", 0x40000000 }, { "beyond KVM's", 0x4b564dff }, { "SVM's host save area", 0xc0010117 },
	{ "the end of AMD's range", 0xc0011fff }, { "the last one", 0xffffffff },
};

static const struct { const char *name; u32 msr; u64 value; } kept[] = {
	{ "SYSENTER_CS", 0x174, 0x1234 }, { "SYSENTER_ESP", 0x175, 0xffff800000001000 }, { "STAR", 0xc0000081, 0x0023001000000000 },
	{ "LSTAR", 0xc0000082, 0xffffffff81000000 }, { "SFMASK", 0xc0000084, 0x47700 }, { "FS base", 0xc0000100, 0x7fff12345678 },
	{ "GS base", 0xc0000101, 0xffff888000000000 }, { "kernel GS base", 0xc0000102, 0x123456789000 },
	{ "PAT", PAT, 0x0407050600070106 }, { "a variable MTRR", 0x200, 0x80000006 }, { "its mask", 0x201, 0xf80000800 },
	{ "a fixed MTRR", 0x26f, 0x0505050505050505 }, { "the MTRRs' default", 0x2ff, 0xc06 },
};

static const struct { const char *name; u32 msr; u64 value; } refused[] = {
	{ "EFER with a reserved bit", EFER, 1ull << 63 | 0x501 }, { "EFER.SVME", EFER, 0x1d01 },
	{ "EFER without LME while paging is on", EFER, 0x801 }, { "PAT with type 2", PAT, 0x0200000000000000 },
	{ "PAT with type 8", PAT, 8 }, { "an MTRR with type 3", 0x200, 3 }, { "a fixed MTRR with type 7", 0x250, 7 },
	{ "the MTRRs' default with a reserved bit", 0x2ff, 0x1006 }, { "the MTRRs' capabilities", 0xfe, 0 },
	{ "XSS", 0xda0, 1 }, { "DEBUGCTL", 0x1d9, 1 }, { "TSC_AUX beyond 32 bits", TSC_AUX, 1ull << 32 },
	{ "FEATURE_CONTROL", 0x3a, 5 },
};

static void test_tables(void)
{
	u64 value;

	for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		report(rdmsr_trapped(unknown[i].msr, &value) == GP && wrmsr_trapped(unknown[i].msr, 0) == GP, "#GP: %s", unknown[i].name);
	for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		report(keeps(kept[i].msr, kept[i].value), "kept: %s", kept[i].name);
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		report(refuses(refused[i].msr, refused[i].value), "refused: %s", refused[i].name);
}

static void test_efer(void)
{
	u64 efer = rdmsr(EFER);

	report((efer & 0x500) == 0x500, "EFER says that long mode is on");
	wrmsr(EFER, efer & ~1ull);
	report(rdmsr(EFER) == (efer & ~1ull), "EFER.SCE can be taken away");
	wrmsr(EFER, efer & ~0x400ull);
	report(rdmsr(EFER) & 0x400, "EFER.LMA is the CPU's own");
	wrmsr(EFER, efer);
}

static bool near(u64 value, u64 wanted)
{
	return value - wanted < 1ull << 36;
}

static void test_tsc(void)
{
	u64 adjust = rdmsr(TSC_ADJUST), before, after;
	u32 low, high, aux;

	before = rdtsc();
	after = rdmsr(TSC);
	report(after >= before && near(after, before), "the MSR says what RDTSC says");
	before = rdtsc();
	wrmsr(TSC_ADJUST, adjust + (1ull << 40));
	after = rdtsc();
	report(after >= before + (1ull << 40) && near(after, before + (1ull << 40)), "TSC_ADJUST moves the TSC");
	wrmsr(TSC, 1ull << 50);
	after = rdtsc();
	report(after >= 1ull << 50 && near(after, 1ull << 50), "a write of the TSC moves it");
	report(rdmsr(TSC_ADJUST) != adjust + (1ull << 40), "and TSC_ADJUST with it");
	wrmsr(TSC_ADJUST, adjust);
	after = rdtsc();
	report(after >= before && near(after, before), "TSC_ADJUST puts it back");
	wrmsr(TSC_AUX, 0x12345);
	__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
	report(aux == 0x12345, "RDTSCP gives TSC_AUX");
}

void test_main(void)
{
	test_tables();
	test_efer();
	test_tsc();
}
