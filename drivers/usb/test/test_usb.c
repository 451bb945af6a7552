/* SPDX-License-Identifier: MIT */
/* LINK: drivers/usb/test/fake_xhci.c drivers/usb/xhci.c drivers/usb/xhci_start.c drivers/usb/xhci_event.c drivers/usb/xhci_command.c */
/* LINK: drivers/usb/xhci_device.c drivers/usb/xhci_transfer.c drivers/usb/xhci_ring.c drivers/usb/usb_device.c drivers/usb/usb_hub.c */
/* LINK: drivers/usb/usb_descriptors.c drivers/usb/usb_keyboard.c drivers/usb/hid_keyboard.c drivers/usb/usb_storage.c drivers/usb/bulk_only.c */
/* LINK: drivers/disk_name.c drivers/keyboard_input.c drivers/ps2_keymap.c drivers/keyboard_layouts.c hv/block/registry.c hv/block/request.c */
/* LINK: hv/block/transfer.c hv/block/sync.c hv/block/partition.c hv/block/partition_table.c hv/block/partition_gpt.c hv/block/partition_mbr.c */
/* LINK: hv/lib/crc32.c hv/lib/utf8.c hv/lib/string.c hv/lib/format.c hv/test/thread_hosted.c hv/test/clock_hosted.c hv/lib/test/log_quiet.c */
/*
 * The whole stack over a fake controller, with its real threads: a keyboard types, a stick is read and written, breaks down and recovers,
 * is pulled out in the midst of it; a dozen plugs leave no page behind; a command that gets lost is aborted; a controller that dies takes
 * its devices with it.
 */
#include "hv/lib/test/unit.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "drivers/keyboard_input.h"
#include "drivers/usb/test/fake_xhci.h"
#include "drivers/usb/usb.h"
#include "hv/block/registry.h"
#include "hv/lib/error.h"
#include "hv/pages.h"
#include "hv/timer.h"

/* Held keys are not held here. */
void timer_init(struct timer *timer, void (*function)(struct timer *timer), void *context) { timer->function = function; timer->context = context; }
void timer_arm(struct timer *timer, u64 deadline_ns) { (void)timer; (void)deadline_ns; }
bool timer_cancel(struct timer *timer) { (void)timer; return false; }

#define MEDIUM_BYTES (256u * 1024)

static u8 keyboard_reports[8][8];
static u32 reports_ready, reports_taken;
static char typed[64];
static u8 medium[MEDIUM_BYTES];
static u8 command[31], sense_key;
static u32 command_left; /* of the command's data; its status follows */
static bool command_waits, status_waits;
static u32 stalls, wrong_statuses, resets;

static const u8 device_words[18] = { 18, 1, 0, 2, 0, 0, 0, 64, 0x34, 0x12, 0x78, 0x56, 0, 1, 0, 1, 0, 1 };
static const u8 keyboard_words[] = { 9, 2, 34, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 3, 1, 1, 0, 9, 0x21, 0x11, 1, 0, 1, 0x22, 63, 0,
				     7, 5, 0x81, 3, 8, 0, 7 };
static const u8 stick_words[] = { 9, 2, 32, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 8, 6, 0x50, 0, 7, 5, 0x81, 2, 0, 2, 0, 7, 5, 0x02, 2, 0, 2, 0 };

static int describe(const u8 *from, u32 bytes, u8 *to, u32 size_bytes)
{
	memcpy(to, from, MIN(bytes, size_bytes));
	return (int)MIN(bytes, size_bytes);
}

static int control(struct fake_device *device, const u8 setup[8], u8 *data, u32 size_bytes)
{
	static const u8 name[] = { 14, 3, 'T', 0, 'h', 0, 'i', 0, 'n', 0, 'g', 0, '1', 0 };
	bool stick = device->context != NULL;

	if (setup[1] == 6 && setup[3] == 1)
		return describe(device_words, sizeof(device_words), data, size_bytes);
	if (setup[1] == 6 && setup[3] == 2)
		return stick ? describe(stick_words, sizeof(stick_words), data, size_bytes)
			     : describe(keyboard_words, sizeof(keyboard_words), data, size_bytes);
	if (setup[1] == 6 && setup[3] == 3)
		return describe(name, sizeof(name), data, size_bytes);
	resets += setup[1] == 0xff && setup[0] == 0x21;
	if (setup[1] == 0xff || setup[1] == 9) /* reset recovery, or a configuration just set */
		command_waits = status_waits = false;
	return size_bytes ? FAKE_STALL : 0;
}

