/* SPDX-License-Identifier: MIT */
/* What an ATA disk says of itself (IDENTIFY DEVICE, 512 bytes), checked. Pure. ACS-3, "IDENTIFY DEVICE data" (7.12.7). */
#ifndef DRIVERS_ATA_IDENTIFY_H
#define DRIVERS_ATA_IDENTIFY_H

#include "hv/lib/types.h"

struct ata_identity {
	char model[41], serial[21];
	u64 sector_count;          /* in 512-byte sectors */
	u32 logical_block_bytes, physical_block_bytes;
	u32 queue_depth;           /* 0: no native command queueing */
	bool lba48, write_cache, fua, rotational;
	u32 trim_blocks;           /* 512-byte blocks of ranges that one TRIM takes; 0: there is none */
};

/* Reads the words. ERR_UNSUPPORTED: a disk without LBA48 or with odd blocks; *why says so. */
MUST_CHECK int ata_identify_read(const u8 data[512], struct ata_identity *identity, const char **why);
/* ATA's text: pairs of bytes swapped, padded with blanks; what does not belong on a terminal becomes '?'. */
void ata_text(char *to, const u8 *words, size_t count);

#endif
