/* SPDX-License-Identifier: MIT */
/* Control registers: CR0's lazy and emulated FPU, CLTS, CR8 and the APIC's task priority. */
#include "guest-tests/lib/board.h"

#define UD 6
#define NM 7
#define GP 13
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)

static void sse(void *argument)
{
	(void)argument;
	__asm__ volatile("movaps %xmm0, %xmm0");
}

static void to_cr8(void *argument)
{
	write_cr8(*(u64 *)argument);
}

void test_main(void)
{
	u64 cr0 = read_cr0(), value;

	write_cr0(cr0 | CR0_TS);
	report(trapped(sse, NULL) == NM, "CR0.TS: #NM");
	__asm__ volatile("clts");
	report(read_cr0() == cr0 && trapped(sse, NULL) == NO_TRAP, "CLTS");
	write_cr0(cr0 | CR0_EM);
	report(trapped(sse, NULL) == UD, "CR0.EM: #UD for SSE");
	write_cr0(cr0);
	write_cr8(9);
	report(read_cr8() == 9 && (mmio_read(LAPIC + 0x80) & 0xff) == 0x90, "CR8 is the APIC's task priority");
	mmio_write(LAPIC + 0x80, 0x35);
	report(read_cr8() == 3, "and the other way round");
	value = 16;
	report(trapped(to_cr8, &value) == GP && read_cr8() == 3, "CR8 has four bits");
	write_cr8(0);
}
