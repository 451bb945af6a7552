/* SPDX-License-Identifier: MIT */
/*
 * The host's local APIC. SDM vol. 3, "Advanced Programmable Interrupt Controller (APIC)" (11).
 *
 * In xAPIC mode registers are 32-bit words at 16-byte steps of one uncached page; in x2APIC mode the same registers are
 * MSRs 0x800 + offset / 16, and the interrupt command register is one 64-bit MSR.
 */
#include "arch/x86/lapic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "arch/x86/vectors.h"
#include "hv/lib/muldiv.h"

enum lapic_register {
	LAPIC_ID = 0x20, LAPIC_VERSION = 0x30, LAPIC_TPR = 0x80, LAPIC_EOI = 0xb0, LAPIC_SVR = 0xf0, LAPIC_ESR = 0x280,
	LAPIC_ICR = 0x300, LAPIC_ICR_HIGH = 0x310, LAPIC_LVT_TIMER = 0x320, LAPIC_LVT_THERMAL = 0x330,
	LAPIC_LVT_PERF = 0x340, LAPIC_LVT_LINT0 = 0x350, LAPIC_LVT_LINT1 = 0x360, LAPIC_LVT_ERROR = 0x370,
	LAPIC_TIMER_INITIAL = 0x380, LAPIC_TIMER_CURRENT = 0x390, LAPIC_TIMER_DIVIDE = 0x3e0, LAPIC_SELF_IPI = 0x3f0,
};

#define SVR_ENABLE BIT32(8)
#define LVT_MASKED BIT32(16)
#define LVT_NMI (4u << 8)
#define LVT_TIMER_DEADLINE (2u << 17)
#define ICR_FIXED 0u
#define ICR_NMI (4u << 8)
#define ICR_INIT (5u << 8)
#define ICR_STARTUP (6u << 8)
#define ICR_PENDING BIT32(12)
#define ICR_ASSERT BIT32(14)
#define ICR_SELF (1u << 18)
#define DIVIDE_BY_16 3u

static struct {
	volatile u8 *registers; /* (c) xAPIC only */
	bool x2apic;            /* (c) */
	bool deadline;          /* (c) the timer takes absolute TSC values */
	u64 ticks_per_tsc_32;   /* (c) count-down ticks per TSC tick, 32.32 fixed point */
} lapic;

static u32 lapic_read(enum lapic_register reg)
{
	if (lapic.x2apic)
		return (u32)rdmsr(MSR_X2APIC_BASE + reg / 16);
	return *(volatile u32 *)(lapic.registers + reg);
}

static void lapic_write(enum lapic_register reg, u32 value)
{
	if (lapic.x2apic)
		wrmsr(MSR_X2APIC_BASE + reg / 16, value);
	else
		*(volatile u32 *)(lapic.registers + reg) = value;
}

u64 lapic_physical_base(void)
{
	return rdmsr(MSR_IA32_APIC_BASE) & MASK64(51, 12);
}

void lapic_choose(volatile void *registers)
{
	lapic.registers = registers;
	lapic.x2apic = cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC;
}

bool lapic_is_x2apic(void)
{
	return lapic.x2apic;
}

void lapic_enable_cpu(void)
{
	u64 base = rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_ENABLE;
	u32 last_lvt;

	wrmsr(MSR_IA32_APIC_BASE, base);
	if (lapic.x2apic)
		wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_X2APIC);
	lapic_write(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	last_lvt = lapic_read(LAPIC_VERSION) >> 16 & 0xff;
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	lapic_write(LAPIC_LVT_LINT0, LVT_MASKED); /* the PIC's wire */
	lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
	if (last_lvt >= 4)
		lapic_write(LAPIC_LVT_PERF, LVT_MASKED);
	if (last_lvt >= 5)
		lapic_write(LAPIC_LVT_THERMAL, LVT_MASKED);
	lapic_write(LAPIC_LVT_ERROR, VECTOR_ERROR);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_ESR, 0);
	lapic_write(LAPIC_EOI, 0);
}

u32 lapic_id(void)
{
	u32 id = lapic_read(LAPIC_ID);

	return lapic.x2apic ? id : id >> 24;
}

