/* SPDX-License-Identifier: MIT */
/*
 * One device, from its first answer to its last: addressed, asked what it is, given to drivers, seen off.
 *
 * Universal Serial Bus Specification 2.0, "Bus Enumeration" (9.1.2). Everything that a device says is checked
 * (usb_descriptors.c); what is wrong is named, and the device left out. Next to read: usb_hub.c.
 */
#include "drivers/usb/usb_core.h"
#include "drivers/usb/xhci.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define LOOK_NS (250 * NS_PER_MS) /* an interrupt that was lost, or a device that left, costs so much and not the whole time-out */
#define LANGUAGE_ENGLISH 0x0409u
#define SETTLE_NS (10 * NS_PER_MS) /* "SetAddress() recovery": 2 ms; slow ones take longer */

static const struct usb_driver *const drivers[] = { &usb_hub_driver, &usb_keyboard_driver, &usb_storage_driver };

/* One for all: a queue on the waiter's stack could be gone while its waker still holds the queue's lock. */
static struct waitqueue finished = { SPINLOCK_INIT("USB transfer", LOCK_RANK_WAITQUEUE), LIST_INIT(finished.waiters) };
/* The lists of devices: changed by hub threads, read by listings. */
static struct mutex usb_tree = {
	NULL, { SPINLOCK_INIT("USB devices", LOCK_RANK_WAITQUEUE), LIST_INIT(usb_tree.queue.waiters) }
};

const char *usb_name(const struct usb_device *device, char text[160])
{
	bool named = device->vendor_text[0] || device->product_text[0];

	if (named)
		format(text, 160, "USB %s: %s%s%s", device->path, device->vendor_text, device->vendor_text[0] ? " " : "", device->product_text);
	else
		format(text, 160, "USB %s: %04x:%04x", device->path, device->words.vendor, device->words.product);
	return text;
}

void usb_hold(struct usb_device *device)
{
	__atomic_fetch_add(&device->references, 1, __ATOMIC_RELAXED);
}

void usb_release(struct usb_device *device)
{
	if (__atomic_sub_fetch(&device->references, 1, __ATOMIC_ACQ_REL))
		return;
	xhci_device_free(device);
	dma_free(device->data, USB_DATA_BYTES);
	kfree(device);
}

static void wake(struct usb_transfer *transfer)
{
	bool *done = transfer->owner;

	__atomic_store_n(done, true, __ATOMIC_RELEASE); /* from here on the transfer may be gone */
	waitqueue_wake_all(&finished);
}

int usb_run(struct usb_transfer *transfer, u64 timeout_ns)
{
	struct usb_endpoint *endpoint = transfer->endpoint;
	struct xhci *controller = endpoint->device->controller;
	u64 deadline = clock_ns() + timeout_ns;
	bool done = false;
	int error;

	transfer->complete = wake;
	transfer->owner = &done;
	error = xhci_submit(transfer);
	if (error)
		return error;
	while (!waitqueue_wait_until(&finished, __atomic_load_n(&done, __ATOMIC_ACQUIRE), MIN(deadline, clock_ns() + LOOK_NS)) &&
	       clock_ns() < deadline && usb_is_connected(endpoint->device))
		xhci_nudge(controller);
	if (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		error = xhci_endpoint_reset(endpoint, ERR_TIMEOUT);
		/* Ended by the reset, or at the same time by an event: either way it is about to be done. */
		waitqueue_wait(&finished, __atomic_load_n(&done, __ATOMIC_ACQUIRE));
		return transfer->status ? transfer->status : error;
	}
	if (transfer->status == ERR_UNSUPPORTED || transfer->status == ERR_IO)
		(void)!xhci_endpoint_reset(endpoint, ERR_IO); /* the controller's side was halted */
	return transfer->status;
}

