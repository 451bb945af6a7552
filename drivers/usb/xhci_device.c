/* SPDX-License-Identifier: MIT */
/*
 * A device in the controller's eyes: a slot, an output context that the controller writes, an input context for each order.
 *
 * xHCI 1.2, "Device Slot Management" (4.3, 4.5.3), "Slot Context" (6.2.2), "Endpoint Context" (6.2.3). The input context is a page
 * for the length of one command.
 */
#include "drivers/usb/xhci_internal.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

struct input {
	u8 *page;
	hpa_t address;
	u32 context_bytes;
};

/* number 0: the input control context; 1: the slot's; 1 + index: an endpoint's. */
static u32 *input_words(const struct input *input, u32 number)
{
	return (u32 *)(void *)(input->page + (size_t)number * input->context_bytes);
}

static const volatile u32 *output_words(const struct usb_device *device, u32 number)
{
	return (const volatile u32 *)((const u8 *)device->output_context + (size_t)number * device->controller->context_bytes);
}

static int input_begin(const struct usb_device *device, struct input *input, u32 add_flags)
{
	input->context_bytes = device->controller->context_bytes;
	input->page = dma_alloc(PAGE_SIZE, false, &input->address);
	if (!input->page)
		return ERR_NO_MEMORY;
	input_words(input, 0)[1] = add_flags;
	return OK;
}

static int input_send(struct usb_device *device, struct input *input, u32 type)
{
	u32 code = 0;
	int error = xhci_command(device->controller, input->address.value, 0, TRB_TYPE(type) | TRB_SLOT(device->slot), NULL, &code);

	if (error)
		log_debug("USB %s: command %u ends with code %u", device->path, type, code);
	dma_free(input->page, PAGE_SIZE);
	return error;
}

/* The slot's words as the controller has them now, for orders that change some of it. */
static void copy_slot(const struct usb_device *device, const struct input *input)
{
	for (u32 i = 0; i < 3; i++)
		input_words(input, 1)[i] = output_words(device, 0)[i];
}

/* Full- and low-speed devices behind a high-speed hub: that hub's transaction translator speaks for the controller. */
static u32 translator_words(const struct usb_device *device)
{
	if (device->speed != USB_FULL_SPEED && device->speed != USB_LOW_SPEED)
		return 0;
	for (const struct usb_device *below = device; below->hub; below = below->hub)
		if (below->hub->speed == USB_HIGH_SPEED)
			return SLOT_TT(below->hub->slot, below->port);
	return 0;
}

static struct usb_endpoint *endpoint_create(struct usb_device *device, u8 index, const struct usb_endpoint_words *words)
{
	struct usb_endpoint *endpoint = kzalloc(sizeof(*endpoint));
	hpa_t address;
	struct xhci_trb *trbs = dma_alloc(PAGE_SIZE, false, &address);

	if (!endpoint || !trbs) {
		kfree(endpoint);
		dma_free(trbs, PAGE_SIZE);
		return NULL;
	}
	endpoint->device = device;
	endpoint->index = index;
	endpoint->words = *words;
	xhci_ring_init(&endpoint->ring, trbs, address);
	return endpoint;
}

static void endpoint_destroy(struct usb_endpoint *endpoint)
{
	if (!endpoint)
		return;
	dma_free(endpoint->ring.trbs, PAGE_SIZE);
	kfree(endpoint);
}

/* A power of two of 125 us. "Interval" (6.2.3.6). */
static u32 interval_of(const struct usb_device *device, const struct usb_endpoint_words *words)
{
	u32 frames = MAX(words->interval, 1) * 8u, log = 0;

	if (words->type != USB_INTERRUPT)
		return 0;
	if (device->speed == USB_HIGH_SPEED || device->speed == USB_SUPER_SPEED)
		return MIN(MAX(words->interval, 1), 16) - 1u;
	while (frames >> (log + 1))
		log++;
	return MIN(MAX(log, 3u), 10u);
}

