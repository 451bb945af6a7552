/* SPDX-License-Identifier: MIT */
/*
 * A domain that executes PAUSEs, close together or far apart, or an empty loop, as a letter on its serial line asks: whether that
 * exits is seen from outside (`exits`, scenario pause-loops). A guest itself cannot tell. Interrupts are on (none comes) but in the
 * empty loop: Bochs keeps the host's interrupts waiting after an entry with IF = 0.
 */
#include "guest-tests/lib/guest.h"

#define TIGHT 100000u
#define SPACED 2000u
#define APART 1000u /* turns of an empty loop between two */
#define TURNS 20000000u

static u8 asked(void)
{
	while (!(inb(0x3fd) & 1))
		;
	return inb(0x3f8);
}

static void tight(void)
{
	u32 count = TIGHT;

	__asm__ volatile("1: pause; dec %0; jnz 1b" : "+r"(count)::"cc");
	note("%u close together", TIGHT);
}

static void spaced(void)
{
	for (u32 i = 0; i < SPACED; i++) {
		u32 turns = APART;

		__asm__ volatile("pause; 1: dec %0; jnz 1b" : "+r"(turns)::"cc");
	}
	note("%u far apart", SPACED);
}

static void empty(void)
{
	u32 turns = TURNS;

	__asm__ volatile("cli; 1: dec %0; jnz 1b; sti" : "+r"(turns)::"cc");
	note("%u turns", TURNS);
}

void test_main(void)
{
	note("t, s or e");
	__asm__ volatile("sti");
	for (;;) {
		switch (asked()) {
		case 't': tight(); break;
		case 's': spaced(); break;
		case 'e': empty(); break;
		}
	}
}
