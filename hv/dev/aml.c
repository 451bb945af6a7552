/* SPDX-License-Identifier: MIT */
/* The AML assembler; see aml.h. ACPI Specification, "Name Objects Encoding" (20.2.2), "Package Length Encoding" (20.2.4),
 * "Resource Data Types for ACPI" (6.4). */
#include "hv/dev/aml.h"
#include "hv/lib/string.h"

#define PREFIX_EXTENDED 0x5bu
#define DEVICE_EXTENDED 0x82u
#define PREFIX_DUAL 0x2eu
#define PREFIX_MULTI 0x2fu
#define WINDOW_FIXED 0x0cu     /* producer, minimum and maximum fixed */
#define WINDOW_IO_ENTIRE 0x03u
#define WINDOW_READ_WRITE 0x01u

void aml_op(struct blob *aml, enum aml_op op)
{
	blob_append_number(aml, op, 1);
}

static void segment_append(struct blob *aml, const char *from, size_t length)
{
	char segment[4] = { '_', '_', '_', '_' };

	memcpy(segment, from, MIN(length, sizeof(segment)));
	blob_append(aml, segment, sizeof(segment));
}

void aml_path(struct blob *aml, const char *path)
{
	u8 segments = 1;

	if (*path == '\\') {
		blob_append_number(aml, '\\', 1);
		path++;
	}
	for (const char *p = path; *p; p++)
		segments = (u8)(segments + (*p == '.'));
	if (segments == 2)
		blob_append_number(aml, PREFIX_DUAL, 1);
	if (segments > 2) {
		blob_append_number(aml, PREFIX_MULTI, 1);
		blob_append_number(aml, segments, 1);
	}
	for (;;) {
		const char *dot = strchr(path, '.');

		segment_append(aml, path, dot ? (size_t)(dot - path) : strlen(path));
		if (!dot)
			return;
		path = dot + 1;
	}
}

void aml_integer(struct blob *aml, u64 value)
{
	if (value <= 1) {
		aml_op(aml, value ? AML_ONE : AML_ZERO);
	} else {
		unsigned size = value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;

		aml_op(aml, size == 1 ? AML_BYTE : size == 2 ? AML_WORD : size == 4 ? AML_DWORD : AML_QWORD);
		blob_append_number(aml, value, size);
	}
}

/* The length counts its own bytes; the contents already stand behind the mark. */
void aml_close(struct blob *aml, u32 mark)
{
	u32 length = aml->size_bytes - mark;
	u8 bytes[4];
	u32 size = length + 1 < 64 ? 1 : length + 2 < BIT32(12) ? 2 : length + 3 < BIT32(20) ? 3 : 4;

	length += size;
	bytes[0] = (u8)(size == 1 ? length : (size - 1) << 6 | (length & 15));
	for (u32 i = 1; i < size; i++)
		bytes[i] = (u8)(length >> (8 * i - 4));
	blob_insert(aml, mark, bytes, size);
}

static u32 open_op(struct blob *aml, enum aml_op op)
{
	aml_op(aml, op);
	return aml->size_bytes;
}

u32 aml_open_scope(struct blob *aml, const char *path)
{
	u32 mark = open_op(aml, AML_SCOPE);

	aml_path(aml, path);
	return mark;
}

u32 aml_open_device(struct blob *aml, const char *name)
{
	u32 mark;

	blob_append_number(aml, PREFIX_EXTENDED | DEVICE_EXTENDED << 8, 2);
	mark = aml->size_bytes;
	aml_path(aml, name);
	return mark;
}

u32 aml_open_method(struct blob *aml, const char *name, unsigned arguments)
{
	u32 mark = open_op(aml, AML_METHOD);

	aml_path(aml, name);
	blob_append_number(aml, arguments, 1);
	return mark;
}

u32 aml_open_package(struct blob *aml, u8 elements)
{
	u32 mark = open_op(aml, AML_PACKAGE);

	blob_append_number(aml, elements, 1);
	return mark;
}

u32 aml_open_if(struct blob *aml)
{
	return open_op(aml, AML_IF);
}

u32 aml_open_else(struct blob *aml)
{
	return open_op(aml, AML_ELSE);
}

void aml_buffer(struct blob *aml, const void *bytes, u32 size_bytes)
{
	u32 mark = open_op(aml, AML_BUFFER);

	aml_integer(aml, size_bytes);
	blob_append(aml, bytes, size_bytes);
	aml_close(aml, mark);
}

