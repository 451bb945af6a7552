/* SPDX-License-Identifier: MIT */
/* See vpcie_port.h. Register names are those of "PCI Express Base Specification", "PCI Express Capability Structure" (7.5.3). */
#include "hv/dev/vpcie_port.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define VENDOR 0x1b36u /* QEMU's generic root port: what guests know */
#define DEVICE 0x000cu
#define CLASS_BRIDGE_PCI 0x060400u
#define HEADER_BRIDGE 1u
#define CAPABILITY_EXPRESS 0x10u
#define EXPRESS_BYTES 60u

enum { BRIDGE_PRIMARY = 0x18, BRIDGE_SECONDARY = 0x19, BRIDGE_SUBORDINATE = 0x1a, BRIDGE_IO_BASE = 0x1c, BRIDGE_IO_LIMIT = 0x1d,
       BRIDGE_MEMORY = 0x20, BRIDGE_PREFETCHABLE = 0x24, BRIDGE_PREFETCHABLE_UPPER = 0x28, BRIDGE_CONTROL = 0x3e };
enum { EXPRESS_CAPABILITIES = 0x02, DEVICE_CAPABILITIES = 0x04, DEVICE_CONTROL = 0x08, LINK_CAPABILITIES = 0x0c, LINK_CONTROL = 0x10,
       LINK_STATUS = 0x12, SLOT_CAPABILITIES = 0x14, SLOT_CONTROL = 0x18, SLOT_STATUS = 0x1a, ROOT_CONTROL = 0x1c };

#define EXPRESS_VERSION_2_ROOT_PORT_WITH_SLOT (2u | 4u << 4 | BIT32(8))
#define DEVICE_ROLE_BASED_ERRORS BIT32(15)
#define LINK_2_5_GT_X1 (1u | 1u << 4)
#define LINK_REPORTS_ACTIVE BIT32(20)
#define LINK_ACTIVE BIT32(13)          /* of LINK_STATUS */
/* Slot Capabilities: attention button, power controller, attention and power indicator, hot-plug. */
#define SLOT_CAN (BIT32(0) | BIT32(1) | BIT32(3) | BIT32(4) | BIT32(6))
#define SLOT_NUMBER_SHIFT 19
/* Slot Control */
#define CONTROL_INTERRUPT BIT32(5)
#define CONTROL_POWER_INDICATOR MASK32(9, 8)
#define CONTROL_INDICATOR_OFF MASK32(9, 8)
#define CONTROL_ATTENTION_OFF MASK32(7, 6)
#define CONTROL_INDICATOR_ON BIT32(8)
#define CONTROL_POWER_OFF BIT32(10)
#define CONTROL_LINK_CHANGED BIT32(12)
#define CONTROL_WRITABLE 0x17ffu
/* Slot Status; an event's bit is its enable bit's place in Slot Control, but for the link's. */
#define STATUS_BUTTON BIT32(0)
#define STATUS_PRESENCE_CHANGED BIT32(3)
#define STATUS_COMMAND_COMPLETED BIT32(4)
#define STATUS_PRESENT BIT32(6)
#define STATUS_LINK_CHANGED BIT32(8)
#define STATUS_EVENTS (STATUS_BUTTON | STATUS_PRESENCE_CHANGED | STATUS_COMMAND_COMPLETED | STATUS_LINK_CHANGED)

static u16 get(const struct vpcie_port *port, unsigned at)
{
	return vpci_config16(&port->pci, port->express + at);
}

static void put(struct vpcie_port *port, unsigned at, u32 value)
{
	vpci_put16(port->pci.config, port->express + at, (u16)value);
}

static struct vpci_device *plugged_in(const struct vpcie_port *port)
{
	return port->secondary.devices[0];
}

/* [mutex] "Software Notification of Hot-Plug Events": a message when the condition begins to hold, a level by wire. */
static void notify(struct vpcie_port *port)
{
	u16 control = get(port, SLOT_CONTROL), status = get(port, SLOT_STATUS);
	u32 enabled = (control & (STATUS_BUTTON | STATUS_PRESENCE_CHANGED | STATUS_COMMAND_COMPLETED)) |
		      (control & CONTROL_LINK_CHANGED ? STATUS_LINK_CHANGED : 0);
	bool holds = (control & CONTROL_INTERRUPT) && (status & enabled);

	if (vpci_msix_enabled(&port->pci)) {
		if (holds && !port->signalled)
			vpci_msix_notify(&port->pci, 0);
	} else if (holds != port->signalled) {
		vpci_set_intx(&port->pci, holds);
	}
	port->signalled = holds;
}