int usb_control(struct usb_device *device, u8 type, u8 request, u16 value, u16 index, void *data, u16 size_bytes)
{
	struct block_segment segment = { device->data_address, size_bytes };
	struct usb_transfer transfer = {
		.endpoint = device->endpoints[1], .segments = &segment, .segment_count = size_bytes ? 1 : 0, .size_bytes = size_bytes,
		.setup = { type, request, (u8)value, (u8)(value >> 8), (u8)index, (u8)(index >> 8), (u8)size_bytes, (u8)(size_bytes >> 8) },
	};
	int error;

	if (size_bytes > USB_DATA_BYTES)
		return ERR_RANGE;
	mutex_lock(&device->control);
	if (size_bytes && !(type & USB_IN))
		memcpy(device->data, data, size_bytes);
	error = usb_run(&transfer, USB_CONTROL_TIMEOUT_NS);
	if (!error && size_bytes && (type & USB_IN))
		memcpy(data, device->data, transfer.done_bytes);
	mutex_unlock(&device->control);
	return error ? error : (int)transfer.done_bytes;
}

int usb_clear_halt(struct usb_endpoint *endpoint)
{
	int result = usb_control(endpoint->device, USB_OUT | USB_STANDARD | USB_TO_ENDPOINT, USB_CLEAR_FEATURE, USB_FEATURE_ENDPOINT_HALT,
				 endpoint->words.address, NULL, 0);

	return result < 0 ? result : OK;
}

void usb_ask(struct usb_binding *binding)
{
	__atomic_store_n(&binding->attention, 1, __ATOMIC_RELEASE);
	xhci_ask_hub_thread(binding->device->controller);
}

struct usb_endpoint *usb_endpoint_of(const struct usb_binding *binding, u8 type, bool in)
{
	const struct usb_endpoint_words *words = usb_find_endpoint(binding->interface, type, in);

	return words ? binding->device->endpoints[2 * (words->address & 15) + in] : NULL;
}

static int get_descriptor(struct usb_device *device, u8 kind, u8 number, u16 language, void *data, u16 size_bytes)
{
	return usb_control(device, USB_IN | USB_STANDARD | USB_TO_DEVICE, USB_GET_DESCRIPTOR, (u16)(kind << 8 | number), language, data, size_bytes);
}

static void read_text(struct usb_device *device, u8 number, char text[USB_TEXT_MAX])
{
	u8 data[255];
	int size = number ? get_descriptor(device, USB_DESCRIPTOR_STRING, number, LANGUAGE_ENGLISH, data, sizeof(data)) : 0;

	usb_string_read(data, size > 0 ? (size_t)size : 0, text, USB_TEXT_MAX);
}

static u16 first_packet_size(u8 speed)
{
	return speed == USB_SUPER_SPEED ? 512 : speed == USB_HIGH_SPEED ? 64 : 8;
}

/* Full-speed devices' first 8 bytes say how long their packets are. */
static const char *read_identity(struct usb_device *device)
{
	u8 data[18];
	u8 packet;

	if (get_descriptor(device, USB_DESCRIPTOR_DEVICE, 0, 0, data, 8) != 8)
		return "it does not say what it is";
	packet = data[7];
	if (device->speed == USB_FULL_SPEED && packet != 8) {
		if (packet != 16 && packet != 32 && packet != 64)
			return "its packets have an impossible size";
		if (xhci_device_set_control_packet(device, packet))
			return "the controller does not take the size of its packets";
	}
	if (get_descriptor(device, USB_DESCRIPTOR_DEVICE, 0, 0, data, sizeof(data)) != sizeof(data) ||
	    usb_device_read(data, sizeof(data), &device->words))
		return "its device descriptor is malformed";
	read_text(device, device->words.manufacturer_string, device->vendor_text);
	read_text(device, device->words.product_string, device->product_text);
	read_text(device, device->words.serial_string, device->serial_text);
	return NULL;
}