static int keyboard_move(struct fake_device *device, u8 endpoint, u8 *data, u32 size_bytes)
{
	(void)device;
	if (endpoint != 0x81 || size_bytes < 8 || reports_taken == reports_ready)
		return FAKE_SILENT;
	memcpy(data, keyboard_reports[reports_taken++], 8);
	return 8;
}

static u32 big32(const u8 *at) { return (u32)at[0] << 24 | (u32)at[1] << 16 | (u32)at[2] << 8 | at[3]; }

static int stick_data(u8 *data, u32 size_bytes)
{
	u64 place = (u64)big32(command + 17) * 512;
	bool in_bounds = place + size_bytes <= MEDIUM_BYTES;

	command_waits = false;
	status_waits = true;
	memset(data, 0, command[12] ? size_bytes : 0);
	switch (command[15]) {
	case 0x12:
		memcpy(data + 8, "Fake    Stick           1   ", 28);
		return (int)size_bytes;
	case 0x25:
		data[2] = (MEDIUM_BYTES / 512 - 1) >> 8;
		data[3] = (u8)(MEDIUM_BYTES / 512 - 1);
		data[6] = 2;
		return 8;
	case 0x03:
		data[0] = 0x70;
		data[2] = sense_key;
		return (int)size_bytes;
	case 0x28:
		ck_assert(in_bounds);
		memcpy(data, medium + place, size_bytes);
		return (int)size_bytes;
	case 0x2a:
		ck_assert(in_bounds);
		memcpy(medium + place, data, size_bytes);
		return (int)size_bytes;
	}
	return (int)size_bytes; /* MODE SENSE: zeroes */
}

static int stick_move(struct fake_device *device, u8 endpoint, u8 *data, u32 size_bytes)
{
	(void)device;
	if (stalls) {
		stalls--;
		return FAKE_STALL;
	}
	if (endpoint == 0x02 && !command_waits) {
		ck_assert_uint_eq(size_bytes, 31);
		memcpy(command, data, 31);
		command_left = command[8] | (u32)command[9] << 8 | (u32)command[10] << 16;
		command_waits = command_left != 0;
		status_waits = !command_waits;
		return 31;
	}
	if (command_waits)
		return stick_data(data, size_bytes);
	if (!status_waits)
		return FAKE_STALL;
	status_waits = false;
	memset(data, 0, 13);
	memcpy(data, "USBS", 4);
	memcpy(data + 4, command + 4, 4);
	if (wrong_statuses) {
		wrong_statuses--;
		data[4] ^= 1;
	}
	return 13;
}

static struct fake_device keyboard = { control, keyboard_move, NULL };
static struct fake_device stick = { control, stick_move, medium };

static void received(void *context, const char *bytes, size_t count)
{
	(void)context;
	strncat(typed, bytes, count);
}

static struct char_device screen = { .name = "screen", .received = received };

static bool find_disk(void *context, struct block_device *device)
{
	*(struct block_device **)context = device;
	return true;
}

static struct block_device *disk(void)
{
	struct block_device *device = NULL;

	block_for_each(find_disk, &device);
	return device;
}

static void count_one(void *context, const struct usb_info *info)
{
	(void)info;
	(*(u32 *)context)++;
}

static u32 devices(void)
{
	u32 count = 0;

	usb_for_each(count_one, &count);
	return count;
}

