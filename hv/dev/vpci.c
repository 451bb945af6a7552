/* SPDX-License-Identifier: MIT */
/*
 * One PCI function: its configuration space, BARs, INTx, reset and saved form.
 *
 * Configuration bytes are changed only under the bus mutex. A BAR claims its region in the machine's ports or mmio while
 * the command register decodes it and its base is neither 0 nor all ones (what a size probe writes) nor on top of
 * something else: then the BAR stays silent, as bus hardware leaves such a conflict undefined. Next to read: vpci_bus.c.
 */
#include "hv/dev/vpci.h"
#include "hv/dev/pc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"

#define FIRST_CAPABILITY 0x40
#define BAR_IO BIT32(0)
#define BAR_64 BIT32(2)
#define BAR_PREFETCHABLE BIT32(3)

u16 vpci_config16(const struct vpci_device *device, unsigned offset)
{
	return (u16)(device->config[offset] | device->config[offset + 1] << 8);
}

u32 vpci_config32(const struct vpci_device *device, unsigned offset)
{
	return vpci_config16(device, offset) | (u32)vpci_config16(device, offset + 2) << 16;
}

void vpci_put16(u8 *config, unsigned offset, u16 value)
{
	config[offset] = (u8)value;
	config[offset + 1] = (u8)(value >> 8);
}

void vpci_put32(u8 *config, unsigned offset, u32 value)
{
	vpci_put16(config, offset, (u16)value);
	vpci_put16(config, offset + 2, (u16)(value >> 16));
}

void vpci_device_init(struct vpci_device *device, const char *name, u16 vendor, u16 id, u32 class_code, u8 revision)
{
	*device = (struct vpci_device){ .name = name, .next_capability = FIRST_CAPABILITY };
	vpci_put16(device->config, PCI_VENDOR_ID, vendor);
	vpci_put16(device->config, PCI_DEVICE_ID, id);
	vpci_put32(device->config, PCI_REVISION_ID, class_code << 8 | revision);
	vpci_put16(device->writable, PCI_COMMAND,
		   PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF | BIT32(6) | BIT32(8));
	device->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	device->writable[PCI_LATENCY_TIMER] = 0xff;
	device->writable[PCI_INTERRUPT_LINE] = 0xff;
	spinlock_init(&device->msix.lock, "msix", LOCK_RANK_DEVICE);
}

void vpci_set_subsystem(struct vpci_device *device, u16 vendor, u16 id)
{
	vpci_put16(device->config, PCI_SUBSYSTEM_VENDOR_ID, vendor);
	vpci_put16(device->config, PCI_SUBSYSTEM_ID, id);
}

void vpci_use_intx(struct vpci_device *device, unsigned pin)
{
	device->config[PCI_INTERRUPT_PIN] = (u8)(pin + 1);
}

void vpci_add_bar(struct vpci_device *device, unsigned index, enum vpci_bar_kind kind, u64 size_bytes,
		  const struct io_ops *ops, void *context, bool fast)
{
	unsigned at = PCI_BAR0 + 4 * index;
	u64 mask = ~(size_bytes - 1);

	device->bars[index] = (struct vpci_bar){ .size_bytes = size_bytes, .ops = ops, .context = context,
						 .kind = (u8)kind, .fast = fast };
	device->config[at] = kind == VPCI_BAR_IO ? BAR_IO : kind == VPCI_BAR_MEMORY64 ? BAR_64 | BAR_PREFETCHABLE : 0;
	vpci_put32(device->writable, at, (u32)mask & (kind == VPCI_BAR_IO ? ~3u : ~15u));
	if (kind == VPCI_BAR_MEMORY64)
		vpci_put32(device->writable, at + 4, (u32)(mask >> 32));
}

