/* SPDX-License-Identifier: MIT */
/*
 * The pair of 8259A interrupt controllers of a PC, with the edge/level registers of a PCI chipset.
 *
 * After the data sheets "8259A Programmable Interrupt Controller" (Intel 231468) and "ICH9 Family Datasheet" (ELCR).
 * The 8080 vector mode is not there (its bit is ignored, as chipsets do). Next to read: vlapic.c takes its output.
 */
#ifndef HV_DEV_VPIC_H
#define HV_DEV_VPIC_H

#include "hv/io_region.h"
#include "hv/irq_line.h"
#include "hv/lib/lock.h"
#include "hv/state.h"

struct vpic_chip {          /* guest-visible state of one 8259A */
	u8 irr, imr, isr;
	u8 lines;               /* levels of the inputs */
	u8 elcr;                /* 1: level-triggered */
	u8 vector_base;
	u8 lowest_priority;     /* input with the lowest priority; the next one has the highest */
	u8 init_step;           /* 0: ready; 2 to 4: this ICW is expected */
	u8 icw1, icw3, icw4;
	u8 read_isr, poll, special_mask, rotate_on_auto_eoi;
	u8 reserved;
};

struct vpic_state {
	struct vpic_chip chip[2]; /* master, slave */
};

struct vpic {
	struct vpic_state state;   /* [lock] */
	struct spinlock lock;
	bool output;               /* (a) the master's INT pin */
	struct irq_line intr;      /* (c) told when output changes; called with the lock held, must not come back */
};

void vpic_init(struct vpic *pic, const struct irq_line *intr);
void vpic_reset(struct vpic *pic);
/* Claims 0x20, 0xa0 and 0x4d0 with two ports each. */
MUST_CHECK int vpic_claim(struct vpic *pic, struct io_map *ports);
void vpic_set_irq(struct vpic *pic, unsigned irq, bool level); /* any context; irq 2 is the cascade: ignored */
static inline bool vpic_output(const struct vpic *pic) { return READ_ONCE(pic->output); }
int vpic_peek(struct vpic *pic);        /* the vector that INTA would give now, -1 when the output is low */
/*
 * The INTA cycle. vector: what the CPU has taken already (an earlier vpic_peek); -1: the PIC chooses now, and a request
 * that went away gives input 7's vector, with nothing in service. Returns the vector.
 */
int vpic_acknowledge(struct vpic *pic, int vector);
void vpic_save(struct vpic *pic, struct state_writer *writer);
MUST_CHECK int vpic_load(struct vpic *pic, struct state_reader *reader);

#endif
