/* SPDX-License-Identifier: MIT */
/*
 * Vector and x87 state stays the guest's: over exits of each level, and while other threads of the host run (HLT gives the
 * CPU away, and what runs meanwhile switches the state out and in again).
 */
#include "guest-tests/lib/guest.h"

#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_AVX (1u << 28)

static u8 before[16][32] __attribute__((aligned(32))), after[16][32] __attribute__((aligned(32)));
static u32 mxcsr_before = 0x1f80 | 0x2000, mxcsr_after; /* rounds down */
static u16 control_before = 0x0f7f, control_after;      /* rounds to zero */
static double numbers[3] = { 1.5, -2.25, 1e100 }, popped[3];
static volatile unsigned ticks;
static bool avx;

#define EACH_REGISTER(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static void load_state(void)
{
	for (unsigned i = 0; i < 16; i++)
		for (unsigned k = 0; k < 32; k++)
			before[i][k] = (u8)(i * 37 + k * 11 + 1);
	if (avx) {
#define X(n) __asm__ volatile("vmovups %0, %%ymm" #n ::"m"(before[n]));
		EACH_REGISTER(X)
#undef X
	} else {
#define X(n) __asm__ volatile("movups %0, %%xmm" #n ::"m"(before[n]));
		EACH_REGISTER(X)
#undef X
	}
	__asm__ volatile("ldmxcsr %0; fninit; fldcw %1; fldl %2; fldl %3; fldl %4"
			 ::"m"(mxcsr_before), "m"(control_before), "m"(numbers[0]), "m"(numbers[1]), "m"(numbers[2]));
}

static bool state_is_there(void)
{
	unsigned bytes = avx ? 32 : 16;
	bool same;

	if (avx) {
#define X(n) __asm__ volatile("vmovups %%ymm" #n ", %0" : "=m"(after[n]));
		EACH_REGISTER(X)
#undef X
	} else {
#define X(n) __asm__ volatile("movups %%xmm" #n ", %0" : "=m"(after[n]));
		EACH_REGISTER(X)
#undef X
	}
	__asm__ volatile("stmxcsr %0; fnstcw %1; fstpl %2; fstpl %3; fstpl %4"
			 : "=m"(mxcsr_after), "=m"(control_after), "=m"(popped[2]), "=m"(popped[1]), "=m"(popped[0]));
	same = mxcsr_after == mxcsr_before && control_after == control_before && !memcmp(popped, numbers, sizeof(numbers));
	for (unsigned i = 0; i < 16; i++)
		same = same && !memcmp(before[i], after[i], bytes);
	return same;
}

static void tick(struct trap_frame *frame)
{
	(void)frame;
	ticks++;
	x2apic_eoi();
}

static void test_exits(void)
{
	load_state();
	(void)cpuid(0, 0);
	(void)rdmsr(0x1b);
	(void)inb(0x21);
	(void)mmio_read(0xfec00000);
	report(state_is_there(), "over fast exits");
	load_state();
	(void)inb(0x71);
	outb(0x80, 0);
	(void)*(volatile u8 *)0x700000; /* memory that was not there yet */
	report(state_is_there(), "over exits of the slow level");
	load_state();
	note("a line");
	report(state_is_there(), "over a line of text");
}

static void test_switches(void)
{
	bool same = true;

	set_handler(0x40, tick);
	wrmsr(X2APIC(0x320), 0x20040); /* periodic */
	wrmsr(X2APIC(0x3e0), 0xb);
	wrmsr(X2APIC(0x380), 1000000);
	for (unsigned i = 0; i < 20; i++) {
		load_state();
		__asm__ volatile("sti; hlt; cli" ::: "memory");
		same = same && state_is_there();
	}
	wrmsr(X2APIC(0x380), 0);
	report(same && ticks >= 20, "over 20 waits in HLT");
}

/* Vector moves to device memory go through the saved state. */
static void test_device_memory(void)
{
	load_state();
	__asm__ volatile("movups %%xmm3, (%0)" ::"r"(0xfec00080ull) : "memory");
	report(state_is_there(), "over a vector store to device memory");
}

static u8 area[4096] __attribute__((aligned(64)));

static void xsaves(void *argument)
{
	(void)argument;
	__asm__ volatile("xsaves64 (%0)" ::"r"(area), "a"(3), "d"(0) : "memory");
}

/*
 * Neither exits, since XSS has no bit that a guest could use; where a control of VT-x forbids them, they raise #UD. Without AVX's
 * part: Bochs (2.7) puts that over the header.
 */
static void test_xsaves(void)
{
	int vector;
	bool offered = cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE && (cpuid(0xd, 1).eax >> 3 & 1), well;

	load_state();
	vector = trapped(xsaves, NULL);
	well = vector == 6;
	if (offered) {
		__asm__ volatile("fninit; pxor %xmm0, %xmm0; pxor %xmm7, %xmm7; pxor %xmm15, %xmm15");
		__asm__ volatile("xrstors64 (%0)" ::"r"(area), "a"(3), "d"(0) : "memory");
		well = vector == NO_TRAP && *(u64 *)(void *)(area + 520) >> 63 == 1 && state_is_there();
	}
	report(well, "XSAVES and XRSTORS keep it, or raise #UD where CPUID does not offer them");
}

void test_main(void)
{
	u32 features = cpuid(1, 0).ecx;

	x2apic_enable();
	write_cr4(read_cr4() | 0x600);
	if (features & CPUID_1_ECX_XSAVE) {
		write_cr4(read_cr4() | 0x40000);
		avx = features & CPUID_1_ECX_AVX;
		__asm__ volatile("xsetbv" ::"c"(0), "a"(avx ? 7 : 3), "d"(0));
	}
	note("%s", avx ? "AVX" : "SSE");
	test_exits();
	test_switches();
	test_device_memory();
	test_xsaves();
}
