/* SPDX-License-Identifier: MIT */
/*
 * The two functions that make the board a Q35: the host bridge 8086:29C0 at 00:00.0 and the ICH9's LPC bridge 8086:2918 at
 * 00:1f.0, with the registers that firmware and kernels program.
 *
 * After "Intel 3 Series Express Chipset Family Datasheet" (DRAM Controller Registers) and "ICH9 Family Datasheet" (LPC
 * Interface Bridge Registers). PAM and SMRAM are kept but move no memory: 0xC0000 to 0xFFFFF is RAM.
 */
#ifndef HV_DEV_VQ35_H
#define HV_DEV_VQ35_H

#include "hv/dev/vpci.h"

struct vpm;

struct vq35 {
	struct vpci_device host_bridge, lpc;
	struct vpm *pm;            /* (c) its block is claimed where PMBASE says */
	bool ecam_mapped, pm_mapped; /* [bus mutex] */
	u64 ecam_base, pm_base;    /* [bus mutex] */
};

void vq35_init(struct vq35 *q35, struct vpm *pm);
MUST_CHECK int vq35_attach(struct vq35 *q35, struct vpci_bus *bus);
void vq35_program_as_firmware(struct vq35 *q35); /* ECAM and PMBASE, as direct boots expect them. Thread context. */
/* The ISA interrupt that a PIRQ (0: A) is routed to; 16: none. Any context. */
unsigned vq35_pirq_route(const struct vq35 *q35, unsigned pirq);

#endif
