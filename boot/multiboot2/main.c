/* SPDX-License-Identifier: MIT */
/*
 * The Multiboot2 front door, for GRUB on BIOS and UEFI machines: from GRUB's record to the hypervisor's entry.
 *
 * GRUB has read the files and ended boot services. This gathers what its record says, finds memory for the hypervisor
 * and what goes with it, and enters as boot/handoff.h says. It runs at the address where GRUB put it, identity-mapped
 * up to 4 GiB, which is where GRUB leaves everything. Next to read: record.c, modules.c.
 */
#include "boot/multiboot2/multiboot2.h"
#include "boot/identity.h"
#include "boot/image.h"

extern const uint8_t embedded_elf[], embedded_elf_end[];

static struct bootinfo info;
static struct boot_memory_range memory[MEMORY_RANGES_MAX];
static char messages[MESSAGES_BYTES];
static uint8_t stack[16384] __attribute__((aligned(16)));

__attribute__((noreturn)) void multiboot2_main(const void *record);

void *take(struct front *front, uint64_t size_bytes, uint64_t align, uint32_t type)
{
	uint64_t size = (size_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	uint64_t best = 0;
	uint32_t i;

	for (i = 0; i < front->ranges.count; i++) {
		const struct boot_memory_range *range = &front->ranges.at[i];
		uint64_t end = range->base + range->size_bytes, at;

		if (range->type != BOOT_MEMORY_FREE || range->base >= MAPPED_END)
			continue;
		end = end > MAPPED_END ? MAPPED_END : end;
		if (end < size)
			continue;
		at = (end - size) & ~(align - 1);
		if (at >= range->base && at > best && at >= MIB_BYTES)
			best = at;
	}
	if (!best)
		fail("no memory for the hypervisor");
	ranges_set(&front->ranges, best, size, type, 0);
	__builtin_memset((void *)best, 0, size);
	return (void *)best;
}

void message(struct front *front, const char *first, ...)
{
	__builtin_va_list rest;
	const char *s;

	__builtin_va_start(rest, first);
	for (s = first; s; s = __builtin_va_arg(rest, const char *))
		text_append(&front->messages, s);
	text_append(&front->messages, "\n");
	__builtin_va_end(rest);
}

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

/* Where neither loader nor hypervisor can speak: text memory of a VGA, and COM1 as it is. */
void fail(const char *text)
{
	volatile uint16_t *screen = (volatile uint16_t *)0xb8000;

	for (; *text; text++) {
		*screen++ = (uint16_t)(0x4f00 | (uint8_t)*text);
		out8(0x3f8, (uint8_t)*text);
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}

static bool cpu_has_gib_pages(void)
{
	uint32_t eax = 0x80000001u, ebx, ecx, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	return edx >> 26 & 1;
}

static uint64_t *build_tables(struct front *front)
{
	const struct boot_framebuffer *fb = &front->info->framebuffer;
	bool gib_pages = cpu_has_gib_pages();
	uint64_t end = MAPPED_END;
	uint64_t *tables;
	uint32_t i;

	for (i = 0; i < front->ranges.count; i++) {
		const struct boot_memory_range *range = &front->ranges.at[i];

		if (range->type != BOOT_MEMORY_RESERVED && range->type != BOOT_MEMORY_MMIO &&
		    range->base + range->size_bytes > end)
			end = range->base + range->size_bytes;
	}
	if (fb->base + fb->size_bytes > end)
		end = fb->base + fb->size_bytes;
	tables = take(front, identity_table_pages(end, gib_pages) * PAGE_BYTES, PAGE_BYTES, BOOT_MEMORY_BOOT);
	identity_build(tables, end, gib_pages);
	return tables;
}

void multiboot2_main(const void *record)
{
	struct front front = { .info = &info, .record = record };
	struct image image;
	const char *fault;
	uint64_t *tables;
	uint8_t *at;

	front.ranges.at = memory;
	front.ranges.capacity = MEMORY_RANGES_MAX;
	text_init(&front.messages, messages, sizeof(messages));
	info.magic = BOOTINFO_MAGIC;
	info.version = BOOTINFO_VERSION;
	info.door = BOOT_DOOR_MULTIBOOT2;
	info.boot_messages = (uint64_t)(uintptr_t)messages;

	fault = image_check(&image, embedded_elf, (size_t)(embedded_elf_end - embedded_elf));
	if (fault)
		fail(fault);
	describe_memory(&front);
	/* From here on free memory is known, and may be taken. */
	at = take(&front, image.size_bytes, LARGE_PAGE_BYTES, BOOT_MEMORY_IMAGE);
	image_load(&image, at);
	info.image_base = (uint64_t)(uintptr_t)at;
	info.image_size_bytes = image.size_bytes;
	describe_modules(&front);
	describe_machine(&front);
	tables = build_tables(&front);
	ranges_merge(&front.ranges);
	if (front.ranges.full)
		message(&front, "the memory map has more ranges than fit: some memory stays unused", NULL);
	info.memory = (uint64_t)(uintptr_t)front.ranges.at;
	info.memory_count = front.ranges.count;
	boot_enter(info.image_base + image.entry_offset, (uint64_t)(uintptr_t)&info, info.image_base,
		   (uint64_t)(uintptr_t)tables, (uint64_t)(uintptr_t)(stack + sizeof(stack)));
}
