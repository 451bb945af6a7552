/* SPDX-License-Identifier: MIT */
/*
 * How hv/manage makes an emulated device by its model's name, and how every device stops, describes and resumes.
 * hv/main.c registers the models; nobody else knows which there are.
 */
#ifndef HV_DEVICE_MODEL_H
#define HV_DEVICE_MODEL_H

#include "hv/state.h"

struct block_device;
struct char_device;
struct net_port;
struct vm;
struct vpci_bus;

struct device_ops {
	const char *name;
	void (*reset)(void *device);                                    /* machine reset; vCPUs are stopped */
	void (*quiesce)(void *device);                                  /* no DMA, timer or interrupt after it returns */
	void (*resume)(void *device);                                   /* after quiesce or load */
	void (*save)(void *device, struct state_writer *writer);        /* only while quiesced */
	MUST_CHECK int (*load)(void *device, struct state_reader *reader); /* hostile input; a refused load changes nothing */
	void (*destroy)(void *device);
	/* May be NULL. What stands behind it (a disk's size, a link) changed. Thread context, also while quiesced. */
	void (*changed)(void *device);
};

/* What a guest's disk did, as virsh's domblkstat has it. (a) single words; hv/manage's, the device counts. */
struct disk_statistics {
	u64 read_requests, read_bytes, read_ns, write_requests, write_bytes, write_ns, flush_requests, flush_ns, errors;
	u32 last_error; /* 0 or enum disk_error of the last request that the medium failed */
};
enum disk_error { DISK_ERROR_NONE, DISK_ERROR_UNSPECIFIED, DISK_ERROR_NO_SPACE };

/* What becomes of a request that the medium fails; ENOSPACE: stop for want of room, report the rest. */
enum disk_error_policy { DISK_ERRORS_REPORT, DISK_ERRORS_STOP, DISK_ERRORS_ENOSPACE, DISK_ERRORS_IGNORE };

enum disk_limit { DISK_LIMIT_TOTAL_BYTES, DISK_LIMIT_READ_BYTES, DISK_LIMIT_WRITE_BYTES, DISK_LIMIT_TOTAL_IOPS, DISK_LIMIT_READ_IOPS,
		  DISK_LIMIT_WRITE_IOPS, DISK_LIMITS };
/* (a) words, which hv/manage changes while the disk is used, `changes` last. */
struct disk_limits {
	u64 rates[DISK_LIMITS];             /* a second; 0: no limit */
	u64 bursts[DISK_LIMITS];            /* so much may be saved up; 0: a tenth of a second's */
	bool active;                        /* some rate is not 0 */
	u32 changes;
};

struct device_disk {
	struct block_device *device;        /* opened by hv/manage; stays so until vm_destroy has returned */
	const char *serial;                 /* up to 20 bytes, or NULL */
	struct disk_statistics *statistics;
	u32 queues;                         /* 0: as many as vCPUs */
	bool read_only, discard, writethrough;
	const struct disk_limits *limits;   /* NULL: none ever */
	u8 read_errors, write_errors;       /* enum disk_error_policy; write_errors: of whatever is no read */
	/* NULL: nothing stops. A request waits until the device is resumed: the machine should be paused. Any context. */
	void (*stopped)(void *context);
	void *context;                      /* of stopped */
};

/* The machine's end of a plug, with its name, address and MTU; the device fills in ops, context and offload. */
struct device_nic {
	struct net_port *port;              /* plugged in after create, pulled before destroy: hv/manage's */
};

struct device_rng {
	u64 rate_bytes, period_ns;          /* at most so many bytes in a period; neither is 0 */
};

#define DEVICE_PORTS_MAX 7
#define DEVICE_PORT_NAME_MAX 64
struct device_port {
	const char *name;                   /* of a channel, below DEVICE_PORT_NAME_MAX bytes; NULL: none */
	bool is_console;                    /* the guest's hvc0…, else /dev/vport… */
	struct char_device **host;          /* the device puts its end there; good until it is destroyed. NULL: not used */
};
struct device_console {
	u32 port_count;                     /* 1 to DEVICE_PORTS_MAX */
	struct device_port ports[DEVICE_PORTS_MAX];
};

