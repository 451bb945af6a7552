/* SPDX-License-Identifier: MIT */
/*
 * A disk for hosted tests: its medium is an array, completions come at once or when told, and it fails when told. Tests that
 * link it set direct_map_base to 0 (fake_disk.c defines it): "physical" addresses are pointers.
 */
#ifndef HV_BLOCK_TEST_FAKE_DISK_H
#define HV_BLOCK_TEST_FAKE_DISK_H

#include "hv/block_device.h"

struct fake_disk {
	struct block_device device;
	u8 *medium;
	bool deferred;             /* requests wait for fake_disk_complete */
	int fail_with;             /* the status of whatever is completed from now on, when not OK */
	unsigned submitted, flushes, writes_since_flush;
	struct list_node waiting;  /* deferred requests, oldest first */
};

/* Fills the device (512-byte blocks, no limits to speak of, nothing read-only): change limits before block_register. */
void fake_disk_init(struct fake_disk *disk, const char *name, u64 sector_count);
void fake_disk_release(struct fake_disk *disk);
/* Carries out and completes up to max deferred requests; returns how many. */
unsigned fake_disk_complete(struct fake_disk *disk, unsigned max);

#endif
