/* SPDX-License-Identifier: MIT */
/* An xHCI controller for hosted tests: fake_xhci.h. One mutex; the interrupt is a call of the handler, after it was let go. */
#include "drivers/usb/test/fake_xhci.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "drivers/pci_interrupt.h"
#include "drivers/usb/usb.h"
#include "drivers/usb/xhci_regs.h"
#include "hv/lib/error.h"
#include "hv/mmio.h"
#include "hv/pages.h"

#define OPERATIONAL 0x40u
#define EXTENDED 0x800u
#define RUNTIME 0x1000u
#define DOORBELLS 0x2000u
#define BYTES 0x4000u
#define SLOTS 8u
#define CONTEXT 64u
#define TD_MAX 128u
#define BLOCKS_MAX 4096u

u64 direct_map_base; /* 0 */
struct fake_xhci_settings fake_settings;

static pthread_mutex_t lock;
static u8 registers[BYTES];
static struct fake_device *plugged[FAKE_PORTS + 1];
static interrupt_handler handler;
static void *handler_context;
static u64 command_address;
static u32 command_cycle, event_at, event_cycle, pages_in_use;
static bool raise_wanted;
static void *blocks_in_use[BLOCKS_MAX]; /* so that a reset gives back what a controller keeps for ever */
static struct slot {
	bool used;
	u8 port;
	struct endpoint { bool there, silent; u64 dequeue; u32 cycle; } endpoints[32];
} slots[SLOTS + 1];

static u32 *reg(u32 offset) { return (u32 *)(void *)(registers + offset); }
static u64 reg64(u32 offset) { return *reg(offset) | (u64)*reg(offset + 4) << 32; }
static u32 *port_register(u8 port) { return reg(OPERATIONAL + XHCI_PORTSC(port)); }

static void event(u64 parameter, u32 status, u32 control)
{
	const struct xhci_event_segment *segment = (const void *)reg64(RUNTIME + XHCI_ERSTBA);
	struct xhci_trb *trb;

	if (!segment || !(*reg(OPERATIONAL + XHCI_USBCMD) & USBCMD_RUN))
		return;
	trb = (struct xhci_trb *)segment->base + event_at;
	trb->parameter = parameter;
	trb->status = status;
	__atomic_store_n(&trb->control, (control & ~TRB_CYCLE) | event_cycle, __ATOMIC_RELEASE);
	if (++event_at == segment->size) {
		event_at = 0;
		event_cycle ^= 1;
	}
	*reg(OPERATIONAL + XHCI_USBSTS) |= USBSTS_INTERRUPT;
	raise_wanted = true;
}

static void wild(void)
{
	for (u32 i = 0; i < fake_settings.wild_events; i++) {
		u64 parameter = fake_settings.random();
		u32 status = fake_settings.random(), control = fake_settings.random();

		/* Half of them nearly right: a ring's block, a slot that there is. */
		if (control & BIT32(15))
			parameter = slots[1].endpoints[control >> 16 & 0x1f].dequeue + (parameter & 0xff0);
		if (status & BIT32(23))
			control = (control & 0x00ff03feu) | TRB_SLOT(1 + control % SLOTS) | TRB_TYPE(TRB_TRANSFER_EVENT + control % 3);
		event(parameter, status, control);
	}
}

static void unlock(void)
{
	bool raise = raise_wanted;

	raise_wanted = false;
	pthread_mutex_unlock(&lock);
	if (raise && handler)
		handler(handler_context);
}

static u8 *output_context(u32 slot)
{
	const u64 *table = (const void *)reg64(OPERATIONAL + XHCI_DCBAAP);

	return (u8 *)table[slot];
}

static void set_state(u32 slot, u32 index, u32 state)
{
	u32 *word = (u32 *)(void *)(output_context(slot) + index * CONTEXT);

	*word = (*word & ~7u) | state;
}

static u32 state_of(u32 slot, u32 index) { return *(u32 *)(void *)(output_context(slot) + index * CONTEXT) & 7; }

