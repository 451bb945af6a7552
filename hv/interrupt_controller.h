/* SPDX-License-Identifier: MIT */
/*
 * What the core asks of a vCPU's interrupt controller (its local APIC with the PIC behind it), and what it tells it.
 *
 * hv/dev/vlapic.c implements this. All entries but create, reset and destroy keep the fast contract (DESIGN.md, section
 * 5) and are called on the vCPU's own thread, with no lock held. The controller asks for attention with
 * vcpu_request(vcpu, VCPU_REQUEST_EVENT) (hv/vcpu.h) from any context, whenever the answer of pending() may have changed.
 */
#ifndef HV_INTERRUPT_CONTROLLER_H
#define HV_INTERRUPT_CONTROLLER_H

#include "hv/lib/types.h"

struct vcpu;

#define INTERRUPT_NONE (-1)

struct interrupt_controller_ops {
	/*
	 * The vector that would be taken now if the guest had interrupts on, or INTERRUPT_NONE: the local APIC's highest
	 * request above the processor priority, else the PIC's (its vector, through LINT0 or with the APIC off).
	 * Changes nothing.
	 */
	int (*pending)(void *controller);
	/*
	 * The guest takes the vector that pending() gave: request to in-service (APIC), or the INTA cycle (PIC).
	 * Returns the vector really to be delivered (a PIC may turn it into a spurious one), or INTERRUPT_NONE. Asks for
	 * attention when another one may be waiting.
	 */
	int (*acknowledge)(void *controller, int vector);
	/*
	 * The class (vector / 16) of the request that would be pending but for the task priority; 0: none. Asked only where
	 * the guest's MOV to CR8 does not exit (vcpu->task_priority), for the exit that tells when it is low enough.
	 */
	unsigned (*held)(void *controller);

	/* x2APIC registers 0x800 to 0x8ff and IA32_APIC_BASE, IA32_TSC_DEADLINE. False: #GP. */
	bool (*read_msr)(void *controller, u32 msr, u64 *value);
	bool (*write_msr)(void *controller, u32 msr, u64 value);
	/* CR8: the upper half of the task priority register, 0 to 15. */
	u64 (*read_cr8)(void *controller);
	void (*write_cr8)(void *controller, u64 value);
	/* The guest's TSC changed its relation to the host's: deadlines are computed anew. */
	void (*tsc_changed)(void *controller);
	/*
	 * KVM's paravirtual interface. send_set: an interrupt or NMI (mode and vector as in the ICR) to the APIC IDs first to
	 * first + 127 whose bit is set; how many there were. end_word_changed: before vcpu->end_msr changes.
	 */
	u64 (*send_set)(void *controller, u64 low, u64 high, u32 first, u32 icr_low);
	void (*end_word_changed)(void *controller);
	/* An INIT is taken: the vCPU's thread calls it when it serves VCPU_REQUEST_INIT. */
	void (*init)(void *controller);
};

/*
 * The xAPIC page is no business of the core: the local APIC claims it as a FAST io_region in vm->mmio. What comes from
 * the APIC to the core:
 *   vcpu_request(vcpu, VCPU_REQUEST_EVENT)     pending() may have changed
 *   vcpu_request(vcpu, VCPU_REQUEST_NMI)       an NMI (ICR, LINT1, error vector as NMI…)
 *   vcpu_request(vcpu, VCPU_REQUEST_INIT)      INIT; start-up IPIs: vcpu_send_init, vcpu_send_sipi (hv/vcpu_init.h)
 */

#endif
