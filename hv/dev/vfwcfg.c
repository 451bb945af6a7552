/* SPDX-License-Identifier: MIT */
/* The firmware configuration device; see vfwcfg.h. Its registers are written like the items' data: big-endian where noted. */
#include "hv/dev/vfwcfg.h"
#include "hv/gmem.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"

#define OFFSET_SELECTOR 0u
#define OFFSET_DATA 1u
#define OFFSET_DMA_HIGH 0u
#define OFFSET_DMA_LOW 4u
#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */

enum dma_control { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };

static u64 big_endian(const u8 *from, unsigned size_bytes)
{
	u64 value = 0;

	for (unsigned i = 0; i < size_bytes; i++)
		value = value << 8 | from[i];
	return value;
}

static void append_big_endian(struct blob *blob, u64 value, unsigned size_bytes)
{
	while (size_bytes-- > 0)
		blob_append_number(blob, value >> (8 * size_bytes), 1);
}

void vfwcfg_init(struct vfwcfg *fw, struct vm *vm)
{
	static const u8 signature[4] = { 'Q', 'E', 'M', 'U' }, id[4] = { 3, 0, 0, 0 }; /* ports and DMA */

	memset(fw, 0, sizeof(*fw));
	fw->vm = vm;
	mutex_init(&fw->mutex, "fw_cfg");
	blob_init(&fw->directory);
	vfwcfg_add(fw, VFWCFG_SIGNATURE, signature, sizeof(signature));
	vfwcfg_add(fw, VFWCFG_ID, id, sizeof(id));
}

void vfwcfg_release(struct vfwcfg *fw)
{
	blob_release(&fw->directory);
}

static const struct vfwcfg_item *item_find(const struct vfwcfg *fw, u16 key)
{
	for (u32 i = 0; i < fw->item_count; i++)
		if (fw->items[i].key == key)
			return &fw->items[i];
	return NULL;
}

void vfwcfg_add(struct vfwcfg *fw, u16 key, const void *data, u32 size_bytes)
{
	BUG_ON(fw->item_count == VFWCFG_ITEMS_MAX || item_find(fw, key));
	fw->items[fw->item_count++] = (struct vfwcfg_item){ .key = key, .size_bytes = size_bytes, .data = data };
}

static bool is_file(const struct vfwcfg_item *item)
{
	return item->name[0] != '\0';
}

/* Files stand sorted by name, as firmware may search; each insertion keeps them so. */
void vfwcfg_add_file(struct vfwcfg *fw, const char *name, const void *data, u32 size_bytes)
{
	u32 place = fw->item_count;

	BUG_ON(fw->item_count == VFWCFG_ITEMS_MAX || strlen(name) >= VFWCFG_NAME_MAX || !name[0]);
	while (place && is_file(&fw->items[place - 1]) && strcmp(fw->items[place - 1].name, name) > 0) {
		fw->items[place] = fw->items[place - 1];
		place--;
	}
	fw->items[place] = (struct vfwcfg_item){ .size_bytes = size_bytes, .data = data };
	string_copy(fw->items[place].name, name, VFWCFG_NAME_MAX);
	fw->item_count++;
}

static void directory_build(struct vfwcfg *fw)
{
	u16 key = VFWCFG_FILE_FIRST;
	u32 files = 0;

	for (u32 i = 0; i < fw->item_count; i++)
		files += is_file(&fw->items[i]);
	append_big_endian(&fw->directory, files, 4);
	for (u32 i = 0; i < fw->item_count; i++) {
		struct vfwcfg_item *item = &fw->items[i];

		if (!is_file(item))
			continue;
		item->key = key++;
		append_big_endian(&fw->directory, item->size_bytes, 4);
		append_big_endian(&fw->directory, item->key, 2);
		append_big_endian(&fw->directory, 0, 2);
		blob_append(&fw->directory, item->name, VFWCFG_NAME_MAX);
	}
}

static void select_item(struct vfwcfg *fw, u16 key)
{
	fw->state.selector = key;
	fw->state.offset = 0;
}

/* The next bytes of the selected item: at most `most`, 0 at its end. */
static u32 item_take(struct vfwcfg *fw, u32 most, const u8 **from)
{
	const struct vfwcfg_item *item = item_find(fw, fw->state.selector);
	u32 offset, size;

	if (!item || fw->state.offset >= item->size_bytes)
		return 0;
	offset = (u32)index_nospec(fw->state.offset, item->size_bytes);
	size = MIN(most, item->size_bytes - offset);
	*from = item->data + offset;
	fw->state.offset = offset + size;
	return size;
}

static u8 read_data(struct vfwcfg *fw)
{
	const u8 *from;

	return item_take(fw, 1, &from) ? *from : 0;
}

