/* SPDX-License-Identifier: MIT */
/*
 * A domain that means harm: `how=NAME` on its command line chooses in which way (the table at the end). It says what came of
 * it where it survives; what its machine must become where it does not, the scenario hostile-guests knows.
 *
 * The classes are those of a hostile guest's CPU, emulated accesses, tables, and timers. Next to read: opcodes.c, whose
 * rows say which exception a single instruction gives.
 */
#include "guest-tests/lib/board.h"

#define GP 13
#define NOWHERE 0xd0000000ull /* in the PCI hole: no RAM, no device */
#define ALL_ONES (~0ull)

static void load_no_idt(void)
{
	static const struct { u16 limit; u64 base; } __attribute__((packed)) none = { 0, 0 };

	__asm__ volatile("lidt %0" ::"m"(none));
}

/* An exception that cannot be delivered, and no double fault either: a PC resets. */
static void triple_fault(void)
{
	load_no_idt();
	__asm__ volatile("int3");
}

/* Code where there is neither RAM nor device. */
static void jump_to_nothing(void)
{
	((void (*)(void))NOWHERE)();
}

/* An instruction that Solera does not emulate, with the APIC as its operand. */
static void divide_by_device(void)
{
	__asm__ volatile("xorl %%edx, %%edx; movl $1, %%eax; divl (%0)" ::"r"(LAPIC + 0x30) : "rax", "rdx", "memory");
}

/* Page tables where no memory is: the CPU's own walk goes there. */
static void tables_in_nothing(void)
{
	write_cr3(NOWHERE);
}

static void stack_in_nothing(void)
{
	__asm__ volatile("movq %0, %%rsp; pushq $1" ::"r"(NOWHERE + 0x1000) : "memory");
}

static void idt_in_nothing(void)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) idtr = { 4095, NOWHERE };

	__asm__ volatile("lidt %0; int3" ::"m"(idtr));
}

static void halt_for_ever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* The same undefined instruction for ever: its handler goes back to it. */
static void back_to_the_same(struct trap_frame *frame)
{
	(void)frame;
}

static void loop_in_exceptions(void)
{
	note("looping");
	set_handler(6, back_to_the_same);
	__asm__ volatile("ud2");
}

/* #AC whose delivery raises #AC: alignment checks on, and a handler in ring 3 on a stack that is not aligned. */
static void loop_in_alignment_checks(void)
{
	note("looping");
	set_handler(17, back_to_the_same);
	write_cr0(read_cr0() | 1u << 18);
	page_root[0] |= 4, page_pointers[0] |= 4;
	for (unsigned i = 0; i < 512; i++)
		page_directories[i] |= 4;
	write_cr3(read_cr3());
	__asm__ volatile("movq $0x33, %%rax; pushq %%rax; pushq %%rsp; pushq $0x40002; pushq $0x3b; leaq 1f(%%rip), %%rax; pushq %%rax\n"
			 "movq $0x33, 32(%%rsp); iretq\n1: movl 1(%%rsp), %%eax; jmp 1b" ::: "rax", "memory");
}

/* #DB whose delivery raises #DB: a breakpoint on the stack that its frame is written to. */
static void loop_in_debug_traps(void)
{
	static u64 word;

	note("looping");
	set_handler(1, back_to_the_same);
	write_dr0((u64)__builtin_frame_address(0) - 256);
	write_dr1((u64)&word);
	write_dr7(0xffff0000u | 0x0f | 0x300);
	for (;;) {
		word++;
		__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" ::: "memory");
	}
}

static unsigned sweep(u32 first, u32 last, const u64 *values, unsigned count)
{
	unsigned strange = 0;

	for (u64 msr = first; msr <= last; msr++) {
		u64 old;
		int vector = rdmsr_trapped((u32)msr, &old);

		if (vector != NO_TRAP && vector != GP)
			note("RDMSR %lx: vector %d", msr, vector), strange++;
		for (unsigned i = 0; i < count; i++) {
			int written = wrmsr_trapped((u32)msr, values[i]);

			if (written != NO_TRAP && written != GP)
				note("WRMSR %lx: vector %d", msr, written), strange++;
			if (vector == NO_TRAP && wrmsr_trapped((u32)msr, old) != NO_TRAP)
				continue; /* one that can only be read */
		}
	}
	return strange;
}

static void every_msr(void)
{
	static const u64 values[] = { 0, 1, ALL_ONES, 1ull << 47, 1ull << 63, 0x8000000080000001ull };
	static const struct { u32 first, last; } ranges[] = {
		{ 0, 0x1fff }, { 0x40000000, 0x400000ff }, { 0x4b564d00, 0x4b564dff }, { 0xc0000000, 0xc0001fff },
		{ 0xc0010000, 0xc0011fff }, { 0xfffffff0, 0xffffffff },
	};

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		report(sweep(ranges[i].first, ranges[i].last, values, sizeof(values) / sizeof(values[0])) == 0,
		       "MSRs %x to %x give a value, take one, or raise #GP", ranges[i].first, ranges[i].last);
}

/* Those whose meaning is the end of the machine: sleep control and the two resets. */
static bool ends_the_machine(u32 port)
{
	return (port >= 0x601 && port <= 0x607) || (port >= 0xcf6 && port <= 0xcf9) || (port >= 0x8f && port <= 0x92);
}

