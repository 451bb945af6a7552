/* SPDX-License-Identifier: MIT */
/* The task priority: CR8 and the APIC's TPR are one register, in both APIC modes, and hold back what they should, when they should. */
#include "guest-tests/lib/board.h"

#define APIC_BASE 0x1bu
#define EN (1ull << 11)
#define GP 13
#define TPR 0x80
#define PPR 0xa0
#define EOI 0xb0
#define SVR 0xf0
#define ICR 0x300

static const char *mode;
static bool x2apic;
static volatile unsigned count[256];

static u32 apic_read(u32 offset)
{
	return x2apic ? (u32)rdmsr(X2APIC(offset)) : mmio_read(LAPIC + offset);
}

static void apic_write(u32 offset, u32 value)
{
	if (x2apic)
		wrmsr(X2APIC(offset), value);
	else
		mmio_write(LAPIC + offset, value);
}

static void self_ipi(u8 vector) { apic_write(ICR, 0x40000u | vector); }
static void window(void) { __asm__ volatile("sti; nop; nop; cli" ::: "memory"); }

static void handler(struct trap_frame *frame)
{
	count[frame->vector & 0xff]++;
	apic_write(EOI, 0);
}

/* Serves class 6; meanwhile 0x41 waits for its end, then for the priority. */
static void nested_handler(struct trap_frame *frame)
{
	(void)frame;
	self_ipi(0x41);
	window();
	report(count[0x41] == 0 && apic_read(PPR) == 0x60, "%s: what is in service holds back a lower class", mode);
	write_cr8(4);
	apic_write(EOI, 0);
	window();
	report(count[0x41] == 0 && apic_read(PPR) == 0x40, "%s: after its end the priority does", mode);
	write_cr8(3);
	window();
	report(count[0x41] == 1, "%s: and lets go when CR8 falls", mode);
}

static void write_16(void *unused)
{
	(void)unused;
	write_cr8(16);
}

static void one_register(void)
{
	bool up = true, down = true;

	for (u32 value = 0; value < 16; value++) {
		write_cr8(value);
		up &= read_cr8() == value && apic_read(TPR) == value << 4;
	}
	report(up, "%s: each value of CR8 is seen in TPR", mode);
	for (u32 value = 0; value < 256; value++) {
		apic_write(TPR, value);
		down &= read_cr8() == value >> 4 && apic_read(TPR) == value;
	}
	report(down, "%s: each value of TPR is seen in CR8", mode);
	apic_write(TPR, 0x57);
	report(trapped(write_16, NULL) == GP, "%s: CR8 above 15 faults", mode);
	report(apic_read(TPR) == 0x57 && read_cr8() == 5, "%s: and changes nothing", mode);
	report(apic_read(PPR) == 0x57, "%s: PPR is TPR while nothing is in service", mode);
	write_cr8(0);
}

/* Each way to raise and to lower it, with a request that came before. */
static void holding(void)
{
	self_ipi(0x62);
	write_cr8(6);
	window();
	report(count[0x62] == 0, "%s: CR8, raised after the request came, holds it back", mode);
	self_ipi(0x73);
	window();
	report(count[0x73] == 1 && count[0x62] == 0, "%s: a higher class passes", mode);
	apic_write(TPR, 0x5f);
	window();
	report(count[0x62] == 1, "%s: TPR, lowered, lets it through", mode);
	self_ipi(0x62);
	apic_write(TPR, 0x60);
	window();
	report(count[0x62] == 1, "%s: TPR, raised, holds back", mode);
	irq_on();
	write_cr8(5);
	__asm__ volatile("nop");
	irq_off();
	report(count[0x62] == 2, "%s: CR8, lowered with interrupts on, lets through at once", mode);
	self_ipi(0x62);
	__asm__ volatile("sti; mov %0, %%cr8; nop; nop; cli" ::"r"(6ull) : "memory");
	report(count[0x62] == 2, "%s: CR8, raised in the shadow of STI, is in time", mode);
	__asm__ volatile("sti; mov %0, %%cr8; mov %1, %%cr8; nop; cli" ::"r"(6ull), "r"(5ull) : "memory");
	report(count[0x62] == 3, "%s: raised and lowered again, it has come once", mode);
	write_cr8(0);
}

static void nesting(void)
{
	set_handler(0x62, nested_handler);
	self_ipi(0x62);
	window();
	set_handler(0x62, handler);
	write_cr8(0);
}

static void all(const char *name)
{
	mode = name;
	memset((void *)count, 0, sizeof(count));
	apic_write(SVR, 0x1ff);
	set_handler(0x41, handler);
	set_handler(0x62, handler);
	set_handler(0x73, handler);
	one_register();
	holding();
	nesting();
}

void test_main(void)
{
	u64 base = rdmsr(APIC_BASE);

	all("xAPIC");
	write_cr8(7);
	wrmsr(APIC_BASE, base & ~EN);
	wrmsr(APIC_BASE, base);
	report(read_cr8() == 0, "off and on again: CR8 is 0");
	write_cr8(3);
	x2apic_enable();
	x2apic = true;
	report(read_cr8() == 3 && apic_read(TPR) == 0x30, "the way to x2APIC keeps it");
	write_cr8(0);
	all("x2APIC");
}
