/* SPDX-License-Identifier: MIT */
/* The local APIC's two faces: registers of the page, the way to x2APIC and back, and each fault that x2APIC owes. */
#include "guest-tests/lib/board.h"

#define APIC_BASE 0x1bu
#define EN (1ull << 11)
#define EXTD (1ull << 10)
#define GP 13

static const struct { u32 msr; u64 value; bool good; const char *what; } writes[] = {
	{ 0x802, 0, false, "ID" }, { 0x803, 0, false, "version" }, { 0x808, 0x20, true, "TPR" },
	{ 0x808, 0x100, false, "TPR with reserved bits" }, { 0x808, 0, true, "TPR 0" }, { 0x80a, 0, false, "PPR" },
	{ 0x80b, 1, false, "EOI other than 0" }, { 0x80b, 0, true, "EOI 0" }, { 0x80d, 0, false, "LDR" },
	{ 0x80e, 0, false, "DFR" }, { 0x80f, 0x1000, false, "SVR with reserved bits" }, { 0x80f, 0x1ff, true, "SVR" },
	{ 0x810, 0, false, "ISR" }, { 0x828, 1, false, "ESR other than 0" }, { 0x828, 0, true, "ESR 0" },
	{ 0x830, 1ull << 20, false, "ICR with reserved bits" }, { 0x831, 0, false, "upper ICR" },
	{ 0x832, 1ull << 20, false, "LVT timer with reserved bits" }, { 0x832, 0x10040, true, "LVT timer" },
	{ 0x839, 0, false, "current count" }, { 0x83e, 4, false, "divide with reserved bits" }, { 0x83e, 0xb, true, "divide" },
	{ 0x83f, 0x100, false, "self-IPI with reserved bits" }, { 0x840, 0, false, "a register that is not there" },
};

static void page(void)
{
	report(!(rdmsr(APIC_BASE) & EXTD) && (rdmsr(APIC_BASE) & EN), "the APIC starts as an xAPIC");
	report(mmio_read(LAPIC + 0x20) >> 24 == cpuid(1, 0).ebx >> 24, "its ID is CPUID's");
	report((mmio_read(LAPIC + 0x30) & 0xff) >= 0x10, "its version is an integrated APIC's");
	mmio_write(LAPIC + 0x80, 0x35);
	report(mmio_read(LAPIC + 0x80) == 0x35 && read_cr8() == 3, "TPR and CR8 are one");
	write_cr8(0);
	report(mmio_read(LAPIC + 0x80) == 0, "both ways");
	mmio_write(LAPIC + 0xf0, 0x1ff);
	mmio_write(LAPIC + 0x280, 0);
	(void)mmio_read(LAPIC + 0x3f0);
	mmio_write(LAPIC + 0x280, 0);
	report(mmio_read(LAPIC + 0x280) & 0x80, "a register that is not there is an error in ESR");
	mmio_write(LAPIC + 0x280, 0);
	mmio_write(LAPIC + 0xd0, 0x42000000);
	report(mmio_read(LAPIC + 0xd0) == 0x42000000, "LDR keeps what is written");
}

void test_main(void)
{
	u64 base, value;

	page();
	base = rdmsr(APIC_BASE);
	if (!(cpuid(1, 0).ecx & (1u << 21))) {
		skip("x2APIC: not announced");
		return;
	}
	report(rdmsr_trapped(0x802, &value) == GP, "x2APIC registers fault in xAPIC mode");
	report(wrmsr_trapped(APIC_BASE, (base & ~EN) | EXTD) == GP, "EXTD without EN faults");
	wrmsr(APIC_BASE, base | EXTD);
	report(rdmsr(0x803) == mmio_read(LAPIC + 0x30) || mmio_read(LAPIC + 0x30) == 0xffffffff, "the page is gone in x2APIC mode");
	report((rdmsr(0x80d) & 0xffff) == 1u << (rdmsr(0x802) & 15), "LDR follows from the ID");
	for (unsigned i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		report((wrmsr_trapped(writes[i].msr, writes[i].value) == NO_TRAP) == writes[i].good, "WRMSR %s %s", writes[i].what,
		       writes[i].good ? "works" : "faults");
	report(rdmsr_trapped(0x80b, &value) == GP, "RDMSR EOI faults");
	report(wrmsr_trapped(APIC_BASE, base) == GP, "back to xAPIC faults");
	wrmsr(APIC_BASE, base & ~EN);
	report(wrmsr_trapped(APIC_BASE, base | EXTD) == GP, "off to x2APIC faults");
	wrmsr(APIC_BASE, base);
	report((mmio_read(LAPIC + 0xf0) & 0x1ff) == 0xff, "off and on again: the registers are reset");
}
