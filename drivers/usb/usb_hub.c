/* SPDX-License-Identifier: MIT */
/*
 * Ports: the controller's own and those of hubs. One thread of each controller looks after all of them.
 *
 * The controller's port events and hubs' status endpoints only ask that thread to look; it debounces, resets, and lets usb_device.c
 * meet what is there, one port after another. Universal Serial Bus Specification 2.0, "Hub Specification" (11), "Reset Protocol"
 * (7.1.7.5), "Attach debounce" (7.1.7.3); xHCI 1.2, "Root Hub" (4.19).
 */
#include "drivers/usb/usb_core.h"
#include "drivers/usb/xhci.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"

#define DEBOUNCE_NS (100 * NS_PER_MS)
#define DEBOUNCES_MAX 10u        /* a plug that trembles for a second is met as it is */
#define RESET_NS (800 * NS_PER_MS)
#define TRAINING_NS (300 * NS_PER_MS)
#define RECOVERY_NS (10 * NS_PER_MS)
#define POLL_NS (2 * NS_PER_MS)
#define ATTEMPTS 3u
#define START_NS (15 * NS_PER_S) /* the boot waits no longer for what is plugged in */
#define HUB_FAILURES_MAX 10u
#define ATTENTIONS_A_ROUND 32u

/* A hub's own: its status endpoint tells which ports changed, which is only taken as a reason to look at all. */
struct hub {
	struct usb_transfer transfer;
	struct block_segment segment;
	u8 *status;                /* DMA */
	struct usb_hub_words words;
	u32 failures;              /* of the status endpoint, in a row */
};

static bool wait_port(struct xhci *controller, u8 port, u32 mask, u32 value, u64 timeout_ns)
{
	u64 deadline = clock_ns() + timeout_ns;

	while ((xhci_port_read(controller, port) & mask) != value) {
		if (clock_ns() > deadline || xhci_is_dead(controller))
			return false;
		thread_sleep_ns(POLL_NS);
	}
	return true;
}

/* True: a device is there and the port is on. USB 3 links train by themselves; a warm reset helps those that hang. */
static bool reset_root_port(struct xhci *controller, u8 port)
{
	bool super = xhci_port_is_super_speed(controller, port);
	u32 both = PORTSC_CONNECTED | PORTSC_ENABLED;

	if (!super || !wait_port(controller, port, PORTSC_ENABLED, PORTSC_ENABLED, TRAINING_NS)) {
		xhci_port_write(controller, port, super ? PORTSC_WARM_RESET : PORTSC_RESET);
		(void)wait_port(controller, port, PORTSC_RESET, 0, RESET_NS);
		(void)wait_port(controller, port, PORTSC_ENABLED, PORTSC_ENABLED, TRAINING_NS);
	}
	xhci_port_write(controller, port, xhci_port_read(controller, port) & PORTSC_CHANGES & ~PORTSC_CHANGED_CONNECTION);
	thread_sleep_ns(RECOVERY_NS);
	return (xhci_port_read(controller, port) & both) == both;
}

static void meet_at_root(struct xhci *controller, u8 port)
{
	for (u32 attempt = 0; attempt < ATTEMPTS && (xhci_port_read(controller, port) & PORTSC_CONNECTED); attempt++) {
		u32 speed;

		if (!reset_root_port(controller, port))
			continue;
		speed = PORTSC_SPEED(xhci_port_read(controller, port));
		if (usb_device_arrive(controller, NULL, port, xhci_port_is_super_speed(controller, port) ? USB_SUPER_SPEED : (u8)MIN(speed, USB_HIGH_SPEED), (u8)speed) == OK)
			return;
	}
	if (xhci_port_read(controller, port) & PORTSC_CONNECTED)
		log_warning("USB %u-%u: what is plugged in does not answer: it is left out", xhci_bus(controller), port);
}

