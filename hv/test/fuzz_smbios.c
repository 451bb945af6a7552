/* SPDX-License-Identifier: MIT */
/* LINK: hv/smbios.c hv/lib/format.c hv/lib/test/log_quiet.c */
/* Hostile SMBIOS tables behind a right entry point (so that the fuzzer need not find its checksum), and hostile entry points. */
#include <stdlib.h>
#include "hv/lib/string.h"
#include "hv/smbios.h"
#include "hv/test/fake_memory.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct smbios_info info;

static void check_string(const smbios_string s)
{
	if (strnlen(s, SMBIOS_STRING_MAX) == SMBIOS_STRING_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u8 memory[24 + 65536];
	struct fake_memory fake = { 4096, data, size };
	struct physical_reader reader = { fake_memory_read, &fake };
	u32 length = (u32)MIN(size, (size_t)65536), address = 4096 + 24;
	u8 sum = 0;

	(void)smbios_parse(&info, &reader, 4096);
	memset(memory, 0, 24);
	memcpy(memory, "_SM3_", 5);
	memory[6] = 24, memory[7] = 3;
	memcpy(memory + 12, &length, 4);
	memcpy(memory + 16, &address, 4);
	for (unsigned i = 0; i < 24; i++)
		sum = (u8)(sum + memory[i]);
	memory[5] = (u8)-sum;
	memcpy(memory + 24, data, length);
	fake = (struct fake_memory){ 4096, memory, 24 + length };
	(void)smbios_parse(&info, &reader, 4096);
	check_string(info.bios.vendor);
	check_string(info.chassis.sku);
	for (u32 i = 0; i < info.oem_count; i++)
		check_string(info.oem[i]);
	return 0;
}
