/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for the hypervisor: prints what a front door handed over on COM1, checks it, and powers off or halts.
 *
 * Used by the tests of boot/ only. Reads every byte of every module, so it also proves the identity map.
 */
#include "boot/handoff.h"
#include <stdbool.h>

#define COM1 0x3f8

void payload_main(const struct bootinfo *info, uint64_t image_base);

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void put(char c)
{
	while (!(in8(COM1 + 5) & 0x20))
		;
	out8(COM1, (uint8_t)c);
}

static void print(const char *s)
{
	while (*s) {
		if (*s == '\n')
			put('\r');
		put(*s++);
	}
}

static void hex(const char *label, uint64_t value)
{
	int shift = 60;

	print(label);
	while (shift > 0 && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put("0123456789abcdef"[value >> shift & 15]);
}

static uint32_t checksum(const uint8_t *at, uint64_t size)
{
	uint32_t sum = 1;
	uint64_t i;

	for (i = 0; i < size; i++)
		sum = sum * 31 + at[i];
	return sum;
}

static bool memory_in_order(const struct boot_memory_range *range, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (range[i].base % 4096 || range[i].size_bytes % 4096 || !range[i].size_bytes)
			return false;
		if (i && range[i - 1].base + range[i - 1].size_bytes > range[i].base)
			return false;
	}
	return count > 0;
}

static void show_memory(const struct bootinfo *info)
{
	const struct boot_memory_range *range = (const void *)info->memory;
	uint64_t unused = 0;
	uint32_t i;

	for (i = 0; i < info->memory_count; i++) {
		hex("memory ", range[i].base);
		hex(" + ", range[i].size_bytes);
		hex(" type ", range[i].type);
		hex(" attributes ", range[i].attributes);
		print("\n");
		if (range[i].type == BOOT_MEMORY_FREE)
			unused += range[i].size_bytes;
	}
	hex("free MiB ", unused >> 20);
	print(memory_in_order(range, info->memory_count) ? "\nmemory map: in order\n" : "\nmemory map: BROKEN\n");
}

static void show_modules(const struct bootinfo *info)
{
	const struct boot_module *module = (const void *)info->modules;
	uint32_t i;

	for (i = 0; i < info->module_count; i++) {
		print("module ");
		print(module[i].name);
		hex(" at ", module[i].base);
		hex(" size ", module[i].size_bytes);
		hex(" sum ", module[i].size_bytes < 1u << 26
		    ? checksum((const uint8_t *)module[i].base, module[i].size_bytes)
		    : checksum((const uint8_t *)module[i].base + module[i].size_bytes - 4096, 4096));
		print("\n");
	}
}

static void show_cpus(const struct bootinfo *info)
{
	const struct boot_cpu *cpu = (const void *)info->cpus;
	uint32_t i;

	for (i = 0; i < info->cpu_count; i++) {
		hex("cpu ", cpu[i].apic_id);
		hex(" flags ", cpu[i].flags);
		print("\n");
	}
}

/* Words of .bss must be zero and the link address must not matter: both prove the loading. */
static uint64_t zeroes[4096];

void payload_main(const struct bootinfo *info, uint64_t image_base)
{
	uint64_t sum = 0;
	int i;

	out8(COM1 + 3, 0x83);
	out8(COM1, 1);
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 3);
	print("\npayload: entered\n");
	for (i = 0; i < 4096; i++)
		sum |= zeroes[i];
	hex("record ", (uint64_t)info);
	hex(" image ", image_base);
	hex(" size ", info->image_size_bytes);
	hex(" door ", info->door);
	print(sum || image_base != info->image_base || info->magic != BOOTINFO_MAGIC || info->version != BOOTINFO_VERSION
	      ? "\nrecord: BROKEN\n" : "\nrecord: good\n");
	print("firmware ");
	print(info->firmware);
	print("\n");
	show_memory(info);
	show_modules(info);
	show_cpus(info);
	hex("rsdp ", info->rsdp);
	hex(" smbios ", info->smbios);
	hex(" system table ", info->efi_system_table);
	hex(" attributes ", info->efi_memory_attributes);
	hex("\nframebuffer ", info->framebuffer.base);
	hex(" width ", info->framebuffer.width);
	hex(" height ", info->framebuffer.height);
	hex(" stride ", info->framebuffer.stride_bytes);
	hex(" format ", info->framebuffer.format);
	print("\ncommand line: ");
	print(info->command_line ? (const char *)info->command_line : "(none)");
	print("\nmessages:\n");
	print(info->boot_messages ? (const char *)info->boot_messages : "(none)\n");
	print("payload: end\n");
	/* QEMU's isa-debug-exit, then Bochs's shutdown port; on anything else this stays here. */
	out8(0xf4, 0);
	for (i = 0; i < 8; i++)
		out8(0x8900, (uint8_t)"Shutdown"[i]);
	out16(0x604, 0x2000);
	for (;;)
		__asm__ volatile("cli; hlt");
}