/* What left or was changed is seen off; true: something new is there. */
static bool take_root_change(struct xhci *controller, u8 port, bool first)
{
	u32 status = xhci_port_read(controller, port);
	struct usb_device *device = usb_device_at(controller, NULL, port);
	bool changed = status & PORTSC_CHANGED_CONNECTION;

	if (status & PORTSC_CHANGES)
		xhci_port_write(controller, port, status & PORTSC_CHANGES);
	if (device && (changed || !(status & PORTSC_CONNECTED)))
		usb_device_leave(device);
	return (changed || first) && (status & PORTSC_CONNECTED);
}

static void look_at_root_ports(struct xhci *controller, bool first)
{
	u8 meet[256] = { 0 };

	for (u32 round = 0; round < DEBOUNCES_MAX; round++) {
		bool new = false;

		for (u32 port = 1; port <= xhci_port_count(controller); port++) {
			if (!take_root_change(controller, (u8)port, first && round == 0))
				continue;
			meet[port] = 1;
			new = true;
		}
		if (!new)
			break;
		thread_sleep_ns(DEBOUNCE_NS); /* whatever changes meanwhile, changes the plan */
	}
	for (u32 port = 1; port <= xhci_port_count(controller); port++)
		if (meet[port])
			meet_at_root(controller, (u8)port);
}

/* Hubs */

static int port_status(struct usb_device *device, u8 port, u32 *status)
{
	u8 data[4];

	if (usb_control(device, USB_IN | USB_CLASS | USB_TO_OTHER, USB_GET_STATUS, 0, port, data, sizeof(data)) != sizeof(data))
		return ERR_IO;
	*status = data[0] | (u32)data[1] << 8 | (u32)data[2] << 16 | (u32)data[3] << 24;
	return OK;
}

bool usb_is_connected(struct usb_device *device)
{
	u32 status;

	if (!device->hub)
		return (xhci_port_read(device->controller, device->port) & (PORTSC_CONNECTED | PORTSC_CHANGED_CONNECTION)) == PORTSC_CONNECTED;
	return port_status(device->hub, device->port, &status) == OK &&
	       (status & (HUB_PORT_CONNECTED | HUB_PORT_CHANGED_CONNECTION)) == HUB_PORT_CONNECTED;
}

static int port_feature(struct usb_device *device, u8 port, u8 request, u8 feature)
{
	int result = usb_control(device, USB_OUT | USB_CLASS | USB_TO_OTHER, request, feature, port, NULL, 0);

	return result < 0 ? result : OK;
}

static void clear_changes(struct usb_device *device, u8 port, u32 status)
{
	static const u8 features[] = { HUB_CHANGED_CONNECTION, HUB_CHANGED_ENABLE, HUB_CHANGED_SUSPEND, HUB_CHANGED_OVER_CURRENT, HUB_CHANGED_RESET };
	static const u8 super_features[] = { HUB_CHANGED_CONNECTION, 0, 0, HUB_CHANGED_OVER_CURRENT, HUB_CHANGED_RESET, HUB_CHANGED_BH_RESET,
					     HUB_CHANGED_LINK, HUB_CHANGED_CONFIG_ERROR };
	bool super = device->speed == USB_SUPER_SPEED;

	for (u32 i = 0; i < (super ? ARRAY_SIZE(super_features) : ARRAY_SIZE(features)); i++) {
		u8 feature = super ? super_features[i] : features[i];

		if (feature && (status & BIT32(16 + i)))
			(void)!port_feature(device, port, USB_CLEAR_FEATURE, feature);
	}
}

static bool reset_hub_port(struct usb_device *device, u8 port, u32 *status)
{
	u64 deadline = clock_ns() + RESET_NS;

	if (port_feature(device, port, USB_SET_FEATURE, HUB_RESET))
		return false;
	do {
		thread_sleep_ns(RECOVERY_NS);
		if (port_status(device, port, status) || clock_ns() > deadline)
			return false;
	} while (!(*status & HUB_PORT_CHANGED_RESET));
	clear_changes(device, port, *status & ~HUB_PORT_CHANGED_CONNECTION);
	thread_sleep_ns(RECOVERY_NS);
	return (*status & HUB_PORT_CONNECTED) && (*status & HUB_PORT_ENABLED);
}

