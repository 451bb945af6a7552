/* SPDX-License-Identifier: MIT */
/* A wire from an emulated device to an interrupt controller. The device knows only the wire. */
#ifndef HV_IRQ_LINE_H
#define HV_IRQ_LINE_H

#include "hv/lib/types.h"

struct irq_line {
	void (*set)(void *controller, unsigned input, bool level); /* any context, no sleep */
	void *controller;
	unsigned input;
};

static inline void irq_line_set(const struct irq_line *line, bool level)
{
	if (line->set)
		line->set(line->controller, line->input, level);
}

#endif
