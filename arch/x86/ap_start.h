/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of a CPU other than the boot CPU, and how it is made to execute them.
 *
 * A CPU that gets INIT and then a start-up IPI with vector v begins in real mode at physical address v * 4096: so ap_start.S
 * is copied to a page below 1 MiB, together with what it needs to reach 64-bit mode. One CPU is started at a time.
 * SDM vol. 3, "MP Initialization Protocol Algorithm" (8.4.3), "Local APIC ID" (10.4.6). Next to read: hv/smp.c.
 */
#ifndef ARCH_X86_AP_START_H
#define ARCH_X86_AP_START_H

#include "hv/lib/types.h"

/*
 * `page`: physical address, whole and below 1 MiB; `window`: where it can be written; `root`: physical address, below 4 GiB,
 * of page tables that map the page at its own address and share the upper half. CPUs then go to `entry`, on the stack that
 * ap_start_next named, with interrupts off and caches as after INIT.
 */
void ap_start_prepare(u64 page, void *window, u64 root, void (*entry)(void));
/* The next CPU that comes takes this stack (the address above it), with its struct cpu in the top slot; later ones stop. */
void ap_start_next(u64 stack_top);
/* Nobody takes the stack any more; false: somebody has. */
bool ap_start_withdraw(void);
void ap_start_send_init(u32 apic_id);
void ap_start_send_startup(u32 apic_id);

#endif
