/* SPDX-License-Identifier: MIT */
/*
 * The virtio console with its ports (VIRTIO 1.2, "Console Device"): the host's end of each is a struct char_device.
 *
 * What the guest sends goes to the char_device's `received` at once, from the device's thread; hv/manage keeps it until somebody looks.
 * What is typed waits in a port's buffer for a buffer of the guest's; while the guest has not opened the port, nothing is taken. All
 * queues are served by one thread, in small turns, so that a guest that floods one port can still be interrupted through it.
 * Messages of the control queue are bits in port->due until the driver gives a buffer for one: a silent driver costs nothing.
 */
#include "hv/char_device.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "virtio/models.h"
#include "virtio/spec/virtio.h"
#include "virtio/spec/virtio_console.h"
#include "virtio/virtio_pci.h"

#define QUEUE_SIZE 64u
#define INPUT_BYTES 1024u          /* typed and not yet taken by the guest; a power of two */
#define CHUNK_BYTES 512u
#define TURN_CHAINS 32u            /* then the other queues have their turn */
#define CHUNKS_BETWEEN_LOOKS 128u  /* at whether the device is stopped, in a chain of many MiB */
#define CLASS_COMMUNICATION_OTHER 0x078000u

/* Messages to the driver; the lower bit goes first. */
enum { DUE_ADD = 1, DUE_CONSOLE = 2, DUE_NAME = 4, DUE_OPEN = 8, DUE_ALL = 15 };

struct console_port {
	struct char_device host;
	struct virtio_console *console;  /* (c) */
	const char *name;                /* (c) of a channel; NULL: none */
	bool used;                       /* (c) else the driver never hears of it */
	bool is_console;                 /* (c) */
	bool open;                       /* (a) the guest reads it */
	bool refused;                    /* (a) a write was cut short */
	u8 due;                          /* (o) the device's thread, and whoever stopped it */
	struct spinlock lock;
	u32 input_head, input_count;     /* [lock] */
	u8 input[INPUT_BYTES];           /* [lock] */
};

struct virtio_console {
	struct virtio_device device;
	struct virtio_pci pci;
	u32 port_count;                  /* (c) */
	struct virtq_range *scratch;     /* (o) the device's thread */
	struct console_port ports[DEVICE_PORTS_MAX];
};

static struct virtio_console *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_console, device);
}

/* Takes a chain; true: there is one. An indirect table that is not there yet is brought in. */
static bool take(struct virtio_console *console, unsigned queue, struct virtq_chain *chain)
{
	int code;
	u8 byte;

	*chain = (struct virtq_chain){ .ranges = console->scratch, .capacity = VIRTQ_CHAIN_MAX };
	do
		code = virtio_take(&console->device, queue, chain, NULL, NULL);
	while (code == ERR_AGAIN && gmem_read(console->device.vm, GPA(chain->ranges[0].address), &byte, 1) == OK);
	return code == OK;
}

static void fail(struct virtio_console *console, unsigned queue, const char *why)
{
	virtio_driver_error(&console->device, why);
	virtio_drop(&console->device, queue);
}

/* From the guest */

static void output(struct console_port *port, const char *bytes, size_t count)
{
	void (*received)(void *, const char *, size_t) = __atomic_load_n(&port->host.received, __ATOMIC_ACQUIRE);

	if (received)
		received(port->host.context, bytes, count);
}

/* Shows a whole chain; false: some of it is no RAM. A machine that is stopped meanwhile is not kept waiting for gigabytes. */
static bool show(struct console_port *port, const struct virtq_chain *chain)
{
	struct virtio_device *device = &port->console->device;
	char chunk[CHUNK_BYTES];
	u32 part;

	for (u32 offset = 0, n = 1; offset < chain->readable_bytes; offset += part, n++) {
		part = MIN(chain->readable_bytes - offset, CHUNK_BYTES);
		if (virtq_chain_read(device->vm, chain, offset, chunk, part, true) != OK)
			return false;
		output(port, chunk, part);
		if (n % CHUNKS_BETWEEN_LOOKS == 0 && !__atomic_load_n(&device->live, __ATOMIC_ACQUIRE))
			return true;
	}
	return true;
}