/* [mutex] */
static void show(struct vpcie_port *port, u32 events)
{
	u16 status = get(port, SLOT_STATUS) | (u16)events, link = LINK_2_5_GT_X1;

	status = (u16)(plugged_in(port) ? status | STATUS_PRESENT : status & ~STATUS_PRESENT);
	put(port, SLOT_STATUS, status);
	put(port, LINK_STATUS, plugged_in(port) ? link | LINK_ACTIVE : link);
	notify(port);
}

/* [mutex] The device goes off the bus; its memory is still there, for vCPUs that are inside of it. */
static void let_go(struct vpcie_port *port)
{
	struct vpci_device *device = plugged_in(port);

	vpci_detach(device);
	port->asked = false;
	__atomic_store_n(&port->leaving, device, __ATOMIC_RELEASE);
	show(port, STATUS_PRESENCE_CHANGED | STATUS_LINK_CHANGED);
	port->left(port->context);
}

static bool is_switched_off(u16 control)
{
	return (control & CONTROL_POWER_OFF) && (control & CONTROL_POWER_INDICATOR) == CONTROL_INDICATOR_OFF;
}

/* [mutex] A written Slot Control is a command, done at once. Only what we asked for leaves: a guest may save power by itself. */
static void control_written(struct vpcie_port *port)
{
	if (port->asked && plugged_in(port) && is_switched_off(get(port, SLOT_CONTROL)))
		let_go(port);
	show(port, STATUS_COMMAND_COMPLETED);
}

static void port_written(struct vpci_device *device, unsigned offset, unsigned size_bytes)
{
	struct vpcie_port *port = CONTAINER_OF(device, struct vpcie_port, pci);
	unsigned at = port->express;

	if (size_bytes > 4) /* a reset or a load: no command */
		return;
	if (offset < at + SLOT_CONTROL + 2 && offset + size_bytes > at + SLOT_CONTROL)
		control_written(port);
	else if (offset < at + SLOT_STATUS + 2 && offset + size_bytes > at + SLOT_STATUS)
		notify(port); /* an event was cleared */
}

static void init_bridge(struct vpci_device *pci)
{
	pci->config[PCI_HEADER_TYPE] = HEADER_BRIDGE;
	memset(pci->writable + BRIDGE_PRIMARY, 0xff, 3);
	pci->writable[BRIDGE_IO_BASE] = pci->writable[BRIDGE_IO_LIMIT] = 0xf0;
	vpci_put32(pci->writable, BRIDGE_MEMORY, 0xfff0fff0);
	vpci_put32(pci->writable, BRIDGE_PREFETCHABLE, 0xfff0fff0);
	vpci_put32(pci->config, BRIDGE_PREFETCHABLE, 0x00010001); /* 64 bits */
	memset(pci->writable + BRIDGE_PREFETCHABLE_UPPER, 0xff, 8);
	vpci_put16(pci->writable, BRIDGE_CONTROL, 0x005f);
}

static void init_express(struct vpcie_port *port, u8 number)
{
	struct vpci_device *pci = &port->pci;
	unsigned at = port->express;

	put(port, EXPRESS_CAPABILITIES, EXPRESS_VERSION_2_ROOT_PORT_WITH_SLOT);
	vpci_put32(pci->config, at + DEVICE_CAPABILITIES, DEVICE_ROLE_BASED_ERRORS);
	vpci_put16(pci->writable, at + DEVICE_CONTROL, 0x78ff);
	vpci_put32(pci->config, at + LINK_CAPABILITIES, LINK_2_5_GT_X1 | LINK_REPORTS_ACTIVE | (u32)number << 24);
	vpci_put16(pci->writable, at + LINK_CONTROL, 0x00d3);
	put(port, LINK_STATUS, LINK_2_5_GT_X1);
	vpci_put32(pci->config, at + SLOT_CAPABILITIES, SLOT_CAN | (u32)number << SLOT_NUMBER_SHIFT);
	put(port, SLOT_CONTROL, CONTROL_INDICATOR_OFF | CONTROL_ATTENTION_OFF | CONTROL_POWER_OFF);
	vpci_put16(pci->writable, at + SLOT_CONTROL, CONTROL_WRITABLE);
	vpci_put16(pci->clear_on_one, at + SLOT_STATUS, STATUS_EVENTS);
	vpci_put16(pci->own, at + SLOT_STATUS, STATUS_PRESENT);
	vpci_put16(pci->own, at + LINK_STATUS, LINK_ACTIVE);
	vpci_put16(pci->writable, at + ROOT_CONTROL, 0x001f);
}