static const char *read_configuration(struct usb_device *device)
{
	const char *why = "no memory";
	u8 head[9], *data;
	int size = get_descriptor(device, USB_DESCRIPTOR_CONFIGURATION, 0, 0, head, sizeof(head));
	u32 total = usb_configuration_bytes(head, size > 0 ? (size_t)size : 0);

	if (!total)
		return "its configuration's length is impossible";
	data = kzalloc(total);
	if (!data)
		return why;
	size = get_descriptor(device, USB_DESCRIPTOR_CONFIGURATION, 0, 0, data, (u16)total);
	if (usb_configuration_read(data, size > 0 ? (size_t)size : 0, &device->configuration, &why) == OK)
		why = NULL;
	kfree(data);
	return why;
}

static u32 match_drivers(struct usb_device *device)
{
	u32 matched = 0;

	for (u32 i = 0; i < device->configuration.interface_count; i++) {
		struct usb_binding *binding = &device->bindings[i];

		*binding = (struct usb_binding){ .device = device, .interface = &device->configuration.interfaces[i] };
		for (u32 k = 0; k < ARRAY_SIZE(drivers) && !binding->driver; k++)
			if (drivers[k]->matches(binding->interface))
				binding->driver = drivers[k];
		matched += binding->driver != NULL;
	}
	return matched;
}

/* The device's side and the controller's: both know the endpoints of the interfaces that somebody drives. */
static const char *configure(struct usb_device *device)
{
	const struct usb_endpoint_words *words[USB_INTERFACES_MAX * USB_INTERFACE_ENDPOINTS_MAX];
	u32 count = 0;

	for (u32 i = 0; i < device->configuration.interface_count; i++)
		for (u32 k = 0; device->bindings[i].driver && k < device->bindings[i].interface->endpoint_count; k++)
			if (device->bindings[i].interface->endpoints[k].type == USB_BULK ||
			    device->bindings[i].interface->endpoints[k].type == USB_INTERRUPT)
				words[count++] = &device->bindings[i].interface->endpoints[k];
	if (xhci_device_configure(device, words, count))
		return "the controller does not take its endpoints";
	if (usb_control(device, USB_OUT | USB_STANDARD | USB_TO_DEVICE, USB_SET_CONFIGURATION, device->configuration.value, 0, NULL, 0) < 0)
		return "it does not take its configuration";
	return NULL;
}

static void start_drivers(struct usb_device *device)
{
	char name[160];

	for (u32 i = 0; i < device->configuration.interface_count; i++) {
		struct usb_binding *binding = &device->bindings[i];
		int error = binding->driver ? binding->driver->start(binding) : OK;

		if (!error)
			continue;
		log_warning("%s: the driver %s could not take it (error %d)", usb_name(device, name), binding->driver->name, error);
		binding->driver = NULL;
	}
}

static const char *driver_name(const struct usb_device *device)
{
	for (u32 i = 0; i < device->configuration.interface_count; i++)
		if (device->bindings[i].driver)
			return device->bindings[i].driver->name;
	return NULL;
}

static const char *set_up(struct usb_device *device)
{
	const char *why;

	if (xhci_device_open(device, first_packet_size(device->speed)))
		return "it does not take an address";
	thread_sleep_ns(SETTLE_NS);
	why = read_identity(device);
	if (!why)
		why = read_configuration(device);
	if (!why && match_drivers(device))
		why = configure(device);
	return why;
}

static void name_device(struct usb_device *device)
{
	static u32 numbers; /* (a) */

	device->number = __atomic_add_fetch(&numbers, 1, __ATOMIC_RELAXED);
	if (!device->hub)
		format(device->path, sizeof(device->path), "%u-%u", xhci_bus(device->controller), device->port);
	else
		format(device->path, sizeof(device->path), "%s.%u", device->hub->path, device->port);
}

static struct usb_device *create(struct xhci *controller, struct usb_device *hub, u8 port, u8 speed, u8 speed_id)
{
	struct usb_device *device = kzalloc(sizeof(*device));

