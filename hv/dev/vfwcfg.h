/* SPDX-License-Identifier: MIT */
/*
 * QEMU's firmware configuration device: named files and numbered items that a guest's firmware or kernel reads.
 *
 * Ports 510h (selector, 16 bits), 511h (data, a byte at a time) and 514h to 51Bh (DMA: the physical address of a request,
 * big-endian, high half first). Items are read-only and belong to whoever added them. A DMA request is copied once and
 * bounded: what it moves is the guest's own memory, on its own vCPU's time.
 * QEMU: docs/specs/fw_cfg.txt.
 */
#ifndef HV_DEV_VFWCFG_H
#define HV_DEV_VFWCFG_H

#include "hv/dev/blob.h"
#include "hv/io_region.h"
#include "hv/state.h"
#include "hv/thread.h"

#define VFWCFG_PORT 0x510u
#define VFWCFG_DMA_PORT 0x514u
#define VFWCFG_PORTS 12u
#define VFWCFG_ITEMS_MAX 32u
#define VFWCFG_NAME_MAX 56u
#define VFWCFG_DMA_MAX_BYTES ((u32)(64 * MIB)) /* of one request */

enum vfwcfg_key {
	VFWCFG_SIGNATURE = 0x00, VFWCFG_ID = 0x01, VFWCFG_UUID = 0x02, VFWCFG_RAM_SIZE = 0x03, VFWCFG_NB_CPUS = 0x05,
	VFWCFG_MAX_CPUS = 0x0f, VFWCFG_FILE_DIR = 0x19, VFWCFG_FILE_FIRST = 0x20,
};

struct vfwcfg_state {
	u16 selector;
	u16 reserved;
	u32 offset;
	u32 dma_high;
	u32 reserved2;
};

struct vfwcfg_item {
	u16 key;
	u32 size_bytes;
	const u8 *data;               /* borrowed */
	char name[VFWCFG_NAME_MAX];   /* "" for numbered ones */
};

struct vm;

struct vfwcfg {
	struct vfwcfg_state state;    /* [mutex] */
	struct mutex mutex;
	struct vm *vm;                /* (c) */
	struct vfwcfg_item items[VFWCFG_ITEMS_MAX]; /* (c) after vfwcfg_finish */
	u32 item_count;               /* (c) */
	struct blob directory;        /* (c) */
};

void vfwcfg_init(struct vfwcfg *fw, struct vm *vm);
void vfwcfg_release(struct vfwcfg *fw);
/* Items, before vfwcfg_finish. A key or name twice, or too many: a bug of ours. data stays until vfwcfg_release. */
void vfwcfg_add(struct vfwcfg *fw, u16 key, const void *data, u32 size_bytes);
void vfwcfg_add_file(struct vfwcfg *fw, const char *name, const void *data, u32 size_bytes);
/* Sorts the files, makes the directory, claims the ports. ERR_NO_MEMORY or ERR_EXISTS. */
MUST_CHECK int vfwcfg_finish(struct vfwcfg *fw, struct io_map *ports);
void vfwcfg_reset(struct vfwcfg *fw);
void vfwcfg_save(struct vfwcfg *fw, struct state_writer *writer);
MUST_CHECK int vfwcfg_load(struct vfwcfg *fw, struct state_reader *reader);

#endif
