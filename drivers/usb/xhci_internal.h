/* SPDX-License-Identifier: MIT */
/* What the parts of the xHCI driver share. Tags as in hv/vcpu.h. */
#ifndef DRIVERS_USB_XHCI_INTERNAL_H
#define DRIVERS_USB_XHCI_INTERNAL_H

#include "drivers/pci_interrupt.h"
#include "drivers/usb/xhci.h"

#define XHCI_PORTS_MAX 128u
#define XHCI_SLOTS_MAX 128u

struct xhci {
	struct pci_device *pci;          /* (c) */
	char name[16];                   /* (c) "usb1" */
	u32 bus;                         /* (c) */
	volatile void *registers;        /* (c) */
	u32 operational, runtime, doorbells; /* (c) offsets of register blocks */
	u32 port_count, slot_count, context_bytes; /* (c) */
	u8 port_version[XHCI_PORTS_MAX + 1], port_slot_type[XHCI_PORTS_MAX + 1]; /* (c) major version; 0: nothing says */
	u64 *slots;                      /* (c) DMA: the device context base address array */
	u64 *scratchpads;                /* (c) DMA */
	u32 scratchpad_count;            /* (c) */
	struct pci_interrupt interrupt;

	struct spinlock lock;            /* rank LOCK_RANK_DRIVER */
	struct usb_device *by_slot[XHCI_SLOTS_MAX + 1]; /* [lock] */
	struct xhci_ring commands;       /* [lock] */
	u64 command_address;             /* [lock] the command that is waited for; 0: none */
	u32 command_code;                /* [lock] 0: not done yet */
	u8 command_slot;                 /* [lock] */
	struct mutex command_mutex;      /* one command at a time */
	struct waitqueue command_done;
	struct xhci_event_ring events;   /* (o) event thread */
	u64 strange_events;              /* (o) event thread: those that belong to nothing */

	u8 attention, hub_attention;     /* (a) for the event thread, for the hub thread */
	struct waitqueue event_wait, hub_wait;
	u8 dead;                         /* (a) it broke down */
	u8 settled;                      /* (a) */
	struct list_node devices;        /* (h) and [usb_tree] */
};

static inline bool xhci_dead(const struct xhci *xhci) { return __atomic_load_n(&xhci->dead, __ATOMIC_ACQUIRE); }

/* xhci.c */
u32 xhci_read(const struct xhci *xhci, u32 offset);
void xhci_write(struct xhci *xhci, u32 offset, u32 value);
void xhci_write64(struct xhci *xhci, u32 offset, u64 value);
void xhci_ring_doorbell(struct xhci *xhci, u8 slot, u8 target);
void xhci_die(struct xhci *xhci, const char *why); /* stops it for good. Thread context */

/* xhci_start.c: from reset to running, in the specification's order; said by the words returned why not, NULL: it runs. */
const char *xhci_bring_up(struct xhci *xhci, u64 size_bytes);

/* xhci_event.c */
void xhci_interrupt(void *xhci);
void xhci_take_events(struct xhci *xhci);
void xhci_event_thread(void *xhci);

/* xhci_command.c. *slot: in and out, may be NULL. OK, ERR_IO with *code (may be NULL), ERR_NOT_FOUND: the controller is dead. */
MUST_CHECK int xhci_command(struct xhci *xhci, u64 parameter, u32 status, u32 control, u8 *slot, u32 *code);

/* xhci_transfer.c */
void xhci_transfer_event(struct xhci *xhci, const struct xhci_trb *event);
/* Takes the transfer that is under way off the endpoint and ends it. */
void xhci_endpoint_end(struct usb_endpoint *endpoint, int status);

#endif