static void transmit_work(struct console_port *port, unsigned queue)
{
	struct virtio_console *console = port->console;
	struct virtq_chain chain;

	for (unsigned n = 0; n < TURN_CHAINS; n++) {
		if (!take(console, queue, &chain))
			return;
		if (!show(port, &chain)) {
			fail(console, queue, "output that is not in RAM");
			return;
		}
		virtio_give(&console->device, queue, chain.head, 0);
	}
	virtio_kick(&console->device, queue);
}

/* To the guest */

static u32 peek(struct console_port *port, u8 *bytes, u32 max)
{
	u64 flags = lock_irqsave(&port->lock);
	u32 count = MIN(max, port->input_count);

	for (u32 i = 0; i < count; i++)
		bytes[i] = port->input[(port->input_head + i) % INPUT_BYTES];
	unlock_irqrestore(&port->lock, flags);
	return count;
}

static void consume(struct console_port *port, u32 count)
{
	u64 flags = lock_irqsave(&port->lock);
	void (*writable)(void *) = READ_ONCE(port->host.writable);

	port->input_head = (port->input_head + count) % INPUT_BYTES;
	port->input_count -= count;
	unlock_irqrestore(&port->lock, flags);
	if (__atomic_exchange_n(&port->refused, false, __ATOMIC_ACQ_REL) && writable)
		writable(port->host.context);
}

/* Fills one buffer of the guest's with what was typed; false: it cannot be filled. */
static bool fill(struct console_port *port, const struct virtq_chain *chain, u32 *written)
{
	u8 chunk[CHUNK_BYTES];
	u32 count;

	*written = 0;
	if (!chain->writable_bytes)
		return false;
	while ((count = peek(port, chunk, MIN(CHUNK_BYTES, chain->writable_bytes - *written)))) {
		if (virtq_chain_write(port->console->device.vm, chain, *written, chunk, count) != OK)
			return false;
		consume(port, count);
		*written += count;
	}
	return true;
}

static bool has_input(struct console_port *port)
{
	return __atomic_load_n(&port->input_count, __ATOMIC_ACQUIRE) != 0;
}

static void receive_work(struct console_port *port, unsigned queue)
{
	struct virtio_console *console = port->console;
	struct virtq_chain chain;
	u32 written;

	while (has_input(port) && take(console, queue, &chain)) {
		if (!fill(port, &chain, &written)) {
			fail(console, queue, "a buffer for input that cannot be filled");
			return;
		}
		virtio_give(&console->device, queue, chain.head, written);
	}
}

/* "Multiport Device Operation": without the feature there is one port, open as soon as the driver is ready. */
static bool is_open(const struct console_port *port)
{
	const struct virtio_device *device = &port->console->device;

	if (!__atomic_load_n(&device->live, __ATOMIC_ACQUIRE))
		return false;
	return virtio_has(device, VIRTIO_CONSOLE_F_MULTIPORT) ? READ_ONCE(port->open) : port == port->console->ports;
}

static size_t host_write(struct char_device *host, const char *bytes, size_t count)
{
	struct console_port *port = CONTAINER_OF(host, struct console_port, host);
	size_t taken = 0;
	u64 flags;

	if (!is_open(port))
		return 0;
	flags = lock_irqsave(&port->lock);
	for (; taken < count && port->input_count < INPUT_BYTES; taken++)
		port->input[(port->input_head + port->input_count++) % INPUT_BYTES] = (u8)bytes[taken];
	unlock_irqrestore(&port->lock, flags);
	if (taken < count)
		__atomic_store_n(&port->refused, true, __ATOMIC_RELEASE);
	virtio_kick(&port->console->device, VIRTIO_CONSOLE_RECEIVE((unsigned)(port - port->console->ports)));
	return taken;
}

/* The control queues */

