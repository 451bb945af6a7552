/* SPDX-License-Identifier: MIT */
/*
 * Changes of the guest's own page tables: what the CPU sees after INVLPG and CR3, rights, and that Solera, too, which reads
 * instructions and operands through these tables, goes by what they say now.
 */
#include "guest-tests/lib/guest.h"

#define PF 14
#define UD 6
#define WINDOW 0x0ca00000ull /* a linear address of its own, by 4 KiB pages */
#define WRITABLE 2ull
#define USER 4ull
#define NO_EXECUTE (1ull << 63)

static u64 table[512] __attribute__((aligned(4096)));
static u8 pages[4][4096] __attribute__((aligned(4096)));

static void invlpg(u64 address)
{
	__asm__ volatile("invlpg (%0)" ::"r"(address) : "memory");
}

static void map(unsigned index, const void *page, u64 bits)
{
	table[index] = (u64)page | bits | 1;
	invlpg(WINDOW + 4096ull * index);
}

static void write_to(void *address)
{
	*(volatile u8 *)address = 1;
}

static void call(void *address)
{
	u64 rax = 0, rcx = 0;

	__asm__ volatile("call *%2" : "+a"(rax), "+c"(rcx) : "r"(address) : "rbx", "rdx", "memory");
}

static void test_mappings(void)
{
	volatile u64 *word = (volatile u64 *)WINDOW;

	*(u64 *)pages[0] = 0x1111, *(u64 *)pages[1] = 0x2222;
	map(0, pages[0], WRITABLE);
	report(*word == 0x1111, "a page is seen");
	map(0, pages[1], WRITABLE);
	report(*word == 0x2222, "another one at its address after INVLPG");
	table[0] = (u64)pages[0] | WRITABLE | 1;
	write_cr3(read_cr3());
	report(*word == 0x1111, "the first one again after a write of CR3");
	report((table[0] & 0x20) && !(table[0] & 0x40), "accessed, not dirty");
	*word = 1;
	report(table[0] & 0x40, "dirty after a write");
	map(0, pages[0], 0);
	report(trapped(write_to, (void *)WINDOW) == PF && last_trap.error_code == 3 && last_cr2 == WINDOW, "a write to a read-only page");
	map(0, pages[0], WRITABLE | NO_EXECUTE);
	pages[0][0] = 0xc3;
	report(trapped(call, (void *)WINDOW) == PF && last_trap.error_code == 0x11, "execution of a no-execute page");
	table[0] = 0;
	invlpg(WINDOW);
	report(trapped(write_to, (void *)WINDOW) == PF && last_trap.error_code == 2, "a page that is taken away");
}

/* Four pages with instructions that exit, of different lengths, one after the other at one address. */
static void test_code(void)
{
	static const struct { u8 bytes[8]; } codes[] = {
		{ { 0x0f, 0xa2, 0xc3 } },                         /* CPUID; RET */
		{ { 0x2e, 0x3e, 0x0f, 0xa2, 0xc3 } },             /* with two prefixes */
		{ { 0x66, 0x66, 0x66, 0x0f, 0xa2, 0xc3 } },       /* with three */
		{ { 0x0f, 0x01, 0xd8, 0xc3 } },                   /* VMRUN: #UD */
	};
	bool good = true;

	for (unsigned i = 0; i < 4; i++)
		memcpy(pages[i], &codes[i], sizeof(codes[i]));
	for (unsigned round = 0; round < 400; round++) {
		unsigned which = round * 7 % 4;

		map(0, pages[which], 0);
		good &= trapped(call, (void *)WINDOW) == (which == 3 ? UD : NO_TRAP);
	}
	report(good, "an instruction that exits is the one that the tables name now");
	for (unsigned round = 0; round < 400; round++) {
		memcpy((void *)pages[0], &codes[round % 3], sizeof(codes[0]));
		if (round == 0)
			map(0, pages[0], 0);
		good &= trapped(call, (void *)WINDOW) == NO_TRAP;
	}
	report(good, "and its bytes are those that are there now");
	/* Taken away a level higher; the page itself stays as it was. */
	page_directories[WINDOW >> 21] = 0;
	invlpg(WINDOW);
	report(trapped(call, (void *)WINDOW) == PF && last_cr2 == WINDOW, "a table that is taken away");
	page_directories[WINDOW >> 21] = (u64)table | USER | WRITABLE | 1;
	report(trapped(call, (void *)WINDOW) == NO_TRAP, "and put back");
}

/* A device's register seen through different pages: Solera reads the instruction's operand address by the same tables. */
static void test_device(void)
{
	u64 at = WINDOW + 4096;

	map(1, (void *)0xfee00000, WRITABLE);
	report(mmio_read(at + 0x30) == mmio_read(0xfee00030), "a device through a page of 4 KiB");
	*(u32 *)(void *)(pages[2] + 0x30) = 0x5a5a5a5a;
	map(1, pages[2], WRITABLE);
	report(mmio_read(at + 0x30) == 0x5a5a5a5a, "memory in its place");
	map(1, (void *)0xfec00000, WRITABLE);
	mmio_write(at, 1);
	report(mmio_read(at + 0x10) == mmio_read(0xfec00010), "another device in its place");
	map(1, (void *)0xfee00000, 0);
	report(trapped(write_to, (void *)(at + 0x380)) == PF && last_trap.error_code == 3, "a write to a device through a read-only page");
}

struct invpcid { u64 pcid, address; };

static void invpcid_all(void *argument)
{
	struct invpcid what = { 0, WINDOW };

	(void)argument;
	__asm__ volatile("invpcid %0, %1" ::"m"(what), "r"(2ull) : "memory");
}

/* It never exits: where a control of VT-x forbids it, it raises #UD, and CPUID must not offer it. */
static void test_invpcid(void)
{
	volatile u64 *word = (volatile u64 *)WINDOW;
	struct invpcid what = { 0, WINDOW };
	int vector = trapped(invpcid_all, NULL);
	bool well = vector == UD;

	if (cpuid(7, 0).ebx >> 10 & 1) {
		*(u64 *)pages[0] = 0x1111, *(u64 *)pages[1] = 0x2222;
		map(0, pages[0], WRITABLE);
		well = vector == NO_TRAP && *word == 0x1111;
		table[0] = (u64)pages[1] | WRITABLE | 1;
		__asm__ volatile("invpcid %0, %1" ::"m"(what), "r"(0ull) : "memory");
		well = well && *word == 0x2222;
		table[0] = (u64)pages[0] | WRITABLE | 1;
		invpcid_all(NULL);
		well = well && *word == 0x1111;
	}
	report(well, "INVPCID forgets one address, and all, or raises #UD where CPUID does not offer it");
}

void test_main(void)
{
	page_directories[WINDOW >> 21] = (u64)table | USER | WRITABLE | 1;
	write_cr3(read_cr3());
	test_mappings();
	test_code();
	test_device();
	test_invpcid();
}
