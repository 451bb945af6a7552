/* SPDX-License-Identifier: MIT */
/*
 * A disk, as everything in Solera sees one: a size, limits, and a way to submit requests.
 *
 * Implemented by host drivers, partitions, RAM disks and image formats; used by virtio devices, partitions, images and file
 * systems. Who makes a device registers it (hv/block/registry.c); who uses it opens it, read-only, shared or alone.
 * Layers stack: a partition's device submits to the disk's. Data of any size is moved by hv/block/transfer.h, which cuts it to
 * a device's limits. Next to read: hv/block/registry.h.
 */
#ifndef HV_BLOCK_DEVICE_H
#define HV_BLOCK_DEVICE_H

#include "hv/lib/list.h"
#include "hv/lib/types.h"

#define BLOCK_SECTOR_BYTES 512u /* the unit of sector numbers everywhere, whatever the medium's own blocks are */
#define BLOCK_NAME_MAX 32

enum block_operation {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,        /* what was completed before its submission is durable when it completes; no range */
	BLOCK_DISCARD,      /* the contents of the range are not needed any more; they may stay */
	BLOCK_WRITE_ZEROES, /* the range reads as zeroes afterwards */
	BLOCK_OPERATION_COUNT
};

enum block_request_flag {
	BLOCK_FUA = BIT32(0),   /* BLOCK_WRITE: durable when it completes. A device without it flushes afterwards by itself */
	BLOCK_UNMAP = BIT32(1), /* BLOCK_WRITE_ZEROES: the space may be given back */
};

/* Physical memory that a controller may reach; a multiple of BLOCK_SECTOR_BYTES, aligned to 4 bytes at least. */
struct block_segment {
	hpa_t address;
	u64 size_bytes;
};

/*
 * One request. The submitter fills it and owns its memory; from submit until complete it is the device's, segments and
 * payload included, and nobody else touches it. sector_count * 512 is the sum of the segments' sizes for BLOCK_READ and
 * BLOCK_WRITE; other operations have no segments.
 */
struct block_request {
	u8 operation;        /* enum block_operation */
	u8 flags;            /* enum block_request_flag */
	u32 segment_count;
	const struct block_segment *segments;
	u64 sector, sector_count; /* sector: a layer may have moved it when the request comes back (a partition, by its start) */
	/*
	 * Called exactly once, with OK, ERR_IO (the medium failed), ERR_RANGE, ERR_UNSUPPORTED, ERR_FULL (no space left on
	 * what lies below), ERR_NOT_FOUND (the device is gone) or ERR_TIMEOUT. Any context but NMI, interrupts off or on,
	 * with no lock of the device held: it must not sleep, and may submit further requests. It may be called before
	 * submit has returned. The request is the submitter's again.
	 */
	void (*complete)(struct block_request *request, int status);
	void *owner;         /* the submitter's */
	/* The device's while it has the request. */
	struct list_node node;
	u64 device_words[4];
};

/* Filled before registration. Sizes may change later (resize, media): block_device_changed tells the users. */
struct block_limits {
	u64 sector_count;           /* 0: no medium */
	u32 logical_block_bytes;    /* 512 to 4096: ranges are multiples of it */
	u32 physical_block_bytes;
	u32 optimal_io_bytes;       /* 0: nothing known */
	u32 max_transfer_bytes;     /* of one request; a multiple of 4 KiB */
	u32 max_segments;           /* at least 2 */
	u64 segment_boundary_mask;  /* no segment crosses a multiple of mask + 1; ~0: no such limit */
	u64 max_discard_sectors, max_write_zeroes_sectors; /* 0: the operation is not offered */
	bool read_only, volatile_cache /* without a flush, completed writes can be lost */, rotational, removable;
	bool volatile_medium;       /* a RAM disk: gone at power-off */
};

struct block_device;

struct block_device_ops {
	/*
	 * Takes a request. Any context but NMI; never sleeps, never fails: what is wrong is told by complete. The device
	 * checks the range against its size, so a request of a stale size gets ERR_RANGE.
	 */
	void (*submit)(struct block_device *device, struct block_request *request);
	/* May be NULL. The last user closed it, or the first one opens it. Thread context. */
	int (*open)(struct block_device *device);
	void (*close)(struct block_device *device);
};

/* (a) single words, read by others without lock. block_complete counts; how long requests take is measured by submitters. */
struct block_statistics {
	u64 requests[BLOCK_OPERATION_COUNT], bytes[BLOCK_OPERATION_COUNT], errors;
};

struct block_device {
	char name[BLOCK_NAME_MAX];  /* (c) "nvme0n1", "sda", "sda1", "vda", "ram0" */
	char model[48], serial[48]; /* (c) for people; "" when there is none */
	const char *kind;           /* (c) "nvme", "ahci", "partition", "ram", "qcow2" … */
	const struct block_device_ops *ops; /* (c) */
	void *context;              /* (c) the implementer's */
	struct block_device *parent; /* (c) what it lies on; NULL: hardware, or memory */
	/*
	 * (c) Reads and writes of up to so many bytes, and flushes, may be submitted from a guest's fast exit path: submit and
	 * what it calls keep the fast contract then (DESIGN.md, section 5). 0: never. Others come from threads.
	 */
	u32 fast_bytes;
	struct block_limits limits;
	struct block_statistics statistics;
	bool gone;                  /* (a) unplugged: every submit completes with ERR_NOT_FOUND */
	/* hv/block/registry.c's */
	struct list_node node;      /* [registry] */
	struct list_node users;     /* [registry] */
	bool opening;               /* [registry] open or close is under way */
	bool partitions_known;      /* (a) its partition table was read (hv/block/partition.c) */
};

static inline void block_submit(struct block_device *device, struct block_request *request)
{
	device->ops->submit(device, request);
}

/*
 * For drivers and layers; thread context. The registry keeps the pointer until block_unregister returns, which marks the
 * device gone, tells its users, and waits until the last one closed it. ERR_EXISTS: there is one of that name.
 */
MUST_CHECK int block_register(struct block_device *device);
void block_unregister(struct block_device *device);
/*
 * A disk of the hardware's that comes or goes at any time: its partitions come and go with it (hv/block/partition.c). Thread context,
 * not that of a thread which the disk's own requests wait for.
 */
MUST_CHECK int block_disk_register(struct block_device *disk);
void block_disk_unregister(struct block_device *disk);
/* limits changed (a resize, a medium put in or taken out). Any thread. */
void block_device_changed(struct block_device *device);

/*
 * Refuses a request that breaks the device's limits: OK, ERR_RANGE, ERR_UNSUPPORTED, ERR_NOT_FOUND (the device is gone). For
 * implementers' submit. Any context, fast level included.
 */
MUST_CHECK int block_check(const struct block_device *device, const struct block_request *request);
/* The end of every request, also of a refused one: counts it and gives it back to its submitter. Contexts as `complete`. */
void block_complete(struct block_device *device, struct block_request *request, int status);

#endif
