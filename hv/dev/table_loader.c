/* SPDX-License-Identifier: MIT */
/* Writes and executes loader scripts; see table_loader.h. */
#include "hv/dev/table_loader.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define COMMAND_BYTES 128u

enum command { COMMAND_ALLOCATE = 1, COMMAND_ADD_POINTER = 2, COMMAND_ADD_CHECKSUM = 3 };

/*
 * ALLOCATE:     command 4, file 56, align 4, zone 1
 * ADD_POINTER:  command 4, file 56, target 56, offset 4, size 1
 * ADD_CHECKSUM: command 4, file 56, offset 4, start 4, length 4
 */
enum field { FIELD_FILE = 4, FIELD_ALIGN = 60, FIELD_ZONE = 64, FIELD_TARGET = 60, FIELD_POINTER_OFFSET = 116,
	     FIELD_POINTER_SIZE = 120, FIELD_SUM_OFFSET = 60, FIELD_SUM_START = 64, FIELD_SUM_LENGTH = 68 };

static u32 command_new(struct blob *script, enum command command, const char *file)
{
	u32 at = script->size_bytes;

	blob_append_zeros(script, COMMAND_BYTES);
	blob_set_number(script, at, command, 4);
	if (!script->failed)
		string_copy((char *)script->data + at + FIELD_FILE, file, TABLE_FILE_NAME_MAX);
	return at;
}

void table_loader_allocate(struct blob *script, const char *file, u32 align, enum table_zone zone)
{
	u32 at = command_new(script, COMMAND_ALLOCATE, file);

	blob_set_number(script, at + FIELD_ALIGN, align, 4);
	blob_set_number(script, at + FIELD_ZONE, zone, 1);
}

void table_loader_add_pointer(struct blob *script, const char *file, u32 offset, u8 size_bytes, const char *target)
{
	u32 at = command_new(script, COMMAND_ADD_POINTER, file);

	if (!script->failed)
		string_copy((char *)script->data + at + FIELD_TARGET, target, TABLE_FILE_NAME_MAX);
	blob_set_number(script, at + FIELD_POINTER_OFFSET, offset, 4);
	blob_set_number(script, at + FIELD_POINTER_SIZE, size_bytes, 1);
}

void table_loader_add_checksum(struct blob *script, const char *file, u32 offset, u32 start, u32 length)
{
	u32 at = command_new(script, COMMAND_ADD_CHECKSUM, file);

	blob_set_number(script, at + FIELD_SUM_OFFSET, offset, 4);
	blob_set_number(script, at + FIELD_SUM_START, start, 4);
	blob_set_number(script, at + FIELD_SUM_LENGTH, length, 4);
}

static u64 number(const u8 *from, unsigned size_bytes)
{
	u64 value = 0;

	for (unsigned i = size_bytes; i-- > 0;)
		value = value << 8 | from[i];
	return value;
}

static struct table_file *file_find(struct table_file *files, u32 count, const u8 *name)
{
	for (u32 i = 0; i < count; i++)
		if (strncmp(files[i].name, (const char *)name, TABLE_FILE_NAME_MAX) == 0)
			return &files[i];
	return NULL;
}

static int add_pointer(struct table_file *file, const struct table_file *target, u64 offset, u64 size)
{
	u64 value;

	if ((size != 4 && size != 8) || offset > file->blob->size_bytes || size > file->blob->size_bytes - offset || !target->address)
		return ERR_INVALID;
	value = number(file->blob->data + offset, (unsigned)size);
	if (value > target->blob->size_bytes || (size == 4 && value + target->address > 0xffffffff))
		return ERR_INVALID;
	blob_set_number(file->blob, (u32)offset, value + target->address, (unsigned)size);
	return OK;
}

static int add_checksum(struct table_file *file, u64 offset, u64 start, u64 length)
{
	u8 sum = 0;

	if (start > file->blob->size_bytes || length > file->blob->size_bytes - start || offset >= file->blob->size_bytes)
		return ERR_INVALID;
	file->blob->data[offset] = 0;
	for (u64 i = 0; i < length; i++)
		sum = (u8)(sum + file->blob->data[start + i]);
	file->blob->data[offset] = (u8)-sum;
	return OK;
}

int table_loader_apply(const struct blob *script, struct table_file *files, u32 file_count,
		       u64 (*allocate)(void *context, u32 size_bytes, u32 align, enum table_zone zone), void *context)
{
	for (u32 at = 0; at < script->size_bytes; at += COMMAND_BYTES) {
		const u8 *command = script->data + at;
		struct table_file *file, *target;
		int result = OK;

		if (script->size_bytes - at < COMMAND_BYTES)
			return ERR_INVALID;
		file = file_find(files, file_count, command + FIELD_FILE);
		if (!file)
			return ERR_INVALID;
		switch (number(command, 4)) {
		case COMMAND_ALLOCATE:
			file->address = allocate(context, file->blob->size_bytes, (u32)number(command + FIELD_ALIGN, 4),
						 (enum table_zone)command[FIELD_ZONE]);
			result = file->address ? OK : ERR_FULL;
			break;
		case COMMAND_ADD_POINTER:
			target = file_find(files, file_count, command + FIELD_TARGET);
			result = !target ? ERR_INVALID :
					   add_pointer(file, target, number(command + FIELD_POINTER_OFFSET, 4),
						       command[FIELD_POINTER_SIZE]);
			break;
		case COMMAND_ADD_CHECKSUM:
			result = add_checksum(file, number(command + FIELD_SUM_OFFSET, 4), number(command + FIELD_SUM_START, 4),
					      number(command + FIELD_SUM_LENGTH, 4));
			break;
		default:
			result = ERR_INVALID;
		}
		if (result != OK)
			return result;
	}
	return OK;
}
