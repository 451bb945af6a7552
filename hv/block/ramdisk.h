/* SPDX-License-Identifier: MIT */
/*
 * Disks in the host's memory: from a file that came with the boot, or empty of a given size. What is written to them is gone
 * at power-off; listings say so (limits.volatile_medium). Thread context.
 */
#ifndef HV_BLOCK_RAMDISK_H
#define HV_BLOCK_RAMDISK_H

#include "hv/block_device.h"

struct module;

/*
 * The RAM disk of a boot module, in place: made at its first use, the same one afterwards, until power-off. Its model is the
 * file's name. ERR_NO_MEMORY; ERR_RANGE: the file has less than one sector.
 */
MUST_CHECK int ramdisk_of_module(const struct module *module, struct block_device **out);
/* An empty one, "ramN"; size in whole sectors, at least one. ERR_NO_MEMORY, ERR_RANGE. */
MUST_CHECK int ramdisk_create(u64 size_bytes, struct block_device **out);
void ramdisk_destroy(struct block_device *device); /* of ramdisk_create only; waits until nobody has it open */

#endif
