/* SPDX-License-Identifier: MIT */
/*
 * A set of host CPUs, by index. The plain functions are for masks that one CPU holds or a lock guards; the *_atomic ones
 * are for masks that several CPUs change without one.
 */
#ifndef HV_LIB_CPU_MASK_H
#define HV_LIB_CPU_MASK_H

#include "hv/lib/types.h"

#define CPU_MAX 256u
#define CPU_MASK_WORDS (CPU_MAX / 64)

struct cpu_mask {
	u64 words[CPU_MASK_WORDS];
};

/* All CPUs that there may ever be: a thread's affinity when nobody said anything. */
#define CPU_MASK_ALL ((struct cpu_mask){ { ~(u64)0, ~(u64)0, ~(u64)0, ~(u64)0 } })

static inline struct cpu_mask cpu_mask_of(u32 cpu)
{
	struct cpu_mask mask = { { 0 } };

	mask.words[cpu / 64] = BIT64(cpu % 64);
	return mask;
}

static inline bool cpu_mask_has(const struct cpu_mask *mask, u32 cpu)
{
	return cpu < CPU_MAX && (READ_ONCE(mask->words[cpu / 64]) >> (cpu % 64) & 1);
}

static inline void cpu_mask_set(struct cpu_mask *mask, u32 cpu)
{
	mask->words[cpu / 64] |= BIT64(cpu % 64);
}

static inline void cpu_mask_clear(struct cpu_mask *mask, u32 cpu)
{
	mask->words[cpu / 64] &= ~BIT64(cpu % 64);
}

static inline struct cpu_mask cpu_mask_and(const struct cpu_mask *a, const struct cpu_mask *b)
{
	struct cpu_mask both;

	for (u32 i = 0; i < CPU_MASK_WORDS; i++)
		both.words[i] = READ_ONCE(a->words[i]) & READ_ONCE(b->words[i]);
	return both;
}

static inline bool cpu_mask_empty(const struct cpu_mask *mask)
{
	u64 any = 0;

	for (u32 i = 0; i < CPU_MASK_WORDS; i++)
		any |= READ_ONCE(mask->words[i]);
	return any == 0;
}

static inline u32 cpu_mask_count(const struct cpu_mask *mask)
{
	u32 count = 0;

	for (u32 i = 0; i < CPU_MASK_WORDS; i++)
		for (u64 word = READ_ONCE(mask->words[i]); word; word &= word - 1)
			count++;
	return count;
}

/* The first CPU of the set from `from` on; CPU_MAX: none. */
static inline u32 cpu_mask_next(const struct cpu_mask *mask, u32 from)
{
	for (u32 i = from / 64; i < CPU_MASK_WORDS; i++) {
		u64 word = READ_ONCE(mask->words[i]);

		if (i == from / 64)
			word &= ~(u64)0 << (from % 64);
		if (word)
			return i * 64 + (u32)__builtin_ctzll(word);
	}
	return CPU_MAX;
}

#define CPU_MASK_FOR_EACH(cpu, mask) \
	for (u32 cpu = cpu_mask_next(mask, 0); cpu < CPU_MAX; cpu = cpu_mask_next(mask, cpu + 1))

/* Sequentially consistent: what came before the change is seen by whoever sees it. True: the bit was the other way. */
static inline bool cpu_mask_set_atomic(struct cpu_mask *mask, u32 cpu)
{
	u64 bit = BIT64(cpu % 64);

	return !(__atomic_fetch_or(&mask->words[cpu / 64], bit, __ATOMIC_SEQ_CST) & bit);
}

static inline bool cpu_mask_clear_atomic(struct cpu_mask *mask, u32 cpu)
{
	u64 bit = BIT64(cpu % 64);

	return __atomic_fetch_and(&mask->words[cpu / 64], ~bit, __ATOMIC_SEQ_CST) & bit;
}

#endif
