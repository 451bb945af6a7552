/* SPDX-License-Identifier: MIT */
/*
 * 8042 and PS/2 keyboard: see ps2_keyboard.h. Each wait has a time-out; a controller that answers nonsense means "no
 * keyboard", never a hang.
 */
#include "arch/x86/port.h"
#include "drivers/keyboard_input.h"
#include "drivers/ps2_keyboard.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/thread.h"

#define PORT_DATA 0x60
#define PORT_STATUS 0x64
#define PORT_COMMAND 0x64
#define STATUS_OUTPUT_FULL 0x01u /* a byte waits for us */
#define STATUS_INPUT_FULL 0x02u  /* our last byte is not taken yet */
#define STATUS_FROM_MOUSE 0x20u

#define COMMAND_READ_CONFIG 0x20
#define COMMAND_WRITE_CONFIG 0x60
#define COMMAND_DISABLE_MOUSE 0xa7
#define COMMAND_TEST_KEYBOARD 0xab
#define COMMAND_DISABLE_KEYBOARD 0xad
#define COMMAND_ENABLE_KEYBOARD 0xae
#define CONFIG_INTERRUPT 0x01u
#define CONFIG_MOUSE_INTERRUPT 0x02u
#define CONFIG_KEYBOARD_OFF 0x10u
#define CONFIG_MOUSE_OFF 0x20u
#define CONFIG_TRANSLATE 0x40u /* scan codes arrive as set 1 */

#define KEYBOARD_RESET 0xff
#define KEYBOARD_ENABLE 0xf4
#define KEYBOARD_ACK 0xfa
#define KEYBOARD_RESEND 0xfe
#define KEYBOARD_PASSED 0xaa

#define ANSWER_NS (100 * NS_PER_MS)
#define RESET_NS (1500 * NS_PER_MS) /* a self test takes up to 750 ms and more */
#define FLUSH_BYTES_MAX 256

static struct {
	struct ps2_keyboard_config config;
	struct keyboard keyboard; /* the interrupt's */
} ps2;

static bool wait_status(u8 mask, u8 value, u64 timeout_ns)
{
	u64 deadline = clock_ns() + timeout_ns;

	for (unsigned i = 0;; i++) {
		if ((inb(PORT_STATUS) & mask) == value)
			return true;
		if (clock_ns() >= deadline)
			return false;
		if (i > 50) /* most answers come within microseconds */
			thread_sleep_ns(NS_PER_MS);
	}
}

static bool send_command(u8 command)
{
	if (!wait_status(STATUS_INPUT_FULL, 0, ANSWER_NS))
		return false;
	outb(PORT_COMMAND, command);
	return true;
}

static bool send_data(u8 data)
{
	if (!wait_status(STATUS_INPUT_FULL, 0, ANSWER_NS))
		return false;
	outb(PORT_DATA, data);
	return true;
}

static bool receive(u8 *data, u64 timeout_ns)
{
	if (!wait_status(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL, timeout_ns))
		return false;
	*data = inb(PORT_DATA);
	return true;
}

static void flush(void)
{
	for (unsigned i = 0; i < FLUSH_BYTES_MAX && (inb(PORT_STATUS) & STATUS_OUTPUT_FULL); i++)
		(void)inb(PORT_DATA);
}

/* Keys that a person presses meanwhile may stand before the answer: some bytes are skipped for it. */
static bool keyboard_command(u8 command)
{
	for (unsigned attempt = 0; attempt < 3; attempt++) {
		u8 answer = 0;

		if (!send_data(command))
			return false;
		for (unsigned i = 0; i < 16 && answer != KEYBOARD_ACK && answer != KEYBOARD_RESEND; i++) {
			if (!receive(&answer, ANSWER_NS))
				return false;
		}
		if (answer == KEYBOARD_ACK)
			return true;
	}
	return false;
}

static bool set_config(u8 config)
{
	return send_command(COMMAND_WRITE_CONFIG) && send_data(config);
}

/* The order of OSDev's list: both ports off, flush, configuration, port test, port on, keyboard reset, scanning on. */
static const char *find_keyboard(u8 *config_byte)
{
	u8 config, answer;

	if (ps2.config.absent)
		return "the firmware says that there is no PS/2 controller";
	if (inb(PORT_STATUS) == 0xff)
		return "there is no PS/2 controller";
	if (!send_command(COMMAND_DISABLE_KEYBOARD) || !send_command(COMMAND_DISABLE_MOUSE))
		return "the PS/2 controller takes no commands";
	flush();
	if (!send_command(COMMAND_READ_CONFIG) || !receive(&config, ANSWER_NS))
		return "the PS/2 controller does not answer";
	config = (u8)((config & ~(CONFIG_INTERRUPT | CONFIG_MOUSE_INTERRUPT | CONFIG_KEYBOARD_OFF)) | CONFIG_TRANSLATE |
		      CONFIG_MOUSE_OFF);
	if (!set_config(config) || !send_command(COMMAND_TEST_KEYBOARD) || !receive(&answer, ANSWER_NS))
		return "the PS/2 controller does not answer";
	if (answer != 0)
		return "the PS/2 controller's keyboard port fails its test";
	if (!send_command(COMMAND_ENABLE_KEYBOARD) || !keyboard_command(KEYBOARD_RESET))
		return "no keyboard answers at the PS/2 controller";
	if (!receive(&answer, RESET_NS) || answer != KEYBOARD_PASSED)
		return "the PS/2 keyboard fails its self test";
	if (!keyboard_command(KEYBOARD_ENABLE))
		return "the PS/2 keyboard does not begin to scan";
	*config_byte = config;
	return NULL;
}

static void interrupt(void *context)
{
	(void)context;
	for (unsigned i = 0; i < FLUSH_BYTES_MAX; i++) {
		u8 status = inb(PORT_STATUS), byte;

		if (!(status & STATUS_OUTPUT_FULL))
			break;
		byte = inb(PORT_DATA);
		if (!(status & STATUS_FROM_MOUSE))
			keyboard_input_byte(&ps2.keyboard, byte);
	}
}

/* A key pressed meanwhile waits in the controller, which asks for it as soon as its interrupt is turned on. */
static void start_thread(void *argument)
{
	u8 config = 0;
	const char *why = find_keyboard(&config);

	(void)argument;
	ps2.config.set_up();
	if (why && keyboard_input_usb_count())
		log_info("no PS/2 keyboard (%s)", why);
	else if (why)
		log_notice("no keyboard found: use serial, or plug one in by USB (%s)", why);
	if (why)
		return;
	if (ps2.config.register_interrupt(interrupt, NULL) != OK) {
		log_warning("no interrupt for the PS/2 keyboard: use serial");
		return;
	}
	if (!set_config(config | CONFIG_INTERRUPT)) {
		log_warning("the PS/2 controller does not take its configuration: use serial");
		return;
	}
	log_info("PS/2 keyboard, layout %s", keyboard_input_layout()->name);
}

int ps2_keyboard_start(const struct ps2_keyboard_config *config)
{
	struct thread *thread;

	ps2.config = *config;
	thread = thread_create("keyboard", start_thread, NULL);
	if (!thread)
		return ERR_NO_MEMORY;
	thread_detach(thread);
	return OK;
}
