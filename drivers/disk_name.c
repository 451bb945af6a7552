/* SPDX-License-Identifier: MIT */
/* Names of disks: disk_name.h. */
#include "drivers/disk_name.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"

static u8 taken[DISK_NAMES_MAX]; /* (a) */

int disk_name_take(char name[DISK_NAME_BYTES], u32 *number)
{
	for (u32 i = 0; i < DISK_NAMES_MAX; i++) {
		if (__atomic_exchange_n(&taken[i], 1, __ATOMIC_ACQ_REL))
			continue;
		if (i < 26)
			format(name, DISK_NAME_BYTES, "sd%c", 'a' + i);
		else
			format(name, DISK_NAME_BYTES, "sd%c%c", 'a' + i / 26 - 1, 'a' + i % 26);
		*number = i;
		return OK;
	}
	return ERR_FULL;
}

void disk_name_release(u32 number)
{
	__atomic_store_n(&taken[number], 0, __ATOMIC_RELEASE);
}