/* "Memory Statistics Tags": swap in and out, major and minor faults, free, total, available, caches, huge pages made and not. */
#define BALLOON_STATISTICS 10u
/* Between hv/manage and a balloon; hv/manage's, good until the device is destroyed. All (a), each word by itself. */
struct balloon_state {
	u64 target_bytes;                   /* hv/manage: what the machine is to have; then device_ops.changed */
	u32 polls;                          /* hv/manage: raised to ask for fresh statistics; then device_ops.changed */
	u32 actual_pages;                   /* the driver: what is in the balloon, in its own words */
	u32 known;                          /* a bit per statistic that the driver has told */
	u64 updated_ns;                     /* when the last ones came (clock_ns); 0: none yet */
	u64 statistics[BALLOON_STATISTICS]; /* the driver's words */
};

struct device_balloon {
	struct balloon_state *state;
	u64 memory_bytes;                   /* all that the machine has */
	bool deflate_on_oom, reporting;
};

/* A logical unit on a SCSI controller. */
struct device_scsi_unit {
	u8 target;
	u16 lun;
	bool cdrom;
	struct device_disk disk;            /* device NULL: a drive without a medium; its limits, queues: not used */
};
#define DEVICE_SCSI_UNITS_MAX 16
/* A controller, for hv/manage, while the device is there. Thread context, one caller at a time; what the guest is told of it is the device's. */
struct scsi_bus {
	void *device;                       /* NULL: the controller is not there */
	MUST_CHECK int (*attach)(void *device, const struct device_scsi_unit *unit); /* ERR_EXISTS, ERR_FULL */
	/* Returns when nothing of the unit's disk is used any more. */
	void (*detach)(void *device, u8 target, u16 lun);
	/*
	 * A drive's medium, NULL: none; what was in it is not used any more. The tray is shut afterwards. ERR_BUSY: the guest holds it
	 * and was asked to let go (force: it is not asked).
	 */
	MUST_CHECK int (*set_medium)(void *device, u8 target, u16 lun, struct block_device *medium, bool force);
	bool (*tray_is_open)(void *device, u8 target, u16 lun);
};
struct device_scsi {
	u32 unit_count;
	const struct device_scsi_unit *units; /* that are there from the start */
	u32 queues;                         /* 0: as many as vCPUs */
	struct scsi_bus *bus;               /* hv/manage's; the device fills it */
};

/* One device of a machine's description. Everything pointed to is borrowed until vm_destroy has returned. */
struct device_spec {
	const char *model;                  /* "virtio-blk" */
	const char *alias;                  /* "virtio-disk0", for messages */
	u8 slot;                            /* PCI device number on bus 0, or behind the root port: */
	u8 port;                            /* its number, from 1; 0: on bus 0 */
	union {
		struct device_disk disk;    /* virtio-blk */
		struct device_nic nic;      /* virtio-net */
		struct device_rng rng;      /* virtio-rng */
		struct device_console console; /* virtio-console */
		struct device_balloon balloon; /* virtio-balloon */
		struct device_scsi scsi;    /* virtio-scsi */
	};
};

struct device_instance {
	const struct device_ops *ops;
	void *device;
};

struct device_model {
	const char *name;
	/*
	 * Makes the device and attaches it to the bus at spec->slot. Thread context, before the machine runs. On failure nothing
	 * is left and *error has words for the person (constant).
	 */
	MUST_CHECK int (*create)(struct vm *vm, struct vpci_bus *bus, const struct device_spec *spec,
				 struct device_instance *out, const char **error);
};

/* hv/device_model.c. Models are registered at start-up, before any machine, and stay. */
void device_model_register(const struct device_model *model);
const struct device_model *device_model_find(const char *name); /* NULL: none of that name */

#endif
