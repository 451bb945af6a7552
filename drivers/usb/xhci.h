/* SPDX-License-Identifier: MIT */
/*
 * What the USB core asks of a controller. Commands (all but xhci_submit and the port registers) are waited for: any thread but the
 * controller's event thread. A controller that breaks down ends everything with errors, and its devices leave.
 */
#ifndef DRIVERS_USB_XHCI_H
#define DRIVERS_USB_XHCI_H

#include "drivers/usb/usb_core.h"
#include "drivers/usb/usb.h"

/* A slot, its contexts and the control endpoint; the device has an address when it returns. */
MUST_CHECK int xhci_device_open(struct usb_device *device, u16 control_packet);
MUST_CHECK int xhci_device_set_control_packet(struct usb_device *device, u16 control_packet);
MUST_CHECK int xhci_device_set_hub(struct usb_device *device, u8 ports, u8 think_time);
/* Opens the endpoints: makes device->endpoints of them. */
MUST_CHECK int xhci_device_configure(struct usb_device *device, const struct usb_endpoint_words *const *words, u32 count);
/* What is under way ends with ERR_NOT_FOUND; the slot is given back. */
void xhci_device_close(struct usb_device *device);
void xhci_device_free(struct usb_device *device); /* its memory, after xhci_device_close and the last user */

/*
 * OK: complete will be called. ERR_NOT_FOUND: the device or the controller is gone; ERR_BUSY: a transfer is under way; ERR_RANGE:
 * too many pieces. Any context.
 */
MUST_CHECK int xhci_submit(struct usb_transfer *transfer);
/* Ends what is under way with `status`, and makes the endpoint take transfers again, whatever stopped it. */
MUST_CHECK int xhci_endpoint_reset(struct usb_endpoint *endpoint, int status);

u32 xhci_port_count(const struct xhci *controller);
bool xhci_port_is_super_speed(const struct xhci *controller, u8 port);
u32 xhci_port_read(struct xhci *controller, u8 port);
/* Sets PORTSC_RESET or _WARM_RESET, or clears PORTSC_CHANGES bits; 0 for nothing. */
void xhci_port_write(struct xhci *controller, u8 port, u32 bits);

bool xhci_is_dead(const struct xhci *controller);
void xhci_nudge(struct xhci *controller); /* the event thread is to look, whether an interrupt came or not. Any context */
void xhci_ask_hub_thread(struct xhci *controller);  /* any context */
bool xhci_hub_thread_wait(struct xhci *controller); /* until asked; the hub thread's */
const char *xhci_name(const struct xhci *controller);
u32 xhci_bus(const struct xhci *controller); /* counts from 1 */
const struct pci_device *xhci_pci(const struct xhci *controller);
struct list_node *xhci_devices(struct xhci *controller);
void xhci_settled(struct xhci *controller); /* the hub thread's first round is over */
/* Calls visit for each controller that was probed. */
void xhci_for_each(void (*visit)(struct xhci *controller, void *context), void *context);
bool xhci_is_settled(const struct xhci *controller);
/* The threads of one controller. */
MUST_CHECK int xhci_start_threads(struct xhci *controller);

#endif
