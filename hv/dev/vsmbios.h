/* SPDX-License-Identifier: MIT */
/*
 * A guest's SMBIOS tables (version 3.0): who made the machine, its name and UUID, its processors and memory. Pure.
 * SMBIOS Reference Specification (DSP0134), "Required structures and data" (6.2), "Structure definitions" (7).
 */
#ifndef HV_DEV_VSMBIOS_H
#define HV_DEV_VSMBIOS_H

#include "hv/cpu_topology.h"
#include "hv/dev/blob.h"

#define VSMBIOS_ANCHOR_BYTES 24u

struct vsmbios_config {
	const char *name;    /* the domain's: chassis asset tag and an OEM string "name=…" */
	const u8 *uuid;      /* 16 bytes, text order */
	const char *version; /* Solera's */
	struct cpu_topology topology;
	u64 memory_bytes;
};

struct vsmbios {
	struct blob tables, anchor; /* the anchor's address and checksum: vsmbios_set_address, or the guest's firmware */
};

/* OK or ERR_NO_MEMORY; release in both cases. */
MUST_CHECK int vsmbios_build(struct vsmbios *smbios, const struct vsmbios_config *config);
void vsmbios_release(struct vsmbios *smbios);
/* The anchor with the tables at this address, checksummed. */
void vsmbios_set_address(const struct vsmbios *smbios, u64 address, u8 anchor[VSMBIOS_ANCHOR_BYTES]);

#endif