/* The item's bytes, then zeros. */
static int dma_read(struct vfwcfg *fw, u64 address, u32 length)
{
	const u8 *from = NULL;
	u32 size = item_take(fw, length, &from);

	if (size && gmem_write(fw->vm, GPA(address), from, size) != OK)
		return ERR_FAULT;
	if (length == size)
		return OK;
	return address + size < address ? ERR_FAULT : gmem_zero(fw->vm, GPA(address + size), length - size);
}

static void dma_skip(struct vfwcfg *fw, u32 length)
{
	const u8 *from;

	(void)item_take(fw, length, &from);
}

/* A request: control 4, length 4, address 8, all big-endian. Zero, or the error bit, is written over the first. */
static void dma_request(struct vfwcfg *fw, u64 place)
{
	u8 request[16], answer[4] = { 0, 0, 0, 0 };
	u32 control, length;
	bool bad;

	if (gmem_read(fw->vm, GPA(place), request, sizeof(request)) != OK)
		return; /* not RAM: nowhere to put an answer either */
	control = (u32)big_endian(request, 4);
	length = (u32)big_endian(request + 4, 4);
	if (control & DMA_SELECT)
		select_item(fw, (u16)(control >> 16));
	bad = (control & DMA_WRITE) || length > VFWCFG_DMA_MAX_BYTES; /* nothing here is writable */
	if (!bad && control & DMA_READ)
		bad = dma_read(fw, big_endian(request + 8, 8), length) != OK;
	else if (!bad && control & DMA_SKIP)
		dma_skip(fw, length);
	answer[3] = bad ? DMA_ERROR : 0;
	if (gmem_write(fw->vm, GPA(place), answer, sizeof(answer)) != OK)
		log_debug("fw_cfg: the guest took its DMA request away");
}

static u64 port_read(void *device, u64 offset, unsigned size_bytes)
{
	struct vfwcfg *fw = device;
	u64 value = 0;

	mutex_lock(&fw->mutex);
	if (offset == OFFSET_DATA && size_bytes == 1)
		value = read_data(fw);
	mutex_unlock(&fw->mutex);
	return value;
}

static void port_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vfwcfg *fw = device;

	if (offset != OFFSET_SELECTOR || size_bytes != 2) /* data is read-only */
		return;
	mutex_lock(&fw->mutex);
	select_item(fw, (u16)value);
	mutex_unlock(&fw->mutex);
}

/* Reads give the signature, by which DMA is found; bytes in big-endian order. */
static u64 dma_port_read(void *device, u64 offset, unsigned size_bytes)
{
	u64 value = 0;

	(void)device;
	for (unsigned i = 0; i < size_bytes; i++)
		value |= (DMA_SIGNATURE >> (8 * (7 - ((offset + i) & 7))) & 0xff) << (8 * i);
	return value;
}

static u32 swap32(u32 value)
{
	return value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24;
}

static void dma_port_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct vfwcfg *fw = device;

	if (size_bytes != 4)
		return;
	mutex_lock(&fw->mutex);
	if (offset == OFFSET_DMA_HIGH) {
		fw->state.dma_high = swap32((u32)value);
	} else if (offset == OFFSET_DMA_LOW) {
		u64 place = (u64)fw->state.dma_high << 32 | swap32((u32)value);

		fw->state.dma_high = 0;
		dma_request(fw, place);
	}
	mutex_unlock(&fw->mutex);
}

int vfwcfg_finish(struct vfwcfg *fw, struct io_map *ports)
{
	static const struct io_ops port_ops = { port_read, port_write }, dma_ops = { dma_port_read, dma_port_write };
	const struct io_region port = { .base = VFWCFG_PORT, .size_bytes = 2, .ops = &port_ops, .device = fw, .name = "fw_cfg" };
	const struct io_region dma = { .base = VFWCFG_DMA_PORT, .size_bytes = 8, .ops = &dma_ops, .device = fw,
				       .name = "fw_cfg DMA" };
	int result;

	directory_build(fw);
	if (fw->directory.failed)
		return ERR_NO_MEMORY;
	vfwcfg_add(fw, VFWCFG_FILE_DIR, fw->directory.data, fw->directory.size_bytes);
	result = io_map_add(ports, &port);
	return result == OK ? io_map_add(ports, &dma) : result;
}

void vfwcfg_reset(struct vfwcfg *fw)
{
	fw->state = (struct vfwcfg_state){ 0 };
}

void vfwcfg_save(struct vfwcfg *fw, struct state_writer *writer)
{
	state_save(writer, "fw_cfg", 1, &fw->state, sizeof(fw->state));
}

int vfwcfg_load(struct vfwcfg *fw, struct state_reader *reader)
{
	struct vfwcfg_state state;
	int result = state_load(reader, "fw_cfg", 1, &state, sizeof(state));

	/* Any selector and offset are fine: reads check both. */
	if (result == OK && (state.reserved || state.reserved2))
		result = ERR_INVALID;
	if (result == OK)
		fw->state = state;
	return result;
}
