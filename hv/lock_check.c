/* SPDX-License-Identifier: MIT */
/*
 * Debug builds: every spin lock that this CPU takes must have a rank above all that it holds. Interrupts are off
 * while a lock is held, so the list belongs to the CPU.
 */
#include "arch/x86/cpu.h"
#include "hv/lib/log.h"

#ifdef SOLERA_DEBUG
void lock_acquired(struct spinlock *lock)
{
	struct cpu *cpu = this_cpu();

	BUG_ON(irq_enabled());
	BUG_ON(cpu->held_lock_count >= CPU_HELD_LOCKS_MAX);
	if (cpu->held_lock_count) {
		struct spinlock *last = cpu->held_locks[cpu->held_lock_count - 1];

		if (lock->rank <= last->rank)
			panic("lock order: %s (rank %u) taken while %s (rank %u) is held", lock->name, lock->rank, last->name,
			      last->rank);
	}
	cpu->held_locks[cpu->held_lock_count++] = lock;
}

void lock_released(struct spinlock *lock)
{
	struct cpu *cpu = this_cpu();
	u32 i = cpu->held_lock_count;

	while (i > 0 && cpu->held_locks[i - 1] != lock)
		i--;
	if (i == 0)
		panic("lock %s released by a CPU that does not hold it", lock->name);
	for (; i < cpu->held_lock_count; i++)
		cpu->held_locks[i - 1] = cpu->held_locks[i];
	cpu->held_lock_count--;
}
#endif
