/* SPDX-License-Identifier: MIT */
/*
 * STI's shadow over instructions that exit: an interrupt that waits is taken after the instruction behind STI, not before
 * it and not one later, whoever executes that instruction. And HLT, which an interrupt ends.
 */
#include "guest-tests/lib/guest.h"

#define VECTOR 0x40

static u64 taken_at;
static unsigned taken;

static void take(struct trap_frame *frame)
{
	taken++;
	taken_at = frame->rip;
	x2apic_eoi();
}

/* One interrupt waits; STI, the instruction, and where the interrupt must be taken. */
#define SHADOWED(name, code)                                                                                      \
	__asm__(".text\n" #name ":\n"                                                                             \
		"	push %rbx; xor %eax, %eax; mov $0x1b, %ecx; mov $0xfec00000, %edi; sti\n"                     \
		"	" code "\n" #name "_after: nop; nop; cli; pop %rbx; ret\n");                                \
	void name(void);                                                                                          \
	extern const u8 name##_after[]

SHADOWED(behind_nop, "nop");
SHADOWED(behind_cpuid, "cpuid");
SHADOWED(behind_rdmsr, "rdmsr");
SHADOWED(behind_in, "in $0x21, %al");
SHADOWED(behind_out, "out %al, $0x80");
SHADOWED(behind_load, "mov (%rdi), %eax");
SHADOWED(behind_store, "movl $0, (%rdi)");
SHADOWED(behind_test, "testl $1, (%rdi)");
SHADOWED(behind_hlt, "hlt");
SHADOWED(behind_two, "cpuid; cpuid");

static const struct row { const char *name; void (*code)(void); const u8 *after; } rows[] = {
	{ "NOP", behind_nop, behind_nop_after },
	{ "CPUID", behind_cpuid, behind_cpuid_after },
	{ "RDMSR", behind_rdmsr, behind_rdmsr_after },
	{ "IN", behind_in, behind_in_after },
	{ "OUT", behind_out, behind_out_after },
	{ "a load from device memory", behind_load, behind_load_after },
	{ "a store to device memory", behind_store, behind_store_after },
	{ "TEST of device memory", behind_test, behind_test_after },
	{ "HLT", behind_hlt, behind_hlt_after },
};

static void send(void)
{
	wrmsr(X2APIC(0x3f0), VECTOR);
}

/* HLT with the interrupt still to come: by the timer. */
static void test_hlt_waits(void)
{
	wrmsr(X2APIC(0x320), VECTOR);
	wrmsr(X2APIC(0x3e0), 0xb);
	taken = 0;
	wrmsr(X2APIC(0x380), 1000000);
	behind_hlt();
	report(taken == 1 && taken_at == (u64)behind_hlt_after, "STI, HLT: waits, and goes on behind HLT");
	wrmsr(X2APIC(0x320), 0x10000);
}

static void on_nmi(struct trap_frame *frame)
{
	taken++;
	taken_at = frame->rip;
}

/* It comes whatever IF is. */
static void test_nmi(void)
{
	set_handler(2, on_nmi);
	taken = 0;
	wrmsr(X2APIC(0x300), rdmsr(X2APIC(0x20)) << 32 | 0x400); /* NMI to its own id */
	for (unsigned i = 0; i < 1000 && !taken; i++)
		__asm__ volatile("nop");
	report(taken == 1, "an NMI to itself, interrupts off");
}

void test_main(void)
{
	x2apic_enable();
	set_handler(VECTOR, take);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		taken = 0;
		send();
		rows[i].code();
		if (taken != 1 || taken_at != (u64)rows[i].after)
			note("%s: %u times, at %lx instead of %lx", rows[i].name, taken, taken_at, (u64)rows[i].after);
		report(taken == 1 && taken_at == (u64)rows[i].after, "an interrupt behind STI and %s", rows[i].name);
	}
	taken = 0;
	send();
	behind_two();
	report(taken == 1 && taken_at == (u64)behind_two_after - 2, "STI, CPUID, CPUID: between the two");
	test_hlt_waits();
	test_nmi();
}