static void meet_at_hub(struct usb_device *device, u8 port)
{
	u32 status;
	u8 speed;

	for (u32 attempt = 0; attempt < ATTEMPTS && port_status(device, port, &status) == OK && (status & HUB_PORT_CONNECTED); attempt++) {
		if (!reset_hub_port(device, port, &status))
			continue;
		speed = device->speed == USB_SUPER_SPEED ? USB_SUPER_SPEED : status & HUB_PORT_LOW_SPEED ? USB_LOW_SPEED :
			status & HUB_PORT_HIGH_SPEED ? USB_HIGH_SPEED : USB_FULL_SPEED;
		if (usb_device_arrive(device->controller, device, port, speed, device->speed == USB_SUPER_SPEED ? device->speed_id : speed) == OK)
			return;
	}
	if (port_status(device, port, &status) == OK && (status & HUB_PORT_CONNECTED))
		log_warning("USB %s.%u: what is plugged in does not answer: it is left out", device->path, port);
}

static void look_at_hub_port(struct usb_device *device, u8 port)
{
	struct usb_device *child = usb_device_at(device->controller, device, port);
	bool changed;
	u32 status;

	if (port_status(device, port, &status))
		return;
	changed = status & HUB_PORT_CHANGED_CONNECTION;
	clear_changes(device, port, status);
	if (child && (changed || !(status & HUB_PORT_CONNECTED))) {
		usb_device_leave(child);
		child = NULL;
	}
	if (child || !changed || !(status & HUB_PORT_CONNECTED))
		return;
	thread_sleep_ns(DEBOUNCE_NS);
	meet_at_hub(device, port);
}

static void status_came(struct usb_transfer *transfer)
{
	usb_ask(transfer->owner);
}

static void hub_attend(struct usb_binding *binding)
{
	struct usb_device *device = binding->device;
	struct hub *hub = binding->data;

	if (hub->failures >= HUB_FAILURES_MAX)
		return;
	hub->failures = hub->transfer.status ? hub->failures + 1 : 0;
	if (hub->failures == HUB_FAILURES_MAX) {
		log_warning("USB %s: this hub does not tell its changes any more: what is plugged in stays, nothing new is seen", device->path);
		return;
	}
	if (hub->transfer.status) {
		(void)!xhci_endpoint_reset(hub->transfer.endpoint, ERR_IO);
		(void)!usb_clear_halt(hub->transfer.endpoint);
	}
	for (u8 port = 1; port <= hub->words.port_count; port++)
		look_at_hub_port(device, port);
	(void)!xhci_submit(&hub->transfer);
}

static bool hub_matches(const struct usb_interface_words *interface)
{
	return interface->class_code == USB_CLASS_HUB && usb_find_endpoint(interface, USB_INTERRUPT, true);
}

static int hub_read(struct usb_device *device, struct usb_hub_words *words)
{
	bool super = device->speed == USB_SUPER_SPEED;
	u8 data[40];
	int size = usb_control(device, USB_IN | USB_CLASS | USB_TO_DEVICE, USB_GET_DESCRIPTOR,
			       (u16)((super ? USB_DESCRIPTOR_SUPER_HUB : USB_DESCRIPTOR_HUB) << 8), 0, data, super ? 12 : sizeof(data));

	if (size < 0)
		return size;
	if (usb_hub_read(data, (size_t)size, super, words))
		return ERR_INVALID;
	if (super && usb_control(device, USB_OUT | USB_CLASS | USB_TO_DEVICE, USB_SET_HUB_DEPTH, device->depth, 0, NULL, 0) < 0)
		return ERR_IO;
	return xhci_device_set_hub(device, words->port_count, words->think_time);
}

static void hub_forget(struct usb_binding *binding)
{
	struct hub *hub = binding->data;

	dma_free(hub->status, PAGE_SIZE);
	kfree(hub);
	binding->data = NULL;
}

