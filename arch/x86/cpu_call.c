/* SPDX-License-Identifier: MIT */
/*
 * Each CPU has one outgoing call (it waits for it, so one is enough) and a set of CPUs whose call it has yet to make:
 *
 *   caller:  call = { function, argument, remaining = n }; bit in each target's call_from; interrupt; wait: remaining == 0
 *   target:  takes the bits of call_from; for each: function(argument), remaining--
 *
 * The bit is set with release and taken with acquire semantics, so the target sees the call's words; remaining goes down
 * with release and is waited for with acquire semantics, so the caller sees what the function did.
 */
#include "arch/x86/cpu_call.h"
#include "arch/x86/cpu.h"
#include "arch/x86/lapic.h"
#include "arch/x86/vectors.h"
#include "hv/lib/log.h"

static void serve(struct cpu *self)
{
	for (u32 i = 0; i < CPU_MASK_WORDS; i++) {
		u64 from = __atomic_exchange_n(&self->call_from.words[i], 0, __ATOMIC_SEQ_CST);

		for (; from; from &= from - 1) {
			struct cpu_call *call = &cpus[i * 64 + (u32)__builtin_ctzll(from)]->call;

			call->function(call->argument);
			__atomic_fetch_sub(&call->remaining, 1, __ATOMIC_RELEASE);
		}
	}
}

static void call_interrupt(void *context)
{
	(void)context;
	serve(this_cpu());
}

void cpu_call_init(void)
{
	vectors_set(VECTOR_CALL, call_interrupt, NULL);
}

void cpu_call_mask(const struct cpu_mask *mask, void (*function)(void *argument), void *argument)
{
	u64 flags = irq_save();
	struct cpu *self = this_cpu();
	struct cpu_mask targets = cpu_mask_and(mask, &cpus_online);
	bool here = cpu_mask_has(&targets, self->index);

	BUG_ON(self->held_lock_count); /* counted in debug builds */
	BUG_ON(self->call.remaining);
	cpu_mask_clear(&targets, self->index);
	self->call.function = function;
	self->call.argument = argument;
	self->call.remaining = cpu_mask_count(&targets);
	CPU_MASK_FOR_EACH(i, &targets) {
		cpu_mask_set_atomic(&cpus[i]->call_from, self->index);
		lapic_send_ipi(cpus[i]->apic_id, VECTOR_CALL);
	}
	if (here)
		function(argument);
	while (__atomic_load_n(&self->call.remaining, __ATOMIC_ACQUIRE)) {
		serve(self);
		cpu_relax();
	}
	irq_restore(flags);
}

void cpu_call(u32 cpu_index, void (*function)(void *argument), void *argument)
{
	struct cpu_mask mask = cpu_mask_of(cpu_index);

	cpu_call_mask(&mask, function, argument);
}
