/* SPDX-License-Identifier: MIT */
/*
 * Finds the host's consoles and joins them to shells: COM1, the serial port that ACPI's SPCR table names, the screen
 * with its keyboard. With hv/main.c the only file of the core that names drivers.
 */
#include "arch/x86/early_console.h"
#include "drivers/keyboard_input.h"
#include "drivers/ps2_keyboard.h"
#include "drivers/screen.h"
#include "drivers/uart16550.h"
#include "hv/boot_record.h"
#include "hv/console.h"
#include "hv/host_console.h"
#include "hv/host_firmware.h"
#include "hv/interrupt.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/vmap.h"

#define COM1_PORT 0x3f8
#define COM1_IRQ 4
#define KEYBOARD_IRQ 1
#define UART_REGISTERS 8u

static struct uart16550 uarts[2];
static unsigned uart_count;

/* Start-up's sink: COM1 and the screen, at once. */
static void early_sink(enum log_level level, u64 time_ns, const char *text)
{
	char line[LOG_TEXT_MAX + 32];
	size_t length;

	if (level > LOG_INFO)
		return;
	length = format(line, sizeof(line), "[%5llu.%06llu] %s\n", (unsigned long long)(time_ns / 1000000000),
			(unsigned long long)(time_ns / 1000 % 1000000), text);
	early_console_write(line, MIN(length, sizeof(line) - 1));
	screen_write_now(line, MIN(length, sizeof(line) - 1));
}

static void panic_write(const char *text, size_t count)
{
	if (!uart_count)
		early_console_write(text, count);
	for (unsigned i = 0; i < uart_count; i++)
		uart16550_write_now(&uarts[i], text, count);
	screen_write_now(text, count);
}

static int init_screen(void)
{
	const struct boot_framebuffer *found = &boot_record.info.framebuffer;
	struct framebuffer_mode mode = {
		.size_bytes = found->size_bytes, .width = found->width, .height = found->height,
		.stride_bytes = found->stride_bytes,
	};

	if (!found->base || found->format == BOOT_PIXEL_NONE)
		return ERR_NOT_FOUND;
	if (found->format == BOOT_PIXEL_MASK) {
		mode.red_mask = found->red_mask;
		mode.green_mask = found->green_mask;
		mode.blue_mask = found->blue_mask;
	} else {
		mode.red_mask = found->format == BOOT_PIXEL_RGBX ? 0xff : 0xff0000;
		mode.green_mask = 0xff00;
		mode.blue_mask = found->format == BOOT_PIXEL_RGBX ? 0xff0000 : 0xff;
	}
	mode.pixels = vmap(HPA(found->base), found->size_bytes, VMAP_WRITE_COMBINING);
	return mode.pixels ? screen_init(&mode) : ERR_NO_MEMORY;
}

/* What the log already holds, for a screen that came later. */
static void show_old_lines(void)
{
	struct log_record record;
	u64 position = 0;

	while (log_read(&position, &record)) {
		char line[LOG_TEXT_MAX + 32];
		size_t length = format(line, sizeof(line), "[%5llu.%06llu] %s\n",
				       (unsigned long long)(record.time_ns / 1000000000),
				       (unsigned long long)(record.time_ns / 1000 % 1000000), record.text);

		if (record.level <= LOG_INFO)
			screen_write_now(line, MIN(length, sizeof(line) - 1));
	}
}

void host_console_early(void)
{
	int code = init_screen();

	panic_set_output(panic_write);
	if (code == OK)
		show_old_lines();
	log_set_sink(early_sink);
	if (code != OK)
		log_info("no screen: %s", code == ERR_NOT_FOUND ? "the firmware gives no framebuffer"
							       : "its framebuffer cannot be used");
}

static void open_console(struct char_device *device, unsigned (*columns)(void), u64 log_position)
{
	if (console_open(device, columns, log_position) != OK)
		log_error("%s: no memory for a console", device->name);
}

static struct uart16550 *init_uart(const char *name, const struct uart16550_place *place)
{
	struct uart16550 *uart = &uarts[uart_count];

	if (uart16550_init(uart, name, place) != OK) {
		log_debug("%s: no 16550 UART answers", name);
		return NULL;
	}
	uart_count++;
	return uart;
}

