/* SPDX-License-Identifier: MIT */
/* Numbers of "Block Device" (VIRTIO 1.2, 5.2) that device and driver share. */
#ifndef VIRTIO_SPEC_VIRTIO_BLK_H
#define VIRTIO_SPEC_VIRTIO_BLK_H

#include "hv/lib/types.h"

enum { VIRTIO_BLK_F_SIZE_MAX = 1, VIRTIO_BLK_F_SEG_MAX = 2, VIRTIO_BLK_F_GEOMETRY = 4, VIRTIO_BLK_F_RO = 5,
       VIRTIO_BLK_F_BLK_SIZE = 6, VIRTIO_BLK_F_FLUSH = 9, VIRTIO_BLK_F_TOPOLOGY = 10, VIRTIO_BLK_F_CONFIG_WCE = 11,
       VIRTIO_BLK_F_MQ = 12, VIRTIO_BLK_F_DISCARD = 13, VIRTIO_BLK_F_WRITE_ZEROES = 14 };

struct virtio_blk_config {
	u64 capacity;
	u32 size_max, seg_max;
	u16 cylinders;
	u8 heads, sectors;
	u32 blk_size;
	u8 physical_block_exp, alignment_offset;
	u16 min_io_size;
	u32 opt_io_size;
	u8 writeback, unused0;
	u16 num_queues;
	u32 max_discard_sectors, max_discard_seg, discard_sector_alignment, max_write_zeroes_sectors, max_write_zeroes_seg;
	u8 write_zeroes_may_unmap, unused1[3];
} PACKED;
STATIC_ASSERT(sizeof(struct virtio_blk_config) == 60, "virtio_blk_config");
#define VIRTIO_BLK_CONFIG_WRITEBACK 32

enum { VIRTIO_BLK_T_IN = 0, VIRTIO_BLK_T_OUT = 1, VIRTIO_BLK_T_FLUSH = 4, VIRTIO_BLK_T_GET_ID = 8, VIRTIO_BLK_T_DISCARD = 11,
       VIRTIO_BLK_T_WRITE_ZEROES = 13 };
enum { VIRTIO_BLK_S_OK = 0, VIRTIO_BLK_S_IOERR = 1, VIRTIO_BLK_S_UNSUPP = 2 };

struct virtio_blk_header {
	u32 type, reserved;
	u64 sector;
};
STATIC_ASSERT(sizeof(struct virtio_blk_header) == 16, "virtio_blk_header");

struct virtio_blk_range { /* of discard and write-zeroes */
	u64 sector;
	u32 sector_count, flags;
};
STATIC_ASSERT(sizeof(struct virtio_blk_range) == 16, "virtio_blk_range");
#define VIRTIO_BLK_RANGE_UNMAP 1u
#define VIRTIO_BLK_ID_BYTES 20u

#endif
