/* SPDX-License-Identifier: MIT */
/* The library of the test kernels (guest.h): text out, verdicts, traps, benches. */
#include <stdarg.h>
#include "guest-tests/lib/guest.h"

#define PORT_TEXT 0xe9
#define TEXT_PRESENT 0xe9
#define PORT_SERIAL 0x3f8
#define PORT_EXIT 0xf4
#define PVH_MAGIC 0x336ec578u
#define MULTIBOOT_LOADED 0x2badb002u

void test_start(void);
void trap_handle(struct trap_frame *frame);
int trap_try(void (*function)(void *), void *argument, struct trap_context *context);
extern const u8 trap_stubs[];
extern u32 boot_magic, boot_information;

struct trap_frame last_trap;
u64 last_cr2;

static struct trap_context *trying;
static void (*handlers[256])(struct trap_frame *frame);
static unsigned passed_count, failed_count, skipped_count;
static u64 idt[512] __attribute__((aligned(16)));
static u8 tss[104] __attribute__((aligned(16)));
static u8 fault_stack[4096] __attribute__((aligned(16)));

void *memset(void *to, int byte, size_t size)
{
	u8 *at = to;

	while (size--)
		*at++ = (u8)byte;
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	u8 *at = to;
	const u8 *source = from;

	while (size--)
		*at++ = *source++;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t length = 0;

	while (s[length])
		length++;
	return length;
}

bool starts_with(const char *s, const char *prefix)
{
	return !memcmp(s, prefix, strlen(prefix));
}

/* A machine without the test's ports (a domain) speaks on its first serial port, where \n alone does not return. */
static void put(char c)
{
	if (inb(PORT_TEXT) == TEXT_PRESENT) {
		outb(PORT_TEXT, (u8)c);
		return;
	}
	if (c == '\n')
		outb(PORT_SERIAL, '\r');
	outb(PORT_SERIAL, (u8)c);
}

static void put_string(const char *s)
{
	while (*s)
		put(*s++);
}

static void put_number(u64 value, unsigned base, int width, char pad)
{
	char digits[24];
	int count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (width-- > count)
		put(pad);
	while (count)
		put(digits[--count]);
}

/* %s %c %d %u %x %lx %lu %llx…, with 0 and a width. */
static void put_format(const char *fmt, va_list args)
{
	for (; *fmt; fmt++) {
		char pad = ' ';
		int width = 0, longs = 0;
		u64 value;

		if (*fmt != '%') {
			put(*fmt);
			continue;
		}
		if (*++fmt == '0')
			pad = '0';
		while (*fmt >= '0' && *fmt <= '9')
			width = width * 10 + *fmt++ - '0';
		while (*fmt == 'l' && fmt++)
			longs++;
		switch (*fmt) {
		case 's':
			put_string(va_arg(args, const char *));
			continue;
		case 'c':
			put((char)va_arg(args, int));
			continue;
		case '%':
			put('%');
			continue;
		}
		value = longs ? va_arg(args, u64) : va_arg(args, u32);
		if (*fmt == 'd' && !longs)
			value = (u64)(int64_t)(int)value;
		if (*fmt == 'd' && (int64_t)value < 0) {
			put('-');
			value = -value;
		}
		put_number(value, *fmt == 'x' ? 16 : 10, width, pad);
	}
}

#define LINE(prefix)                                                                                              \
	do {                                                                                                      \
		va_list args;                                                                                     \
		put_string(prefix);                                                                               \
		va_start(args, fmt);                                                                              \
		put_format(fmt, args);                                                                            \
		va_end(args);                                                                                     \
		put('\n');                                                                                        \
	} while (0)

void report(bool passed, const char *fmt, ...)
{
	*(passed ? &passed_count : &failed_count) += 1;
	LINE(passed ? "PASS: " : "FAIL: ");
}

void skip(const char *fmt, ...)
{
	skipped_count++;
	LINE("SKIP: ");
}

void note(const char *fmt, ...)
{
	LINE("# ");
}

static void say(const char *fmt, ...)
{
	LINE("");
}

void finish(void)
{
	say("done: %u passed, %u failed, %u skipped", passed_count, failed_count, skipped_count);
	outb(PORT_EXIT, failed_count || !(passed_count + skipped_count));
	for (;;)
		__asm__ volatile("cli; hlt");
}

const char *command_line(void)
{
	const u32 *info = (const u32 *)(u64)boot_information;

	if (boot_magic == MULTIBOOT_LOADED)
		return info[0] & 4 ? (const char *)(u64)info[4] : "";
	if (info && info[0] == PVH_MAGIC && info[6])
		return (const char *)*(const u64 *)(const void *)&info[6];
	return "";
}

u64 command_number(const char *name, u64 otherwise)
{
	u64 value = 0;

	for (const char *at = command_line(); *at; at++) {
		if ((at != command_line() && at[-1] != ' ') || !starts_with(at, name) || at[strlen(name)] != '=')
			continue;
		for (at += strlen(name) + 1; *at >= '0' && *at <= '9'; at++)
			value = value * 10 + (u64)(*at - '0');
		return value;
	}
	return otherwise;
}

