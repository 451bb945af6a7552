/* SPDX-License-Identifier: MIT */
/* LINK: drivers/usb/test/fake_xhci.c drivers/usb/xhci.c drivers/usb/xhci_start.c drivers/usb/xhci_event.c drivers/usb/xhci_command.c */
/* LINK: drivers/usb/xhci_device.c drivers/usb/xhci_transfer.c drivers/usb/xhci_ring.c drivers/usb/usb_device.c drivers/usb/usb_hub.c */
/* LINK: drivers/usb/usb_descriptors.c drivers/usb/usb_keyboard.c drivers/usb/hid_keyboard.c drivers/usb/usb_storage.c drivers/usb/bulk_only.c */
/* LINK: drivers/disk_name.c drivers/keyboard_input.c drivers/ps2_keymap.c drivers/keyboard_layouts.c */
/* LINK: hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_quiet.c */
/*
 * Hostile devices behind a hostile controller: the input decides each answer of a keyboard, a hub and a stick (right, changed by some
 * bytes, made up, stalled, none, broken off), plugs and unplugs, and the events that the controller makes up beside the true ones.
 * One thread: whoever waits lets the controller's events be taken. When all is over no page of memory is held, and nobody hangs.
 */
#include <stdlib.h>
#include <string.h>
#include "drivers/keyboard_input.h"
#include "drivers/usb/test/fake_xhci.h"
#include "drivers/usb/xhci_internal.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/timer.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { KEYBOARD, HUB, STICK, KINDS };
#define STEPS_MAX 200000u /* far more than any input of some KiB makes */

static const u8 *input;
static size_t left;
static u64 now;
static u32 steps;
static struct xhci *xhci;
static struct { void (*function)(void *argument); void *argument; } keepers[64];
static u32 keeper_count;

static u8 next(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static u32 next32(void)
{
	u32 value = next();

	value = value << 8 | next();
	value = value << 8 | next();
	return value << 8 | next();
}

/* Threads and time */

static void step(void)
{
	if (++steps > STEPS_MAX)
		abort(); /* it hangs */
	xhci->attention = 0;
	xhci_take_events(xhci);
}

u64 clock_ns(void) { return now += 100; }
void thread_sleep_ns(u64 duration_ns)
{
	now += duration_ns;
	step();
}
struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument)
{
	if (strcmp(name, "usb storage") != 0 || keeper_count == ARRAY_SIZE(keepers))
		return NULL;
	keepers[keeper_count].function = function;
	keepers[keeper_count++].argument = argument;
	return (struct thread *)keepers;
}
void thread_detach(struct thread *thread) { (void)thread; }
void thread_join(struct thread *thread) { (void)thread; abort(); }
void waitqueue_init(struct waitqueue *queue, const char *name) { (void)queue; (void)name; }
void waitqueue_wake_all(struct waitqueue *queue) { (void)queue; }
void waitqueue_prepare(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }
void waitqueue_finish(struct waitqueue *queue, struct waiter *waiter) { (void)queue; (void)waiter; }
void mutex_init(struct mutex *mutex, const char *name) { (void)name; mutex->owner = NULL; }
void mutex_lock(struct mutex *mutex)
{
	if (mutex->owner)
		abort(); /* one thread: nobody would let it go */
	mutex->owner = (struct thread *)mutex;
}
void mutex_unlock(struct mutex *mutex) { mutex->owner = NULL; }
void timer_init(struct timer *timer, void (*function)(struct timer *timer), void *context) { timer->function = function; timer->context = context; }
void timer_arm(struct timer *timer, u64 deadline_ns) { (void)timer; (void)deadline_ns; }
bool timer_cancel(struct timer *timer) { (void)timer; return false; }

static void pull_all_out(void)
{
	for (u8 port = 1; port <= FAKE_PORTS; port++)
		fake_unplug(port);
	for (u32 i = 0; i < 4 && !list_empty(&xhci->devices); i++) {
		step();
		usb_round(xhci);
	}
}

/* Who waits for ever is a keeper: its device's end comes now. */
bool waitqueue_sleep(struct waitqueue *queue, struct waiter *waiter, u64 deadline_ns)
{
	(void)queue;
	(void)waiter;
	if (deadline_ns == WAITQUEUE_NO_TIMEOUT) {
		pull_all_out();
		step();
		return true;
	}
	now += (deadline_ns - MIN(now, deadline_ns)) / 2 + 1000;
	step();
	return now < deadline_ns;
}

int block_disk_register(struct block_device *device) { (void)device; abort(); } /* no server thread, no disk */
void block_disk_unregister(struct block_device *device) { (void)device; abort(); }
int block_check(const struct block_device *device, const struct block_request *request) { (void)device; (void)request; return ERR_IO; }
void block_complete(struct block_device *device, struct block_request *request, int status) { (void)device; (void)request; (void)status; }

/* Devices */

