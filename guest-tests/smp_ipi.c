/* SPDX-License-Identifier: MIT */
/*
 * Interrupts between CPUs: every delivery mode, shorthand and kind of destination, in x2APIC and xAPIC mode; and from the
 * I/O APIC to CPUs that it names.
 */
#include "guest-tests/lib/smp.h"

#define VECTOR 0x41
#define XAPIC 0xfee00000ull
#define LOGICAL (1u << 11)
#define LOWEST (1u << 8)
#define NMI 0x400u
#define TO_SELF (1u << 18)
#define TO_ALL (2u << 18)
#define TO_OTHERS (3u << 18)

static volatile unsigned got[SMP_CPUS_MAX], nmis[SMP_CPUS_MAX], total, xapic_mode, ready;

static unsigned me(void) { return xapic_mode ? mmio_read(XAPIC + 0x20) >> 24 : smp_this(); }

static void handler(struct trap_frame *frame)
{
	(void)frame;
	__atomic_fetch_add(&got[me()], 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&total, 1, __ATOMIC_SEQ_CST);
	if (xapic_mode)
		mmio_write(XAPIC + 0xb0, 0);
	else
		x2apic_eoi();
}

static void nmi_handler(struct trap_frame *frame)
{
	(void)frame;
	__atomic_fetch_add(&nmis[me()], 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&total, 1, __ATOMIC_SEQ_CST);
}

/* Who got one, as a mask; NMIs in the upper half. Waits until `expected` came in all, and a little longer. */
static unsigned sent(u32 destination, u32 low, unsigned expected)
{
	unsigned mask = 0, before = total;

	for (unsigned cpu = 0; cpu < SMP_CPUS_MAX; cpu++)
		got[cpu] = nmis[cpu] = 0;
	if (xapic_mode) {
		mmio_write(XAPIC + 0x310, destination << 24);
		mmio_write(XAPIC + 0x300, low);
	} else {
		smp_icr(destination, low);
	}
	irq_on();
	(void)wait_for(&total, before + expected, 2000000);
	wait_us(3000);
	irq_off();
	for (unsigned cpu = 0; cpu < SMP_CPUS_MAX; cpu++)
		mask |= (got[cpu] == 1 ? 1u << cpu : 0) | (nmis[cpu] == 1 ? 16u << cpu : 0) |
			(got[cpu] > 1 || nmis[cpu] > 1 ? 0x100u : 0);
	return mask;
}

static void x2apic_destinations(void)
{
	report(sent(2, VECTOR, 1) == 4, "physical: the CPU of that ID");
	report(sent(0, VECTOR, 1) == 1, "physical to oneself");
	report(sent(7, VECTOR, 0) == 0, "an ID that nobody has");
	report(sent(0xffffffff, VECTOR, 4) == 15, "broadcast reaches all");
	report(sent(0xff, VECTOR, 0) == 0, "255 is no broadcast in x2APIC mode");
	report(rdmsr(X2APIC(0xd0)) == 1, "the logical ID of CPU 0: cluster 0, bit 0");
	report(sent(0x6, LOGICAL | VECTOR, 2) == 6, "logical, cluster: the two that are named");
	report(sent(0x10006, LOGICAL | VECTOR, 0) == 0, "another cluster");
	report(sent(0xffffffff, LOGICAL | VECTOR, 4) == 15, "logical broadcast");
	report(sent(0, TO_SELF | VECTOR, 1) == 1, "shorthand: self");
	report(sent(0, TO_ALL | VECTOR, 4) == 15, "shorthand: all");
	report(sent(0, TO_OTHERS | VECTOR, 3) == 14, "shorthand: all others");
	report(sent(3, NMI, 1) == 0x80, "an NMI to one");
	report(sent(0, TO_OTHERS | NMI, 3) == 0xe0, "an NMI to all others");
	report(sent(0xe, LOGICAL | NMI, 3) == 0xe0, "an NMI to a logical set");
	report(wrmsr_trapped(X2APIC(0x300), 1u << 12 | VECTOR) == NO_TRAP, "the delivery status is ignored");
	report(wrmsr_trapped(X2APIC(0x300), 1u << 13 | VECTOR) == 13, "a reserved bit is #GP");
	__asm__ volatile("sti; nop; cli" ::: "memory"); /* takes the one that was sent */
}

static void raise_tpr(void) { wrmsr(X2APIC(0x80), 0x30); }
static void lower_tpr(void) { wrmsr(X2APIC(0x80), 0); }