void aml_name(struct blob *aml, const char *name)
{
	aml_op(aml, AML_NAME);
	aml_path(aml, name);
}

void aml_name_integer(struct blob *aml, const char *name, u64 value)
{
	aml_name(aml, name);
	aml_integer(aml, value);
}

static u32 hex_digit(char c)
{
	return (u32)(c <= '9' ? c - '0' : c - 'A' + 10) & 15;
}

/* Three letters of five bits and four hexadecimal digits, in big-endian order. */
void aml_name_eisa(struct blob *aml, const char *name, const char *id)
{
	u32 letters = (u32)(id[0] & 31) << 10 | (u32)(id[1] & 31) << 5 | (u32)(id[2] & 31);
	u32 number = hex_digit(id[3]) << 12 | hex_digit(id[4]) << 8 | hex_digit(id[5]) << 4 | hex_digit(id[6]);

	aml_name(aml, name);
	aml_op(aml, AML_DWORD);
	blob_append_number(aml, letters >> 8 | (letters & 0xff) << 8 | (number >> 8) << 16 | (number & 0xff) << 24, 4);
}

void aml_name_string(struct blob *aml, const char *name, const char *value)
{
	aml_name(aml, name);
	aml_op(aml, AML_STRING);
	blob_append(aml, value, (u32)strlen(value) + 1);
}

void aml_resource_io(struct blob *resources, u16 base, u8 size)
{
	blob_append_number(resources, 0x0147, 2); /* 16-bit decode */
	blob_append_number(resources, base, 2);
	blob_append_number(resources, base, 2);
	blob_append_number(resources, 1, 1);
	blob_append_number(resources, size, 1);
}

void aml_resource_irq(struct blob *resources, unsigned irq)
{
	blob_append_number(resources, 0x22, 1);
	blob_append_number(resources, BIT32(irq), 2);
}

/* Edge-triggered, active high, and not of this device alone. */
void aml_resource_irq_shared(struct blob *resources, unsigned irq)
{
	blob_append_number(resources, 0x23, 1);
	blob_append_number(resources, BIT32(irq), 2);
	blob_append_number(resources, BIT32(0) | BIT32(4), 1);
}

void aml_resource_memory(struct blob *resources, u32 base, u32 size)
{
	blob_append_number(resources, 0x86, 1);
	blob_append_number(resources, 9, 2);
	blob_append_number(resources, WINDOW_READ_WRITE, 1);
	blob_append_number(resources, base, 4);
	blob_append_number(resources, size, 4);
}

/* kind: resource type; each number of `width` bytes: granularity, first, last, translation, length. */
static void window(struct blob *resources, u8 tag, enum aml_window kind, u64 first, u64 last, u64 size, unsigned width)
{
	blob_append_number(resources, tag, 1);
	blob_append_number(resources, 3 + 5ull * width, 2);
	blob_append_number(resources, kind, 1);
	blob_append_number(resources, WINDOW_FIXED, 1);
	blob_append_number(resources, kind == AML_WINDOW_IO ? WINDOW_IO_ENTIRE : kind == AML_WINDOW_MEMORY ? WINDOW_READ_WRITE : 0,
			   1);
	blob_append_number(resources, 0, width);
	blob_append_number(resources, first, width);
	blob_append_number(resources, last, width);
	blob_append_number(resources, 0, width);
	blob_append_number(resources, size, width);
}

void aml_resource_window16(struct blob *resources, enum aml_window kind, u16 first, u16 last, u32 size)
{
	window(resources, 0x88, kind, first, last, size, 2);
}

void aml_resource_window32(struct blob *resources, u32 first, u32 last)
{
	window(resources, 0x87, AML_WINDOW_MEMORY, first, last, (u64)last - first + 1, 4);
}

void aml_resource_window64(struct blob *resources, u64 first, u64 last)
{
	window(resources, 0x8a, AML_WINDOW_MEMORY, first, last, last - first + 1, 8);
}

void aml_name_resources(struct blob *aml, const char *name, struct blob *resources)
{
	blob_append_number(resources, 0x0079, 2); /* end tag; checksum 0: not checked */
	aml_name(aml, name);
	aml_buffer(aml, resources->data, resources->size_bytes);
	aml->failed = aml->failed || resources->failed;
	blob_release(resources);
}
