/* SPDX-License-Identifier: MIT */
/* A host's use of vector registers looks to the running thread as if it had left its CPU for a moment. */
#include "hv/fpu_section.h"
#include "hv/thread_internal.h"

u64 fpu_begin(void)
{
	u64 flags = irq_save();
	struct thread *self = thread_current();

	if (self && self->hooks)
		self->hooks->out(self->hooks_context);
	return flags;
}

void fpu_end(u64 flags)
{
	struct thread *self = thread_current();

	if (self && self->hooks)
		self->hooks->in(self->hooks_context);
	irq_restore(flags);
}