static void start_com1(u64 log_position)
{
	const struct acpi_spcr *spcr = &host_acpi.spcr;
	bool named = spcr->present && spcr->address.space == ACPI_SPACE_IO && spcr->address.address == COM1_PORT;
	struct uart16550 *uart = init_uart("serial", &(struct uart16550_place){
		.port = COM1_PORT, .stride_bytes = 1, .baud = named ? spcr->baud : 115200 });

	if (!uart)
		return;
	open_console(&uart->device, NULL, log_position);
	if (interrupt_register_isa(COM1_IRQ, "serial", uart16550_interrupt, uart) == OK)
		uart16550_start(uart);
	else
		log_warning("serial: no interrupt, so nothing can be typed there");
}

/* The port that firmware names for its own console, where it is another one than COM1. */
static void start_spcr(u64 log_position)
{
	const struct acpi_spcr *spcr = &host_acpi.spcr;
	struct uart16550_place place = { .stride_bytes = 1, .width_bytes = 1, .baud = spcr->baud };
	struct uart16550 *uart;

	if (!spcr->present || !spcr->address.address ||
	    (spcr->address.space == ACPI_SPACE_IO && spcr->address.address == COM1_PORT))
		return;
	if (!spcr->is_16550) {
		log_notice("serial: the firmware's console (SPCR type %u) is no 16550", spcr->interface_type);
		return;
	}
	if (spcr->address.space == ACPI_SPACE_IO) {
		place.port = (u16)spcr->address.address;
	} else {
		place.memory = true;
		place.width_bytes = spcr->address.access == 3 ? 4 : 1;
		place.stride_bytes = spcr->address.width_bits == 32 ? 4 : spcr->address.width_bits == 16 ? 2 : 1;
		place.base = vmap_mmio(HPA(spcr->address.address), UART_REGISTERS * place.stride_bytes);
		if (!place.base)
			return;
	}
	uart = init_uart("serial (SPCR)", &place);
	if (!uart)
		return;
	open_console(&uart->device, NULL, log_position);
	if (spcr->gsi && interrupt_register_gsi(spcr->gsi, place.memory, false, "serial (SPCR)", uart16550_interrupt,
						uart) == OK)
		uart16550_start(uart);
	else
		log_warning("serial (SPCR): no interrupt, so nothing can be typed there");
}

static int register_keyboard(void (*handler)(void *context), void *context)
{
	return interrupt_register_isa(KEYBOARD_IRQ, "keyboard", handler, context);
}

/* A prompt that takes no keys yet would lose the first ones: the screen's comes once the keyboard is set up, or is known to be none. USB keyboards are there by then (usb_start), or come later. */
static u64 screen_log_position;

static void open_screen(void)
{
	open_console(screen_device(), screen_columns, screen_log_position);
}

static void start_keyboard(struct char_device *screen)
{
	struct keyboard_input_config input = {
		.device = screen, .look_back = screen_look_back, .application_keys = screen_application_keys,
	};
	struct ps2_keyboard_config config = {
		.set_up = open_screen,
		.register_interrupt = register_keyboard,
		.absent = host_acpi.present && !host_acpi.pm.has_8042,
	};
	char name[16];

	if (boot_option("keyboard", name, sizeof(name))) {
		input.layout = keyboard_layout_find(name);
		if (!input.layout)
			log_warning("command line: keyboard=%s: no such layout; there are us, uk, de, es, fr", name);
	}
	if (!input.layout)
		input.layout = keyboard_layout_find("us");
	keyboard_input_start(&input);
	if (ps2_keyboard_start(&config) != OK) {
		log_warning("no memory for the keyboard's thread: use serial");
		open_screen();
	}
}

/* From here on each console prints the log itself; what came before was printed by the sink. */
static u64 end_of_early_log(void)
{
	static struct log_record record;
	u64 position = 0;

	log_set_sink(NULL);
	while (log_read(&position, &record))
		;
	return position;
}

void host_console_start(void)
{
	u64 log_position = end_of_early_log();
	struct char_device *screen = screen_device();

	start_com1(log_position);
	start_spcr(log_position);
	if (!screen)
		return;
	screen_start();
	screen_log_position = log_position;
	start_keyboard(screen);
}