	if (!device)
		return NULL;
	*device = (struct usb_device){ .controller = controller, .hub = hub, .port = port, .speed = speed, .speed_id = speed_id,
				       .root_port = hub ? hub->root_port : port, .references = 1 };
	device->depth = hub ? hub->depth + 1 : 0;
	device->route = hub ? hub->route | (u32)port << 4 * hub->depth : 0;
	mutex_init(&device->control, "USB control");
	mutex_init(&device->slot_mutex, "USB slot");
	list_init(&device->node);
	device->data = dma_alloc(USB_DATA_BYTES, false, &device->data_address);
	if (!device->data) {
		kfree(device);
		return NULL;
	}
	name_device(device);
	return device;
}

int usb_device_arrive(struct xhci *controller, struct usb_device *hub, u8 port, u8 speed, u8 speed_id)
{
	struct usb_device *device = create(controller, hub, port, speed, speed_id);
	const char *why, *driver;
	char name[160];

	if (!device)
		return ERR_NO_MEMORY;
	why = set_up(device);
	if (why) {
		log_warning("USB %s: left out: %s", device->path, why);
		__atomic_store_n(&device->gone, 1, __ATOMIC_RELEASE);
		xhci_device_close(device);
		usb_release(device);
		return ERR_IO;
	}
	mutex_lock(&usb_tree);
	list_push_back(xhci_devices(controller), &device->node);
	mutex_unlock(&usb_tree);
	start_drivers(device);
	driver = driver_name(device);
	log_info("%s (%04x:%04x), %s", usb_name(device, name), device->words.vendor, device->words.product, driver ? driver : "no driver");
	return OK;
}

struct usb_device *usb_device_at(struct xhci *controller, const struct usb_device *hub, u8 port)
{
	LIST_FOR_EACH(node, xhci_devices(controller)) {
		struct usb_device *device = LIST_ENTRY(node, struct usb_device, node);

		if (device->hub == hub && device->port == port)
			return device;
	}
	return NULL;
}

void usb_device_leave(struct usb_device *device)
{
	struct usb_device *child;
	char name[160];

	for (u8 port = 1; port <= device->hub_ports; port++) {
		child = usb_device_at(device->controller, device, port);
		if (child)
			usb_device_leave(child);
	}
	log_info("%s: it is gone", usb_name(device, name));
	mutex_lock(&usb_tree);
	list_remove(&device->node);
	mutex_unlock(&usb_tree);
	__atomic_store_n(&device->gone, 1, __ATOMIC_RELEASE);
	for (u32 i = 0; i < device->configuration.interface_count; i++)
		if (device->bindings[i].driver)
			device->bindings[i].driver->gone(&device->bindings[i]);
	xhci_device_close(device);
	for (u32 i = 0; i < device->configuration.interface_count; i++)
		if (device->bindings[i].driver && device->bindings[i].driver->forget)
			device->bindings[i].driver->forget(&device->bindings[i]);
	usb_release(device);
}

struct listing { usb_visit visit; void *context; };

static void list_controller(struct xhci *controller, void *context)
{
	const struct listing *listing = context;

	LIST_FOR_EACH(node, xhci_devices(controller)) {
		const struct usb_device *device = LIST_ENTRY(node, struct usb_device, node);
		struct usb_info info = { .controller = &xhci_pci(controller)->address, .bus = xhci_bus(controller),
					 .number = device->number, .vendor = device->words.vendor, .product = device->words.product,
					 .vendor_text = device->vendor_text, .product_text = device->product_text,
					 .driver = driver_name(device) };

		string_copy(info.path, device->path, sizeof(info.path));
		string_copy(info.hub_path, device->hub ? device->hub->path : "", sizeof(info.hub_path));
		listing->visit(listing->context, &info);
	}
}

void usb_for_each(usb_visit visit, void *context)
{
	struct listing listing = { visit, context };

	mutex_lock(&usb_tree);
	xhci_for_each(list_controller, &listing);
	mutex_unlock(&usb_tree);
}
