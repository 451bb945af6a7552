/* SPDX-License-Identifier: MIT */
/*
 * KVM's paravirtual features: IPIs to a set, kicks, yields, steal time with the preempted flag and its TLB flush, the end of
 * an interrupt without an EOI, halt-poll control.
 */
#include "guest-tests/lib/smp.h"

#define VECTOR 0x41
#define LOW_VECTOR 0x31
#define STEAL_TIME 0x4b564d03
#define PV_EOI 0x4b564d04
#define POLL_CONTROL 0x4b564d05
#define KICK_CPU 5
#define SEND_IPI 10
#define SCHED_YIELD 11
#define EINVAL 22
#define WINDOW 0xa00000ull

static struct { volatile u64 steal; volatile u32 version, flags; volatile u8 preempted, pad[47]; } steal[SMP_CPUS_MAX]
	__attribute__((aligned(64)));
static volatile u32 end_word __attribute__((aligned(4)));
static volatile unsigned got[SMP_CPUS_MAX], nmis, total, went_on, ends_saved, low_seen, spinning;
static volatile u64 window_value;
static volatile bool nest;

/* The vendor's own instruction; the other one is #UD. */
static u64 hypercall(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	u64 result;

	if (cpuid(0, 0).ebx == 0x756e6547)
		__asm__ volatile("vmcall" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	else
		__asm__ volatile("vmmcall" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return result;
}

static void end_of_interrupt(void)
{
	u8 was;

	__asm__ volatile("lock btrl $0, %0; setc %1" : "+m"(end_word), "=q"(was)::"memory");
	if (was)
		ends_saved++;
	else
		x2apic_eoi();
}

static void handler(struct trap_frame *frame)
{
	(void)frame;
	got[smp_this()]++;
	__atomic_fetch_add(&total, 1, __ATOMIC_SEQ_CST);
	if (smp_this()) {
		x2apic_eoi();
		return;
	}
	if (nest) {
		wrmsr(X2APIC(0x3f0), LOW_VECTOR); /* waits for our end */
		nest = false;
	}
	end_of_interrupt();
}

static void low_handler(struct trap_frame *frame)
{
	(void)frame;
	low_seen++;
	end_of_interrupt();
}

static void nmi_handler(struct trap_frame *frame)
{
	(void)frame;
	__atomic_fetch_add(&nmis, 1, __ATOMIC_SEQ_CST);
}

static void halt_deaf(void)
{
	__asm__ volatile("cli; hlt" ::: "memory");
	went_on++;
}

static void wait_a_little(void)
{
	static volatile unsigned never;

	irq_on(); /* in Bochs under VT-x others of this host CPU would not run meanwhile (its bug with interrupts off) */
	for (unsigned i = 0; i < 4; i++)
		(void)(!never && wait_for(&never, 1, 5000));
	irq_off();
}

static void features(void)
{
	u32 expected = 1u << 5 | 1u << 6 | 1u << 7 | 1u << 9 | 1u << 11 | 1u << 12 | 1u << 13;

	report((cpuid(0x40000001, 0).eax & expected) == expected, "steal time, EOI, unhalt, TLB flush, IPI, polling, yield are announced");
	report(wrmsr_trapped(POLL_CONTROL, 0) == NO_TRAP && rdmsr(POLL_CONTROL) == 0, "halt-poll control takes 0");
	report(wrmsr_trapped(POLL_CONTROL, 2) == 13, "2 is #GP");
	report(wrmsr_trapped(STEAL_TIME, 0x100003) == 13, "a steal-time address that is not aligned is #GP");
	report(wrmsr_trapped(PV_EOI, 0x100003) == 13, "and so is one of the EOI word");
}

static void ipis(void)
{
	report(hypercall(SEND_IPI, 0xe, 0, 0, VECTOR) == 3, "an IPI to a set reaches three");
	report(smp_reached(&total, 3) && got[1] == 1 && got[2] == 1 && got[3] == 1, "and each takes it");
	report(hypercall(SEND_IPI, 5, 0, 1, VECTOR) == 2, "the set begins at any ID");
	report(smp_reached(&total, 5) && got[1] == 2 && got[3] == 2, "and those take it");
	report(hypercall(SEND_IPI, 1, 0, 77, VECTOR) == 0, "IDs that nobody has");
	report(hypercall(SEND_IPI, 0xe, 0, 0, 0x400) == 3 && smp_reached(&nmis, 3), "NMIs to a set");
	report(hypercall(SEND_IPI, 0xe, 0, 0, 0x40000 | VECTOR) == (u64)-EINVAL, "a shorthand is refused");
	report(hypercall(SCHED_YIELD, 2, 0, 0, 0) == 0 && hypercall(SCHED_YIELD, 77, 0, 0, 0) == 0, "a yield, also to nobody");
	report(hypercall(99, 0, 0, 0, 0) == (u64)-1000, "an unknown call");
}

static void kicks(void)
{
	smp_call(1, halt_deaf);
	wait_a_little();
	report(!went_on, "HLT with interrupts off waits");
	report(hypercall(KICK_CPU, 0, 1, 0, 0) == 0 && smp_reached(&went_on, 1), "a kick ends it");
	(void)smp_wait(1);
	(void)hypercall(KICK_CPU, 0, 1, 0, 0);
	/* A kick is spent on the loop's own HLT, or kept for this one: where the CPU comes late to it, the first ones are. */
	smp_call(1, halt_deaf);
	for (unsigned i = 0; i < 50 && went_on < 2; i++) {
		wait_a_little();
		(void)hypercall(KICK_CPU, 0, 1, 0, 0);
	}
	report(smp_reached(&went_on, 2), "and again");
	(void)smp_wait(1);
}

static void steal_on(void) { wrmsr(STEAL_TIME, (u64)&steal[smp_this()] | 1); }
static void steal_off(void) { wrmsr(STEAL_TIME, 0); }
static void read_window(void) { window_value = *(volatile u64 *)WINDOW; }
static void spin_a_while(void)
{
	u64 end = rdtsc() + 60 * tsc_per_ms();

	__atomic_fetch_add(&spinning, 1, __ATOMIC_SEQ_CST);
	while (rdtsc() < end)
		__asm__ volatile("pause");
}

static void steal_time(void)
{
	u64 old = page_directories[WINDOW >> 21], sum = 0;
	u8 sleeping = 1;

	for (unsigned cpu = 1; cpu < smp_cpus; cpu++) {
		smp_call(cpu, steal_on);
		(void)smp_wait(cpu);
	}
	wait_a_little();
	report(steal[1].preempted == 1, "a CPU that sleeps is marked");
	*(volatile u64 *)WINDOW = 0x1111;
	*(volatile u64 *)(WINDOW + 0x200000) = 0x2222;
	smp_call(1, read_window);
	report(smp_wait(1) && window_value == 0x1111, "it reads a page");
	wait_a_little();
	page_directories[WINDOW >> 21] = old + 0x200000;
	report(__atomic_compare_exchange_n(&steal[1].preempted, &sleeping, 3, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST),
	       "a flush is left for it without an interrupt");
	smp_call(1, read_window);
	report(smp_wait(1) && window_value == 0x2222, "and done before it runs");
	page_directories[WINDOW >> 21] = old;
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		smp_call(cpu, spin_a_while);
	(void)smp_wait_all();
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++) {
		sum += steal[cpu].steal;
		spinning += steal[cpu].version & 1;
	}
	note("%lu us stolen from three spinners", sum / 1000);
	report(spinning == 3 && steal[1].version > 0, "the records' versions are even");
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++) {
		smp_call(cpu, steal_off);
		(void)smp_wait(cpu);
	}
}