static void open_endpoint(u32 slot, u32 index, const u8 *input)
{
	const u32 *words = (const u32 *)(const void *)(input + (1 + index) * CONTEXT);

	memcpy(output_context(slot) + index * CONTEXT, words, CONTEXT);
	set_state(slot, index, ENDPOINT_RUNNING);
	slots[slot].endpoints[index] = (struct endpoint){ .there = true, .dequeue = (words[2] & ~15u) | (u64)words[3] << 32, .cycle = words[2] & 1 };
}

static u32 address_device(u32 slot, const u8 *input)
{
	const u32 *words = (const u32 *)(const void *)(input + CONTEXT);

	slots[slot].port = (u8)(words[1] >> 16);
	if (slots[slot].port > FAKE_PORTS || !plugged[slots[slot].port])
		return 4;
	memcpy(output_context(slot), words, CONTEXT);
	open_endpoint(slot, 1, input);
	return CODE_SUCCESS;
}

static u32 carry_out(const struct xhci_trb *trb, u32 *slot)
{
	u32 index = TRB_ENDPOINT_OF(trb->control);
	const u8 *input = (const void *)trb->parameter;

	*slot = TRB_SLOT_OF(trb->control);
	if (TRB_TYPE_OF(trb->control) == TRB_ENABLE_SLOT) {
		for (*slot = 1; *slot <= SLOTS && slots[*slot].used; (*slot)++)
			;
		if (*slot > SLOTS)
			return 9;
		slots[*slot] = (struct slot){ .used = true };
		return CODE_SUCCESS;
	}
	if (*slot == 0 || *slot > SLOTS || !slots[*slot].used)
		return 11;
	switch (TRB_TYPE_OF(trb->control)) {
	case TRB_DISABLE_SLOT:
		slots[*slot].used = false;
		return CODE_SUCCESS;
	case TRB_ADDRESS_DEVICE:
		return address_device(*slot, input);
	case TRB_CONFIGURE_ENDPOINT:
		for (u32 i = 2; i < 32; i++)
			if (((const u32 *)(const void *)input)[1] & BIT32(i))
				open_endpoint(*slot, i, input);
		memcpy(output_context(*slot), input + CONTEXT, CONTEXT);
		return CODE_SUCCESS;
	case TRB_EVALUATE_CONTEXT:
		return CODE_SUCCESS;
	case TRB_STOP_ENDPOINT:
		if (state_of(*slot, index) != ENDPOINT_RUNNING)
			return CODE_CONTEXT_STATE;
		set_state(*slot, index, ENDPOINT_STOPPED);
		slots[*slot].endpoints[index].silent = false;
		return CODE_SUCCESS;
	case TRB_RESET_ENDPOINT:
		if (state_of(*slot, index) != ENDPOINT_HALTED)
			return CODE_CONTEXT_STATE;
		set_state(*slot, index, ENDPOINT_STOPPED);
		return CODE_SUCCESS;
	case TRB_SET_DEQUEUE:
		slots[*slot].endpoints[index].dequeue = trb->parameter & ~15ull;
		slots[*slot].endpoints[index].cycle = trb->parameter & 1;
		return CODE_SUCCESS;
	}
	return 5;
}

static void run_commands(void)
{
	for (;;) {
		const struct xhci_trb *trb = (const void *)command_address;
		u32 slot = 0, code;

		if ((trb->control & TRB_CYCLE) != command_cycle)
			return;
		if (TRB_TYPE_OF(trb->control) == TRB_LINK) {
			command_address = trb->parameter;
			command_cycle ^= 1;
			continue;
		}
		command_address += sizeof(*trb);
		if (fake_settings.lost_commands) {
			fake_settings.lost_commands--;
			*reg(OPERATIONAL + XHCI_CRCR) |= CRCR_RUNNING;
			continue;
		}
		code = carry_out(trb, &slot);
		event((u64)trb, code << 24, TRB_TYPE(TRB_COMMAND_EVENT) | TRB_SLOT(slot));
		wild();
	}
}

