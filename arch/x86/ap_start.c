/* SPDX-License-Identifier: MIT */
/* Placing ap_start.S and its parameters, and the interrupts that start a CPU. */
#include "arch/x86/ap_start.h"
#include "arch/x86/lapic.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

extern const u8 ap_start_text[], ap_start_text_end[], ap_start_parameters[], ap_start_64[];

/* As ap_start.S has them. */
struct parameters {
	u64 stack;
	u64 entry;
	u64 gdt[2];
	u32 root;
	u32 taken;           /* (a) 1: nobody may take the stack */
	u32 far_offset;
	u16 far_selector;
	u16 gdt_limit;
	u32 gdt_base;
} PACKED ALIGNED(4); /* it lies at a multiple of 8; the size is not one */

static struct {
	u64 page;
	struct parameters *parameters;
} trampoline;

static u32 offset_of(const u8 *label)
{
	return (u32)(label - ap_start_text);
}

void ap_start_prepare(u64 page, void *window, u64 root, void (*entry)(void))
{
	struct parameters *p = (void *)((u8 *)window + offset_of(ap_start_parameters));

	BUG_ON((u64)(ap_start_text_end - ap_start_text) > PAGE_SIZE || page >= MIB || root >= 4 * GIB);
	BUG_ON((u64)(ap_start_text_end - ap_start_parameters) != sizeof(*p));
	memcpy(window, ap_start_text, (size_t)(ap_start_text_end - ap_start_text));
	trampoline.page = page;
	trampoline.parameters = p;
	p->entry = (u64)entry;
	p->root = (u32)root;
	p->far_offset = (u32)page + offset_of(ap_start_64);
	p->gdt_base = (u32)page + offset_of(ap_start_parameters) + offsetof(struct parameters, gdt);
}

void ap_start_next(u64 stack_top)
{
	trampoline.parameters->stack = stack_top - 16; /* below the slots of struct cpu and of the thread */
	__atomic_store_n(&trampoline.parameters->taken, 0, __ATOMIC_SEQ_CST);
}

bool ap_start_withdraw(void)
{
	return __atomic_exchange_n(&trampoline.parameters->taken, 1, __ATOMIC_SEQ_CST) == 0;
}

void ap_start_send_init(u32 apic_id)
{
	lapic_send_init(apic_id);
}

void ap_start_send_startup(u32 apic_id)
{
	lapic_send_startup(apic_id, (u8)(trampoline.page / PAGE_SIZE));
}