static void window(void) { __asm__ volatile("sti; nop; nop; cli" ::: "memory"); }

static void paravirtual_eoi(void)
{
	unsigned before = total;

	wrmsr(PV_EOI, (u64)&end_word | 1);
	for (unsigned i = 0; i < 10; i++) {
		wrmsr(X2APIC(0x3f0), VECTOR);
		window();
	}
	report(total == before + 10, "ten interrupts, one after the other");
	report(ends_saved > 0, "some ended without an EOI");
	report(rdmsr(X2APIC(0x120)) == 0, "nothing stays in service");
	nest = true;
	ends_saved = 0;
	wrmsr(X2APIC(0x3f0), VECTOR);
	window();
	window();
	report(low_seen == 1, "one that waited for the end comes at once");
	wrmsr(PV_EOI, 0);
	report(!(end_word & 1), "switched off, the word is clear");
	before = total;
	wrmsr(X2APIC(0x3f0), VECTOR);
	window();
	report(total == before + 1, "and interrupts end as ever");
}

void test_main(void)
{
	set_handler(VECTOR, handler);
	set_handler(LOW_VECTOR, low_handler);
	set_handler(2, nmi_handler);
	report(smp_start(), "four CPUs");
	features();
	ipis();
	kicks();
	steal_time();
	paravirtual_eoi();
}