static void lowest_priority(void)
{
	unsigned seen = 0, all = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned mask = sent(0xffff, LOGICAL | LOWEST | VECTOR, 1);

		all |= mask;
		seen += mask == 1 || mask == 2 || mask == 4 || mask == 8;
	}
	report(seen == 4, "lowest priority reaches exactly one");
	report(all == 15, "and equals take turns");
	smp_call(1, raise_tpr);
	smp_call(2, raise_tpr);
	(void)smp_wait(1);
	(void)smp_wait(2);
	for (unsigned i = all = 0; i < 4; i++)
		all |= sent(0x6 | 8, LOGICAL | LOWEST | VECTOR, 1);
	report(all == 8, "never one whose task priority is higher");
	smp_call(1, lower_tpr);
	smp_call(2, lower_tpr);
	(void)smp_wait_all();
}

static void ioapic_destinations(void)
{
	unsigned before;

	ioapic_write(0x15, 2u << 24);
	ioapic_write(0x14, VECTOR);
	got[2] = 0;
	pit_channel0(0, 500);
	report(smp_reached(&got[2], 1), "the I/O APIC interrupts the CPU that it names");
	ioapic_write(0x15, 8u << 24);
	ioapic_write(0x14, LOGICAL | VECTOR);
	got[3] = 0;
	pit_channel0(0, 500);
	report(smp_reached(&got[3], 1), "or a logical one");
	before = total;
	ioapic_write(0x15, 0xffu << 24);
	ioapic_write(0x14, VECTOR);
	pit_channel0(0, 500);
	report(smp_reached(&total, before + 4), "or all");
	ioapic_write(0x14, 0x10000);
}

/* A CPU in xAPIC mode, in its own loop: the library's needs the x2APIC. */
static void xapic_life(void)
{
	unsigned id = smp_this();

	wrmsr(0x1b, rdmsr(0x1b) & ~0xc00ull);
	wrmsr(0x1b, rdmsr(0x1b) | 0x800);
	mmio_write(XAPIC + 0xf0, 0x1ff);
	mmio_write(XAPIC + 0xe0, 0xffffffff);   /* flat */
	mmio_write(XAPIC + 0xd0, 1u << (24 + id));
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		/* ready tells in which model the logical IDs are wanted. */
		if (ready >= 100 && mmio_read(XAPIC + 0xe0) == 0xffffffff) {
			mmio_write(XAPIC + 0xe0, 0x0fffffff); /* cluster */
			mmio_write(XAPIC + 0xd0, (id < 2 ? 0x10u : 0x20u) << 24 | 1u << (24 + (id & 1)));
			__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
		}
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	}
}

static void xapic_destinations(void)
{
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		smp_call(cpu, xapic_life);
	report(smp_reached(&ready, 3), "all others change to xAPIC mode");
	xapic_mode = 1;
	wrmsr(0x1b, rdmsr(0x1b) & ~0xc00ull);
	wrmsr(0x1b, rdmsr(0x1b) | 0x800);
	mmio_write(XAPIC + 0xf0, 0x1ff);
	mmio_write(XAPIC + 0xd0, 1u << 24);
	report(sent(2, VECTOR, 1) == 4, "xAPIC, physical");
	report(sent(0xff, VECTOR, 4) == 15, "255 is the broadcast");
	report(sent(0xa, LOGICAL | VECTOR, 2) == 10, "flat: the two that are named");
	report(sent(0, TO_OTHERS | VECTOR, 3) == 14, "all others");
	report(sent(0, TO_OTHERS | NMI, 3) == 0xe0, "an NMI to all others");
	mmio_write(XAPIC + 0xe0, 0x0fffffff);
	mmio_write(XAPIC + 0xd0, 0x11u << 24);
	ready = 100;
	report(sent(0, TO_OTHERS | VECTOR, 3) == 14 && smp_reached(&ready, 103), "all change to the cluster model");
	report(sent(0x23, LOGICAL | VECTOR, 2) == 12, "cluster: both of cluster 2");
	report(sent(0x12, LOGICAL | VECTOR, 1) == 2, "one of cluster 1");
	report(sent(0x33, LOGICAL | VECTOR, 0) == 0, "a cluster that nobody is in");
	report(sent(0xff, LOGICAL | VECTOR, 4) == 15, "and all");
}

void test_main(void)
{
	set_handler(VECTOR, handler);
	set_handler(2, nmi_handler);
	report(smp_start(), "four CPUs");
	x2apic_destinations();
	lowest_priority();
	ioapic_destinations();
	xapic_destinations();
}