/* One transfer's blocks; 0: none is there. */
static u32 gather(struct endpoint *endpoint, const struct xhci_trb *blocks[TD_MAX])
{
	u64 at = endpoint->dequeue;
	u32 cycle = endpoint->cycle, count = 0;

	for (;;) {
		const struct xhci_trb *trb = (const void *)at;

		if ((trb->control & TRB_CYCLE) != cycle || count == TD_MAX)
			return 0;
		if (TRB_TYPE_OF(trb->control) == TRB_LINK) {
			at = trb->parameter;
			cycle ^= 1;
			continue;
		}
		blocks[count++] = trb;
		at += sizeof(*trb);
		if (TRB_TYPE_OF(trb->control) == TRB_STATUS || (TRB_TYPE_OF(trb->control) == TRB_NORMAL && !(trb->control & TRB_CHAIN)))
			break;
	}
	endpoint->dequeue = at;
	endpoint->cycle = cycle;
	return count;
}

static void transfer_event(u32 slot, u32 index, const struct xhci_trb *trb, u32 code, u32 residue)
{
	if (code == CODE_STALL || code == 4)
		set_state(slot, index, ENDPOINT_HALTED);
	event((u64)trb, code << 24 | residue, TRB_TYPE(TRB_TRANSFER_EVENT) | TRB_SLOT(slot) | TRB_ENDPOINT(index));
	wild();
}

/* FAKE_SILENT: the transfer stays where it is. */
static int run_control(struct fake_device *device, u32 slot, const struct xhci_trb *blocks[], u32 count)
{
	const struct xhci_trb *data = count == 3 ? blocks[1] : NULL;
	u32 size = data ? TRB_LENGTH_OF(data->status) : 0;
	int result = device ? device->control(device, (const u8 *)&blocks[0]->parameter, data ? (u8 *)data->parameter : NULL, size) : FAKE_ERROR;

	if (result == FAKE_SILENT)
		return result;
	if (result < 0) {
		transfer_event(slot, 1, blocks[count - 1 - (data != NULL)], result == FAKE_STALL ? CODE_STALL : 4, size);
		return 0;
	}
	if (data && (u32)result < size)
		transfer_event(slot, 1, data, CODE_SHORT_PACKET, size - (u32)result);
	transfer_event(slot, 1, blocks[count - 1], CODE_SUCCESS, 0);
	return 0;
}

static int run_bulk(struct fake_device *device, u32 slot, u32 index, const struct xhci_trb *blocks[], u32 count)
{
	bool in = index & 1;
	u32 total = 0, done = 0;
	u8 *buffer;
	int result;

	for (u32 i = 0; i < count; i++)
		total += TRB_LENGTH_OF(blocks[i]->status);
	buffer = malloc(total + 1);
	for (u32 i = 0; i < count; done += TRB_LENGTH_OF(blocks[i]->status), i++)
		if (!in)
			memcpy(buffer + done, (const void *)blocks[i]->parameter, TRB_LENGTH_OF(blocks[i]->status));
	result = device ? device->move(device, (u8)(index / 2 | (in ? 0x80 : 0)), buffer, total) : FAKE_ERROR;
	done = 0;
	for (u32 i = 0; i < count && result >= 0; i++) {
		u32 own = TRB_LENGTH_OF(blocks[i]->status), part = MIN(own, (u32)result - done);

		if (in)
			memcpy((void *)blocks[i]->parameter, buffer + done, part);
		done += part;
		if (in && part < own) {
			transfer_event(slot, index, blocks[i], CODE_SHORT_PACKET, own - part);
			break;
		}
		if (i + 1 == count)
			transfer_event(slot, index, blocks[i], CODE_SUCCESS, own - part);
	}
	free(buffer);
	if (result < 0 && result != FAKE_SILENT)
		transfer_event(slot, index, blocks[0], result == FAKE_STALL ? CODE_STALL : 4, TRB_LENGTH_OF(blocks[0]->status));
	return result == FAKE_SILENT ? result : 0;
}

static void run_endpoint(u32 slot, u32 index)
{
	struct endpoint *endpoint = &slots[slot].endpoints[index];
	const struct xhci_trb *blocks[TD_MAX];

	if (!slots[slot].used || !endpoint->there || state_of(slot, index) == ENDPOINT_HALTED)
		return;
	set_state(slot, index, ENDPOINT_RUNNING);
	for (;;) {
		struct endpoint before = *endpoint;
		struct fake_device *device = plugged[slots[slot].port];
		u32 count = gather(endpoint, blocks);
		int result;

		if (!count)
			return;
		result = index == 1 ? run_control(device, slot, blocks, count) : run_bulk(device, slot, index, blocks, count);
		if (result == FAKE_SILENT) {
			*endpoint = before;
			endpoint->silent = true;
			return;
		}
		if (state_of(slot, index) == ENDPOINT_HALTED)
			return;
	}
}