/* Xen's hvm_start_info and hvm_memmap_table_entry; Multiboot's mmap, whose entries begin with their own size. */
static bool map_entry(unsigned index, u64 *base, u64 *size, u32 *type)
{
	const u32 *info = (const u32 *)(u64)boot_information;
	const u8 *at, *end;

	if (boot_magic != MULTIBOOT_LOADED) {
		at = *(const u8 *const *)(const void *)&info[10] + 24ull * index;
		if (index >= info[12])
			return false;
	} else {
		at = (const u8 *)(u64)info[12];
		end = at + info[11];
		while (index-- && at < end)
			at += *(const u32 *)(const void *)at + 4;
		if (at >= end)
			return false;
		at += 4;
	}
	memcpy(base, at, 8);
	memcpy(size, at + 8, 8);
	memcpy(type, at + 16, 4);
	return true;
}

bool memory_map(unsigned index, u64 *base, u64 *size)
{
	u32 type;

	for (unsigned i = 0; map_entry(i, base, size, &type); i++)
		if (type == 1 && index-- == 0)
			return true;
	return false;
}

void set_handler(u8 vector, void (*handler)(struct trap_frame *frame))
{
	handlers[vector] = handler;
}

bool end_trial(struct trap_frame *frame)
{
	struct trap_context *context = trying;

	if (!context)
		return false;
	last_trap = *frame;
	trying = NULL;
	frame->rsp = context->rsp;
	frame->rip = context->rip;
	frame->cs = 0x08;
	frame->ss = 0x10;
	frame->rflags &= ~(u64)0x100;
	return true;
}

void trap_handle(struct trap_frame *frame)
{
	if (frame->vector == 14)
		last_cr2 = read_cr2();
	if (handlers[frame->vector]) {
		handlers[frame->vector](frame);
		return;
	}
	if (frame->vector < 32 && end_trial(frame))
		return;
	report(false, "unexpected vector %u, error code 0x%x, at 0x%lx", (u32)frame->vector, (u32)frame->error_code, frame->rip);
	finish();
}

int trapped(void (*function)(void *), void *argument)
{
	struct trap_context context;
	int result;

	trying = &context;
	result = trap_try(function, argument, &context);
	trying = NULL;
	return result ? (int)last_trap.vector : NO_TRAP;
}

struct msr_access { u32 msr; u64 value; };

static void do_rdmsr(void *argument)
{
	struct msr_access *access = argument;

	access->value = rdmsr(access->msr);
}

static void do_wrmsr(void *argument)
{
	struct msr_access *access = argument;

	wrmsr(access->msr, access->value);
}

int rdmsr_trapped(u32 msr, u64 *value)
{
	struct msr_access access = { msr, 0 };
	int vector = trapped(do_rdmsr, &access);

	*value = access.value;
	return vector;
}

int wrmsr_trapped(u32 msr, u64 value)
{
	struct msr_access access = { msr, value };

	return trapped(do_wrmsr, &access);
}

void x2apic_enable(void)
{
	u64 base = rdmsr(0x1b);

	wrmsr(0x1b, base | 0x800);
	wrmsr(0x1b, base | 0xc00);
	wrmsr(X2APIC(0xf0), 0x1ff); /* enabled, spurious vector 255 */
}

void bench(const char *name, u64 (*measure)(void), unsigned tries)
{
	static u64 samples[4096];
	unsigned count = tries < 4096 ? tries : 4096;

	for (unsigned i = 0; i < 8; i++)
		(void)measure();
	for (unsigned i = 0; i < count; i++)
		samples[i] = measure();
	/* Shell sort: the samples are few and mostly equal. */
	for (unsigned gap = count / 2; gap; gap /= 2)
		for (unsigned i = gap; i < count; i++)
			for (unsigned k = i; k >= gap && samples[k] < samples[k - gap]; k -= gap) {
				u64 swap = samples[k];

				samples[k] = samples[k - gap];
				samples[k - gap] = swap;
			}
	say("bench %s %lu %lu %u", name, samples[count / 2], samples[count - 1], count);
}

void load_interrupt_table(void)
{
	struct { u16 limit; u64 base; } __attribute__((packed)) idtr = { sizeof(idt) - 1, (u64)idt };

	__asm__ volatile("lidt %0" ::"m"(idtr));
}

static void load_tables(void)
{
	u64 base = (u64)tss;

	for (unsigned i = 0; i < 256; i++) {
		u64 stub = (u64)trap_stubs + 16 * i;

		idt[2 * i] = (stub & 0xffff) | 0x08ull << 16 | (i == 8 ? 1ull << 32 : 0) | 0x8eull << 40 | (stub >> 16 & 0xffff) << 48;
		idt[2 * i + 1] = stub >> 32;
	}
	*(u64 *)(void *)(tss + 36) = (u64)fault_stack + sizeof(fault_stack); /* IST 1 */
	*(u64 *)(void *)(tss + 4) = (u64)fault_stack + sizeof(fault_stack);  /* RSP 0 */
	gdt[8] = 103 | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	gdt[9] = base >> 32;
	load_interrupt_table();
	__asm__ volatile("ltr %w0" ::"r"(0x40));
}

void test_start(void)
{
	load_tables();
	/* The legacy interrupt controllers are quiet unless a test wants them. */
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	test_main();
	finish();
}
