/* SPDX-License-Identifier: MIT */
/* Numbers of "Traditional Memory Balloon Device" (VIRTIO 1.2, 5.5) that device and driver share. */
#ifndef VIRTIO_SPEC_VIRTIO_BALLOON_H
#define VIRTIO_SPEC_VIRTIO_BALLOON_H

#include "hv/lib/types.h"

enum { VIRTIO_BALLOON_F_MUST_TELL_HOST = 0, VIRTIO_BALLOON_F_STATS_VQ = 1, VIRTIO_BALLOON_F_DEFLATE_ON_OOM = 2,
       VIRTIO_BALLOON_F_FREE_PAGE_HINT = 3, VIRTIO_BALLOON_F_PAGE_POISON = 4, VIRTIO_BALLOON_F_PAGE_REPORTING = 5 };

/* "Virtqueues" (5.5.2). Without free page hints drivers put the reporting queue at 3 (Linux, QEMU) or at 4 (the text). */
enum { VIRTIO_BALLOON_INFLATE = 0, VIRTIO_BALLOON_DEFLATE = 1, VIRTIO_BALLOON_STATS = 2, VIRTIO_BALLOON_REPORTING_PACKED = 3,
       VIRTIO_BALLOON_REPORTING = 4 };

#define VIRTIO_BALLOON_PAGE_SHIFT 12

struct virtio_balloon_config {
	u32 num_pages, actual;
};
STATIC_ASSERT(sizeof(struct virtio_balloon_config) == 8, "virtio_balloon_config");
#define VIRTIO_BALLOON_CONFIG_ACTUAL 4

/* "Memory Statistics" (5.5.6.3) */
struct virtio_balloon_stat {
	u16 tag;
	u64 value;
} PACKED;
STATIC_ASSERT(sizeof(struct virtio_balloon_stat) == 10, "virtio_balloon_stat");

#endif
