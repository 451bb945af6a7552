/* SPDX-License-Identifier: MIT */
/* INS and OUTS in 64-bit mode: sizes, directions, segments, address sizes, REP across pages, limits and faults; odd ports. */
#include "guest-tests/lib/guest.h"

#define MASK_PORT 0x21         /* the interrupt controller's mask: a byte that keeps what is written */
#define PCI_ADDRESS 0xcf8      /* a dword that does */
#define PCI_DATA 0xcfc
#define NOBODY 0x2f0
#define HOLE 0x0ca00000ull     /* not present; the 2 MiB below it are an alias of RAM */
#define ALIAS (HOLE - 0x200000)

static u8 buffer[3 * 4096] __attribute__((aligned(4096)));

static bool all(const u8 *from, u8 value, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (from[i] != value)
			return false;
	return true;
}

static void test_bytes(void)
{
	static const u8 sequence[] = { 0x11, 0x22, 0x33, 0xa5 };
	u64 to = (u64)buffer, from = (u64)sequence, count = sizeof(sequence);

	__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(MASK_PORT) : "memory");
	report(inb(MASK_PORT) == 0xa5 && from == (u64)sequence + 4 && !count, "REP OUTSB: the last byte stays");
	count = 5000;
	__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(MASK_PORT) : "memory");
	report(to == (u64)buffer + 5000 && !count && all(buffer, 0xa5, 5000) && buffer[5000] == 0, "REP INSB of 5,000 bytes over two pages");
	memset(buffer, 0, sizeof(buffer));
	to = (u64)buffer + 100, count = 10;
	__asm__ volatile("std; rep insb; cld" : "+D"(to), "+c"(count) : "d"(MASK_PORT) : "memory");
	report(to == (u64)buffer + 90 && all(buffer + 91, 0xa5, 10) && !buffer[90] && !buffer[101], "backwards");
	to = 0x1234567800000000 | (u64)buffer, count = 0xffffffff00000003;
	__asm__ volatile("addr32 rep insb" : "+D"(to), "+c"(count) : "d"(MASK_PORT) : "memory");
	report(to == (u64)buffer + 3 && !count && all(buffer, 0xa5, 3), "32-bit addresses");
	to = (u64)buffer, count = 0;
	__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(MASK_PORT) : "memory");
	report(to == (u64)buffer && !count, "a count of zero");
	wrmsr(0xc0000101, (u64)sequence);
	from = 1;
	__asm__ volatile("outsb %%gs:(%%rsi), %%dx" : "+S"(from) : "d"(MASK_PORT) : "memory");
	wrmsr(0xc0000101, 0);
	report(inb(MASK_PORT) == 0x22 && from == 2, "OUTSB with a GS base");
	outb(MASK_PORT, 0xff);
}

static void test_wide(void)
{
	static const u32 addresses[] = { 0x80000004, 0x8000f8fc, 0x80000000 };
	u64 to = (u64)buffer + 4094, from = (u64)addresses, count = 3;

	__asm__ volatile("rep outsl" : "+S"(from), "+c"(count) : "d"(PCI_ADDRESS) : "memory");
	report(inl(PCI_ADDRESS) == 0x80000000 && from == (u64)(addresses + 3), "REP OUTSL");
	count = 2;
	__asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(PCI_ADDRESS) : "memory");
	report(to == (u64)buffer + 4102 && *(u32 *)(void *)(buffer + 4094) == 0x80000000 && *(u32 *)(void *)(buffer + 4098) == 0x80000000,
	       "REP INSL, an element across two pages");
	to = (u64)buffer, count = 2;
	__asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(PCI_DATA) : "memory");
	report(*(u32 *)(void *)buffer == 0x80868086, "REP INSW");
	to = (u64)buffer;
	__asm__ volatile(".byte 0x48; insl" : "+D"(to) : "d"(PCI_DATA) : "memory");
	report(to == (u64)buffer + 4 && *(u32 *)(void *)buffer == 0x29c08086, "REX.W does not widen INS");
}

struct string_state { u64 rdi, rsi, rcx; };

static void ins_into_hole(void *argument)
{
	struct string_state *state = argument;

	__asm__ volatile("rep insb" ::"D"(state->rdi), "c"(state->rcx), "d"(MASK_PORT) : "memory");
}

static void outs_from_hole(void *argument)
{
	struct string_state *state = argument;

	__asm__ volatile("rep outsb" ::"S"(state->rsi), "c"(state->rcx), "d"(MASK_PORT) : "memory");
}

static void test_faults(void)
{
	struct string_state state = { HOLE - 64, 0, ~0ull };

	outb(MASK_PORT, 0x5a);
	report(trapped(ins_into_hole, &state) == 14 && last_cr2 == HOLE && last_trap.rdi == HOLE && last_trap.rcx == ~0ull - 64 &&
	       last_trap.error_code == 2, "REP INSB with a huge count faults where the page ends");
	report(all((u8 *)HOLE - 64, 0x5a, 64), "what was read before the fault is there");
	state.rsi = HOLE - 2, state.rcx = 8;
	*(u8 *)(HOLE - 1) = 0x77;
	report(trapped(outs_from_hole, &state) == 14 && last_cr2 == HOLE && last_trap.rsi == HOLE && last_trap.rcx == 6 &&
	       last_trap.error_code == 0, "REP OUTSB faults at the page's end");
	report(inb(MASK_PORT) == 0x77, "what was written before the fault arrived");
	state.rdi = 0x800000000000;
	state.rcx = 1;
	report(trapped(ins_into_hole, &state) == 13, "a non-canonical target");
	outb(MASK_PORT, 0xff);
}

static void test_odd_ports(void)
{
	u32 wide;

	report(inb(NOBODY) == 0xff && inw(NOBODY) == 0xffff && inl(NOBODY) == 0xffffffff, "nobody's ports read ones");
	outb(NOBODY, 1), outw(NOBODY, 1), outl(NOBODY, 1);
	__asm__ volatile("inl %%dx, %%eax" : "=a"(wide) : "d"(0xffff));
	report(wide == 0xffffffff, "a read beyond the last port");
	__asm__ volatile("outl %%eax, %%dx; outw %%ax, %%dx" ::"a"(0), "d"(0xffff));
	report(true, "a write beyond the last port");
	outb(MASK_PORT, 0xc3);
	report((inw(MASK_PORT - 1) >> 8) == 0xc3, "a 16-bit read over two ports");
	outb(MASK_PORT, 0xff);
}

void test_main(void)
{
	page_directories[ALIAS >> 21] = 0x600000 | 0x83;
	page_directories[HOLE >> 21] = 0;
	write_cr3(read_cr3());
	test_bytes();
	test_wide();
	test_faults();
	test_odd_ports();
}
