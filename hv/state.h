/* SPDX-License-Identifier: MIT */
/*
 * Saved device state: a stream of named, versioned records.
 *
 * A device keeps its guest-visible state in one plain structure without pointers; save writes it as one record, load
 * reads it into a temporary, checks every field as hostile input, and only then takes it over. A refused load changes
 * nothing. The writer grows by kmalloc; the reader never reads beyond its buffer.
 */
#ifndef HV_STATE_H
#define HV_STATE_H

#include "hv/lib/types.h"

struct state_writer {
	u8 *data;
	size_t size_bytes, capacity_bytes;
	bool failed; /* sticky: no memory */
};

struct state_reader {
	const u8 *data;
	size_t size_bytes, offset_bytes;
};

void state_writer_init(struct state_writer *writer);
void state_writer_release(struct state_writer *writer);
/* Appends a record; name up to 31 bytes. */
void state_save(struct state_writer *writer, const char *name, u32 version, const void *state, u32 size_bytes);
/*
 * Takes the next record, which must have this name, version and size. ERR_INVALID otherwise (and *state is untouched,
 * the reader stays where it was).
 */
MUST_CHECK int state_load(struct state_reader *reader, const char *name, u32 version, void *state, u32 size_bytes);

#endif
