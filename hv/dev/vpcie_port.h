/* SPDX-License-Identifier: MIT */
/*
 * A PCI Express root port with native hot-plug, and the bus behind it on which one device stands.
 *
 * After "PCI Express Base Specification", "Slot Capabilities / Control / Status Register" and "Hot-Plug Events"; Linux's pciehp is
 * its driver. Plugging in raises presence and link events; taking out begins with the attention button and ends when the
 * guest has switched the slot's power and its power indicator off. Then the device is off the bus (port->leaving), and whoever
 * made it may destroy it once no vCPU can be inside of it any more. Next to read: vpcie_port.c, pc_devices.c.
 */
#ifndef HV_DEV_VPCIE_PORT_H
#define HV_DEV_VPCIE_PORT_H

#include "hv/dev/vpci.h"

struct vpcie_port {
	struct vpci_device pci;          /* on bus 0 */
	struct vpci_bus secondary;       /* its devices[0] is what is plugged in */
	u8 express;                      /* (c) where the PCI Express capability stands */
	bool asked;                      /* [pci.bus->mutex] the button was pressed for us */
	bool signalled;                  /* [pci.bus->mutex] the interrupt's condition held */
	struct vpci_device *leaving;     /* (a) taken off the bus by the guest, not yet destroyed */
	void (*left)(void *context);     /* (c) tells that; vCPU's thread or reset, mutex held, no sleep */
	void *context;                   /* (c) */
};

/* number: the slot's, from 1. Attaches the port to the bus at devfn slot:0. ERR_EXISTS. Before the machine runs. */
MUST_CHECK int vpcie_port_init(struct vpcie_port *port, struct vpci_bus *bus, u8 slot, u8 number, void (*left)(void *context),
			       void *context);
/* A device was attached to port->secondary: before the machine runs (cold), or while it does. Thread context. */
void vpcie_port_plugged(struct vpcie_port *port, bool cold);
/* Presses the button. ERR_NOT_FOUND: nothing there; ERR_BUSY: pressed already and not answered yet. Thread context. */
MUST_CHECK int vpcie_port_ask(struct vpcie_port *port);
/* The question is dropped, to be asked again: the guest did not answer. */
void vpcie_port_forget(struct vpcie_port *port);
/* Machine reset, vCPUs stopped, before the bus's devices are reset: what was asked to leave, leaves. */
void vpcie_port_reset(struct vpcie_port *port);
/* vpci_save and vpci_load, and what the port itself remembers. */
void vpcie_port_save(struct vpcie_port *port, struct state_writer *writer);
MUST_CHECK int vpcie_port_load(struct vpcie_port *port, struct state_reader *reader);

#endif
