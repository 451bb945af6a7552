/* SPDX-License-Identifier: MIT */
/* The local APIC of the host, as xAPIC (MMIO) or x2APIC (MSRs): EOI, inter-processor interrupts, its timer. */
#ifndef ARCH_X86_LAPIC_H
#define ARCH_X86_LAPIC_H

#include "hv/lib/types.h"

#define LAPIC_DEFAULT_BASE 0xfee00000ull

/* Boot CPU, once: chooses x2APIC where the CPU has it; `registers` is the mapped page, unused then. */
u64 lapic_physical_base(void);
void lapic_choose(volatile void *registers);
bool lapic_is_x2apic(void);
/* Each CPU: enabled, all local interrupts masked, priority 0. */
void lapic_enable_cpu(void);

u32 lapic_id(void);
void lapic_eoi(void);
void lapic_self_ipi(u8 vector);
void lapic_send_ipi(u32 apic_id, u8 vector);
void lapic_send_nmi(u32 apic_id);
void lapic_send_init(u32 apic_id);
void lapic_send_startup(u32 apic_id, u8 page); /* page: physical address / 4096 of the real-mode entry */

/*
 * The timer: one shot on VECTOR_TIMER. lapic_timer_setup chooses TSC-deadline mode where the CPU has it; otherwise the
 * count-down's frequency must be known first: raw counting for the calibration below.
 */
void lapic_timer_start_counting(void);
u32 lapic_timer_elapsed(void);
void lapic_timer_set_frequency(u64 ticks_per_second, u64 tsc_hz); /* boot CPU, once */
void lapic_timer_setup(void);                                      /* each CPU */
bool lapic_timer_is_deadline(void);
/* Fires when the TSC passes `tsc` (at once if it has); ~0 stops it. Interrupts off. */
void lapic_timer_arm(u64 tsc);
/* Before a halt, interrupts off: an interrupt that waits is seen. */
void lapic_look_again(void);

#endif
