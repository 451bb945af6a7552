/* SPDX-License-Identifier: MIT */
/*
 * A guest's PCI bus 0: configuration by 0xCF8/0xCFC and ECAM, and what every function on it needs: BARs that can be
 * probed and moved, capabilities, MSI-X, INTx, the command register.
 *
 * After "PCI Local Bus Specification" 3.0. A device embeds struct vpci_device, fills it with the vpci_add_ functions, then
 * attaches it to the bus before the machine runs. Configuration accesses run in thread context on the slow level (they may
 * move regions of the machine's maps); BAR accesses and notifications in any context.
 */
#ifndef HV_DEV_VPCI_H
#define HV_DEV_VPCI_H

#include "hv/io_region.h"
#include "hv/lib/lock.h"
#include "hv/state.h"
#include "hv/thread.h"
#include "hv/vm.h"

#define VPCI_CONFIG_SIZE 256
#define VPCI_BARS 6
#define VPCI_MSIX_MAX 64
#define VPCI_BRIDGES_MAX 12
#define VPCI_DEVFN(device, function) ((u8)((device) << 3 | (function)))

/* Configuration registers, with the specification's names. */
enum {
	PCI_VENDOR_ID = 0x00, PCI_DEVICE_ID = 0x02, PCI_COMMAND = 0x04, PCI_STATUS = 0x06, PCI_REVISION_ID = 0x08,
	PCI_CLASS_CODE = 0x09, PCI_CACHE_LINE_SIZE = 0x0c, PCI_LATENCY_TIMER = 0x0d, PCI_HEADER_TYPE = 0x0e, PCI_BAR0 = 0x10, PCI_SECONDARY_BUS = 0x19,
	PCI_SUBSYSTEM_VENDOR_ID = 0x2c, PCI_SUBSYSTEM_ID = 0x2e, PCI_CAPABILITIES = 0x34, PCI_INTERRUPT_LINE = 0x3c,
	PCI_INTERRUPT_PIN = 0x3d
};
#define PCI_COMMAND_IO BIT32(0)
#define PCI_COMMAND_MEMORY BIT32(1)
#define PCI_COMMAND_MASTER BIT32(2)
#define PCI_COMMAND_INTX_OFF BIT32(10)
#define PCI_STATUS_INTERRUPT BIT32(3)
#define PCI_STATUS_CAPABILITIES BIT32(4)
#define PCI_CAPABILITY_MSIX 0x11
#define PCI_CAPABILITY_VENDOR 0x09

enum vpci_bar_kind { VPCI_BAR_NONE, VPCI_BAR_IO, VPCI_BAR_MEMORY32, VPCI_BAR_MEMORY64 /* takes two slots */ };

struct vpci_bar {
	u64 size_bytes;            /* (c) a power of two */
	const struct io_ops *ops;  /* (c) */
	void *context;             /* (c) */
	u8 kind;                   /* (c) enum vpci_bar_kind */
	bool fast;                 /* (c) ops keep the fast contract */
	bool prefetchable;         /* (c) */
	bool mapped;               /* [bus mutex] */
	u64 mapped_at;             /* [bus mutex] */
};

struct vpci_msix_entry {
	u64 address;
	u32 data, control;         /* control: bit 0 masks */
};

struct vpci_msix {
	struct vpci_msix_entry entries[VPCI_MSIX_MAX]; /* [lock] */
	u64 pending;               /* [lock] */
	struct spinlock lock;
	u32 count;                 /* (c) 0: no MSI-X */
	u8 capability;             /* (c) */
};

struct vpci_bus;

struct vpci_device {
	const char *name;          /* (c) */
	struct vpci_bus *bus;      /* (c) once attached */
	u8 devfn;                  /* (c) */
	u8 config[VPCI_CONFIG_SIZE];     /* [bus mutex] */
	u8 writable[VPCI_CONFIG_SIZE];   /* (c) bits that a write changes */
	u8 clear_on_one[VPCI_CONFIG_SIZE]; /* (c) bits that a written 1 clears */
	u8 own[VPCI_CONFIG_SIZE];        /* (c) bits that the device itself changes */
	u8 reset_config[VPCI_CONFIG_SIZE]; /* (c) since attach: what a reset brings back */
	struct vpci_bar bars[VPCI_BARS];
	struct vpci_msix msix;
	u8 next_capability;        /* (c) where the next one goes */
	bool intx;                 /* (a) what the device drives */
	/* May be NULL. After a write changed configuration; offset and size of the write. Thread context, bus mutex held. */
	void (*config_written)(struct vpci_device *device, unsigned offset, unsigned size_bytes);
	/* May be NULL. A capability's data register (virtio's PCI_CFG): true when it gave the value. Same context. */
	bool (*config_read)(struct vpci_device *device, unsigned offset, unsigned size_bytes, u32 *value);
};

