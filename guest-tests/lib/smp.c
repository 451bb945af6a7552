/* SPDX-License-Identifier: MIT */
/* See smp.h. */
#include "guest-tests/lib/smp.h"

#define TRAMPOLINE 0x8000u
#define TICK_NS 500000 /* the emulated APIC's timer counts nanoseconds */
#define ICR_INIT 0x4500
#define ICR_SIPI 0x4600
#define XAPIC 0xfee00000ull
#define APIC_BASE_X2APIC 0x400u

extern const u8 smp_trampoline[], smp_trampoline_end[];
void smp_main(unsigned cpu);

unsigned smp_cpus;
volatile unsigned smp_online[SMP_CPUS_MAX];
static void (*volatile work[SMP_CPUS_MAX])(void);

/* In the mode that this CPU's APIC is in: some tests leave the x2APIC. */
static void apic_write(u32 reg, u32 value)
{
	if (rdmsr(0x1b) & APIC_BASE_X2APIC)
		wrmsr(X2APIC(reg), value);
	else
		mmio_write(XAPIC + reg, value);
}

static void woken(struct trap_frame *frame)
{
	(void)frame;
	apic_write(0xb0, 0);
}

unsigned smp_count(void)
{
	return cpuid(0xb, 1).ebx & 0xffff;
}

/* Sleeps a moment, so that CPUs that share one of the host's get it. The CPU's own timer ends the sleep. */
static void doze(void)
{
	apic_write(0x3e0, 0xb);
	apic_write(0x320, SMP_WAKE_VECTOR);
	apic_write(0x380, TICK_NS);
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* The PM timer has 24 bits, less than five seconds: a wait adds up what passed between two looks. */
struct patience {
	u32 last;
	u64 left;
};

static struct patience new_patience(void)
{
	return (struct patience){ pm_timer(), (u64)SMP_LIMIT_US * PM_TIMER_HZ / 1000000 };
}

static bool is_over(struct patience *patience)
{
	u32 now = pm_timer(), passed = (now - patience->last) & 0xffffff;

	patience->last = now;
	patience->left -= passed < patience->left ? passed : patience->left;
	return patience->left == 0;
}

bool smp_reached(volatile unsigned *counter, unsigned value)
{
	struct patience patience = new_patience();

	while (*counter < value) {
		if (is_over(&patience))
			return false;
		doze();
	}
	return true;
}

/* Each started CPU's life. */
void smp_main(unsigned cpu)
{
	load_interrupt_table();
	x2apic_enable();
	smp_online[cpu]++;
	for (;;) {
		if (work[cpu]) {
			work[cpu]();
			irq_off();
			work[cpu] = NULL;
			smp_icr(0, 0x4000 | SMP_WAKE_VECTOR);
		}
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	}
}

bool smp_start_one(unsigned cpu)
{
	unsigned starts = smp_online[cpu];

	memcpy((void *)(u64)TRAMPOLINE, smp_trampoline, (size_t)(smp_trampoline_end - smp_trampoline));
	work[cpu] = NULL;
	smp_icr(cpu, ICR_INIT);
	smp_icr(cpu, ICR_SIPI | TRAMPOLINE >> 12);
	return smp_reached(&smp_online[cpu], starts + 1);
}

bool smp_start(void)
{
	bool all = true;

	set_handler(SMP_WAKE_VECTOR, woken);
	x2apic_enable();
	smp_cpus = smp_count();
	for (unsigned cpu = 1; cpu < smp_cpus && cpu < SMP_CPUS_MAX; cpu++)
		all &= smp_start_one(cpu);
	return all;
}

void smp_call(unsigned cpu, void (*function)(void))
{
	work[cpu] = function;
	smp_icr(cpu, 0x4000 | SMP_WAKE_VECTOR);
}

bool smp_wait(unsigned cpu)
{
	struct patience patience = new_patience();

	while (work[cpu]) {
		if (is_over(&patience))
			return false;
		doze();
	}
	return true;
}

bool smp_wait_all(void)
{
	bool all = true;

	for (unsigned cpu = 1; cpu < smp_cpus; cpu++)
		all &= smp_wait(cpu);
	return all;
}