/*
 * QEMU 7.2's TCG changes its flags of waiting interrupts in VMRUN and at an exit while its other thread, in which the timer
 * fires, sets one: now and then that one is lost, and a CPU sleeps with a bit in its IRR (seen by scenario hostile-guests:
 * HLT, IF = 1, IRR = the timer's vector). A write of TPR makes an APIC compare IRR and priority again. On silicon it says
 * what was so already.
 */
void lapic_look_again(void)
{
	lapic_write(LAPIC_TPR, 0);
}

void lapic_eoi(void)
{
	lapic_write(LAPIC_EOI, 0);
}

/* Interrupts off: the two halves of xAPIC's command register belong together. */
static void send_command(u32 apic_id, u32 command)
{
	u64 flags;

	if (lapic.x2apic) {
		/* An MSR write to the x2APIC does not wait for earlier stores to be seen: SDM, "Sending IPIs in x2APIC Mode". */
		__asm__ volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC_BASE + LAPIC_ICR / 16, (u64)apic_id << 32 | command);
		return;
	}
	flags = irq_save();
	lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
	lapic_write(LAPIC_ICR, command);
	while (lapic_read(LAPIC_ICR) & ICR_PENDING)
		cpu_relax();
	irq_restore(flags);
}

void lapic_self_ipi(u8 vector)
{
	if (lapic.x2apic)
		lapic_write(LAPIC_SELF_IPI, vector);
	else
		lapic_write(LAPIC_ICR, ICR_FIXED | ICR_SELF | ICR_ASSERT | vector);
}

void lapic_send_ipi(u32 apic_id, u8 vector)
{
	send_command(apic_id, ICR_FIXED | ICR_ASSERT | vector);
}

void lapic_send_nmi(u32 apic_id)
{
	send_command(apic_id, ICR_NMI | ICR_ASSERT);
}

void lapic_send_init(u32 apic_id)
{
	send_command(apic_id, ICR_INIT | ICR_ASSERT);
}

void lapic_send_startup(u32 apic_id, u8 page)
{
	send_command(apic_id, ICR_STARTUP | ICR_ASSERT | page);
}

void lapic_timer_start_counting(void)
{
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	lapic_write(LAPIC_TIMER_INITIAL, ~0u);
}

u32 lapic_timer_elapsed(void)
{
	return ~0u - lapic_read(LAPIC_TIMER_CURRENT);
}

void lapic_timer_set_frequency(u64 ticks_per_second, u64 tsc_hz)
{
	lapic.deadline = cpuid(1, 0).ecx & CPUID_1_ECX_TSC_DEADLINE;
	lapic.ticks_per_tsc_32 = multiply_divide(ticks_per_second, BIT64(32), tsc_hz);
}

void lapic_timer_setup(void)
{
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_TIMER_DIVIDE, DIVIDE_BY_16);
	lapic_write(LAPIC_LVT_TIMER, (lapic.deadline ? LVT_TIMER_DEADLINE : 0) | VECTOR_TIMER);
	if (lapic.deadline && !lapic.x2apic)
		__asm__ volatile("mfence" ::: "memory"); /* SDM, "TSC-Deadline Mode": orders the MMIO before the MSR */
}

bool lapic_timer_is_deadline(void)
{
	return lapic.deadline;
}

void lapic_timer_arm(u64 tsc)
{
	u64 now, ticks;

	if (lapic.deadline) {
		wrmsr(MSR_IA32_TSC_DEADLINE, tsc == ~(u64)0 ? 0 : MAX(tsc, 1u));
		return;
	}
	if (tsc == ~(u64)0) {
		lapic_write(LAPIC_TIMER_INITIAL, 0);
		return;
	}
	now = rdtsc();
	ticks = tsc > now ? (u64)(((unsigned __int128)(tsc - now) * lapic.ticks_per_tsc_32) >> 32) + 1 : 1;
	lapic_write(LAPIC_TIMER_INITIAL, (u32)MIN(ticks, 0xffffffffull)); /* a far deadline: the handler arms again */
}
