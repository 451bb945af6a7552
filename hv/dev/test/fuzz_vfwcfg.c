/* SPDX-License-Identifier: MIT */
/* LINK: hv/dev/vfwcfg.c hv/dev/blob.c hv/io_region.c hv/state.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_quiet.c */
/*
 * A hostile guest at the firmware configuration device: the input is its memory (512 bytes at 0) and then port accesses of
 * 8 bytes each: port offset, size and direction, value. Also a hostile saved state. No access may leave memory or items.
 */
#include <stdlib.h>
#include "hv/dev/vfwcfg.h"
#include "hv/gmem.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define RAM_BYTES 512u
static u8 ram[RAM_BYTES];
static unsigned locked;

void mutex_init(struct mutex *mutex, const char *name) { (void)mutex; (void)name; }
void mutex_lock(struct mutex *mutex) { (void)mutex; if (locked++) abort(); }
void mutex_unlock(struct mutex *mutex) { (void)mutex; if (--locked) abort(); }

static bool inside(gpa_t address, size_t size)
{
	return address.value <= RAM_BYTES && size <= RAM_BYTES - address.value;
}

int gmem_read(struct vm *vm, gpa_t address, void *to, size_t size)
{
	(void)vm;
	if (!inside(address, size))
		return ERR_FAULT;
	memcpy(to, ram + address.value, size);
	return OK;
}

int gmem_write(struct vm *vm, gpa_t address, const void *from, size_t size)
{
	(void)vm;
	if (!inside(address, size))
		return ERR_FAULT;
	memcpy(ram + address.value, from, size);
	return OK;
}

int gmem_zero(struct vm *vm, gpa_t address, size_t size)
{
	(void)vm;
	if (!inside(address, size))
		return ERR_FAULT;
	memset(ram + address.value, 0, size);
	return OK;
}

static u32 word(const u8 *from)
{
	return (u32)from[0] | (u32)from[1] << 8 | (u32)from[2] << 16 | (u32)from[3] << 24;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const unsigned sizes[] = { 1, 2, 4, 8 };
	struct io_map ports;
	struct vfwcfg fw;
	struct state_reader reader = { data, size, 0 };
	u8 *item = malloc(33); /* of its own, so that a byte too many is seen */

	memset(ram, 0, sizeof(ram));
	memcpy(ram, data, MIN(size, sizeof(ram)));
	memset(item, 0x5a, 33);
	io_map_init(&ports);
	vfwcfg_init(&fw, NULL);
	vfwcfg_add_file(&fw, "etc/one", item, 33);
	vfwcfg_add_file(&fw, "etc/none", item, 0);
	if (vfwcfg_finish(&fw, &ports) != OK)
		abort();
	for (size_t at = RAM_BYTES; at + 8 <= size; at += 8) {
		u64 port = VFWCFG_PORT + data[at] % VFWCFG_PORTS;
		unsigned bytes = sizes[data[at + 1] & 3];

		if (data[at + 1] & 0x80)
			(void)io_map_read(&ports, port, bytes);
		else
			io_map_write(&ports, port, bytes, word(data + at + 4));
	}
	if (vfwcfg_load(&fw, &reader) == OK)
		(void)io_map_read(&ports, VFWCFG_PORT + 1, 1);
	vfwcfg_release(&fw);
	io_map_release(&ports);
	free(item);
	return 0;
}
