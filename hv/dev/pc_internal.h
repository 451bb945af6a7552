/* SPDX-License-Identifier: MIT */
/* The board as its own files see it: pc.c wires it, pc_state.c saves and loads it. */
#ifndef HV_DEV_PC_INTERNAL_H
#define HV_DEV_PC_INTERNAL_H

#include "hv/dev/firmware_tables.h"
#include "hv/dev/machine_clock.h"
#include "hv/dev/pc.h"
#include "hv/dev/vioapic.h"
#include "hv/dev/vkbc.h"
#include "hv/dev/vlapic.h"
#include "hv/dev/vpci.h"
#include "hv/dev/vpcie_port.h"
#include "hv/dev/vpic.h"
#include "hv/dev/vpit.h"
#include "hv/dev/vpm.h"
#include "hv/dev/vq35.h"
#include "hv/dev/vrtc.h"
#include "hv/dev/vuart.h"
#include "hv/device_model.h"

struct pc_device {
	struct device_instance instance;
	char alias[24];
	u8 port;                     /* the root port behind which it stands; 0: on bus 0 */
};

struct pc {
	struct vm *vm;               /* (c) */
	struct machine_clock clock;  /* changed only while quiesced */
	struct vpic pic;
	struct vioapic ioapic;
	struct vpit pit;
	struct vrtc rtc;
	struct vpm pm;
	struct vkbc kbc;
	struct vuart *uarts;         /* (c) serial_count */
	u32 serial_count;            /* (c) up to PC_SERIAL_MAX */
	struct spinlock serial_lock;
	u32 serial_levels;           /* [serial_lock] bit N: UART N holds its interrupt line up */
	struct vlapic *vlapics;      /* (c) vcpu_count */
	struct vlapic_bus lapics;
	struct vpci_bus pci;
	struct vq35 q35;
	struct firmware_tables *firmware; /* (c) ACPI, SMBIOS, fw_cfg */
	struct spinlock intx_lock;
	u64 intx_sources[8][4];      /* [intx_lock] per PIRQ: the functions (by devfn) that drive it */
	u8 scratch_ports[16];        /* (a) */
	struct pc_device *devices;   /* [the machine's life] of its description, in its order, then those that came later */
	u32 device_count;            /* [the machine's life] */
	struct vpcie_port *ports;    /* (c) root ports 1 to port_count */
	u32 port_count;              /* (c) */
};

/* pc_devices.c: what the machine's description names, each made by its model. */
MUST_CHECK int pc_devices_create(struct pc *pc, const char **error);
void pc_devices_reset(struct pc *pc);
void pc_device_changed(struct vm *vm, const char *alias); /* board_ops.device_changed */
int pc_device_attach(struct vm *vm, const struct device_spec *spec, const char **error);
int pc_device_ask(struct vm *vm, const char *alias, bool again);
bool pc_device_reap(struct vm *vm, const char *alias);
void pc_devices_quiesce(struct pc *pc);
void pc_devices_resume(struct pc *pc);
void pc_devices_save(struct pc *pc, struct state_writer *writer);
MUST_CHECK int pc_devices_load(struct pc *pc, struct state_reader *reader);
void pc_devices_destroy(struct pc *pc);

void pc_save(struct vm *vm, struct state_writer *writer);
MUST_CHECK int pc_load(struct vm *vm, struct state_reader *reader);

#endif