/* The next message that is due; false: none. */
static bool next_message(const struct virtio_console *console, struct virtio_console_control *message, u8 *bit)
{
	static const u16 events[] = { VIRTIO_CONSOLE_DEVICE_ADD, VIRTIO_CONSOLE_CONSOLE_PORT, VIRTIO_CONSOLE_PORT_NAME,
				      VIRTIO_CONSOLE_PORT_OPEN };

	for (u32 i = 0; i < console->port_count; i++) {
		unsigned lowest = (unsigned)__builtin_ctz(console->ports[i].due | BIT32(ARRAY_SIZE(events)));

		if (lowest == ARRAY_SIZE(events))
			continue;
		*message = (struct virtio_console_control){ i, events[lowest], 1 };
		*bit = (u8)BIT32(lowest);
		return true;
	}
	return false;
}

static bool send_message(struct virtio_console *console, const struct virtq_chain *chain,
			 const struct virtio_console_control *message)
{
	const char *name = message->event == VIRTIO_CONSOLE_PORT_NAME ? console->ports[message->id].name : "";
	u8 bytes[sizeof(*message) + DEVICE_PORT_NAME_MAX];
	u32 size_bytes = (u32)(sizeof(*message) + strlen(name));

	memcpy(bytes, message, sizeof(*message));
	memcpy(bytes + sizeof(*message), name, strlen(name));
	if (chain->writable_bytes < size_bytes || virtq_chain_write(console->device.vm, chain, 0, bytes, size_bytes) != OK)
		return false;
	virtio_give(&console->device, VIRTIO_CONSOLE_CONTROL_RECEIVE, chain->head, size_bytes);
	return true;
}

static void control_receive_work(struct virtio_console *console)
{
	struct virtio_console_control message;
	struct virtq_chain chain;
	u8 bit;

	while (next_message(console, &message, &bit) && take(console, VIRTIO_CONSOLE_CONTROL_RECEIVE, &chain)) {
		if (!send_message(console, &chain, &message)) {
			fail(console, VIRTIO_CONSOLE_CONTROL_RECEIVE, "a buffer for control messages that one does not fit into");
			return;
		}
		console->ports[message.id].due &= (u8)~bit;
	}
}

static void port_is_ready(struct console_port *port)
{
	port->due |= (u8)(DUE_OPEN | (port->is_console ? DUE_CONSOLE : 0) | (port->name ? DUE_NAME : 0));
}

static void heed_message(struct virtio_console *console, const struct virtio_console_control *message)
{
	struct console_port *port;

	if (message->event == VIRTIO_CONSOLE_DEVICE_READY && message->value == 1) {
		for (u32 i = 0; i < console->port_count; i++)
			console->ports[i].due |= console->ports[i].used ? DUE_ADD : 0;
		return;
	}
	if (message->id >= console->port_count)
		return;
	port = &console->ports[index_nospec(message->id, console->port_count)];
	if (!port->used)
		return;
	if (message->event == VIRTIO_CONSOLE_PORT_READY && message->value == 1)
		port_is_ready(port);
	else if (message->event == VIRTIO_CONSOLE_PORT_OPEN)
		WRITE_ONCE(port->open, message->value == 1);
}

static void control_transmit_work(struct virtio_console *console)
{
	struct virtio_console_control message;
	struct virtq_chain chain;

	for (unsigned n = 0; n < TURN_CHAINS; n++) {
		if (!take(console, VIRTIO_CONSOLE_CONTROL_TRANSMIT, &chain)) {
			control_receive_work(console);
			return;
		}
		if (chain.readable_bytes < sizeof(message) ||
		    virtq_chain_read(console->device.vm, &chain, 0, &message, sizeof(message), true) != OK) {
			fail(console, VIRTIO_CONSOLE_CONTROL_TRANSMIT, "a control message that is too short or not in RAM");
			return;
		}
		heed_message(console, &message);
		virtio_give(&console->device, VIRTIO_CONSOLE_CONTROL_TRANSMIT, chain.head, 0);
	}
	control_receive_work(console);
	virtio_kick(&console->device, VIRTIO_CONSOLE_CONTROL_TRANSMIT);
}

