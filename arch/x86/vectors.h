/* SPDX-License-Identifier: MIT */
/* Interrupt vectors: who handles which, allocation, and the interrupt's way in and out. */
#ifndef ARCH_X86_VECTORS_H
#define ARCH_X86_VECTORS_H

#include "hv/lib/types.h"

enum {
	VECTOR_FIRST_DEVICE = 0x30,
	VECTOR_LAST_DEVICE = 0xdf,
	VECTOR_TIMER = 0xf0,
	VECTOR_RESCHEDULE = 0xf1,
	VECTOR_CALL = 0xf2,     /* run a function on this CPU */
	VECTOR_ERROR = 0xfe,
	VECTOR_SPURIOUS = 0xff,
};

/* Interrupt context: interrupts off, the local APIC's EOI follows. */
typedef void (*vector_handler)(void *context);

void vectors_set(u8 vector, vector_handler handler, void *context);
/* A free device vector with this handler, or 0. */
u8 vectors_allocate(vector_handler handler, void *context);
void vectors_free(u8 vector);
u64 vectors_count(u8 vector); /* how often it came */

void vectors_dispatch(u8 vector);
/* The core's part at the outermost interrupt's end, interrupts off: deferred wake-ups and preemption (hv/thread.c). */
extern void (*vectors_interrupt_end)(void);

#endif
