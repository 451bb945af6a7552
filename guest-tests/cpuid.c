/* SPDX-License-Identifier: MIT */
/* CPUID: what it does to registers, which leaves there are, and the bits that follow the vCPU's state at that moment. */
#include "guest-tests/lib/guest.h"

#define CR4_OSXSAVE (1ull << 18)
#define APIC_BASE 0x1b

struct wide { u64 rax, rbx, rcx, rdx; };

/* With all bits of all registers set before, above what says the leaf. */
static struct wide cpuid_wide(u32 leaf, u32 subleaf)
{
	struct wide r = { 0xdeadbeef00000000ull | leaf, ~0ull, 0xdeadbeef00000000ull | subleaf, ~0ull };

	__asm__ volatile("cpuid" : "+a"(r.rax), "+b"(r.rbx), "+c"(r.rcx), "+d"(r.rdx));
	return r;
}

static bool is_zero(u32 leaf)
{
	struct cpuid r = cpuid(leaf, 0);

	return !(r.eax | r.ebx | r.ecx | r.edx);
}

static bool upper_halves_are_clear(u32 leaf)
{
	struct wide r = cpuid_wide(leaf, 0);

	return !((r.rax | r.rbx | r.rcx | r.rdx) >> 32);
}

static void test_leaves(void)
{
	u32 highest = cpuid(0, 0).eax, hypervisor = cpuid(0x40000000, 0).eax, extended = cpuid(0x80000000, 0).eax;

	report(upper_halves_are_clear(0) && upper_halves_are_clear(1) && upper_halves_are_clear(0x40000000) &&
	       upper_halves_are_clear(0x7fffffff), "CPUID clears the upper halves of its four registers");
	report(highest >= 7 && extended >= 0x80000008, "basic and extended leaves");
	report(hypervisor >= 0x40000001 && hypervisor < 0x40000100, "the highest hypervisor leaf");
	report(!is_zero(hypervisor) || hypervisor > 0x40000001, "the highest hypervisor leaf says something");
	report(is_zero(hypervisor + 1) && is_zero(0x4fffffff), "beyond it there is nothing");
}

static void test_features(void)
{
	struct cpuid one = cpuid(1, 0), seven = cpuid(7, 0), extended = cpuid(0x80000001, 0);

	report(one.ecx >> 31, "a hypervisor is there");
	report(!(one.ecx >> 5 & 1) && !(extended.ecx >> 2 & 1), "neither VMX nor SVM is offered");
	report(!(one.ecx >> 3 & 1), "MONITOR is not offered");
	report((one.ecx >> 21 & 1) && (one.ecx >> 24 & 1), "x2APIC and the TSC deadline are offered");
	report(!(seven.ebx >> 1 & 1), "TSC_ADJUST is not offered");
	report(one.ebx >> 24 == 0 && (one.edx >> 9 & 1), "APIC number 0, and it is on");
}

static void test_state(void)
{
	u64 cr4 = read_cr4(), base = rdmsr(APIC_BASE);
	u32 size;

	if (cpuid(1, 0).ecx >> 26 & 1) {
		write_cr4(cr4 & ~CR4_OSXSAVE);
		report(!(cpuid(1, 0).ecx >> 27 & 1), "OSXSAVE is off with CR4.OSXSAVE");
		write_cr4(cr4 | CR4_OSXSAVE);
		report(cpuid(1, 0).ecx >> 27 & 1, "OSXSAVE is on with CR4.OSXSAVE");
		__asm__ volatile("xsetbv" ::"a"(1), "c"(0), "d"(0));
		size = cpuid(0xd, 0).ebx;
		__asm__ volatile("xsetbv" ::"a"(7), "c"(0), "d"(0));
		report(size == 576 && cpuid(0xd, 0).ebx > size, "the size of the state follows XCR0");
		write_cr4(cr4);
	} else {
		skip("XSAVE");
	}
	wrmsr(APIC_BASE, base & ~0xc00ull);
	report(!(cpuid(1, 0).edx >> 9 & 1), "the APIC's bit is off while the APIC is");
	wrmsr(APIC_BASE, base);
	report(cpuid(1, 0).edx >> 9 & 1, "and on again");
}

void test_main(void)
{
	test_leaves();
	test_features();
	test_state();
}
