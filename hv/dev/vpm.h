/* SPDX-License-Identifier: MIT */
/*
 * ACPI's fixed hardware as the ICH9 has it: PM1 event and control, PM timer, GPE0; SMI_CMD; reset control 0xCF9.
 *
 * After "ACPI Specification" (ACPI Hardware Specification) and "ICH9 Family Datasheet" (Power Management I/O Registers).
 * There is no SMM: a write to SMI_CMD does what firmware's handler would do for ACPI, and nothing else.
 */
#ifndef HV_DEV_VPM_H
#define HV_DEV_VPM_H

#include "hv/dev/machine_clock.h"
#include "hv/io_region.h"
#include "hv/irq_line.h"
#include "hv/lib/lock.h"
#include "hv/state.h"
#include "hv/timer.h"

#define VPM_TIMER_HZ 3579545ull

struct vpm_state {
	u16 pm1_status, pm1_enable, pm1_control;
	u8 apm_control, apm_status;
	u8 reset_control;
	u8 reserved[7];
	u64 gpe0_status, gpe0_enable;
	u64 seen_overflows;  /* how many times bit 23 of the timer had toggled at the last look */
	u32 smi_enable, reserved2;
};

struct vpm_callbacks { /* any context, also the fast level */
	void (*power_off)(void *context);
	void (*reset)(void *context, const char *why);
	void *context;
};

struct vpm {
	struct vpm_state state;   /* [lock] */
	struct spinlock lock;
	struct timer timer;       /* the timer's overflow, while its interrupt is enabled */
	struct irq_line sci;      /* (c) */
	struct vpm_callbacks callbacks; /* (c) */
	const struct machine_clock *clock; /* (c) */
};

extern const struct io_ops vpm_ops; /* the PMBASE block, PC_PM_PORTS long: vq35.c claims it where the guest put it */

void vpm_init(struct vpm *pm, const struct irq_line *sci, const struct vpm_callbacks *callbacks,
	      const struct machine_clock *clock);
void vpm_reset(struct vpm *pm);
MUST_CHECK int vpm_claim(struct vpm *pm, struct io_map *ports); /* 0xb2, 0xb3 */
void vpm_power_button(struct vpm *pm);         /* any context */
void vpm_set_gpe(struct vpm *pm, unsigned bit);/* any context */
u8 vpm_reset_control_read(struct vpm *pm);     /* 0xCF9 shares its doubleword with PCI's CONFIG_ADDRESS: vpci.c routes it */
void vpm_reset_control_write(struct vpm *pm, u8 value);
void vpm_quiesce(struct vpm *pm);
void vpm_resume(struct vpm *pm);
void vpm_save(struct vpm *pm, struct state_writer *writer);
MUST_CHECK int vpm_load(struct vpm *pm, struct state_reader *reader);

#endif
