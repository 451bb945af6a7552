/* SPDX-License-Identifier: MIT */
/*
 * What exits cost, in the guest's own TSC: under an emulator that counts instructions these are instructions
 * (DESIGN.md, section 6). Each sample is one operation, less what two RDTSCs alone cost.
 */
#include "guest-tests/lib/guest.h"

#define TRIES 1000
#define VECTOR 0x40

static u64 overhead;
static volatile unsigned taken;

static inline u64 stamp(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (u64)high << 32 | low;
}

#define MEASURE(name, operation)                                                                                  \
	static u64 name(void)                                                                                     \
	{                                                                                                         \
		u64 start = stamp();                                                                              \
		operation;                                                                                        \
		return stamp() - start - overhead;                                                                \
	}

static u64 nothing(void)
{
	u64 start = stamp();

	return stamp() - start;
}

MEASURE(cpuid_exit, __asm__ volatile("cpuid" ::"a"(0x40000000), "c"(0) : "ebx", "edx", "memory"))
MEASURE(cpuid_leaf_1, __asm__ volatile("cpuid" ::"a"(1), "c"(0) : "ebx", "edx", "memory"))
MEASURE(hypercall_amd, __asm__ volatile("vmmcall" : : "a"(0x1234) : "memory"))
MEASURE(hypercall_intel, __asm__ volatile("vmcall" : : "a"(0x1234) : "memory"))
MEASURE(msr_read, rdmsr(0x3b))
MEASURE(msr_write, wrmsr(0x3b, 0))
MEASURE(pio_pic, inb(0x21))
MEASURE(pio_pmtimer, inl(0x608))
MEASURE(pio_pit, inb(0x40))
MEASURE(pio_nobody, inb(0x5a))
MEASURE(pio_write_pic, outb(0x21, 0xff))
MEASURE(mmio_read_ioapic, mmio_read(0xfec00000))
MEASURE(mmio_write_ioapic, mmio_write(0xfec00000, 0))
MEASURE(eoi, x2apic_eoi())
MEASURE(self_ipi, wrmsr(X2APIC(0x3f0), VECTOR); __asm__ volatile("sti; nop; cli" ::: "memory"))
MEASURE(deadline, wrmsr(0x6e0, 1); __asm__ volatile("sti; nop; cli" ::: "memory"))
MEASURE(wbinvd, __asm__ volatile("wbinvd" ::: "memory"))

static void take(struct trap_frame *frame)
{
	(void)frame;
	taken++;
	x2apic_eoi();
}

static u64 xapic_eoi(void)
{
	u64 start = stamp();

	mmio_write(0xfee000b0, 0);
	return stamp() - start - overhead;
}

static void check_taken(const char *name, u64 (*measure)(void))
{
	taken = 0;
	bench(name, measure, TRIES);
	report(taken == TRIES + 8, "%s: each interrupt is taken once", name);
}

void test_main(void)
{
	u64 values[3];

	for (unsigned i = 0; i < 3; i++)
		values[i] = nothing();
	overhead = values[2];
	bench("exit.cpuid", cpuid_exit, TRIES);
	bench("exit.cpuid.leaf1", cpuid_leaf_1, TRIES);
	bench("exit.hypercall", cpuid(0, 0).ecx == 0x444d4163 /* "cAMD" */ ? hypercall_amd : hypercall_intel, TRIES);
	bench("exit.msr_read", msr_read, TRIES);
	bench("exit.msr_write", msr_write, TRIES);
	bench("exit.pio_pic", pio_pic, TRIES);
	bench("exit.pio_pmtimer", pio_pmtimer, TRIES);
	bench("exit.pio_pit", pio_pit, TRIES);
	bench("exit.pio_nobody", pio_nobody, TRIES);
	bench("exit.pio_write_pic", pio_write_pic, TRIES);
	bench("exit.mmio_read", mmio_read_ioapic, TRIES);
	bench("exit.mmio_write", mmio_write_ioapic, TRIES);
	bench("exit.wbinvd", wbinvd, TRIES);
	bench("apic.xapic_eoi", xapic_eoi, TRIES);
	x2apic_enable();
	bench("apic.eoi", eoi, TRIES);
	set_handler(VECTOR, take);
	check_taken("apic.self_ipi", self_ipi);
	wrmsr(X2APIC(0x320), 0x40000 | VECTOR); /* LVT timer: TSC-deadline mode */
	check_taken("timer.deadline", deadline);
	report(true, "every operation came back");
}
