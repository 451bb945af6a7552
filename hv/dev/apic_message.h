/* SPDX-License-Identifier: MIT */
/* An interrupt message on its way to the local APICs: from the I/O APIC, an MSI, or another local APIC's ICR. */
#ifndef HV_DEV_APIC_MESSAGE_H
#define HV_DEV_APIC_MESSAGE_H

#include "hv/lib/types.h"

/* The manuals' delivery modes (SDM vol. 3, "Interrupt Command Register"). */
enum apic_delivery {
	APIC_FIXED = 0, APIC_LOWEST = 1, APIC_SMI = 2, APIC_RESERVED = 3, APIC_NMI = 4, APIC_INIT = 5, APIC_SIPI = 6,
	APIC_EXTINT = 7
};

struct apic_message {
	u32 destination;  /* physical: an APIC ID; logical: a mask in the model that each local APIC has set */
	u8 vector;
	u8 delivery;      /* enum apic_delivery */
	bool logical, level_triggered;
	bool x2apic;      /* the destination is 32 bits wide, broadcast is 0xffffffff; else 8 bits and 0xff */
};

#endif