static const u8 device_words[18] = { 18, 1, 0, 2, 0, 0, 0, 64, 0x34, 0x12, 0x78, 0x56, 0, 1, 1, 2, 3, 1 };
static const u8 configurations[KINDS][34] = {
	{ 9, 2, 34, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 3, 1, 1, 0, 9, 0x21, 0x11, 1, 0, 1, 0x22, 63, 0, 7, 5, 0x81, 3, 8, 0, 7 },
	{ 9, 2, 25, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 9, 0, 0, 0, 7, 5, 0x81, 3, 2, 0, 12 },
	{ 9, 2, 32, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 8, 6, 0x50, 0, 7, 5, 0x81, 2, 0, 2, 0, 7, 5, 0x02, 2, 0, 2, 0 },
};
static const u8 text[] = { 10, 3, 'T', 0, 'h', 0, 'i', 0, 'n', 0 };
static const u8 hub_words[] = { 9, 0x29, 4, 0, 0, 1, 0, 0, 0 };
static u8 last_command[31];

static int answer(const u8 *right, u32 bytes, u8 *data, u32 size_bytes)
{
	u8 choice = next();
	bool made_up = choice >= 0xd0;
	u32 count = MIN(bytes, size_bytes), changes = choice & 3u;

	if (choice >= 0xfc)
		return choice & 1 ? FAKE_ERROR : FAKE_SILENT;
	if (choice >= 0xf0)
		return FAKE_STALL;
	memcpy(data, right, count);
	if (choice < 0x80)
		return (int)count;
	if (made_up) {
		changes = 4u * next();
		count = changes = MIN(changes, size_bytes);
	}
	for (u32 i = 0; i < changes && count; i++) {
		u32 at = made_up ? i : next() % count;

		data[at] ^= next();
	}
	return (int)count;
}

static int control(struct fake_device *device, const u8 setup[8], u8 *data, u32 size_bytes)
{
	u32 kind = (u32)(u64)device->context;
	u8 status[4] = { next() & 3, 0, next() & 0x11, 0 };

	if (!size_bytes)
		return next() < 0xf0 ? 0 : FAKE_STALL;
	if (!(setup[0] & 0x80))
		return (int)size_bytes;
	if (setup[1] == 0)
		return answer(status, 4, data, size_bytes);
	if ((setup[0] & 0x60) == 0x20)
		return answer(hub_words, sizeof(hub_words), data, size_bytes);
	if (setup[3] == 1)
		return answer(device_words, sizeof(device_words), data, size_bytes);
	if (setup[3] == 2)
		return answer(configurations[kind], configurations[kind][2], data, size_bytes);
	return answer(text, sizeof(text), data, size_bytes);
}

static int move(struct fake_device *device, u8 endpoint, u8 *data, u32 size_bytes)
{
	u8 right[36] = { 'U', 'S', 'B', 'S' };

	if (!(endpoint & 0x80)) {
		memcpy(last_command, data, MIN(size_bytes, sizeof(last_command)));
		return next() < 0xf0 ? (int)size_bytes : FAKE_STALL;
	}
	if ((u64)device->context != STICK && !left)
		return FAKE_SILENT;
	memcpy(right + 4, last_command + 4, 4);
	if (size_bytes != 13)
		memset(right, next(), sizeof(right));
	return answer(right, size_bytes == 13 ? 13 : sizeof(right), data, size_bytes);
}

static struct fake_device kinds[KINDS] = {
	{ control, move, (void *)KEYBOARD }, { control, move, (void *)HUB }, { control, move, (void *)STICK },
};

static void find(struct xhci *controller, void *context)
{
	(void)context;
	xhci = controller;
}

/* The controller's first bring-up is the probe; later inputs bring the same one up anew. */
static void begin(void)
{
	fake_xhci_reset();
	if (!xhci) {
		static struct char_device nowhere = { .name = "nowhere" };

		keyboard_input_start(&(struct keyboard_input_config){ .layout = keyboard_layout_find("de"), .device = &nowhere });
		fake_xhci_probe();
		xhci_for_each(find, NULL);
	} else {
		xhci->dead = xhci->settled = 0;
		xhci->command_address = 0;
		if (xhci_bring_up(xhci, 0x4000))
			abort();
	}
	steps = 0;
	keeper_count = 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u32 pages;

	begin();
	pages = fake_pages_in_use();
	input = data;
	left = MIN(size, 4096);
	fake_settings.random = next32;
	for (u32 round = 0; round < 6; round++) {
		u8 what = next(), port = (u8)(1 + (what >> 2) % FAKE_PORTS);

		fake_settings.wild_events = what >> 6;
		if (what & 2)
			fake_plug(port, &kinds[next() % KINDS]);
		else
			fake_unplug(port);
		usb_round(xhci);
		xhci_settled(xhci);
		fake_kick();
		step();
		while (keeper_count) {
			keeper_count--;
			keepers[keeper_count].function(keepers[keeper_count].argument);
		}
	}
	fake_settings.wild_events = 0;
	pull_all_out();
	if (!list_empty(&xhci->devices) || fake_pages_in_use() != pages)
		abort();
	return 0;
}
