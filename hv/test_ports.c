/* SPDX-License-Identifier: MIT */
/*
 * Two ports for guest tests: 0xE9 takes text, which goes to the log line by line; 0xF4 ends the machine with a code.
 * Only machines that ask for them have them (vm_config.test_ports).
 */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/vm_internal.h"

#define PORT_TEXT 0xe9
#define PORT_EXIT 0xf4
#define TEXT_PRESENT 0xe9 /* what Bochs and QEMU answer there */

struct test_ports {
	struct vm *vm;
	struct spinlock lock; /* rank LOCK_RANK_DEVICE */
	u32 length;     /* [lock] */
	char line[200]; /* [lock] */
};

static u64 read_port(void *device, u64 offset, unsigned size_bytes)
{
	(void)device;
	(void)offset;
	(void)size_bytes;
	return TEXT_PRESENT;
}

static void take_character(struct test_ports *ports, char c)
{
	if (c != '\n' && (u8)c >= ' ')
		ports->line[ports->length++] = c;
	if (c != '\n' && ports->length < sizeof(ports->line) - 1)
		return;
	ports->line[ports->length] = 0;
	ports->length = 0;
	log_notice("%s| %s", ports->vm->name, ports->line);
}

static void write_text(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct test_ports *ports = device;
	u64 flags = lock_irqsave(&ports->lock);

	(void)offset;
	(void)size_bytes;
	take_character(ports, (char)value);
	unlock_irqrestore(&ports->lock, flags);
}

static void write_exit(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct test_ports *ports = device;

	(void)offset;
	(void)size_bytes;
	vm_request_exit(ports->vm, value);
}

static const struct io_ops text_ops = { read_port, write_text };
static const struct io_ops exit_ops = { read_port, write_exit };

int test_ports_create(struct vm *vm)
{
	struct test_ports *ports = kzalloc(sizeof(*ports));
	struct io_region text = { PORT_TEXT, 1, &text_ops, ports, "test text", false };
	struct io_region exit_port = { PORT_EXIT, 1, &exit_ops, ports, "test exit", true };
	int result;

	if (!ports)
		return ERR_NO_MEMORY;
	ports->vm = vm;
	spinlock_init(&ports->lock, "test ports", LOCK_RANK_DEVICE);
	vm->test_ports = ports;
	result = io_map_add(&vm->ports, &text);
	return result ? result : io_map_add(&vm->ports, &exit_port);
}

void test_ports_destroy(struct vm *vm)
{
	kfree(vm->test_ports);
	vm->test_ports = NULL;
}