static void fill_endpoint(const struct usb_device *device, const struct usb_endpoint *endpoint, u32 *words)
{
	const struct usb_endpoint_words *is = &endpoint->words;
	u32 type = is->type == USB_CONTROL ? 4 : is->type + (is->address & USB_IN ? 4u : 0);
	u32 burst = device->speed == USB_SUPER_SPEED ? is->max_burst : 0;
	u64 position = xhci_ring_position(&endpoint->ring);

	words[0] = ENDPOINT_INTERVAL(interval_of(device, is));
	words[1] = ENDPOINT_ERRORS(3) | ENDPOINT_TYPE(type) | ENDPOINT_BURST(burst) | ENDPOINT_PACKET(is->max_packet);
	words[2] = (u32)position;
	words[3] = (u32)(position >> 32);
	words[4] = is->type == USB_CONTROL ? 8 : is->type == USB_BULK ? 3072 : is->max_packet | (u32)is->max_packet * (burst + 1) << 16;
}

static int enable_slot(struct usb_device *device)
{
	struct xhci *xhci = device->controller;
	u8 slot = 0;
	u32 type = xhci->port_slot_type[device->root_port];
	int error = xhci_command(xhci, 0, 0, TRB_TYPE(TRB_ENABLE_SLOT) | TRB_SLOT_TYPE(type), &slot, NULL);
	u64 flags;

	if (error)
		return error;
	flags = lock_irqsave(&xhci->lock);
	if (slot == 0 || slot > xhci->slot_count || xhci->by_slot[slot])
		error = ERR_INVALID; /* a controller that counts wrongly */
	else
		xhci->by_slot[slot] = device;
	unlock_irqrestore(&xhci->lock, flags);
	if (error)
		log_warning("%s: it gives out an impossible slot %u", xhci->name, slot);
	else
		device->slot = slot;
	return error;
}

static int address_device(struct usb_device *device)
{
	struct input input;
	u32 *slot;
	int error = input_begin(device, &input, 3);

	if (error)
		return error;
	slot = input_words(&input, 1);
	slot[0] = SLOT_ROUTE(device->route) | SLOT_SPEED(device->speed_id) | SLOT_ENTRIES(1);
	slot[1] = SLOT_ROOT_PORT(device->root_port);
	slot[2] = translator_words(device);
	fill_endpoint(device, device->endpoints[1], input_words(&input, 2));
	return input_send(device, &input, TRB_ADDRESS_DEVICE);
}

int xhci_device_open(struct usb_device *device, u16 control_packet)
{
	struct usb_endpoint_words words = { .type = USB_CONTROL, .max_packet = control_packet };
	hpa_t address;
	int error;

	device->output_context = dma_alloc(PAGE_SIZE, false, &address);
	device->endpoints[1] = endpoint_create(device, 1, &words);
	if (!device->output_context || !device->endpoints[1])
		return ERR_NO_MEMORY;
	error = enable_slot(device);
	if (error)
		return error;
	device->controller->slots[device->slot] = address.value;
	return address_device(device);
}

int xhci_device_set_control_packet(struct usb_device *device, u16 control_packet)
{
	struct input input;
	int error = input_begin(device, &input, 2);

	if (error)
		return error;
	device->endpoints[1]->words.max_packet = control_packet;
	fill_endpoint(device, device->endpoints[1], input_words(&input, 2));
	return input_send(device, &input, TRB_EVALUATE_CONTEXT);
}

int xhci_device_set_hub(struct usb_device *device, u8 ports, u8 think_time)
{
	struct input input;
	int error = input_begin(device, &input, 1);

	if (error)
		return error;
	copy_slot(device, &input);
	input_words(&input, 1)[0] |= SLOT_HUB;
	input_words(&input, 1)[1] |= SLOT_PORTS(ports);
	input_words(&input, 1)[2] |= device->speed == USB_HIGH_SPEED ? SLOT_THINK_TIME(think_time) : 0;
	return input_send(device, &input, TRB_CONFIGURE_ENDPOINT);
}

int xhci_device_configure(struct usb_device *device, const struct usb_endpoint_words *const *words, u32 count)
{
	struct input input;
	u32 last = 1;
	int error = input_begin(device, &input, 1);

	if (error)
		return error;
	for (u32 i = 0; i < count && !error; i++) {
		u8 index = (u8)(2 * (words[i]->address & 15) + (words[i]->address & USB_IN ? 1 : 0));

		device->endpoints[index] = endpoint_create(device, index, words[i]);
		if (!device->endpoints[index])
			error = ERR_NO_MEMORY;
		else
			fill_endpoint(device, device->endpoints[index], input_words(&input, 1u + index));
		input_words(&input, 0)[1] |= BIT32(index);
		last = MAX(last, index);
	}
	copy_slot(device, &input);
	input_words(&input, 1)[0] = (input_words(&input, 1)[0] & ~SLOT_ENTRIES_MASK) | SLOT_ENTRIES(last);
	if (error) {
		dma_free(input.page, PAGE_SIZE);
		return error;
	}
	return input_send(device, &input, TRB_CONFIGURE_ENDPOINT);
}