unsigned vpci_add_capability(struct vpci_device *device, u8 id, unsigned size_bytes)
{
	unsigned at = device->next_capability, link = PCI_CAPABILITIES;

	size_bytes = ALIGN_UP(size_bytes, 4u);
	if (!at || at + size_bytes > VPCI_CONFIG_SIZE)
		return 0;
	while (device->config[link])
		link = device->config[link] + 1u;
	device->config[link] = (u8)at;
	device->config[at] = id;
	device->config[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
	device->next_capability = (u8)(at + size_bytes); /* 256 wraps to 0: full */
	return at;
}

int vpci_add_msix(struct vpci_device *device, unsigned bar, u32 vectors)
{
	unsigned at;

	if (!vectors || vectors > VPCI_MSIX_MAX)
		return ERR_RANGE;
	at = vpci_add_capability(device, PCI_CAPABILITY_MSIX, 12);
	if (!at)
		return ERR_FULL;
	vpci_put16(device->config, at + 2, (u16)(vectors - 1));
	vpci_put16(device->writable, at + 2, 0xc000); /* enable, mask all */
	vpci_put32(device->config, at + 4, bar);
	vpci_put32(device->config, at + 8, 0x800 | bar);
	device->msix.capability = (u8)at;
	device->msix.count = vectors;
	vpci_add_bar(device, bar, VPCI_BAR_MEMORY32, PAGE_SIZE, &vpci_msix_ops, device, true);
	return OK;
}

/* INTx as the command register lets it through. Called with any locks of the device's owner. */
static void drive_intx(struct vpci_device *device)
{
	unsigned pin = device->config[PCI_INTERRUPT_PIN];
	bool level = READ_ONCE(device->intx) && !(vpci_config16(device, PCI_COMMAND) & PCI_COMMAND_INTX_OFF);
	const struct vpci_device *bridge = device->bus ? device->bus->bridge : NULL;

	/* Behind a bridge: the wires of its slot, as a source of its own (a function that the bridge's slot does not have). */
	if (pin && bridge)
		device->bus->intx(device->bus->context, pc_intx_gsi(bridge->devfn >> 3, pin - 1), bridge->devfn | 1u, level);
	else if (pin && device->bus)
		device->bus->intx(device->bus->context, pc_intx_gsi(device->devfn >> 3, pin - 1), device->devfn, level);
}

void vpci_set_intx(struct vpci_device *device, bool level)
{
	WRITE_ONCE(device->intx, level);
	drive_intx(device);
}

bool vpci_move_region(struct vm *vm, struct io_map *map, bool was_mapped, u64 old_base, const struct io_region *wanted)
{
	int error = ERR_INVALID;
	u64 flags;

	if (was_mapped) {
		flags = lock_irqsave(&vm->memory_lock);
		io_map_remove(map, old_base);
		unlock_irqrestore(&vm->memory_lock, flags);
		vm_synchronise(vm);
	}
	if (wanted->size_bytes) {
		flags = lock_irqsave(&vm->memory_lock);
		error = io_map_add(map, wanted);
		unlock_irqrestore(&vm->memory_lock, flags);
		vm_synchronise(vm);
	}
	return error == OK;
}

static u64 bar_base(const struct vpci_device *device, unsigned index)
{
	const struct vpci_bar *bar = &device->bars[index];
	u64 base = vpci_config32(device, PCI_BAR0 + 4 * index) & (bar->kind == VPCI_BAR_IO ? ~3u : ~15u);

	if (bar->kind == VPCI_BAR_MEMORY64)
		base |= (u64)vpci_config32(device, PCI_BAR0 + 4 * index + 4) << 32;
	return base;
}

static bool bar_is_decoded(const struct vpci_device *device, unsigned index, u64 base)
{
	const struct vpci_bar *bar = &device->bars[index];
	u16 command = vpci_config16(device, PCI_COMMAND);
	u64 end = base + bar->size_bytes;

	if (!(command & (bar->kind == VPCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)) || !base || end < base)
		return false;
	if (bar->kind == VPCI_BAR_IO)
		return end <= 0x10000;
	return end <= (bar->kind == VPCI_BAR_MEMORY32 ? 0xffffffffull : BIT64(52));
}

static void map_bar(struct vpci_device *device, unsigned index)
{
	struct vpci_bar *bar = &device->bars[index];
	struct vm *vm = device->bus->vm;
	struct io_region wanted = { 0 };
	u64 base;

	if (bar->kind == VPCI_BAR_NONE)
		return;
	base = bar_base(device, index);
	if (bar_is_decoded(device, index, base))
		wanted = (struct io_region){ base, bar->size_bytes, bar->ops, bar->context, device->name, bar->fast };
	if (bar->mapped ? wanted.size_bytes && base == bar->mapped_at : !wanted.size_bytes)
		return;
	bar->mapped = vpci_move_region(vm, bar->kind == VPCI_BAR_IO ? &vm->ports : &vm->mmio, bar->mapped, bar->mapped_at,
				       &wanted);
	if (wanted.size_bytes)
		bar->mapped_at = base;
}

static void map_bars(struct vpci_device *device)
{
	for (unsigned i = 0; i < VPCI_BARS; i++)
		map_bar(device, i);
}

u32 vpci_config_read(struct vpci_bus *bus, u8 devfn, unsigned offset, unsigned size_bytes)
{
	struct vpci_device *device;
	u32 value = 0;

	if (!READ_ONCE(bus->devices[devfn]) || offset + size_bytes > VPCI_CONFIG_SIZE)
		return ~0u;
	mutex_lock(&bus->mutex);
	device = bus->devices[devfn];
	if (!device) {
		mutex_unlock(&bus->mutex);
		return ~0u;
	}
	if (!device->config_read || !device->config_read(device, offset, size_bytes, &value))
		for (unsigned i = 0; i < size_bytes; i++)
			value |= (u32)device->config[offset + i] << (8 * i);
	if (offset <= PCI_STATUS && offset + size_bytes > PCI_STATUS && READ_ONCE(device->intx))
		value |= (u32)PCI_STATUS_INTERRUPT << (8 * (PCI_STATUS - offset));
	mutex_unlock(&bus->mutex);
	return value;
}

static void write_bytes(struct vpci_device *device, unsigned offset, unsigned size_bytes, u32 value)
{
	for (unsigned i = 0; i < size_bytes; i++) {
		u8 byte = (u8)(value >> (8 * i)), writable = device->writable[offset + i];
		u8 *config = &device->config[offset + i];

		*config = (u8)((*config & ~writable) | (byte & writable));
		*config &= (u8)~(byte & device->clear_on_one[offset + i]);
	}
}

/* [bus mutex] */
static void write_config(struct vpci_device *device, unsigned offset, unsigned size_bytes, u32 value)
{
	write_bytes(device, offset, size_bytes, value);
	if (offset < PCI_BAR0 + 4 * VPCI_BARS)
		map_bars(device);
	if (offset <= PCI_COMMAND + 1 && offset + size_bytes > PCI_COMMAND)
		drive_intx(device);
	if (device->msix.count && offset < device->msix.capability + 4u && offset + size_bytes > device->msix.capability)
		vpci_msix_control_written(device);
	if (device->config_written)
		device->config_written(device, offset, size_bytes);
}

void vpci_config_write(struct vpci_bus *bus, u8 devfn, unsigned offset, unsigned size_bytes, u32 value)
{
	struct vpci_device *device;

	if (!READ_ONCE(bus->devices[devfn]) || offset + size_bytes > VPCI_CONFIG_SIZE)
		return;
	mutex_lock(&bus->mutex);
	device = bus->devices[devfn];
	if (device)
		write_config(device, offset, size_bytes, value);
	mutex_unlock(&bus->mutex);
}

int vpci_attach(struct vpci_bus *bus, struct vpci_device *device, u8 devfn)
{
	if (bus->devices[devfn])
		return ERR_EXISTS;
	memcpy(device->reset_config, device->config, sizeof(device->config));
	device->bus = bus;
	device->devfn = devfn;
	__atomic_store_n(&bus->devices[devfn], device, __ATOMIC_RELEASE);
	return OK;
}

int vpci_add_bridge(struct vpci_bus *bus, struct vpci_bus *behind)
{
	if (bus->behind_count == VPCI_BRIDGES_MAX)
		return ERR_FULL;
	bus->behind[bus->behind_count++] = behind;
	return OK;
}

void vpci_detach(struct vpci_device *device)
{
	struct vpci_bus *bus = device->bus;

	mutex_lock(&bus->mutex);
	__atomic_store_n(&bus->devices[device->devfn], NULL, __ATOMIC_RELEASE);
	vpci_put16(device->config, PCI_COMMAND, PCI_COMMAND_INTX_OFF);
	map_bars(device);
	drive_intx(device);
	vpci_msix_reset(device);
	mutex_unlock(&bus->mutex);
}

bool vpci_is_gone(struct vpci_device *device)
{
	struct vm *vm = device->bus->vm;
	bool gone = true;

	mutex_lock(&device->bus->mutex);
	for (unsigned i = 0; i < VPCI_BARS; i++) {
		struct vpci_bar *bar = &device->bars[i];
		struct io_map *map = bar->kind == VPCI_BAR_IO ? &vm->ports : &vm->mmio;
		const struct io_region *region = bar->kind == VPCI_BAR_NONE ? NULL : io_map_find(map, bar->mapped_at);

		if (!region || region->device != bar->context || region->ops != bar->ops)
			continue;
		(void)vpci_move_region(vm, map, true, bar->mapped_at, &(struct io_region){ 0 });
		gone = false; /* looked at again by the next call */
	}
	mutex_unlock(&device->bus->mutex);
	return gone;
}

void vpci_reset(struct vpci_device *device)
{
	mutex_lock(&device->bus->mutex);
	memcpy(device->config, device->reset_config, sizeof(device->config));
	device->intx = false;
	drive_intx(device);
	vpci_msix_reset(device);
	map_bars(device);
	if (device->config_written)
		device->config_written(device, 0, VPCI_CONFIG_SIZE);
	mutex_unlock(&device->bus->mutex);
}

struct vpci_device_state {
	u8 config[VPCI_CONFIG_SIZE];
	struct vpci_msix_entry entries[VPCI_MSIX_MAX];
	u64 pending;
	u8 intx, reserved[7];
};

void vpci_save(struct vpci_device *device, struct state_writer *writer)
{
	struct vpci_device_state state = { .pending = device->msix.pending, .intx = device->intx };

	memcpy(state.config, device->config, sizeof(state.config));
	memcpy(state.entries, device->msix.entries, sizeof(state.entries));
	state_save(writer, "vpci", 1, &state, sizeof(state));
}

static bool state_is_sane(const struct vpci_device *device, const struct vpci_device_state *state)
{
	u64 vectors = device->msix.count < 64 ? BIT64(device->msix.count) - 1 : ~(u64)0;

	for (unsigned i = 0; i < VPCI_CONFIG_SIZE; i++) {
		u8 changeable = device->writable[i] | device->clear_on_one[i] | device->own[i];

		if ((state->config[i] ^ device->reset_config[i]) & ~changeable)
			return false;
	}
	for (unsigned i = 0; i < VPCI_MSIX_MAX; i++) {
		const struct vpci_msix_entry *entry = &state->entries[i];

		if ((entry->control & ~1u) || (entry->address & 3) ||
		    (i >= device->msix.count && (entry->address || entry->data || entry->control)))
			return false;
	}
	for (unsigned i = 0; i < sizeof(state->reserved); i++)
		if (state->reserved[i])
			return false;
	return state->intx <= 1 && !(state->pending & ~vectors);
}

int vpci_load(struct vpci_device *device, struct state_reader *reader)
{
	struct vpci_device_state state;

	if (state_load(reader, "vpci", 1, &state, sizeof(state)) != OK || !state_is_sane(device, &state))
		return ERR_INVALID;
	mutex_lock(&device->bus->mutex);
	memcpy(device->config, state.config, sizeof(state.config));
	memcpy(device->msix.entries, state.entries, sizeof(state.entries));
	device->msix.pending = state.pending;
	device->intx = state.intx;
	map_bars(device);
	if (device->config_written)
		device->config_written(device, 0, VPCI_CONFIG_SIZE);
	drive_intx(device);
	mutex_unlock(&device->bus->mutex);
	return OK;
}