void fake_kick(void)
{
	pthread_mutex_lock(&lock);
	for (u32 slot = 1; slot <= SLOTS; slot++)
		for (u32 index = 1; index < 32; index++)
			if (slots[slot].used && slots[slot].endpoints[index].silent) {
				slots[slot].endpoints[index].silent = false;
				run_endpoint(slot, index);
			}
	unlock();
}

static void port_event(u8 port, u32 set, u32 clear)
{
	*port_register(port) = (*port_register(port) & ~clear) | set;
	event((u64)port << 24, CODE_SUCCESS << 24, TRB_TYPE(TRB_PORT_EVENT));
}

void fake_plug(u8 port, struct fake_device *device)
{
	pthread_mutex_lock(&lock);
	plugged[port] = device;
	port_event(port, PORTSC_CONNECTED | PORTSC_CHANGED_CONNECTION | (port > 2 ? PORTSC_ENABLED | 4u << 10 : 3u << 10), MASK32(13, 10));
	unlock();
}

void fake_unplug(u8 port)
{
	pthread_mutex_lock(&lock);
	plugged[port] = NULL;
	port_event(port, PORTSC_CHANGED_CONNECTION, PORTSC_CONNECTED | PORTSC_ENABLED);
	unlock();
	fake_kick();
}

static void write_port(u8 port, u32 value)
{
	*port_register(port) &= ~(value & PORTSC_CHANGES);
	if ((value & (PORTSC_RESET | PORTSC_WARM_RESET)) && plugged[port])
		port_event(port, PORTSC_ENABLED | BIT32(21), 0);
}

static void write_operational(u32 offset, u32 value)
{
	switch (offset) {
	case XHCI_USBCMD:
		*reg(OPERATIONAL + offset) = value & ~USBCMD_RESET;
		*reg(OPERATIONAL + XHCI_USBSTS) = value & USBCMD_RUN ? 0 : USBSTS_HALTED;
		return;
	case XHCI_USBSTS:
		*reg(OPERATIONAL + offset) &= ~(value & USBSTS_INTERRUPT);
		return;
	case XHCI_CRCR:
		if (value & CRCR_ABORT) {
			*reg(OPERATIONAL + offset) &= ~CRCR_RUNNING;
			return;
		}
		command_cycle = value & 1;
		command_address = value & ~63u;
		break;
	case XHCI_CRCR + 4:
		if (value)
			command_address = (u32)command_address | (u64)value << 32;
		return;
	}
	*reg(OPERATIONAL + offset) = value;
}

u32 mmio_read32(const volatile void *base, u64 offset)
{
	u32 value;

	(void)base;
	if (offset + 4 > BYTES)
		abort();
	pthread_mutex_lock(&lock);
	value = fake_settings.dead ? ~0u : *reg((u32)offset);
	pthread_mutex_unlock(&lock);
	return value;
}

void mmio_write32(volatile void *base, u64 offset, u32 value)
{
	u32 slot;

	(void)base;
	if (offset + 4 > BYTES)
		abort();
	pthread_mutex_lock(&lock);
	slot = (u32)(offset - DOORBELLS) / 4;
	if (offset >= DOORBELLS && slot == 0)
		run_commands();
	else if (offset >= DOORBELLS && slot <= SLOTS)
		run_endpoint(slot, value & 0x1f);
	else if (offset >= OPERATIONAL + XHCI_PORTS && offset < OPERATIONAL + XHCI_PORTSC(FAKE_PORTS + 1))
		write_port((u8)((offset - OPERATIONAL - XHCI_PORTS) / 16 + 1), value);
	else if (offset >= OPERATIONAL && offset < OPERATIONAL + XHCI_PORTS)
		write_operational((u32)offset - OPERATIONAL, value);
	else if (offset == EXTENDED)
		*reg(EXTENDED) = (value & ~LEGACY_FIRMWARE_OWNS); /* the firmware lets go at once */
	else
		*reg((u32)offset) = value;
	unlock();
}