int vpcie_port_init(struct vpcie_port *port, struct vpci_bus *bus, u8 slot, u8 number, void (*left)(void *context), void *context)
{
	unsigned at;
	int code;

	*port = (struct vpcie_port){ .left = left, .context = context };
	vpci_device_init(&port->pci, "root port", VENDOR, DEVICE, CLASS_BRIDGE_PCI, 0);
	init_bridge(&port->pci);
	vpci_use_intx(&port->pci, 0);
	at = vpci_add_capability(&port->pci, CAPABILITY_EXPRESS, EXPRESS_BYTES);
	port->express = (u8)at;
	init_express(port, number);
	code = vpci_add_msix(&port->pci, 0, 1);
	if (code == OK)
		code = vpci_attach(bus, &port->pci, VPCI_DEVFN(slot, 0));
	if (code != OK)
		return code;
	port->pci.config_written = port_written;
	vpci_bus_init(&port->secondary, bus->vm);
	port->secondary.msi = bus->msi;
	port->secondary.intx = bus->intx;
	port->secondary.context = bus->context;
	port->secondary.bridge = &port->pci;
	return vpci_add_bridge(bus, &port->secondary);
}

void vpcie_port_plugged(struct vpcie_port *port, bool cold)
{
	struct vpci_bus *bus = port->pci.bus;

	mutex_lock(&bus->mutex);
	port->asked = false;
	if (cold) { /* as firmware leaves a slot with a card: on, with nothing to tell; so a reset leaves it, too */
		put(port, SLOT_CONTROL, CONTROL_INDICATOR_ON | CONTROL_ATTENTION_OFF);
		show(port, 0);
	} else {
		show(port, STATUS_PRESENCE_CHANGED | STATUS_LINK_CHANGED);
	}
	mutex_unlock(&bus->mutex);
}

int vpcie_port_ask(struct vpcie_port *port)
{
	struct vpci_bus *bus = port->pci.bus;
	int code = OK;

	mutex_lock(&bus->mutex);
	if (!plugged_in(port))
		code = ERR_NOT_FOUND;
	else if (port->asked)
		code = ERR_BUSY;
	if (code == OK) {
		port->asked = true;
		if (is_switched_off(get(port, SLOT_CONTROL)))
			let_go(port); /* the guest does not use it */
		else
			show(port, STATUS_BUTTON);
	}
	mutex_unlock(&bus->mutex);
	return code;
}

void vpcie_port_forget(struct vpcie_port *port)
{
	mutex_lock(&port->pci.bus->mutex);
	port->asked = false;
	mutex_unlock(&port->pci.bus->mutex);
}

void vpcie_port_reset(struct vpcie_port *port)
{
	struct vpci_bus *bus = port->pci.bus;

	mutex_lock(&bus->mutex);
	if (port->asked && plugged_in(port))
		let_go(port);
	mutex_unlock(&bus->mutex);
	vpci_reset(&port->pci);
	mutex_lock(&bus->mutex);
	port->signalled = false;
	if (plugged_in(port))
		put(port, SLOT_CONTROL, CONTROL_INDICATOR_ON | CONTROL_ATTENTION_OFF);
	show(port, 0);
	mutex_unlock(&bus->mutex);
}

struct saved_port {
	u8 present, asked, signalled, reserved[5];
};

void vpcie_port_save(struct vpcie_port *port, struct state_writer *writer)
{
	struct saved_port state = { plugged_in(port) != NULL, port->asked, port->signalled, { 0 } };

	vpci_save(&port->pci, writer);
	state_save(writer, "root port", 1, &state, sizeof(state));
}

/* What is plugged in is the machine's description; a saved state of another one does not fit. */
int vpcie_port_load(struct vpcie_port *port, struct state_reader *reader)
{
	static const u8 zeroes[sizeof(((struct saved_port *)0)->reserved)];
	struct saved_port state;
	int code = vpci_load(&port->pci, reader);

	if (code == OK)
		code = state_load(reader, "root port", 1, &state, sizeof(state));
	if (code == OK && (state.present != (plugged_in(port) != NULL) || state.asked > 1 || state.signalled > 1 ||
			   memcmp(state.reserved, zeroes, sizeof(zeroes)) != 0))
		code = ERR_INVALID;
	if (code != OK)
		return code;
	mutex_lock(&port->pci.bus->mutex);
	port->asked = state.asked;
	port->signalled = state.signalled;
	show(port, 0);
	mutex_unlock(&port->pci.bus->mutex);
	return OK;
}