static void every_port(void)
{
	u32 tried = 0;

	for (u32 port = 0; port <= 0xffff; port++) {
		if (ends_the_machine(port) || port == 0xe9)
			continue;
		outb((u16)port, 0xff);
		(void)inb((u16)port);
		outl((u16)port, 0xffffffff);
		(void)inl((u16)port);
		outw((u16)port, 0);
		tried++;
	}
	outb(0x3fb, 3), outb(0x3fc, 0), outb(0x3f9, 0); /* the serial port speaks again */
	report(tried > 65000, "every port was read and written");
}

/* Each register of the local APIC and the I/O APIC, aligned or not, in each width. */
static void every_apic_register(void)
{
	static const u64 bases[] = { LAPIC, IOAPIC };

	for (unsigned b = 0; b < 2; b++) {
		for (u64 offset = 0; offset < 0x1000 - 8; offset += 4) {
			u64 at = bases[b] + offset;

			if (offset == 0x300) /* the interrupt command: an INIT to itself would be the end */
				continue;
			(void)*(volatile u8 *)(at + 1), (void)*(volatile u16 *)(at + 3), (void)*(volatile u32 *)at;
			(void)*(volatile u64 *)(at + 2);
			*(volatile u8 *)(at + 1) = 0xff, *(volatile u16 *)(at + 3) = 0xffff;
			*(volatile u32 *)at = 0xffffffff, *(volatile u64 *)(at + 2) = ALL_ONES;
			__asm__ volatile("lock xaddl %0, (%1)" : "+r"((u32){ 1 }) : "r"(at) : "memory");
		}
	}
	report(true, "every register of both APICs was read and written");
}

static volatile unsigned taken;

static void take(struct trap_frame *frame)
{
	taken++;
	if (frame->vector != 2)
		x2apic_eoi();
}

/* Every source of interrupts as fast as it goes, for seconds; then the machine must still be able to stop them. */
static void interrupt_storm(void)
{
	x2apic_enable();
	for (unsigned vector = 0x20; vector < 0x100; vector++)
		set_handler((u8)vector, take);
	set_handler(2, take);
	wrmsr(X2APIC(0x3e0), 0xb); /* divide by 1 */
	wrmsr(X2APIC(0x320), 0x20030);
	wrmsr(X2APIC(0x380), 1);   /* periodic, each tick */
	wrmsr(X2APIC(0x370), 0x31); /* an error is an interrupt, whose vector 5 below is an error */
	ioapic_write(0x14, 0x400), ioapic_write(0x15, 0); /* the PIT as an NMI */
	pit_channel0(2, 2);
	outb(0x70, 0x0a), outb(0x71, 0x23), outb(0x70, 0x0b), outb(0x71, 0x42); /* the RTC at 8 kHz */
	ioapic_write(0x20, 0x38), ioapic_write(0x21, 0);
	irq_on();
	for (unsigned round = 0; round < 20000; round++) {
		wrmsr(X2APIC(0x3f0), 0x32 + round % 64);
		wrmsr(X2APIC(0x3f0), 5);
		wrmsr(X2APIC(0x300), 0x80031);
		(void)inb(0x71);
	}
	irq_off();
	wrmsr(X2APIC(0x320), 0x10000);
	ioapic_write(0x14, 0x10000);
	report(taken > 20000, "a storm of interrupts");
}

static void end_code(struct trap_frame *frame)
{
	(void)end_trial(frame);
}

/* Random bytes as code, in ring 0, with everything in reach; an NMI each millisecond ends what goes on for ever. */
static void random_code(void)
{
	static u8 code[256] __attribute__((aligned(256)));
	u64 seed = rdtsc() | 1;

	note("random code from seed %lx", seed);
	set_handler(2, end_code);
	ioapic_write(0x14, 0x400), ioapic_write(0x15, 0);
	pit_channel0(2, 1193);
	for (u64 tries = 1;; tries++) {
		for (unsigned i = 0; i < sizeof(code); i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			code[i] = (u8)(seed >> 56);
			if ((seed >> 40 & 7) == 0) /* system instructions more often than by chance */
				code[i] = 0x0f;
		}
		(void)trapped((void (*)(void *))(u64)code, code + 128);
		if (tries % 1000 == 0)
			note("%lu pieces of random code", tries);
	}
}

static const struct { const char *name; void (*function)(void); } ways[] = {
	{ "triple-fault", triple_fault },
	{ "jump", jump_to_nothing },
	{ "divide", divide_by_device },
	{ "tables", tables_in_nothing },
	{ "stack", stack_in_nothing },
	{ "idt", idt_in_nothing },
	{ "halt", halt_for_ever },
	{ "exceptions", loop_in_exceptions },
	{ "alignment", loop_in_alignment_checks },
	{ "debug", loop_in_debug_traps },
	{ "msrs", every_msr },
	{ "ports", every_port },
	{ "apics", every_apic_register },
	{ "storm", interrupt_storm },
	{ "random", random_code },
};

void test_main(void)
{
	const char *how = command_line();

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!starts_with(how, "how=") || !starts_with(how + 4, ways[i].name) || how[4 + strlen(ways[i].name)])
			continue;
		note("hostile: %s", ways[i].name);
		ways[i].function();
		return;
	}
	report(false, "how=NAME says which harm to do");
}