/* The device */

static void console_doorbell(struct virtio_device *device, unsigned queue)
{
	virtio_kick(device, queue);
}

static void console_work(struct virtio_device *device, unsigned queue)
{
	struct virtio_console *console = of(device);
	struct console_port *port = &console->ports[queue < 2 ? 0 : (queue - 2) / 2];

	if (queue == VIRTIO_CONSOLE_CONTROL_RECEIVE)
		control_receive_work(console);
	else if (queue == VIRTIO_CONSOLE_CONTROL_TRANSMIT)
		control_transmit_work(console);
	else if (queue & 1)
		transmit_work(port, queue);
	else
		receive_work(port, queue);
}

static void fill_config(struct virtio_console *console)
{
	struct virtio_console_config config = { .max_nr_ports = console->port_count };

	memcpy(console->device.config, &config, sizeof(config));
}

static void console_reset(struct virtio_device *device)
{
	struct virtio_console *console = of(device);

	fill_config(console);
	for (u32 i = 0; i < console->port_count; i++) {
		struct console_port *port = &console->ports[i];
		u64 flags = lock_irqsave(&port->lock);

		port->input_head = port->input_count = 0;
		unlock_irqrestore(&port->lock, flags);
		WRITE_ONCE(port->open, false);
		port->due = 0;
	}
}

/* "emerg_wr": a character for port 0, whatever state the device is in. */
static void console_config_written(struct virtio_device *device, unsigned offset, unsigned size_bytes)
{
	const char character = (char)device->config[VIRTIO_CONSOLE_CONFIG_EMERG_WR];

	if (offset <= VIRTIO_CONSOLE_CONFIG_EMERG_WR && offset + size_bytes > VIRTIO_CONSOLE_CONFIG_EMERG_WR)
		output(&of(device)->ports[0], &character, 1);
}

/* Saved state */
struct saved_port {
	u8 input[INPUT_BYTES];
	u16 input_count;
	u8 open, due;
};
struct saved_console {
	u32 port_count;
	struct saved_port ports[DEVICE_PORTS_MAX];
};

static void console_save(struct virtio_device *device, struct state_writer *writer)
{
	struct virtio_console *console = of(device);
	struct saved_console *state = kzalloc(sizeof(*state));

	if (!state) {
		writer->failed = true;
		return;
	}
	state->port_count = console->port_count;
	for (u32 i = 0; i < console->port_count; i++) {
		struct saved_port *saved = &state->ports[i];

		saved->input_count = (u16)peek(&console->ports[i], saved->input, INPUT_BYTES);
		saved->open = console->ports[i].open;
		saved->due = console->ports[i].due;
	}
	state_save(writer, "virtio console", 1, state, sizeof(*state));
	kfree(state);
}

static bool state_is_sane(const struct virtio_console *console, const struct saved_console *state)
{
	static const struct saved_port none;

	if (state->port_count != console->port_count)
		return false;
	for (u32 i = 0; i < DEVICE_PORTS_MAX; i++) {
		const struct saved_port *saved = &state->ports[i];

		if (i >= console->port_count && memcmp(saved, &none, sizeof(none)) != 0)
			return false;
		if (saved->input_count > INPUT_BYTES || saved->open > 1 || (saved->due & ~DUE_ALL) ||
		    (saved->due && !console->ports[i].used) || ((saved->due & DUE_NAME) && !console->ports[i].name))
			return false;
	}
	return true;
}

static int console_load(struct virtio_device *device, struct state_reader *reader)
{
	struct virtio_console *console = of(device);
	struct saved_console *state = kzalloc(sizeof(*state));
	int code = state ? state_load(reader, "virtio console", 1, state, sizeof(*state)) : ERR_NO_MEMORY;

	if (code == OK && !state_is_sane(console, state))
		code = ERR_INVALID;
	for (u32 i = 0; code == OK && i < console->port_count; i++) {
		struct console_port *port = &console->ports[i];
		u64 flags = lock_irqsave(&port->lock);

		memcpy(port->input, state->ports[i].input, INPUT_BYTES);
		port->input_head = 0;
		port->input_count = state->ports[i].input_count;
		unlock_irqrestore(&port->lock, flags);
		WRITE_ONCE(port->open, state->ports[i].open);
		port->due = state->ports[i].due;
	}
	kfree(state);
	return code;
}

