/* SPDX-License-Identifier: MIT */
/*
 * The I/O APIC: 24 inputs, each with a redirection entry; version 0x20, so with an EOI register.
 *
 * After "82093AA I/O Advanced Programmable Interrupt Controller" (Intel 290566) and "ICH9 Family Datasheet" (I/O APIC).
 * SMI and ExtINT entries are kept but deliver nothing. Next to read: vlapic_bus.c.
 */
#ifndef HV_DEV_VIOAPIC_H
#define HV_DEV_VIOAPIC_H

#include "hv/dev/apic_message.h"
#include "hv/io_region.h"
#include "hv/lib/lock.h"
#include "hv/state.h"

#define VIOAPIC_BASE 0xfec00000ull
#define VIOAPIC_PINS 24

struct vioapic_state {
	u64 redirection[VIOAPIC_PINS];
	u32 lines;    /* levels of the inputs */
	u32 id;       /* bits 27..24, as in the register */
	u32 select;   /* (a) */
	u32 reserved;
};

struct vioapic {
	struct vioapic_state state; /* [lock] */
	struct spinlock lock;
	/* (c) any context; called with the lock held, must not come back */
	void (*deliver)(void *context, const struct apic_message *message);
	void *context;
};

void vioapic_init(struct vioapic *ioapic, void (*deliver)(void *, const struct apic_message *), void *context);
void vioapic_reset(struct vioapic *ioapic);
MUST_CHECK int vioapic_claim(struct vioapic *ioapic, struct io_map *mmio);
void vioapic_set_irq(struct vioapic *ioapic, unsigned pin, bool level); /* any context */
void vioapic_eoi(struct vioapic *ioapic, u8 vector);                    /* a local APIC ended a level-triggered vector */
void vioapic_save(struct vioapic *ioapic, struct state_writer *writer);
MUST_CHECK int vioapic_load(struct vioapic *ioapic, struct state_reader *reader);

#endif
