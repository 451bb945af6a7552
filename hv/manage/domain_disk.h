/* SPDX-License-Identifier: MIT */
/*
 * A disk of a machine's description, and what a running machine holds of it. Next to read: domain_xml_disk.c (in and out of
 * XML), domain_disks.c (opening at start, figures).
 */
#ifndef HV_MANAGE_DOMAIN_DISK_H
#define HV_MANAGE_DOMAIN_DISK_H

#include "hv/lib/types.h"

#define DOMAIN_DISKS_MAX 16
#define DOMAIN_SLOT_FIRST 3  /* PCI slots on bus 0 that devices of a description get */
#define DOMAIN_SLOT_LAST 30

enum domain_disk_cache { DISK_CACHE_UNSET, DISK_CACHE_DEFAULT, DISK_CACHE_NONE, DISK_CACHE_WRITEBACK, DISK_CACHE_WRITETHROUGH,
			 DISK_CACHE_DIRECTSYNC };
enum domain_disk_io { DISK_IO_UNSET, DISK_IO_THREADS, DISK_IO_NATIVE, DISK_IO_URING };
enum domain_disk_errors { DISK_ON_ERROR_UNSET, DISK_ON_ERROR_STOP, DISK_ON_ERROR_REPORT, DISK_ON_ERROR_IGNORE, DISK_ON_ERROR_ENOSPACE };
enum domain_disk_discard { DISK_DISCARD_UNSET, DISK_DISCARD_UNMAP, DISK_DISCARD_IGNORE };

struct domain_disk {
	bool block;            /* type='block': source is "/dev/NAME"; else 'file': "/solera/NAME", "/PARTITION/path" */
	bool volume;           /* type='volume': source is a volume of `pool`, found at start */
	char *pool;            /* kmalloc */
	bool cdrom;            /* a drive, always readonly; its source may be NULL: no medium */
	bool scsi;             /* on the SCSI controller; else a PCI device of its own (virtio) */
	u8 drive_target;       /* its place there: from the description, or from its target's name */
	u16 drive_unit;
	bool drive_written;    /* <address type='drive'> was read */
	bool readonly, shareable;
	bool qcow2;            /* the image's format; else raw */
	u8 cache, io, discard; /* the enums above */
	u8 error_policy, rerror_policy; /* enum domain_disk_errors */
	u8 slot;               /* on PCI bus 0; assigned when the description does not say */
	u64 iotune[12];        /* domain_iotune_names; 0: no limit */
	u8 bus;                /* 0, or the number of the root port behind which it stands (in slot 0) */
	u8 place;              /* of a running machine's disk: which of domain_disks.c's places it has */
	char target[8];        /* "vda", "sda" */
	char *source;          /* kmalloc; NULL: a drive without a medium */
	char *serial;          /* kmalloc; NULL: none */
};

/* Is it meant by that target or source? */
bool domain_disk_is(const struct domain_disk *disk, const char *path);
void domain_disk_release(struct domain_disk *disk); /* frees its strings; it is empty then */

/* <rng>: random numbers for the guest, by virtio; at most one. */
struct domain_rng {
	bool present;
	u8 backend;            /* which path was written: domain_xml_rng.c */
	u8 slot;
	u64 rate_bytes, rate_period_ms; /* 0: not written; the device's own rate then */
};

#endif
