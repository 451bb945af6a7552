/* SPDX-License-Identifier: MIT */
/*
 * Every way in which a PC is reset or turned off, one a start: the machine's next start is told how the last one ended
 * (hv/guest_tests.c) and judges it. The power button is pressed half a second after each start.
 */
#include "guest-tests/lib/board.h"

#define PM1_STATUS 0x600
#define PM1_ENABLE 0x602
#define PM1_CONTROL 0x604
#define POWER_BUTTON (1u << 8)
#define SCI_EN 1u
#define SLP_EN (1u << 13)
#define HOLE 0x40000000ull
#define SCI_VECTOR 0x49 /* IRQ 9 behind pic_setup */

struct table { u16 limit; u64 base; } __attribute__((packed));

static void reset_register(void)
{
	outb(0xcf9, 2);
	outb(0xcf9, 6);
}

static void full_reset(void)
{
	outb(0xcf9, 0xe);
}

static void keyboard_pulse(void)
{
	outb(0x64, 0xfe);
}

static void keyboard_output_port(void)
{
	outb(0x64, 0xd1);
	outb(0x60, 0xfe);
}

static void fast_reset(void)
{
	outb(0x92, inb(0x92) | 1);
}

static void load_idt(u16 limit, u64 base)
{
	struct table table = { limit, base };

	__asm__ volatile("lidt %0; ud2" ::"m"(table));
}

static void no_idt(void)
{
	load_idt(0, 0);
}

static void idt_in_a_hole(void)
{
	page_directories[HOLE >> 21] = 0;
	write_cr3(read_cr3());
	load_idt(0xfff, HOLE);
}

static void idt_of_nothing(void)
{
	static u64 gates[512];

	load_idt(sizeof(gates) - 1, (u64)gates);
}

static void no_page_tables(void)
{
	static u64 root[512] __attribute__((aligned(4096)));

	write_cr3((u64)root);
}

static void soft_off(void)
{
	outw(PM1_CONTROL, SLP_EN); /* the type of S5 is 0: DSDT, \_S5 */
}

static volatile unsigned buttons;

static void on_sci(struct trap_frame *frame)
{
	(void)frame;
	buttons += (inw(PM1_STATUS) & POWER_BUTTON) != 0;
	outw(PM1_STATUS, POWER_BUTTON);
	outb(0xa0, 0x20), outb(0x20, 0x20);
}

/* As an operating system does: the interrupt, the bit, then S5. The wait has no limit but the runner's. */
static void power_button(void)
{
	outw(PM1_ENABLE, POWER_BUTTON);
	outw(PM1_CONTROL, SCI_EN);
	pic_setup(0xfb, 0xfd);
	set_handler(SCI_VECTOR, on_sci);
	while (!buttons)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	if (!(inw(PM1_STATUS) & POWER_BUTTON))
		soft_off();
}

static const struct way { const char *name; void (*end)(void); const char *wanted; } ways[] = {
	{ "port 0xCF9", reset_register, "reset=reset register, port 0xCF9" },
	{ "port 0xCF9, with power cycle", full_reset, "reset=reset register, port 0xCF9" },
	{ "keyboard controller, pulse", keyboard_pulse, "reset=keyboard controller, pulse of the reset line" },
	{ "keyboard controller, output port", keyboard_output_port, "reset=keyboard controller, output port" },
	{ "port 0x92", fast_reset, "reset=fast reset, port 0x92" },
	{ "triple fault: an IDT of length 0", no_idt, "reset=triple fault" },
	{ "triple fault: the IDT's page is not there", idt_in_a_hole, "reset=triple fault" },
	{ "triple fault: an IDT without gates", idt_of_nothing, "reset=triple fault" },
	{ "triple fault: no page is there", no_page_tables, "reset=triple fault" },
	{ "ACPI S5", soft_off, "off=the guest powered off" },
	{ "power button, SCI, S5", power_button, "off=the guest powered off" },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* What the command line says behind its first word. */
static const char *last_end(void)
{
	const char *at = command_line();

	while (*at && *at != ' ')
		at++;
	return *at ? at + 1 : at;
}

static bool same(const char *a, const char *b)
{
	return strlen(a) == strlen(b) && !memcmp(a, b, strlen(a));
}

/* Bochs's AMD-V (2.7) has no exit at a triple fault: the emulator itself ends. */
static bool left_out(const struct way *way)
{
	return on_bochs_ryzen() && same(way->wanted, "reset=triple fault");
}

/* What start number n ends with, and the ways before it that are left out here, said at that start; NULL: nothing is left. */
static const struct way *way_of_start(u64 n, bool say)
{
	for (u64 i = 0; i < WAYS; i++) {
		if (left_out(&ways[i])) {
			if (say && !n)
				skip("%s", ways[i].name);
		} else if (!n--) {
			return &ways[i];
		}
	}
	return NULL;
}

void test_main(void)
{
	u64 start = command_number("start", 0);
	const struct way *way;

	if (start) {
		const struct way *last = way_of_start(start - 1, false);

		if (!same(last_end(), last->wanted))
			note("%s", last_end());
		report(same(last_end(), last->wanted), "%s", last->name);
	}
	way = way_of_start(start, true);
	if (!way)
		return;
	way->end();
	wait_us(1000000);
	report(false, "%s: the machine goes on", way->name);
}
