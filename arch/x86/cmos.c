/* SPDX-License-Identifier: MIT */
/* Reads twice, outside of updates, until both readings agree. MC146818A data sheet, "Update Cycle". */
#include "arch/x86/cmos.h"
#include "arch/x86/port.h"
#include "hv/lib/lock.h"
#include "hv/lib/string.h"

#define POLLS_MAX 100000
#define STATUS_A 10
#define STATUS_B 11
#define UPDATE_IN_PROGRESS 0x80

static u8 read_register(u8 index)
{
	outb(0x70, index | 0x80); /* NMI stays off while the index is ours */
	return inb(0x71);
}

static bool read_once(u8 century_register, u8 out[8])
{
	static const u8 places[] = { 0, 2, 4, 7, 8, 9 };
	u32 polls = 0;

	while (read_register(STATUS_A) & UPDATE_IN_PROGRESS)
		if (++polls > POLLS_MAX)
			return false;
	for (u32 i = 0; i < ARRAY_SIZE(places); i++)
		out[i] = read_register(places[i]);
	out[6] = century_register ? read_register(century_register & 0x7f) : 0;
	out[7] = read_register(STATUS_B);
	return true;
}

bool cmos_read_clock(u8 century_register, u8 registers[8])
{
	u64 flags = irq_save();
	u8 again[8];
	bool result = false;

	for (u32 tries = 0; tries < 4 && !result; tries++)
		result = read_once(century_register, registers) && read_once(century_register, again) &&
			 memcmp(registers, again, sizeof(again)) == 0;
	outb(0x70, 0x0d); /* NMI back on */
	irq_restore(flags);
	return result;
}
