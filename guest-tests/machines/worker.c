/* SPDX-License-Identifier: MIT */
/*
 * A domain that only works, so that a scenario can tell whether a neighbour disturbs it: a linear congruential generator
 * fills memory, the memory is compared with a second run of it, and the vector registers are looked at. Each block gives a
 * line with the generator's state; whoever knows the formula knows what must stand there (scenario hostile-guests).
 */
#include "guest-tests/lib/guest.h"

#define WORDS (1u << 20)
#define ROUNDS 32 /* through the memory in each block */
#define MULTIPLIER 6364136223846793005ull
#define INCREMENT 1442695040888963407ull

static u64 memory[WORDS] __attribute__((aligned(4096)));
static u64 vectors[32] __attribute__((aligned(16))), seen[32] __attribute__((aligned(16)));

static void load_vectors(void)
{
	for (unsigned i = 0; i < 32; i++)
		vectors[i] = i * MULTIPLIER;
	/* The compiler itself uses no vector register (-mgeneral-regs-only), so what is loaded stays. */
	__asm__ volatile(".altmacro\n.macro one n\nmovdqa 16*\\n(%0), %%xmm\\n\n.endm\n.set i, 0\n.rept 16\none %%i\n.set i, i+1\n.endr\n"
			 ".purgem one\n" ::"r"(vectors) : "memory");
}

static bool vectors_are_whole(void)
{
	__asm__ volatile(".altmacro\n.macro one n\nmovdqa %%xmm\\n, 16*\\n(%0)\n.endm\n.set i, 0\n.rept 16\none %%i\n.set i, i+1\n.endr\n"
			 ".purgem one\n" ::"r"(seen) : "memory");
	return memcmp(vectors, seen, sizeof(seen)) == 0;
}

void test_main(void)
{
	u64 state = 1;

	load_vectors();
	for (u64 block = 1;; block++) {
		u64 again = state, wrong = 0;

		for (unsigned round = 0; round < ROUNDS; round++) {
			for (unsigned i = 0; i < WORDS; i++)
				memory[i] = state = state * MULTIPLIER + INCREMENT;
			for (unsigned i = 0; i < WORDS; i++)
				wrong += memory[i] != (again = again * MULTIPLIER + INCREMENT);
		}
		note("block %lu state %lx wrong %lu vectors %s", block, state, wrong, vectors_are_whole() ? "whole" : "changed");
	}
}
