/* SPDX-License-Identifier: MIT */
/* The table of interrupt vectors, the same on every CPU. */
#include "arch/x86/vectors.h"
#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"
#include "hv/lib/log.h"

struct vector {
	vector_handler handler; /* [vectors_lock], read without */
	void *context;
	u64 count; /* (a) approximate: several CPUs add */
};

static struct vector vectors[256];
static struct spinlock vectors_lock = SPINLOCK_INIT("vectors", LOCK_RANK_INTERRUPT);
void (*vectors_interrupt_end)(void);

void vectors_set(u8 vector, vector_handler handler, void *context)
{
	u64 flags = lock_irqsave(&vectors_lock);

	vectors[vector].context = context;
	__atomic_store_n(&vectors[vector].handler, handler, __ATOMIC_RELEASE);
	unlock_irqrestore(&vectors_lock, flags);
}

u8 vectors_allocate(vector_handler handler, void *context)
{
	u64 flags = lock_irqsave(&vectors_lock);
	u8 found = 0;

	for (unsigned v = VECTOR_FIRST_DEVICE; v <= VECTOR_LAST_DEVICE && !found; v++) {
		if (vectors[v].handler)
			continue;
		vectors[v].context = context;
		__atomic_store_n(&vectors[v].handler, handler, __ATOMIC_RELEASE);
		found = (u8)v;
	}
	unlock_irqrestore(&vectors_lock, flags);
	return found;
}

void vectors_free(u8 vector)
{
	vectors_set(vector, NULL, NULL);
}

u64 vectors_count(u8 vector)
{
	return READ_ONCE(vectors[vector].count);
}

void vectors_dispatch(u8 vector)
{
	struct cpu *cpu = this_cpu();
	struct vector *v = &vectors[vector];
	vector_handler handler = __atomic_load_n(&v->handler, __ATOMIC_ACQUIRE);

	cpu->interrupt_depth++;
	cpu->interrupt_count++;
	v->count++;
	if (handler)
		handler(v->context);
	if (vector != VECTOR_SPURIOUS)
		lapic_eoi();
	cpu->interrupt_depth--;
	if (cpu->interrupt_depth == 0 && vectors_interrupt_end)
		vectors_interrupt_end();
}
