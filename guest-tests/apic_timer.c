/* SPDX-License-Identifier: MIT */
/* The local APIC's timer: one-shot, periodic, masked, TSC deadline in the past and ahead, and the shortest period. */
#include "guest-tests/lib/board.h"

#define TSC_DEADLINE 0x6e0u

static volatile unsigned count;
static u64 came_at;

static void handler(struct trap_frame *frame)
{
	(void)frame;
	count++;
	came_at = rdtsc();
	x2apic_eoi();
}

static void deadline(u64 per_ms)
{
	u64 target;

	wrmsr(0x832, 0x400ec);
	count = 0;
	wrmsr(TSC_DEADLINE, rdtsc() - 1000);
	__asm__ volatile("sti; nop; nop; cli" ::: "memory");
	report(count == 1, "a TSC deadline in the past fires at once");
	report(rdmsr(TSC_DEADLINE) == 0, "and reads 0 then");
	target = rdtsc() + 20 * per_ms;
	wrmsr(TSC_DEADLINE, target);
	report(rdmsr(TSC_DEADLINE) == target, "one ahead reads back");
	while (count == 1 && rdtsc() < target + 2000 * per_ms)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	report(count == 2 && came_at >= target, "fires, and not too early");
	wrmsr(TSC_DEADLINE, rdtsc() + 5 * per_ms);
	wrmsr(TSC_DEADLINE, 0);
	irq_on();
	wait_us(20000);
	irq_off();
	report(count == 2, "0 disarms it");
	wrmsr(0x832, 0x10040);
	wrmsr(TSC_DEADLINE, 1);
	report(rdmsr(TSC_DEADLINE) == 0, "in another mode the MSR reads 0");
}

void test_main(void)
{
	u64 per_ms = tsc_per_ms();
	u32 first, ticks_in_10ms;

	if (!(cpuid(1, 0).ecx & (1u << 21))) {
		skip("x2APIC: not announced");
		return;
	}
	pic_setup(0xff, 0xff);
	x2apic_enable();
	wrmsr(0x80f, 0x1ff);
	set_handler(0xec, handler);
	wrmsr(0x83e, 0xb);
	wrmsr(0x832, 0x100ec);
	wrmsr(0x838, 0xffffffff);
	first = (u32)rdmsr(0x839);
	wait_us(10000);
	ticks_in_10ms = first - (u32)rdmsr(0x839);
	report(ticks_in_10ms > 1000, "the count falls");
	wrmsr(0x838, 0);
	report(rdmsr(0x839) == 0, "an initial count of 0 stops it");
	wrmsr(0x832, 0xec);
	irq_on();
	wrmsr(0x838, ticks_in_10ms);
	report(wait_for(&count, 1, 1000000), "one-shot fires");
	wait_us(30000);
	report(count == 1 && rdmsr(0x839) == 0, "once");
	count = 0;
	wrmsr(0x832, 0x200ec);
	wrmsr(0x838, ticks_in_10ms / 10);
	report(rate_is_right(&count, 1000, 100000), "periodic: 1 kHz over 100 ms");
	irq_off();
	wrmsr(0x838, 1); /* a period of one tick: the host must not care, and the guest must live */
	irq_on();
	wait_us(50000);
	irq_off();
	wrmsr(0x838, 0);
	report(true, "a period of one tick is survived");
	if (cpuid(1, 0).ecx & (1u << 24))
		deadline(per_ms);
	else
		skip("TSC deadline: not announced");
}
