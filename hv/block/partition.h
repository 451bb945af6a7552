/* SPDX-License-Identifier: MIT */
/* The partitions of a disk as block devices of their own: "sda1", "nvme0n1p1". Thread context. */
#ifndef HV_BLOCK_PARTITION_H
#define HV_BLOCK_PARTITION_H

#include "hv/block_device.h"
#include "hv/block/partition_table.h"

/*
 * Reads the disk's partition table and registers a device for each partition; a broken table is named in the log and gives
 * none. Once for a disk. OK also without a table; ERR_INVALID: a broken one; or what the disk said.
 */
int partitions_scan(struct block_device *disk);
/* Every registered disk that is none's partition. Start-up, after the drivers. */
void partitions_scan_all(void);
/* The table's words of a partition's device; NULL: it is none. The entry stays as long as the device. */
const struct partition *partition_of(const struct block_device *device);

#endif
