/* SPDX-License-Identifier: MIT */
/* Numbers of "Virtual I/O Device (VIRTIO) Version 1.2" that device and driver share: types, status, features, split rings. */
#ifndef VIRTIO_SPEC_VIRTIO_H
#define VIRTIO_SPEC_VIRTIO_H

#include "hv/lib/types.h"

/* "Device Types" (5) */
enum { VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK = 2, VIRTIO_ID_CONSOLE = 3, VIRTIO_ID_RNG = 4, VIRTIO_ID_BALLOON = 5, VIRTIO_ID_SCSI = 8 };

/* "Device Status Field" (2.1) */
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED 128u

/* "Reserved Feature Bits" (6) */
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_F_RING_RESET 40

/* "Split Virtqueues" (2.7); all little-endian. */
#define VIRTQ_DESC_F_NEXT 1u
#define VIRTQ_DESC_F_WRITE 2u
#define VIRTQ_DESC_F_INDIRECT 4u
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u
#define VIRTQ_USED_F_NO_NOTIFY 1u

struct virtq_desc {
	u64 address;
	u32 length;
	u16 flags, next;
};
STATIC_ASSERT(sizeof(struct virtq_desc) == 16, "virtq_desc");

struct virtq_used_element {
	u32 id, length;
};

/* Offsets inside of the available ring: le16 flags, idx, ring[size], used_event. */
#define VIRTQ_AVAIL_FLAGS 0u
#define VIRTQ_AVAIL_IDX 2u
#define VIRTQ_AVAIL_RING(i) (4u + 2u * (i))
#define VIRTQ_AVAIL_BYTES(size) (6u + 2u * (size))
/* And of the used ring: le16 flags, idx, elements[size], le16 avail_event. */
#define VIRTQ_USED_FLAGS 0u
#define VIRTQ_USED_IDX 2u
#define VIRTQ_USED_RING(i) (4u + 8u * (i))
#define VIRTQ_USED_BYTES(size) (6u + 8u * (size))

/* Does the step from old to new pass event? "Driver/Device Notification Suppression" (2.7.7, 2.7.10) */
static inline bool virtq_passes(u16 event, u16 new_index, u16 old_index)
{
	return (u16)(new_index - event - 1) < (u16)(new_index - old_index);
}

#endif
