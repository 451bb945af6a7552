/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts for drivers. Handlers run in interrupt context (interrupts off): no sleep, bounded work; what takes
 * longer wakes a thread. Several devices may share a line; each handler then looks whether its device asked.
 * For MSI and MSI-X: vectors_allocate (arch/x86/vectors.h) and interrupt_msi_address.
 */
#ifndef HV_INTERRUPT_H
#define HV_INTERRUPT_H

#include "hv/lib/types.h"

typedef void (*interrupt_handler)(void *context);

/* Finds the I/O APICs (those that ACPI lists, else the usual place) and masks the PIC. After acpi_parse. */
struct acpi_info;
void interrupts_init(const struct acpi_info *acpi);

/*
 * An ISA interrupt (0 to 15), wherever ACPI says that it is wired to. ERR_NOT_FOUND: no such input; ERR_FULL: no vector.
 * The name is kept, not copied. Thread context or start-up.
 */
MUST_CHECK int interrupt_register_isa(u8 irq, const char *name, interrupt_handler handler, void *context);
MUST_CHECK int interrupt_register_gsi(u32 gsi, bool level, bool active_low, const char *name, interrupt_handler handler,
				      void *context);
/* After it returns the handler runs no more. The line is masked when nobody is left on it. Thread context, no spin lock held. */
void interrupt_unregister(interrupt_handler handler, void *context);

/* What a device writes to raise `vector` on the boot CPU: address; the data word is the vector. */
u64 interrupt_msi_address(void);
/* Gives a vector of vectors_allocate back; after it returns its handler runs no more, on any CPU. The same context. */
void interrupt_msi_release(u8 vector);

#endif