static int hub_start(struct usb_binding *binding)
{
	struct usb_device *device = binding->device;
	struct hub *hub = kzalloc(sizeof(*hub));
	int error = hub ? OK : ERR_NO_MEMORY;

	if (device->depth >= USB_HUB_DEPTH_MAX || device->is_hub) {
		log_warning("USB %s: this hub is plugged into too many others", device->path);
		error = ERR_RANGE;
	}
	if (!error)
		error = hub_read(device, &hub->words);
	if (!error)
		hub->status = dma_alloc(PAGE_SIZE, false, &hub->segment.address);
	if (error || !hub->status) {
		kfree(hub);
		return error ? error : ERR_NO_MEMORY;
	}
	binding->data = hub;
	device->is_hub = 1;
	device->hub_ports = hub->words.port_count;
	hub->segment.size_bytes = 1u + hub->words.port_count / 8;
	hub->transfer = (struct usb_transfer){ .endpoint = usb_endpoint_of(binding, USB_INTERRUPT, true), .segments = &hub->segment,
					       .segment_count = 1, .size_bytes = (u32)hub->segment.size_bytes, .complete = status_came,
					       .owner = binding };
	for (u8 port = 1; port <= hub->words.port_count; port++)
		(void)!port_feature(device, port, USB_SET_FEATURE, HUB_POWER);
	thread_sleep_ns(hub->words.power_good_ms * NS_PER_MS + RECOVERY_NS);
	usb_ask(binding); /* the ports are looked at, and the status endpoint is asked, from attend on */
	return OK;
}

static void hub_gone(struct usb_binding *binding)
{
	(void)binding; /* its devices left before it */
}

const struct usb_driver usb_hub_driver = { "usb-hub", hub_matches, hub_start, hub_attend, hub_gone, hub_forget };

/* The thread */

static struct usb_binding *find_asking(struct xhci *controller)
{
	LIST_FOR_EACH(node, xhci_devices(controller)) {
		struct usb_device *device = LIST_ENTRY(node, struct usb_device, node);

		for (u32 i = 0; i < device->configuration.interface_count; i++)
			if (__atomic_exchange_n(&device->bindings[i].attention, 0, __ATOMIC_ACQ_REL) && device->bindings[i].driver)
				return &device->bindings[i];
	}
	return NULL;
}

static void see_all_off(struct xhci *controller)
{
	while (!list_empty(xhci_devices(controller))) {
		struct usb_device *device = LIST_ENTRY(xhci_devices(controller)->next, struct usb_device, node);

		while (device->hub)
			device = device->hub;
		usb_device_leave(device);
	}
}

void usb_round(struct xhci *controller)
{
	struct usb_binding *binding;

	if (xhci_is_dead(controller)) {
		see_all_off(controller);
		return;
	}
	look_at_root_ports(controller, !xhci_is_settled(controller));
	for (u32 i = 0; i < ATTENTIONS_A_ROUND; i++) {
		binding = find_asking(controller);
		if (!binding)
			return;
		if (binding->driver->attend)
			binding->driver->attend(binding);
	}
	xhci_ask_hub_thread(controller); /* one that always asks does not keep the ports from being looked at */
}

void usb_hub_thread(void *context)
{
	struct xhci *controller = context;

	thread_sleep_ns(DEBOUNCE_NS); /* ports that were powered or reset a moment ago */
	while (xhci_hub_thread_wait(controller)) {
		usb_round(controller);
		xhci_settled(controller);
	}
}

static void start(struct xhci *controller, void *context)
{
	(void)context;
	if (xhci_start_threads(controller)) {
		log_warning("%s: no memory for its threads", xhci_name(controller));
		xhci_settled(controller);
	}
}

static void count_unsettled(struct xhci *controller, void *context)
{
	*(u32 *)context += !xhci_is_settled(controller) && !xhci_is_dead(controller);
}

void usb_start(void)
{
	u64 deadline = clock_ns() + START_NS;
	u32 unsettled;

	xhci_for_each(start, NULL);
	do {
		unsettled = 0;
		xhci_for_each(count_unsettled, &unsettled);
		if (!unsettled && !usb_storage_looks())
			return;
		thread_sleep_ns(POLL_NS);
	} while (clock_ns() < deadline);
	log_warning("USB: some devices take long: the start goes on without them");
}
