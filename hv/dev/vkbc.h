/* SPDX-License-Identifier: MIT */
/*
 * The 8042 keyboard controller with a keyboard that nobody types on, port 0x92, and the A20 gate as a bit.
 *
 * After "IBM PC/AT Technical Reference" (Keyboard Controller) and the data sheet of the 8042. Every command of the
 * controller and of the keyboard that drivers probe with is answered at once, so that no probe waits for a time-out. There
 * is no mouse. A20 is kept and read back, but never wraps addresses (docs/guest-pc.md).
 */
#ifndef HV_DEV_VKBC_H
#define HV_DEV_VKBC_H

#include "hv/io_region.h"
#include "hv/irq_line.h"
#include "hv/lib/lock.h"
#include "hv/state.h"

#define VKBC_QUEUE 16

struct vkbc_state {
	u8 queue[VKBC_QUEUE];       /* bytes on their way to port 0x60 */
	u8 queue_head, queue_count;
	u8 command_byte;
	u8 output_port;             /* bit 0: not in reset; bit 1: A20 */
	u8 controller_argument;     /* the controller command whose argument is the next byte at 0x60; 0: none */
	u8 keyboard_argument;       /* likewise for the keyboard */
	u8 status;                  /* bits 2 (system flag), 3 (last write was a command) and 6 (a time-out) */
	u8 leds, scan_set, scanning;
	u8 port92;
	u8 reserved[5];
};

struct vkbc {
	struct vkbc_state state;  /* [lock] */
	struct spinlock lock;
	struct irq_line irq;      /* (c) IRQ 1 */
	void (*reset)(void *context, const char *why); /* (c) any context; called without the lock */
	void *context;
};

void vkbc_init(struct vkbc *kbc, const struct irq_line *irq, void (*reset)(void *, const char *), void *context);
void vkbc_reset(struct vkbc *kbc);
MUST_CHECK int vkbc_claim(struct vkbc *kbc, struct io_map *ports); /* 0x60, 0x64, 0x92 */
void vkbc_save(struct vkbc *kbc, struct state_writer *writer);
MUST_CHECK int vkbc_load(struct vkbc *kbc, struct state_reader *reader);

#endif