static const struct virtio_device_ops console_ops = {
	.reset = console_reset, .doorbell = console_doorbell, .work = console_work, .config_written = console_config_written,
	.save = console_save, .load = console_load,
};

static void console_destroy(void *context)
{
	struct virtio_console *console = context;

	virtio_device_release(&console->device);
	kfree(console->scratch);
	kfree(console);
}

static struct virtio_console *of_instance(void *context) { return context; }
static void machine_reset(void *context) { virtio_pci_reset(&of_instance(context)->pci); }
static void quiesce(void *context) { virtio_pause(&of_instance(context)->device); }
static void resume(void *context) { virtio_resume(&of_instance(context)->device); }
static void save(void *context, struct state_writer *writer) { virtio_pci_save(&of_instance(context)->pci, writer); }
static int load(void *context, struct state_reader *reader) { return virtio_pci_load(&of_instance(context)->pci, reader); }

static const struct device_ops device_ops = {
	.name = "virtio-console", .reset = machine_reset, .quiesce = quiesce, .resume = resume, .save = save, .load = load,
	.destroy = console_destroy,
};

static void init_ports(struct virtio_console *console, const struct device_console *spec)
{
	for (u32 i = 0; i < spec->port_count; i++) {
		struct console_port *port = &console->ports[i];

		port->console = console;
		port->used = spec->ports[i].host != NULL;
		port->name = spec->ports[i].name;
		port->is_console = spec->ports[i].is_console;
		port->host = (struct char_device){ .name = console->device.name, .write = host_write };
		spinlock_init(&port->lock, "console port", LOCK_RANK_DEVICE);
	}
	console->port_count = spec->port_count;
}

static void init_device(struct virtio_console *console, struct vm *vm, const struct device_spec *spec)
{
	struct virtio_device *device = &console->device;

	device->name = spec->alias;
	device->vm = vm;
	device->ops = &console_ops;
	device->transport = &virtio_pci_transport;
	device->type = VIRTIO_ID_CONSOLE;
	device->queue_count = (u16)(2 * spec->console.port_count + 2);
	device->offered = BIT64(VIRTIO_CONSOLE_F_MULTIPORT) | BIT64(VIRTIO_CONSOLE_F_EMERG_WRITE);
	device->config_bytes = sizeof(struct virtio_console_config);
	memset(device->config_writable + VIRTIO_CONSOLE_CONFIG_EMERG_WR, 0xff, 4);
}

static int create(struct vm *vm, struct vpci_bus *bus, const struct device_spec *spec, struct device_instance *out,
		  const char **error)
{
	struct virtio_console *console = kzalloc(sizeof(*console));
	u16 sizes[VIRTIO_QUEUES_MAX];
	int code;

	*error = "not enough memory for a console";
	if (!console)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++)
		sizes[i] = QUEUE_SIZE;
	init_device(console, vm, spec);
	init_ports(console, &spec->console);
	fill_config(console);
	console->scratch = kmalloc(VIRTQ_CHAIN_MAX * sizeof(*console->scratch));
	code = virtio_device_init(&console->device, sizes);
	if (code == OK && !console->scratch)
		code = ERR_NO_MEMORY;
	if (code == OK)
		code = virtio_pci_attach(&console->pci, &console->device, bus, spec->slot, CLASS_COMMUNICATION_OTHER, error);
	if (code != OK) {
		console_destroy(console);
		return code;
	}
	for (u32 i = 0; i < console->port_count; i++)
		if (console->ports[i].used)
			*spec->console.ports[i].host = &console->ports[i].host;
	*out = (struct device_instance){ &device_ops, console };
	*error = NULL;
	return OK;
}

const struct device_model virtio_console_model = { "virtio-console", create };
