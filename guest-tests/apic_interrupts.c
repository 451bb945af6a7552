/* SPDX-License-Identifier: MIT */
/* Local APIC interrupts: self-IPIs by priority, TPR, errors, NMI to oneself, and the I/O APIC with edges and levels. */
#include "guest-tests/lib/board.h"

static volatile unsigned count[256], order, nmi_count;
static u8 taken[16];

static void handler(struct trap_frame *frame)
{
	count[frame->vector & 0xff]++;
	if (order < sizeof(taken))
		taken[order++] = (u8)frame->vector;
	x2apic_eoi();
}

static void nmi_handler(struct trap_frame *frame)
{
	(void)frame;
	nmi_count++;
}

static void level_handler(struct trap_frame *frame)
{
	(void)frame;
	count[0x71]++;
	if (count[0x71] == 3)
		outw(0x602, 0); /* no longer enabled: the line falls */
	x2apic_eoi();
}

static void self_ipi(u8 vector) { wrmsr(0x83f, vector); }
static void window(void) { __asm__ volatile("sti; nop; nop; cli" ::: "memory"); }

static void priorities(void)
{
	static const u8 vectors[] = { 0x41, 0x62, 0x53, 0x45, 0x99 };
	static const u8 expected[] = { 0x99, 0x62, 0x53, 0x45, 0x41 };

	for (unsigned i = 0; i < sizeof(vectors); i++)
		set_handler(vectors[i], handler);
	for (unsigned i = 0; i < sizeof(vectors); i++)
		self_ipi(vectors[i]);
	report(rdmsr(0x824) == 1u << 25, "a request shows in IRR while interrupts are off");
	for (unsigned i = 0; i < 8; i++)
		window();
	report(order == 5 && !memcmp(taken, expected, 5), "self-IPIs are taken by priority");
	write_cr8(6);
	self_ipi(0x62);
	window();
	report(count[0x62] == 1, "TPR holds back its class");
	write_cr8(5);
	window();
	report(count[0x62] == 2, "and lets it through when it falls");
	write_cr8(0);
	self_ipi(0x41);
	self_ipi(0x41);
	window();
	window();
	report(count[0x41] == 2, "two requests of one vector are one");
}

static void errors_and_nmi(void)
{
	set_handler(0x55, handler);
	set_handler(2, nmi_handler);
	wrmsr(0x828, 0);
	wrmsr(0x837, 0x55);
	self_ipi(3);
	window();
	report(count[0x55] == 1, "an illegal vector interrupts through LVT error");
	wrmsr(0x828, 0);
	report(rdmsr(0x828) == 0x20, "and is a send error in ESR");
	wrmsr(0x837, 0x10000);
	wrmsr(0x828, 0);
	wrmsr(0x830, 0x40400);
	__asm__ volatile("nop; nop");
	report(nmi_count == 1, "an NMI to oneself comes although interrupts are off");
	wrmsr(0x80f, 0xff);
	report(rdmsr(0x837) & 0x10000, "a disabled APIC masks its LVT");
	self_ipi(0x41);
	window();
	report(count[0x41] == 2, "and takes no interrupts");
	wrmsr(0x80f, 0x1ff);
}

static void ioapic(void)
{
	report((ioapic_read(1) & 0xff00ff) == 0x170020, "the I/O APIC has 24 pins and an EOI register");
	set_handler(0x61, handler);
	set_handler(0x71, level_handler);
	ioapic_write(0x14, 0x61);
	pit_channel0(0, 1000);
	irq_on();
	report(wait_for(&count[0x61], 1, 100000), "the PIT reaches GSI 2 as an edge");
	wait_us(10000);
	report(count[0x61] == 1, "once");
	ioapic_write(0x14, 0x10000);
	outb(0xb2, 2); /* ACPI on */
	ioapic_write(0x10 + 2 * 9, 0x8071);
	outw(0x600, 0xffff);
	outw(0x602, 1); /* the PM timer's overflow: within 2.4 s */
	report(wait_for(&count[0x71], 3, 3000000), "a level comes again until its cause is gone");
	wait_us(1000);
	irq_off();
	report(count[0x71] == 3 && !(ioapic_read(0x10 + 2 * 9) & 0x4000), "and then no more, with remote IRR clear");
	ioapic_write(0x10 + 2 * 9, 0x10000);
	outw(0x600, 0xffff);
}

void test_main(void)
{
	if (!(cpuid(1, 0).ecx & (1u << 21))) {
		skip("x2APIC: not announced");
		return;
	}
	pic_setup(0xff, 0xff);
	x2apic_enable();
	wrmsr(0x80f, 0x1ff);
	priorities();
	errors_and_nmi();
	ioapic();
}
