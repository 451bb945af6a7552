/* SPDX-License-Identifier: MIT */
/*
 * Spin locks with ranks. Taking a lock whose rank is not above every rank that this CPU holds is a bug; debug builds
 * (SOLERA_DEBUG) check it on every acquire. docs/locking.md lists the ranks in words.
 *
 * A lock is taken with interrupts off (lock_irqsave) wherever an interrupt handler may take it too; the plain form is
 * for locks that only threads take, and turns preemption off by turning interrupts off as well: there is one kind of
 * critical section in Solera, short and without sleep. Sleeping locks: struct mutex in hv/thread.h.
 * In the hosted tests, whose threads are few and quick, a lock that does not come for a long time was taken twice.
 */
#ifndef HV_LIB_LOCK_H
#define HV_LIB_LOCK_H

#include "hv/lib/types.h"

/* Outermost first: a CPU that holds rank r may take only ranks > r. */
enum lock_rank {
	LOCK_RANK_MANAGE = 10,   /* hv/manage objects */
	LOCK_RANK_VM = 20,       /* one machine's devices and memory map */
	LOCK_RANK_VIRTQUEUE = 25, /* one virtqueue; interrupts of its device are raised under it */
	LOCK_RANK_DEVICE = 30,   /* one emulated device */
	LOCK_RANK_WIRES = 35,    /* wires that several devices share */
	LOCK_RANK_VLAPIC = 40,
	LOCK_RANK_BLOCK = 50,
	LOCK_RANK_ROUTER = 51,   /* the router; it asks switches for addresses under it */
	LOCK_RANK_NET = 52,
	LOCK_RANK_DRIVER = 60,   /* one host driver */
	LOCK_RANK_GUEST_CONSOLE = 65, /* kept output of a guest's serial port */
	LOCK_RANK_NESTED = 70,   /* one machine's nested page table */
	LOCK_RANK_THREADS = 75,  /* the list of all threads */
	LOCK_RANK_WAITQUEUE = 80,
	LOCK_RANK_SCHED = 90,    /* one CPU's run queue */
	LOCK_RANK_TIMER = 100,   /* one CPU's timers */
	LOCK_RANK_INTERRUPT_LINES = 104,
	LOCK_RANK_INTERRUPT = 105, /* vectors, I/O APIC */
	LOCK_RANK_VMALLOC = 110, /* kernel page tables */
	LOCK_RANK_SLAB = 120,
	LOCK_RANK_PAGES = 130,   /* buddy allocator */
	LOCK_RANK_LOG = 140,
	LOCK_RANK_CONSOLE = 150,
	LOCK_RANK_PCI_PORTS = 160, /* two port accesses, nothing inside */
};

struct spinlock {
	u32 held; /* (a) */
	u32 rank; /* (c) enum lock_rank */
	const char *name; /* (c) */
};

#define SPINLOCK_INIT(lock_name, lock_rank) { 0, lock_rank, lock_name }

static inline void spinlock_init(struct spinlock *lock, const char *name, enum lock_rank rank)
{
	*lock = (struct spinlock){ 0, rank, name };
}

#if __STDC_HOSTED__
#include <assert.h>
#include <sched.h>
static inline u64 irq_save(void) { return 0; }
static inline void irq_restore(u64 flags) { (void)flags; }
static inline void lock_acquired(struct spinlock *lock) { (void)lock; }
static inline void lock_released(struct spinlock *lock) { (void)lock; }
static inline void cpu_relax(void) {}
#else
/* Returns RFLAGS and turns interrupts off. */
static inline u64 irq_save(void)
{
	u64 flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
	return flags;
}
static inline void irq_restore(u64 flags)
{
	if (flags & BIT64(9))
		__asm__ volatile("sti" ::: "memory");
}
static inline void cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }
#ifdef SOLERA_DEBUG
void lock_acquired(struct spinlock *lock); /* hv/lock_check.c: ranks and owners */
void lock_released(struct spinlock *lock);
#else
static inline void lock_acquired(struct spinlock *lock) { (void)lock; }
static inline void lock_released(struct spinlock *lock) { (void)lock; }
#endif
#endif

static inline void lock_raw(struct spinlock *lock)
{
	while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE)) {
#if __STDC_HOSTED__
		for (unsigned tries = 0; __atomic_load_n(&lock->held, __ATOMIC_RELAXED); tries++) {
			assert(tries < 10000000 && "lock taken twice");
			sched_yield();
		}
#endif
		while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
			cpu_relax();
	}
	lock_acquired(lock);
}

static inline void unlock_raw(struct spinlock *lock)
{
	lock_released(lock);
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

/* Interrupts off, then take; returns what unlock_irqrestore wants back. */
static inline u64 lock_irqsave(struct spinlock *lock)
{
	u64 flags = irq_save();

	lock_raw(lock);
	return flags;
}

static inline void unlock_irqrestore(struct spinlock *lock, u64 flags)
{
	unlock_raw(lock);
	irq_restore(flags);
}

#endif
