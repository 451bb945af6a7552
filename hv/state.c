/* SPDX-License-Identifier: MIT */
/* The record stream of state.h: header (magic, version, size, name), then the bytes. */
#include "hv/state.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define STATE_MAGIC 0x54534c53u /* "SLST" */

struct record_header {
	u32 magic, version, size_bytes, reserved;
	char name[32];
};

void state_writer_init(struct state_writer *writer)
{
	*writer = (struct state_writer){ 0 };
}

void state_writer_release(struct state_writer *writer)
{
	kfree(writer->data);
	state_writer_init(writer);
}

static void append(struct state_writer *writer, const void *bytes, size_t size)
{
	if (writer->failed)
		return;
	if (writer->size_bytes + size > writer->capacity_bytes) {
		size_t capacity = MAX(writer->capacity_bytes * 2, writer->size_bytes + size + 4096);
		u8 *data = krealloc(writer->data, capacity);

		if (!data) {
			writer->failed = true;
			return;
		}
		writer->data = data;
		writer->capacity_bytes = capacity;
	}
	memcpy(writer->data + writer->size_bytes, bytes, size);
	writer->size_bytes += size;
}

void state_save(struct state_writer *writer, const char *name, u32 version, const void *state, u32 size_bytes)
{
	struct record_header header = { .magic = STATE_MAGIC, .version = version, .size_bytes = size_bytes };

	string_copy(header.name, name, sizeof(header.name));
	append(writer, &header, sizeof(header));
	append(writer, state, size_bytes);
}

int state_load(struct state_reader *reader, const char *name, u32 version, void *state, u32 size_bytes)
{
	struct record_header header, expected = { .magic = STATE_MAGIC, .version = version, .size_bytes = size_bytes };
	size_t left = reader->size_bytes - reader->offset_bytes;

	if (left < sizeof(header) || left - sizeof(header) < size_bytes)
		return ERR_INVALID;
	memcpy(&header, reader->data + reader->offset_bytes, sizeof(header));
	string_copy(expected.name, name, sizeof(expected.name));
	if (memcmp(&header, &expected, sizeof(header)) != 0) /* the padding too: one stream means one state */
		return ERR_INVALID;
	memcpy(state, reader->data + reader->offset_bytes + sizeof(header), size_bytes);
	reader->offset_bytes += sizeof(header) + size_bytes;
	return OK;
}
