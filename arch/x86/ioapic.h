/* SPDX-License-Identifier: MIT */
/* The host's I/O APICs: global system interrupts to vectors. */
#ifndef ARCH_X86_IOAPIC_H
#define ARCH_X86_IOAPIC_H

#include "hv/lib/types.h"

#define IOAPIC_DEFAULT_BASE 0xfec00000ull

/* A mapped I/O APIC whose first input is this GSI; all its inputs are masked. Returns how many it has. Start-up. */
u32 ioapic_add(volatile void *registers, u32 gsi_base);
/* ERR_NOT_FOUND: no I/O APIC has this input. Unmasked from here on. */
MUST_CHECK int ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low);
void ioapic_mask(u32 gsi);

#endif