static u32 endpoint_state(const struct usb_endpoint *endpoint)
{
	return ENDPOINT_STATE_OF(output_words(endpoint->device, endpoint->index)[0]);
}

/* "Reset Endpoint", "Stop Endpoint", "Set TR Dequeue Pointer" (4.6.8 to 4.6.10). What state it is in may change meanwhile. */
static int restart(struct usb_endpoint *endpoint)
{
	struct xhci *xhci = endpoint->device->controller;
	u32 target = TRB_SLOT(endpoint->device->slot) | TRB_ENDPOINT(endpoint->index), state = endpoint_state(endpoint);
	int error = OK;

	if (state == ENDPOINT_RUNNING) {
		error = xhci_command(xhci, 0, 0, TRB_TYPE(TRB_STOP_ENDPOINT) | target, NULL, NULL);
		state = endpoint_state(endpoint); /* halted, if it erred on its way */
	}
	if (state == ENDPOINT_HALTED)
		error = xhci_command(xhci, 0, 0, TRB_TYPE(TRB_RESET_ENDPOINT) | target, NULL, NULL);
	if (!error)
		error = xhci_command(xhci, xhci_ring_position(&endpoint->ring), 0, TRB_TYPE(TRB_SET_DEQUEUE) | target, NULL, NULL);
	return error;
}

int xhci_endpoint_reset(struct usb_endpoint *endpoint, int status)
{
	struct usb_device *device = endpoint->device;
	int error;

	mutex_lock(&device->slot_mutex);
	error = device->slot ? restart(endpoint) : ERR_NOT_FOUND; /* the number may be another device's by now */
	xhci_endpoint_end(endpoint, status);
	mutex_unlock(&device->slot_mutex);
	return error;
}

static void stop_endpoints(struct usb_device *device)
{
	for (u32 i = 1; i < ARRAY_SIZE(device->endpoints); i++) {
		struct usb_endpoint *endpoint = device->endpoints[i];

		if (!endpoint)
			continue;
		if (device->slot && endpoint_state(endpoint) == ENDPOINT_RUNNING)
			(void)!xhci_command(device->controller, 0, 0,
					    TRB_TYPE(TRB_STOP_ENDPOINT) | TRB_SLOT(device->slot) | TRB_ENDPOINT(i), NULL, NULL);
	}
}

void xhci_device_close(struct usb_device *device)
{
	struct xhci *xhci = device->controller;
	bool safe = !device->slot;
	u64 flags;

	mutex_lock(&device->slot_mutex);
	stop_endpoints(device);
	if (device->slot) {
		safe = xhci_command(xhci, 0, 0, TRB_TYPE(TRB_DISABLE_SLOT) | TRB_SLOT(device->slot), NULL, NULL) == OK || xhci_dead(xhci);
		xhci->slots[device->slot] = 0;
	}
	/* A controller that does not let go of a slot might go on using its memory: it loses the bus. */
	if (!safe)
		xhci_die(xhci, "it does not give a slot back");
	flags = lock_irqsave(&xhci->lock);
	if (device->slot)
		xhci->by_slot[device->slot] = NULL;
	unlock_irqrestore(&xhci->lock, flags);
	device->slot = 0;
	mutex_unlock(&device->slot_mutex);
	for (u32 i = 1; i < ARRAY_SIZE(device->endpoints); i++) {
		if (!device->endpoints[i])
			continue;
		xhci_endpoint_end(device->endpoints[i], ERR_NOT_FOUND);
		while (__atomic_load_n(&device->endpoints[i]->completing, __ATOMIC_ACQUIRE))
			thread_sleep_ns(NS_PER_MS); /* then nobody is in a driver's complete any more */
	}
}

/* After the last reference: nobody submits any more. */
void xhci_device_free(struct usb_device *device)
{
	for (u32 i = 1; i < ARRAY_SIZE(device->endpoints); i++)
		endpoint_destroy(device->endpoints[i]);
	dma_free(device->output_context, PAGE_SIZE);
}
