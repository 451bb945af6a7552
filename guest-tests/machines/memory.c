/* SPDX-License-Identifier: MIT */
/*
 * A memory test for a domain: every word of its RAM is written with a value that depends on its address, then all of it is
 * read and compared, so that two addresses that reach the same memory, or one that reaches none, are found.
 *
 * All RAM of the memory map but what this kernel and its loader's structures take (the first 2 MiB). RAM is looked at
 * through a window of 1 GiB, so the amount does not matter. `step=N` on the command line: only each N-th byte's word.
 */
#include "guest-tests/lib/guest.h"

#define GIB (1ull << 30)
#define WINDOW (4 * GIB)
#define OWN_END 0x200000ull
#define TRIES_SHOWN 8

extern u8 image_end[];
static u64 window[512] __attribute__((aligned(4096)));
static u64 step, wrong;

static inline u64 pattern(u64 address)
{
	return address * 0x9e3779b97f4a7c15ull ^ address >> 7;
}

static void show_gib(u64 address)
{
	for (unsigned i = 0; i < 512; i++)
		window[i] = (address & ~(GIB - 1)) + (u64)i * 0x200000 + 0x83;
	page_pointers[WINDOW / GIB] = (u64)window | 3;
	write_cr3(read_cr3());
}

static void fill(u64 base, u64 size)
{
	for (u64 at = 0; at < size; at += step)
		*(volatile u64 *)(WINDOW + (base & (GIB - 1)) + at) = pattern(base + at);
}

static void check(u64 base, u64 size)
{
	for (u64 at = 0; at < size; at += step) {
		u64 found = *(volatile u64 *)(WINDOW + (base & (GIB - 1)) + at);

		if (found == pattern(base + at))
			continue;
		if (wrong++ < TRIES_SHOWN)
			note("at %lx: %lx instead of %lx", base + at, found, pattern(base + at));
	}
}

/* All RAM, a GiB at a time; returns its bytes, those above 4 GiB in *high. */
static u64 all_ram(void (*function)(u64 base, u64 size), u64 *high)
{
	u64 base, size, total = 0;

	*high = 0;
	for (unsigned i = 0; memory_map(i, &base, &size); i++) {
		u64 end = base + size;

		if (base < OWN_END)
			base = OWN_END;
		while (base < end) {
			u64 next = (base & ~(GIB - 1)) + GIB;
			u64 part = (next < end ? next : end) - base;

			show_gib(base);
			function(base, part);
			total += part;
			*high += base >= 4 * GIB ? part : 0;
			base += part;
		}
	}
	return total;
}

void test_main(void)
{
	u64 base, size, total, high, again;

	step = command_number("step", 8);
	if ((u64)image_end > OWN_END || step < 8 || step % 8) {
		report(false, "this kernel's own size, or its step");
		return;
	}
	for (unsigned i = 0; memory_map(i, &base, &size); i++)
		note("RAM from %lx to %lx", base, base + size);
	total = all_ram(fill, &high);
	note("%lu KiB written, %lu KiB of it above 4 GiB", total >> 10, high >> 10);
	again = all_ram(check, &high);
	report(wrong == 0 && again == total, "memory test of %lu KiB, %lu KiB of it above 4 GiB: %lu words are wrong", total >> 10,
	       high >> 10, wrong);
}
