/* SPDX-License-Identifier: MIT */
/* Where all keyboards end: keyboard_input.h. */
#include "drivers/keyboard_input.h"
#include "hv/lib/log.h"

static struct keyboard_input_config input; /* (c) after `started` */
static u8 started;                         /* (a) */
static u32 usb_keyboards;                  /* (a) */

void keyboard_input_start(const struct keyboard_input_config *config)
{
	input = *config;
	__atomic_store_n(&started, 1, __ATOMIC_RELEASE);
}

const struct keyboard_layout *keyboard_input_layout(void)
{
	return __atomic_load_n(&started, __ATOMIC_ACQUIRE) ? input.layout : NULL;
}

void keyboard_input_byte(struct keyboard *keyboard, u8 byte)
{
	struct keyboard_output output;

	if (!__atomic_load_n(&started, __ATOMIC_ACQUIRE))
		return;
	keyboard->layout = input.layout;
	keyboard->application_keys = input.application_keys && input.application_keys();
	keyboard_decode(keyboard, byte, &output);
	if (output.count && input.device->received)
		input.device->received(input.device->context, output.bytes, output.count);
	if (output.event == KEYBOARD_REBOOT)
		log_notice("Ctrl-Alt-Del was pressed: host-reboot restarts the host, poweroff turns it off");
	else if (output.event != KEYBOARD_NOTHING && input.look_back)
		input.look_back(output.event == KEYBOARD_LOOK_BACK ? 1 : -1);
}

void keyboard_input_count_usb(int change)
{
	__atomic_fetch_add(&usb_keyboards, (u32)change, __ATOMIC_RELAXED);
}

u32 keyboard_input_usb_count(void)
{
	return __atomic_load_n(&usb_keyboards, __ATOMIC_RELAXED);
}