volatile void *mmio_map(hpa_t address, u64 size_bytes)
{
	(void)address;
	(void)size_bytes;
	return registers;
}

int pci_interrupt_open(struct pci_interrupt *interrupt, const struct pci_device *device)
{
	interrupt->device = device;
	return OK;
}

int pci_interrupt_add(struct pci_interrupt *interrupt, u32 cpu_index, const char *name, interrupt_handler function, void *context)
{
	(void)interrupt;
	(void)cpu_index;
	(void)name;
	handler = function;
	handler_context = context;
	return OK;
}

void pci_command(const struct pci_device *device, u32 set, u32 clear)
{
	(void)device;
	(void)set;
	(void)clear;
}

hpa_t pages_alloc(unsigned order, enum page_owner owner, unsigned flags)
{
	void *memory = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);

	(void)owner;
	(void)flags;
	memset(memory, 0, PAGE_SIZE << order);
	__atomic_fetch_add(&pages_in_use, 1u << order, __ATOMIC_RELAXED);
	pthread_mutex_lock(&lock);
	for (u32 i = 0; i < BLOCKS_MAX; i++)
		if (!blocks_in_use[i]) {
			blocks_in_use[i] = memory;
			break;
		}
	pthread_mutex_unlock(&lock);
	return HPA((u64)memory);
}

void pages_free(hpa_t base, unsigned order)
{
	__atomic_fetch_sub(&pages_in_use, 1u << order, __ATOMIC_RELAXED);
	pthread_mutex_lock(&lock);
	for (u32 i = 0; i < BLOCKS_MAX; i++)
		if (blocks_in_use[i] == (void *)base.value)
			blocks_in_use[i] = NULL;
	pthread_mutex_unlock(&lock);
	free((void *)base.value);
}

u32 fake_pages_in_use(void) { return __atomic_load_n(&pages_in_use, __ATOMIC_RELAXED); }

void fake_xhci_reset(void)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&lock, &attributes);
	for (u32 i = 0; i < BLOCKS_MAX; i++) {
		free(blocks_in_use[i]);
		blocks_in_use[i] = NULL;
	}
	pages_in_use = 0;
	memset(registers, 0, sizeof(registers));
	memset(plugged, 0, sizeof(plugged));
	memset(slots, 0, sizeof(slots));
	memset(&fake_settings, 0, sizeof(fake_settings));
	handler = NULL;
	event_at = 0;
	event_cycle = 1;
	*reg(XHCI_CAPLENGTH) = OPERATIONAL | 0x0120u << 16;
	*reg(XHCI_HCSPARAMS1) = SLOTS | 1u << 8 | FAKE_PORTS << 24;
	*reg(XHCI_HCSPARAMS2) = 2u << 27; /* two scratchpad pages */
	*reg(XHCI_HCCPARAMS1) = HCCPARAMS1_64BIT | HCCPARAMS1_LARGE_CONTEXTS | (EXTENDED / 4) << 16;
	*reg(XHCI_DBOFF) = DOORBELLS;
	*reg(XHCI_RTSOFF) = RUNTIME;
	*reg(OPERATIONAL + XHCI_USBSTS) = USBSTS_HALTED;
	*reg(OPERATIONAL + XHCI_PAGESIZE) = 1;
	*reg(EXTENDED) = EXTENDED_LEGACY | 4u << 8 | LEGACY_FIRMWARE_OWNS;
	*reg(EXTENDED + 16) = EXTENDED_PROTOCOL | 4u << 8 | 2u << 24;
	*reg(EXTENDED + 24) = 1 | 2u << 8;
	*reg(EXTENDED + 32) = EXTENDED_PROTOCOL | 3u << 24;
	*reg(EXTENDED + 40) = 3 | 2u << 8;
}

void fake_xhci_probe(void)
{
	static struct pci_device device;

	device = (struct pci_device){ .bars = { { .base = 0x1000, .size_bytes = BYTES, .memory = true } } };
	if (xhci_driver.probe(&device))
		abort();
}
