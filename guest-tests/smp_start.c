/* SPDX-License-Identifier: MIT */
/* Starting other CPUs: INIT, start-up IPIs, what INIT resets and what it leaves, and that nothing else starts a CPU. */
#include "guest-tests/lib/smp.h"

#define TSC_ADJUST 0x3b
#define TSC_AUX 0xc0000103
#define LSTAR 0xc0000082
#define ICR_INIT 0x4500
#define ICR_SIPI 0x4600

extern volatile struct { u32 cr0, efer; } smp_first[SMP_CPUS_MAX];
extern volatile u32 smp_signature[SMP_CPUS_MAX];

static volatile unsigned ids, counter;
static volatile u64 seen[8];

static void note_id(void)
{
	__atomic_fetch_or(&ids, 1u << smp_this(), __ATOMIC_SEQ_CST);
}

static void mark(void)
{
	wrmsr(LSTAR, 0x123456789000);
	wrmsr(TSC_ADJUST, 0x1000);
	wrmsr(X2APIC(0x80), 0x20);     /* TPR */
	wrmsr(X2APIC(0x370), 0x55);    /* LVT error, not masked */
	__asm__ volatile("movq %0, %%xmm3" ::"r"(0x0123456789abcdefull));
	__asm__ volatile("mov %0, %%dr0" ::"r"(0x1234ull));
}

static void look(void)
{
	u64 xmm, dr0;

	__asm__ volatile("movq %%xmm3, %0" : "=r"(xmm));
	__asm__ volatile("mov %%dr0, %0" : "=r"(dr0));
	seen[0] = rdmsr(LSTAR);
	seen[1] = rdmsr(TSC_ADJUST);
	seen[2] = rdmsr(X2APIC(0x80));
	seen[3] = rdmsr(X2APIC(0x370));
	seen[4] = xmm;
	seen[5] = dr0;
	seen[6] = rdmsr(0x1b);
	wrmsr(TSC_ADJUST, 0);
}

static void count_for_ever(void)
{
	irq_on();
	for (;;)
		counter++;
}

/* Without a look at the other CPU's doings this one gives it time. */
static bool stands_still(void)
{
	static volatile unsigned never;
	u32 start = pm_timer();
	unsigned before;

	before = counter;
	while (((pm_timer() - start) & 0xffffff) < PM_TIMER_HZ / 20)
		__asm__ volatile("pause");
	return !never && counter == before;
}

static void first_start(void)
{
	struct cpuid one = cpuid(1, 0);

	report(smp_count() == 4, "CPUID 0xB counts four CPUs");
	report((one.edx & 1u << 28) && (one.ebx >> 16 & 0xff) == 4, "and so does leaf 1");
	report(smp_start(), "INIT and a start-up IPI start each of the others");
	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		smp_call(cpu, note_id);
	report(smp_wait_all() && ids == 0xe, "each knows its own APIC ID");
	report(smp_online[1] == 1 && smp_online[2] == 1 && smp_online[3] == 1, "each started once");
	report(smp_first[2].cr0 == 0x60000010, "CR0 is 60000010 after INIT");
	report(smp_first[2].efer == 0 && smp_signature[2] == one.eax, "EFER is 0, EDX the signature");
}

static void what_init_keeps(void)
{
	smp_call(2, mark);
	report(smp_wait(2), "a CPU sets registers that INIT keeps, and such that it clears");
	report(smp_start_one(2), "INIT and a start-up IPI start it again");
	smp_call(2, look);
	report(smp_wait(2), "and it looks");
	report(seen[0] == 0x123456789000 && seen[1] == 0x1000, "INIT keeps LSTAR and TSC_ADJUST");
	report(seen[4] == 0x0123456789abcdefull, "and XMM3");
	report(seen[2] == 0 && (seen[3] & 0x10000), "it clears the TPR and masks the LVT");
	report(seen[5] == 0, "and clears DR0");
	report((seen[6] & 0xd00) == 0xc00, "IA32_APIC_BASE stays: x2APIC mode, not the boot CPU");
	report(smp_first[2].cr0 == 0x10, "CR0's cache bits stay as they were");
}

static void only_after_init(void)
{
	unsigned starts = smp_online[1];

	smp_icr(1, ICR_SIPI | 8);
	smp_call(1, note_id);
	report(smp_wait(1) && smp_online[1] == starts, "a start-up IPI without an INIT does nothing");
	smp_call(1, count_for_ever);
	report(smp_reached(&counter, 1000), "a CPU that spins with interrupts on counts");
	smp_icr(1, ICR_INIT);
	(void)stands_still();
	report(stands_still(), "INIT stops it");
	smp_icr(1, 0x4000 | SMP_WAKE_VECTOR);
	smp_icr(1, 0x4400);
	report(stands_still(), "an interrupt and an NMI do not start it");
	smp_icr(1, ICR_SIPI | 8);
	smp_icr(1, ICR_SIPI | 9); /* what stands at 0x9000 is no program */
	report(smp_reached(&smp_online[1], starts + 1), "the first start-up IPI does, a second one is nothing");
	smp_icr(1, ICR_SIPI | 8);
	smp_icr(1, ICR_INIT);
	smp_icr(1, ICR_SIPI | 8);
	report(smp_reached(&smp_online[1], starts + 2), "INIT once more, and a start");
	smp_icr(0, 0xc0500); /* the shorthand for all others: all wait */
	smp_icr(0, 0xc0600 | 8);
	report(smp_reached(&smp_online[1], starts + 3) && smp_reached(&smp_online[2], 3) && smp_reached(&smp_online[3], 2),
	       "INIT and start-up to all but self start all others");
}

void test_main(void)
{
	first_start();
	what_init_keeps();
	only_after_init();
}
