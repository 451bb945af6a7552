/* SPDX-License-Identifier: MIT */
/*
 * USB keyboards by the boot protocol, as firmware uses them: a report of what is held down, whenever that changes.
 *
 * A report becomes scan codes (hid_keyboard.c) and then takes the PS/2 keyboard's path. Such keyboards do not repeat a key that is
 * held: a timer does. HID 1.11, "Set_Protocol Request" (7.2.6), "Set_Idle Request" (7.2.4).
 */
#include "drivers/keyboard_input.h"
#include "drivers/usb/hid_keyboard.h"
#include "drivers/usb/usb_core.h"
#include "drivers/usb/xhci.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/timer.h"

#define BOOT_PROTOCOL 0u
#define REPEAT_DELAY_NS (500 * NS_PER_MS)
#define REPEAT_NS (33 * NS_PER_MS)
#define FAILURES_MAX 10u

struct usb_keyboard {
	struct spinlock lock;          /* rank LOCK_RANK_DRIVER */
	struct keyboard keyboard;      /* [lock] */
	struct hid_keyboard state;     /* [lock] */
	u8 repeat;                     /* [lock] the usage that repeats; 0: none */
	struct timer timer;
	struct usb_transfer transfer;
	struct block_segment segment;
	u8 *report;                    /* DMA */
	u32 failures;                  /* in a row */
};

/* [lock] */
static void hand_on(struct usb_keyboard *keyboard, const struct hid_scan_codes *codes)
{
	for (u32 i = 0; i < codes->count; i++)
		keyboard_input_byte(&keyboard->keyboard, codes->bytes[i]);
}

static void repeat(struct timer *timer)
{
	struct usb_keyboard *keyboard = timer->context;
	u64 flags = lock_irqsave(&keyboard->lock);
	struct hid_scan_codes codes;

	if (keyboard->repeat) {
		hid_keyboard_repeat(keyboard->repeat, &codes);
		hand_on(keyboard, &codes);
		timer_arm(timer, clock_ns() + REPEAT_NS);
	}
	unlock_irqrestore(&keyboard->lock, flags);
}

static void take_report(struct usb_keyboard *keyboard, u32 size_bytes)
{
	u64 flags = lock_irqsave(&keyboard->lock);
	struct hid_scan_codes codes;
	u8 before = keyboard->repeat;

	hid_keyboard_report(&keyboard->state, keyboard->report, size_bytes, &codes, &keyboard->repeat);
	hand_on(keyboard, &codes);
	if (keyboard->repeat && keyboard->repeat != before)
		timer_arm(&keyboard->timer, clock_ns() + REPEAT_DELAY_NS);
	unlock_irqrestore(&keyboard->lock, flags);
}

static void report_came(struct usb_transfer *transfer)
{
	struct usb_binding *binding = transfer->owner;
	struct usb_keyboard *keyboard = binding->data;

	if (transfer->status) {
		usb_ask(binding); /* the endpoint is made to work again where that may be waited for */
		return;
	}
	keyboard->failures = 0;
	take_report(keyboard, transfer->done_bytes);
	(void)!xhci_submit(transfer);
}

static void stop_repeating(struct usb_keyboard *keyboard)
{
	u64 flags = lock_irqsave(&keyboard->lock);

	keyboard->repeat = 0;
	unlock_irqrestore(&keyboard->lock, flags);
	(void)timer_cancel(&keyboard->timer);
}

static void attend(struct usb_binding *binding)
{
	struct usb_keyboard *keyboard = binding->data;

	stop_repeating(keyboard); /* its release may be what was lost */
	if (++keyboard->failures > FAILURES_MAX)
		return;
	if (keyboard->failures == FAILURES_MAX) {
		log_warning("USB %s: this keyboard gives errors only: plug it in again", binding->device->path);
		return;
	}
	(void)!xhci_endpoint_reset(keyboard->transfer.endpoint, ERR_IO);
	(void)!usb_clear_halt(keyboard->transfer.endpoint);
	(void)!xhci_submit(&keyboard->transfer);
}

static bool matches(const struct usb_interface_words *interface)
{
	return interface->class_code == USB_CLASS_HID && interface->subclass == HID_BOOT_INTERFACE && interface->protocol == HID_KEYBOARD &&
	       usb_find_endpoint(interface, USB_INTERRUPT, true);
}

static int start(struct usb_binding *binding)
{
	struct usb_device *device = binding->device;
	struct usb_keyboard *keyboard = kzalloc(sizeof(*keyboard));
	u8 type = USB_OUT | USB_CLASS | USB_TO_INTERFACE;

	if (!keyboard)
		return ERR_NO_MEMORY;
	keyboard->report = dma_alloc(PAGE_SIZE, false, &keyboard->segment.address);
	if (!keyboard->report) {
		kfree(keyboard);
		return ERR_NO_MEMORY;
	}
	/* Refusals mean that it does so anyway, or cannot do otherwise. */
	(void)!usb_control(device, type, HID_SET_PROTOCOL, BOOT_PROTOCOL, binding->interface->number, NULL, 0);
	(void)!usb_control(device, type, HID_SET_IDLE, 0, binding->interface->number, NULL, 0);
	spinlock_init(&keyboard->lock, "USB keyboard", LOCK_RANK_DRIVER);
	timer_init(&keyboard->timer, repeat, keyboard);
	keyboard->transfer = (struct usb_transfer){ .endpoint = usb_endpoint_of(binding, USB_INTERRUPT, true), .segments = &keyboard->segment,
						    .segment_count = 1, .complete = report_came, .owner = binding };
	keyboard->segment.size_bytes = MIN(keyboard->transfer.endpoint->words.max_packet, PAGE_SIZE);
	keyboard->transfer.size_bytes = (u32)keyboard->segment.size_bytes;
	binding->data = keyboard;
	keyboard_input_count_usb(1);
	(void)!xhci_submit(&keyboard->transfer); /* one that left already is seen off soon */
	return OK;
}

static void gone(struct usb_binding *binding)
{
	keyboard_input_count_usb(-1);
	stop_repeating(binding->data);
}

static void forget(struct usb_binding *binding)
{
	struct usb_keyboard *keyboard = binding->data;

	stop_repeating(keyboard); /* a last report may have come meanwhile */
	dma_free(keyboard->report, PAGE_SIZE);
	kfree(keyboard);
	binding->data = NULL;
}

const struct usb_driver usb_keyboard_driver = { "usb-keyboard", matches, start, attend, gone, forget };
