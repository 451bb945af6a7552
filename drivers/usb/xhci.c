/* SPDX-License-Identifier: MIT */
/*
 * An xHCI controller as a PCI function: its registers, its two threads, its end.
 *
 * eXtensible Host Controller Interface for Universal Serial Bus, revision 1.2. A controller that breaks down (a system error, a
 * command that cannot be aborted, registers of all ones) loses bus mastering, so that it touches no memory any more; then all its
 * transfers end with errors and the hub thread sees its devices off. Next to read: xhci_start.c, xhci_event.c.
 */
#include "drivers/usb/xhci_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/mmio.h"

#define CONTROLLERS_MAX 16u

static struct xhci *controllers[CONTROLLERS_MAX]; /* (c) after boot */
static u32 controller_count;                      /* boot thread only */

u32 xhci_read(const struct xhci *xhci, u32 offset) { return mmio_read32(xhci->registers, offset); }
void xhci_write(struct xhci *xhci, u32 offset, u32 value) { mmio_write32(xhci->registers, offset, value); }
void xhci_write64(struct xhci *xhci, u32 offset, u64 value) { mmio_write64(xhci->registers, offset, value); }

void xhci_ring_doorbell(struct xhci *xhci, u8 slot, u8 target)
{
	xhci_write(xhci, xhci->doorbells + 4u * slot, target);
}

void xhci_die(struct xhci *xhci, const char *why)
{
	if (__atomic_exchange_n(&xhci->dead, 1, __ATOMIC_ACQ_REL))
		return;
	pci_command(xhci->pci, 0, PCI_COMMAND_BUS_MASTER);
	log_error("%s: %s: it is turned off, and its devices are gone", xhci->name, why);
	waitqueue_wake_all(&xhci->command_done);
	xhci_ask_hub_thread(xhci);
}

u32 xhci_port_count(const struct xhci *xhci) { return xhci->port_count; }
bool xhci_port_is_super_speed(const struct xhci *xhci, u8 port) { return xhci->port_version[port] >= 3; }

u32 xhci_port_read(struct xhci *xhci, u8 port)
{
	return xhci_read(xhci, xhci->operational + XHCI_PORTSC(port));
}

void xhci_port_write(struct xhci *xhci, u8 port, u32 bits)
{
	u32 offset = xhci->operational + XHCI_PORTSC(port);

	xhci_write(xhci, offset, (xhci_read(xhci, offset) & PORTSC_KEEP) | bits);
}

bool xhci_is_dead(const struct xhci *xhci) { return xhci_dead(xhci); }
const char *xhci_name(const struct xhci *xhci) { return xhci->name; }
u32 xhci_bus(const struct xhci *xhci) { return xhci->bus; }
const struct pci_device *xhci_pci(const struct xhci *xhci) { return xhci->pci; }
struct list_node *xhci_devices(struct xhci *xhci) { return &xhci->devices; }
bool xhci_is_settled(const struct xhci *xhci) { return __atomic_load_n(&xhci->settled, __ATOMIC_ACQUIRE); }
void xhci_settled(struct xhci *xhci) { __atomic_store_n(&xhci->settled, 1, __ATOMIC_RELEASE); }

void xhci_nudge(struct xhci *xhci)
{
	__atomic_store_n(&xhci->attention, 1, __ATOMIC_RELEASE);
	waitqueue_wake_all(&xhci->event_wait);
}

void xhci_ask_hub_thread(struct xhci *xhci)
{
	__atomic_store_n(&xhci->hub_attention, 1, __ATOMIC_RELEASE);
	waitqueue_wake_all(&xhci->hub_wait);
}

bool xhci_hub_thread_wait(struct xhci *xhci)
{
	waitqueue_wait(&xhci->hub_wait, __atomic_load_n(&xhci->hub_attention, __ATOMIC_ACQUIRE));
	__atomic_store_n(&xhci->hub_attention, 0, __ATOMIC_RELEASE);
	return true;
}

void xhci_for_each(void (*visit)(struct xhci *controller, void *context), void *context)
{
	for (u32 i = 0; i < controller_count; i++)
		visit(controllers[i], context);
}

int xhci_start_threads(struct xhci *xhci)
{
	char name[THREAD_NAME_MAX];

	format(name, sizeof(name), "%s events", xhci->name);
	if (!thread_create(name, xhci_event_thread, xhci))
		return ERR_NO_MEMORY;
	format(name, sizeof(name), "%s hub", xhci->name);
	xhci_ask_hub_thread(xhci); /* what is plugged in already */
	return thread_create(name, usb_hub_thread, xhci) ? OK : ERR_NO_MEMORY;
}

static int probe(struct pci_device *device)
{
	const struct pci_bar *bar = &device->bars[0];
	struct xhci *xhci;
	const char *why;

	if (!bar->memory || !bar->base || bar->size_bytes < PAGE_SIZE || bar->size_bytes > 16 * MIB || controller_count == CONTROLLERS_MAX)
		return ERR_INVALID;
	xhci = kzalloc(sizeof(*xhci));
	if (!xhci)
		return ERR_NO_MEMORY;
	xhci->registers = mmio_map(HPA(bar->base), bar->size_bytes);
	if (!xhci->registers) {
		kfree(xhci);
		return ERR_NO_MEMORY;
	}
	xhci->pci = device;
	xhci->bus = controller_count + 1;
	format(xhci->name, sizeof(xhci->name), "usb%u", xhci->bus);
	spinlock_init(&xhci->lock, "xHCI", LOCK_RANK_DRIVER);
	mutex_init(&xhci->command_mutex, "xHCI command");
	waitqueue_init(&xhci->command_done, "xHCI command");
	waitqueue_init(&xhci->event_wait, "xHCI events");
	waitqueue_init(&xhci->hub_wait, "USB hub");
	list_init(&xhci->devices);
	pci_command(device, PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER, 0);
	why = xhci_bring_up(xhci, bar->size_bytes);
	if (why) {
		/* What it may still write to is not given back. */
		pci_command(device, 0, PCI_COMMAND_BUS_MASTER);
		log_warning("%s: left out: %s", xhci->name, why);
		return ERR_IO;
	}
	controllers[controller_count++] = xhci;
	device->driver_data = xhci;
	log_info("%s: xHCI, %u ports", xhci->name, xhci->port_count);
	return OK;
}

static const struct pci_match matches[] = {
	{ PCI_ANY, PCI_ANY, 0x0c0330, 0xffffff }, /* serial bus, USB, xHCI */
	{ 0 },
};
const struct pci_driver xhci_driver = { "xhci", matches, probe };
