/* SPDX-License-Identifier: MIT */
/* Names of disks that several drivers share: sda, sdb, …, sdaa. The lowest that is free. */
#ifndef DRIVERS_DISK_NAME_H
#define DRIVERS_DISK_NAME_H

#include "hv/lib/types.h"

#define DISK_NAME_BYTES 8
#define DISK_NAMES_MAX 256u

/* Any thread. ERR_FULL: there are too many disks. *number: for disk_name_release. */
MUST_CHECK int disk_name_take(char name[DISK_NAME_BYTES], u32 *number);
void disk_name_release(u32 number);

#endif
