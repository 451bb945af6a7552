/* SPDX-License-Identifier: MIT */
/*
 * A device on the bus, its endpoints, its drivers: what usb_*.c and xhci*.c share. Tags as in hv/vcpu.h; (h): the hub thread of its
 * controller alone.
 *
 * An endpoint carries one transfer at a time, which is all that boot keyboards, hubs and bulk-only storage ask for. A transfer's
 * complete is called on the controller's event thread: it must not sleep, and may submit the next one.
 */
#ifndef DRIVERS_USB_CORE_H
#define DRIVERS_USB_CORE_H

#include "drivers/usb/usb_descriptors.h"
#include "drivers/usb/xhci_ring.h"
#include "hv/block_device.h"
#include "hv/thread.h"

#define USB_CONTROL_TIMEOUT_NS (5 * 1000000000ull)
#define USB_HUB_DEPTH_MAX 5u
#define USB_DATA_BYTES 4096u /* a device's page for what control transfers move */

struct xhci;
struct usb_device;

struct usb_endpoint {
	struct usb_device *device;      /* (c) */
	u8 index;                       /* (c) xHCI's: 2 * number + in; 1: control */
	struct usb_endpoint_words words; /* (c) */
	struct xhci_ring ring;          /* [controller] */
	struct usb_transfer *transfer;  /* [controller] under way; NULL: none */
	u32 first, end;                 /* [controller] its blocks */
	u8 completing;                  /* (a) the event thread is in a transfer's complete */
	bool short_data;                /* [controller] a control transfer's data stage told that less came */
};

struct usb_transfer {
	struct usb_endpoint *endpoint;
	u8 setup[8];                    /* control transfers: the request; data, if any, is one segment */
	const struct block_segment *segments; /* (their sizes need no multiple of 512 here) */
	u32 segment_count, size_bytes;  /* size: the sum */
	void (*complete)(struct usb_transfer *transfer);
	void *owner;
	/* Filled in before complete: */
	u32 done_bytes;
	/* OK (also when less came), ERR_UNSUPPORTED (stalled: the device refuses), ERR_IO, ERR_TIMEOUT, ERR_NOT_FOUND (gone). */
	int status;
};

struct usb_binding; /* an interface and its driver */

struct usb_driver {
	const char *name;
	bool (*matches)(const struct usb_interface_words *interface);
	/* Hub thread; the interface's endpoints are open. OK: taken. */
	MUST_CHECK int (*start)(struct usb_binding *binding);
	/* Hub thread, after usb_ask; may be NULL. */
	void (*attend)(struct usb_binding *binding);
	/* Hub thread: the device is gone. Transfers under way end after it; the driver's memory is the driver's to free in `forget`. */
	void (*gone)(struct usb_binding *binding);
	void (*forget)(struct usb_binding *binding); /* no transfer is under way any more. May be NULL */
};

struct usb_binding {
	struct usb_device *device;
	const struct usb_interface_words *interface;
	const struct usb_driver *driver; /* NULL: none */
	void *data;                     /* the driver's */
	u8 attention;                   /* (a) */
};

struct usb_device {
	struct list_node node;          /* (h), and [usb_tree] for listing */
	struct xhci *controller;        /* (c) */
	struct usb_device *hub;         /* (c) NULL: on a root port */
	u8 port, root_port, depth;      /* (c) depth: hubs above it */
	u8 speed;                       /* (c) enum usb_speed */
	u8 speed_id;                    /* (c) as the controller counts speeds */
	u32 route;                      /* (c) four bits for each hub's port */
	u32 number;                     /* (c) libvirt's device number */
	char path[24];                  /* (c) */
	struct usb_device_words words;  /* (c) */
	struct usb_configuration configuration; /* (c) */
	char vendor_text[USB_TEXT_MAX], product_text[USB_TEXT_MAX], serial_text[USB_TEXT_MAX]; /* (c) */
	struct usb_binding bindings[USB_INTERFACES_MAX];
	u32 references;                 /* (a) the tree's, and drivers' threads' */
	u8 gone;                        /* (a) nothing is submitted any more */
	u8 is_hub, hub_ports;           /* (h) */
	/* xhci_device.c's */
	struct mutex slot_mutex;        /* orders to the slot's endpoints from several threads */
	u8 slot;                        /* [slot_mutex] 0: none, or given back */
	struct usb_endpoint *endpoints[32]; /* (h) by index */
	void *output_context;           /* (c) DMA */
	/* Control transfers. */
	struct mutex control;
	u8 *data;                       /* [control] DMA, USB_DATA_BYTES */
	hpa_t data_address;             /* (c) */
};

/* usb_device.c */
/* A device was plugged in and its port reset: makes it known, addressed, and gives it to drivers. Hub thread. */
int usb_device_arrive(struct xhci *controller, struct usb_device *hub, u8 port, u8 speed, u8 speed_id);
void usb_device_leave(struct usb_device *device); /* with all that is behind it. Hub thread */
struct usb_device *usb_device_at(struct xhci *controller, const struct usb_device *hub, u8 port); /* NULL: none. Hub thread */
void usb_hold(struct usb_device *device);
void usb_release(struct usb_device *device);
/* The hub thread is to call the driver's attend. Any context. */
void usb_ask(struct usb_binding *binding);
/*
 * One control transfer, waited for; data: up to USB_DATA_BYTES, NULL with none. Returns the bytes moved, or an error. Any thread but
 * the event thread.
 */
MUST_CHECK int usb_control(struct usb_device *device, u8 type, u8 request, u16 value, u16 index, void *data, u16 size_bytes);
/* Any transfer, waited for; when it returns nothing is under way, and the endpoint takes the next one. Threads as above. */
MUST_CHECK int usb_run(struct usb_transfer *transfer, u64 timeout_ns);
MUST_CHECK int usb_clear_halt(struct usb_endpoint *endpoint); /* of the device's side, after a stall */
/* The binding's open endpoint of this type and direction; NULL: none. */
struct usb_endpoint *usb_endpoint_of(const struct usb_binding *binding, u8 type, bool in);
/* "USB 1-4: Maker Thing" for log lines. */
const char *usb_name(const struct usb_device *device, char text[160]);

/* usb_hub.c */
extern const struct usb_driver usb_hub_driver;
void usb_round(struct xhci *controller); /* all that the hub thread has to do now */
void usb_hub_thread(void *controller);
/* Its port still has something in it, the same as before. Asks the hub, and so waits. Any thread but the event thread. */
bool usb_is_connected(struct usb_device *device);

/* usb_keyboard.c, usb_storage.c */
extern const struct usb_driver usb_keyboard_driver, usb_storage_driver;
bool usb_storage_looks(void); /* a disk is being identified: its name and partitions are not known yet. Any context */

#endif