#define SOON(condition)                                                                                           \
	do {                                                                                                      \
		for (u32 tries_ = 0; !(condition) && tries_ < 10000; tries_++)                                    \
			usleep(1000);                                                                             \
		ck_assert_msg(condition, #condition);                                                             \
	} while (0)

static void press(u8 modifiers, u8 key)
{
	memcpy(keyboard_reports[reports_ready % 8], (u8[8]){ modifiers, 0, key }, 8);
	reports_ready++;
	fake_kick();
}

START_TEST(everything)
{
	u8 *buffer = aligned_alloc(4096, 65536 + 4096);
	struct block_user user = { .name = "test" };
	u32 pages;

	fake_xhci_reset();
	keyboard_input_start(&(struct keyboard_input_config){ .layout = keyboard_layout_find("us"), .device = &screen });
	fake_xhci_probe();
	fake_plug(1, &keyboard);
	fake_plug(3, &stick);
	usb_start();
	ck_assert_uint_eq(devices(), 2);
	ck_assert_uint_eq(keyboard_input_usb_count(), 1);

	/* Keys. */
	press(2, 0x0b);
	press(0, 0);
	press(0, 0x0c);
	SOON(strcmp(typed, "Hi") == 0);

	/* Reading and writing, over pieces that the controller wants cut. */
	ck_assert_ptr_nonnull(disk());
	ck_assert_str_eq(disk()->name, "sda");
	ck_assert_str_eq(disk()->model, "Fake Stick");
	ck_assert_uint_eq(disk()->limits.sector_count, MEDIUM_BYTES / 512);
	ck_assert_int_eq(block_open("sda", BLOCK_OPEN_EXCLUSIVE, &user), OK);
	for (u32 i = 0; i < 65536; i++)
		buffer[i] = (u8)(i * 7 + i / 256);
	ck_assert_int_eq(block_write(user.device, 100, buffer, 128, BLOCK_FUA), OK);
	ck_assert_mem_eq(medium + 51200, buffer, 65536);
	memset(buffer, 0, 65536);
	ck_assert_int_eq(block_read(user.device, 101, buffer, 127), OK);
	ck_assert_mem_eq(medium + 51712, buffer, 127 * 512);
	ck_assert_int_eq(block_flush(user.device), OK);

	/* A status of another command, twice: reset recovery, and the command again. A stall in the status's place: asked past. */
	wrong_statuses = 2;
	ck_assert_int_eq(block_read(user.device, 0, buffer, 8), OK);
	ck_assert_uint_eq(resets, 2);
	wrong_statuses = 3;
	ck_assert_int_eq(block_read(user.device, 0, buffer, 8), ERR_IO);
	stalls = 1;
	ck_assert_int_eq(block_read(user.device, 0, buffer, 8), OK);

	/* Pulled out while it is open: errors at once, the object until it is closed. */
	fake_unplug(3);
	SOON(devices() == 1);
	ck_assert_int_eq(block_read(user.device, 0, buffer, 8), ERR_NOT_FOUND);
	block_close(&user);
	fake_unplug(1);
	SOON(devices() == 0);
	SOON(keyboard_input_usb_count() == 0);
	usleep(50000);
	pages = fake_pages_in_use();

	/* Nothing stays behind. */
	for (u32 i = 0; i < 12; i++) {
		fake_plug(3, &stick);
		SOON(disk() != NULL);
		ck_assert_str_eq(disk()->name, "sda");
		fake_unplug(3);
		SOON(disk() == NULL && devices() == 0);
	}
	SOON(fake_pages_in_use() == pages);

	/* A command that is not answered is aborted, and the port tried again. */
	fake_settings.lost_commands = 1;
	fake_plug(1, &keyboard);
	SOON(devices() == 1);
	ck_assert_uint_eq(fake_settings.lost_commands, 0);
	fake_unplug(1);
	SOON(devices() == 0);

	/* A controller that dies takes its devices with it. */
	fake_plug(3, &stick);
	SOON(disk() != NULL);
	fake_settings.dead = true;
	fake_plug(1, &keyboard); /* its interrupt is what is noticed */
	SOON(disk() == NULL && devices() == 0);
	free(buffer);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("usb");
	TCase *tcase = tcase_create("usb");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, everything);
	suite_add_tcase(suite, tcase);
	return suite;
}
