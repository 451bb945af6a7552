/* SPDX-License-Identifier: MIT */
/*
 * Which block devices there are, and who uses them.
 *
 * A device is opened in one of four ways; what would endanger data is refused with words that name the other user. Opening
 * a disk alone also keeps its partitions from being opened, and the other way round. Thread context, may sleep.
 */
#ifndef HV_BLOCK_REGISTRY_H
#define HV_BLOCK_REGISTRY_H

#include "hv/block_device.h"

enum block_open_mode {
	BLOCK_OPEN_READ,          /* reads only; any number beside others that only read */
	BLOCK_OPEN_EXCLUSIVE,     /* reads and writes, alone */
	BLOCK_OPEN_SHARED,        /* reads and writes beside others that opened it SHARED (libvirt's <shareable/>) */
	BLOCK_OPEN_LOOK,          /* partition tables, listings: reads, beside anyone */
};

struct block_user {
	struct list_node node;    /* [registry] */
	struct block_device *device;
	u8 mode;
	char name[64];            /* "domain demo", "partition table", "pool default" */
	/*
	 * NULL, or a device that lies on this one and opened it for itself (an image on a partition): opening that device is
	 * then no conflict with this user, who is its own foot.
	 */
	const struct block_device *holder;
	char words[192];          /* why block_open refused */
	/* May be NULL: the device's limits changed, or it is gone (device->gone). Thread context; must not close. */
	void (*changed)(void *context, struct block_device *device);
	void *context;
};

/*
 * ERR_NOT_FOUND, ERR_BUSY (user->words names who has it), ERR_UNSUPPORTED (writing to a read-only device), or what the device's
 * own open says. user: the caller's, with name, holder, changed and context filled; it stays until block_close.
 */
MUST_CHECK int block_open(const char *name, enum block_open_mode mode, struct block_user *user);
void block_close(struct block_user *user); /* after the last of its requests was completed */

/* Calls visit for each device in the order of registration until it returns false. Thread context; visit must not open. */
void block_for_each(bool (*visit)(void *context, struct block_device *device), void *context);

/*
 * Synchronous forms for partition tables, file systems, metadata: thread context, any size. buffer: in the direct map (kmalloc,
 * pages), aligned to 4 bytes.
 */
MUST_CHECK int block_read(struct block_device *device, u64 sector, void *buffer, u64 sector_count);
MUST_CHECK int block_write(struct block_device *device, u64 sector, const void *buffer, u64 sector_count, u32 flags);
MUST_CHECK int block_flush(struct block_device *device);
/* By the device's own operation where it has one, else by writing zeroes. */
MUST_CHECK int block_write_zeroes(struct block_device *device, u64 sector, u64 sector_count);

#endif