struct vpci_bus {
	struct vm *vm;             /* (c) whose maps BARs go to */
	struct vpci_device *devices[256]; /* (a) by devfn; behind a bridge they come and go, under the mutex */
	struct vpci_device *bridge;       /* (c) the bridge above, whose wires a device here uses; NULL: bus 0 */
	struct vpci_bus *behind[VPCI_BRIDGES_MAX]; /* (c) of bus 0: the buses behind its bridges */
	u32 behind_count;                 /* (c) */
	struct mutex mutex;        /* configuration accesses */
	u32 config_address;        /* (a) */
	/* (c) any context, no sleep. gsi: pc_intx_gsi of device and pin. */
	void (*msi)(void *context, u64 address, u32 data);
	void (*intx)(void *context, unsigned gsi, unsigned source, bool level);
	/* (c) the byte registers at 0xCF9 */
	u8 (*reset_read)(void *context);
	void (*reset_write)(void *context, u8 value);
	void *context;
};

void vpci_bus_init(struct vpci_bus *bus, struct vm *vm);
MUST_CHECK int vpci_bus_claim(struct vpci_bus *bus); /* 0xcf8 to 0xcff */
extern const struct io_ops vpci_ecam_ops;            /* device: the bus */

void vpci_device_init(struct vpci_device *device, const char *name, u16 vendor, u16 id, u32 class_code, u8 revision);
void vpci_set_subsystem(struct vpci_device *device, u16 vendor, u16 id);
void vpci_add_bar(struct vpci_device *device, unsigned index, enum vpci_bar_kind kind, u64 size_bytes,
		  const struct io_ops *ops, void *context, bool fast);
/* Returns the capability's offset; its body behind ID and next pointer is zero and read-only. 0: no room. */
unsigned vpci_add_capability(struct vpci_device *device, u8 id, unsigned size_bytes);
/* A capability and a 4 KiB memory BAR of its own: the table at 0, the pending bits at 0x800. ERR_FULL, ERR_RANGE. */
MUST_CHECK int vpci_add_msix(struct vpci_device *device, unsigned bar, u32 vectors);
void vpci_use_intx(struct vpci_device *device, unsigned pin); /* 0: INTA */
MUST_CHECK int vpci_attach(struct vpci_bus *bus, struct vpci_device *device, u8 devfn); /* ERR_EXISTS */

/*
 * Off the bus: no configuration access or BAR reaches it, no interrupt is left. A vCPU may still be inside of its callbacks: what it
 * is part of is freed after vm_await_vcpus. Thread context.
 */
void vpci_detach(struct vpci_device *device);
bool vpci_is_gone(struct vpci_device *device); /* after vpci_detach: no BAR is mapped. False: no memory for that, try later */
MUST_CHECK int vpci_add_bridge(struct vpci_bus *bus, struct vpci_bus *behind); /* ERR_FULL. Before the machine runs */

void vpci_set_intx(struct vpci_device *device, bool level);        /* any context */
void vpci_msix_notify(struct vpci_device *device, u32 vector);     /* any context; masked: pends */
static inline bool vpci_msix_enabled(const struct vpci_device *device)
{
	return device->msix.count && (READ_ONCE(device->config[device->msix.capability + 3]) & 0x80);
}
static inline bool vpci_is_master(const struct vpci_device *device) /* may it do DMA? */
{
	return (READ_ONCE(device->config[PCI_COMMAND]) & PCI_COMMAND_MASTER) != 0;
}

u16 vpci_config16(const struct vpci_device *device, unsigned offset);
u32 vpci_config32(const struct vpci_device *device, unsigned offset);
void vpci_put16(u8 *config, unsigned offset, u16 value);
void vpci_put32(u8 *config, unsigned offset, u32 value);
u32 vpci_config_read(struct vpci_bus *bus, u8 devfn, unsigned offset, unsigned size_bytes);
void vpci_config_write(struct vpci_bus *bus, u8 devfn, unsigned offset, unsigned size_bytes, u32 value);
/* Puts a claim of a map where it should be (size 0: nowhere), and waits until no vCPU uses the old one. */
bool vpci_move_region(struct vm *vm, struct io_map *map, bool was_mapped, u64 old_base, const struct io_region *wanted);

void vpci_reset(struct vpci_device *device); /* machine reset: vCPUs stopped, thread context */
void vpci_save(struct vpci_device *device, struct state_writer *writer);
MUST_CHECK int vpci_load(struct vpci_device *device, struct state_reader *reader);
void vpci_bus_save(struct vpci_bus *bus, struct state_writer *writer);
MUST_CHECK int vpci_bus_load(struct vpci_bus *bus, struct state_reader *reader);

/* vpci_msix.c, for vpci.c */
extern const struct io_ops vpci_msix_ops; /* device: the vpci_device */
void vpci_msix_control_written(struct vpci_device *device);
void vpci_msix_reset(struct vpci_device *device);

#endif
