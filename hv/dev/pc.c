/* SPDX-License-Identifier: MIT */
/*
 * The board: makes the devices, wires them, and answers for all of them at once.
 *
 * Wires: an ISA interrupt goes to the 8259 pair and to the I/O APIC (IRQ 0 to its input 2); INTx lines are joined per GSI
 * and reach the 8259s through the LPC bridge's PIRQ routes; the 8259s' output goes to the boot CPU's LINT0. Every device
 * counts on the machine's clock, which stands still while the machine is paused.
 */
#include "hv/dev/pc.h"
#include "hv/dev/pc_internal.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"

static void isa_irq(void *controller, unsigned irq, bool level)
{
	struct pc *pc = controller;

	vpic_set_irq(&pc->pic, irq, level);
	vioapic_set_irq(&pc->ioapic, irq ? irq : PC_TIMER_GSI, level);
}

/* COM1 and COM3 share an ISA interrupt, COM2 and COM4 too: it is up while one of both holds it up. */
static void serial_irq(void *controller, unsigned index, bool level)
{
	static const u8 irqs[] = PC_SERIAL_IRQS;
	struct pc *pc = controller;
	u64 flags = lock_irqsave(&pc->serial_lock);

	pc->serial_levels = level ? pc->serial_levels | BIT32(index) : pc->serial_levels & ~BIT32(index);
	isa_irq(pc, irqs[index], pc->serial_levels & (BIT32(index) | BIT32(index ^ 2)));
	unlock_irqrestore(&pc->serial_lock, flags);
}

static struct irq_line isa_line(struct pc *pc, unsigned irq)
{
	return (struct irq_line){ isa_irq, pc, irq };
}

static void pic_output(void *controller, unsigned input, bool level)
{
	struct pc *pc = controller;

	(void)input;
	if (pc->lapics.count)
		vlapic_pic_changed(pc->lapics.lapics[0], level);
}

static void deliver(void *context, const struct apic_message *message)
{
	struct pc *pc = context;

	(void)vlapic_bus_deliver(&pc->lapics, message);
}

static void deliver_msi(void *context, u64 address, u32 data)
{
	struct pc *pc = context;

	vlapic_bus_deliver_msi(&pc->lapics, address, data);
}

static bool any_source(const struct pc *pc, unsigned pirq)
{
	const u64 *sources = pc->intx_sources[pirq];

	return (sources[0] | sources[1] | sources[2] | sources[3]) != 0;
}

/* All PIRQs that are routed to one ISA interrupt share it. */
static bool routed_level(const struct pc *pc, unsigned irq)
{
	bool level = false;

	for (unsigned pirq = 0; pirq < 8; pirq++)
		level |= vq35_pirq_route(&pc->q35, pirq) == irq && any_source(pc, pirq);
	return level;
}

static void intx(void *context, unsigned gsi, unsigned source, bool level)
{
	struct pc *pc = context;
	unsigned pirq = (gsi - 16) & 7, irq;
	u64 flags = lock_irqsave(&pc->intx_lock), bit = BIT64(source % 64), *word = &pc->intx_sources[pirq][source / 64 % 4];

	*word = level ? *word | bit : *word & ~bit;
	vioapic_set_irq(&pc->ioapic, 16 + pirq, any_source(pc, pirq));
	irq = vq35_pirq_route(&pc->q35, pirq);
	if (irq < 16)
		vpic_set_irq(&pc->pic, irq, routed_level(pc, irq));
	unlock_irqrestore(&pc->intx_lock, flags);
}

static void power_off(void *context)
{
	struct pc *pc = context;

	vm_request_poweroff(pc->vm);
}

static void request_reset(void *context, const char *why)
{
	struct pc *pc = context;

	vm_request_reset(pc->vm, why);
}

static u8 reset_control_read(void *context)
{
	struct pc *pc = context;

	return vpm_reset_control_read(&pc->pm);
}

static void reset_control_write(void *context, u8 value)
{
	struct pc *pc = context;

	vpm_reset_control_write(&pc->pm, value);
}

/* Ports 0x80 to 0x8f: the POST code and the DMA page registers: bytes that keep what is written and do nothing. */
static u64 scratch_read(void *device, u64 offset, unsigned size_bytes)
{
	struct pc *pc = device;
	u64 value = 0;

	for (unsigned i = 0; i < size_bytes; i++)
		value |= (u64)READ_ONCE(pc->scratch_ports[(offset + i) % 16]) << (8 * i);
	return value;
}

static void scratch_write(void *device, u64 offset, unsigned size_bytes, u64 value)
{
	struct pc *pc = device;

	for (unsigned i = 0; i < size_bytes; i++)
		WRITE_ONCE(pc->scratch_ports[(offset + i) % 16], (u8)(value >> (8 * i)));
}

static const struct io_ops scratch_ops = { scratch_read, scratch_write };

static int claim_uarts(struct pc *pc)
{
	int error = OK;

	for (unsigned i = 0; i < pc->serial_count && error == OK; i++)
		error = vuart_claim(&pc->uarts[i], &pc->vm->ports);
	return error;
}

/* Board set-up claims each port and page exactly once, so only memory can run out here. */
static int claim_all(struct pc *pc)
{
	const struct io_region scratch = { 0x80, 16, &scratch_ops, pc, "port 80", true };
	struct io_map *ports = &pc->vm->ports, *mmio = &pc->vm->mmio;
	/* port 0x92 stands inside the DMA page registers' neighbourhood, but 0x80 to 0x8f end before it */
	int error = io_map_add(ports, &scratch);

	error = error ? error : vpic_claim(&pc->pic, ports);
	error = error ? error : vpit_claim(&pc->pit, ports);
	error = error ? error : vrtc_claim(&pc->rtc, ports);
	error = error ? error : vkbc_claim(&pc->kbc, ports);
	error = error ? error : vpm_claim(&pc->pm, ports);
	error = error ? error : claim_uarts(pc);
	error = error ? error : vpci_bus_claim(&pc->pci);
	error = error ? error : vq35_attach(&pc->q35, &pc->pci);
	error = error ? error : vioapic_claim(&pc->ioapic, mmio);
	error = error ? error : vlapic_claim(&pc->lapics, mmio);
	return error;
}

static void init_devices(struct pc *pc)
{
	static const u16 serial_ports[] = PC_SERIAL_PORTS;
	static const char *const serial_names[] = { "serial0", "serial1", "serial2", "serial3" };
	const struct vpm_callbacks callbacks = { power_off, request_reset, pc };
	const struct irq_line intr = { pic_output, pc, 0 };
	struct irq_line line;

	vpic_init(&pc->pic, &intr);
	vioapic_init(&pc->ioapic, deliver, pc);
	line = isa_line(pc, 0);
	vpit_init(&pc->pit, &line, &pc->clock);
	line = isa_line(pc, PC_RTC_IRQ);
	vrtc_init(&pc->rtc, &line, (s64)pc->vm->config.wall_clock_offset_ns);
	vrtc_set_memory(&pc->rtc, pc->vm->low_ram_bytes, pc->vm->high_ram_bytes, pc->vm->vcpu_count);
	line = isa_line(pc, PC_SCI_IRQ);
	vpm_init(&pc->pm, &line, &callbacks, &pc->clock);
	line = isa_line(pc, PC_KEYBOARD_IRQ);
	vkbc_init(&pc->kbc, &line, request_reset, pc);
	for (unsigned i = 0; i < pc->serial_count; i++) {
		line = (struct irq_line){ serial_irq, pc, i };
		vuart_init(&pc->uarts[i], serial_names[i], serial_ports[i], &line);
	}
}

static void init_buses(struct pc *pc)
{
	vpci_bus_init(&pc->pci, pc->vm);
	pc->pci.msi = deliver_msi;
	pc->pci.intx = intx;
	pc->pci.reset_read = reset_control_read;
	pc->pci.reset_write = reset_control_write;
	pc->pci.context = pc;
	vq35_init(&pc->q35, &pc->pm);
	pc->lapics.pic = &pc->pic;
	pc->lapics.ioapic = &pc->ioapic;
	for (u32 i = 0; i < pc->vm->vcpu_count; i++) {
		struct vcpu *vcpu = pc->vm->vcpus[i];

		vlapic_init(&pc->vlapics[i], vcpu, &pc->lapics, &pc->clock);
		vcpu->interrupts = &vlapic_ops;
		vcpu->interrupt_controller = &pc->vlapics[i];
	}
}

static void free_pc(struct pc *pc)
{
	if (!pc)
		return;
	firmware_tables_destroy(pc->firmware);
	kfree(pc->vlapics);
	kfree(pc->uarts);
	kfree(pc);
}

static struct pc *allocate(struct vm *vm)
{
	struct pc *pc = kzalloc(sizeof(*pc));

	if (!pc)
		return NULL;
	pc->vm = vm;
	pc->serial_count = MIN(vm->config.serial_count, PC_SERIAL_MAX);
	pc->uarts = kzalloc(MAX(pc->serial_count, 1u) * sizeof(pc->uarts[0]));
	pc->vlapics = kzalloc(vm->vcpu_count * sizeof(pc->vlapics[0]));
	if (pc->uarts && pc->vlapics)
		return pc;
	free_pc(pc);
	return NULL;
}

static int pc_create(struct vm *vm, const char **error)
{
	struct pc *pc = allocate(vm);
	int code;

	*error = "not enough memory for the machine's devices";
	if (!pc)
		return ERR_NO_MEMORY;
	spinlock_init(&pc->intx_lock, "intx", LOCK_RANK_WIRES);
	spinlock_init(&pc->serial_lock, "serial lines", LOCK_RANK_WIRES);
	pc->clock = (struct machine_clock){ .offset_ns = clock_ns(), .stopped = true };
	init_devices(pc);
	init_buses(pc);
	code = claim_all(pc);
	pc->firmware = code == OK ? firmware_tables_create(vm, error) : NULL;
	if (code == OK && !pc->firmware)
		code = ERR_NO_MEMORY;
	if (code == OK)
		code = pc_devices_create(pc, error);
	if (code != OK) { /* what was claimed goes with the machine's maps */
		free_pc(pc);
		return code;
	}
	vm->board = pc;
	*error = NULL;
	return OK;
}

static void pc_reset(struct vm *vm)
{
	struct pc *pc = vm->board;

	vpic_reset(&pc->pic);
	vioapic_reset(&pc->ioapic);
	vpit_reset(&pc->pit);
	vrtc_reset(&pc->rtc);
	vpm_reset(&pc->pm);
	vkbc_reset(&pc->kbc);
	for (unsigned i = 0; i < pc->serial_count; i++)
		vuart_reset(&pc->uarts[i]);
	pc_devices_reset(pc);
	for (unsigned i = 0; i < ARRAY_SIZE(pc->pci.devices); i++)
		if (pc->pci.devices[i] && pc->pci.devices[i]->config[PCI_HEADER_TYPE] != 1) /* ports were reset with their devices */
			vpci_reset(pc->pci.devices[i]);
	pc->pci.config_address = 0;
	firmware_tables_reset(pc->firmware);
	for (u32 i = 0; i < pc->lapics.count; i++)
		vlapic_reset(pc->lapics.lapics[i]);
}

static int pc_direct_boot(struct vm *vm, const char **error)
{
	struct pc *pc = vm->board;

	*error = NULL;
	vq35_program_as_firmware(&pc->q35);
	return firmware_tables_direct_boot(pc->firmware, error);
}

static void pc_quiesce(struct vm *vm)
{
	struct pc *pc = vm->board;

	machine_clock_stop(&pc->clock);
	pc_devices_quiesce(pc);
	vpit_quiesce(&pc->pit);
	vrtc_quiesce(&pc->rtc);
	vpm_quiesce(&pc->pm);
	for (u32 i = 0; i < pc->lapics.count; i++)
		vlapic_quiesce(pc->lapics.lapics[i]);
}

static void pc_resume(struct vm *vm)
{
	struct pc *pc = vm->board;

	machine_clock_start(&pc->clock);
	vpit_resume(&pc->pit);
	vrtc_resume(&pc->rtc);
	vpm_resume(&pc->pm);
	for (unsigned i = 0; i < pc->serial_count; i++)
		vuart_resume(&pc->uarts[i]);
	pc_devices_resume(pc);
	for (u32 i = 0; i < pc->lapics.count; i++)
		vlapic_resume(pc->lapics.lapics[i]);
}

static void pc_destroy(struct vm *vm)
{
	struct pc *pc = vm->board;

	if (!pc)
		return;
	pc_quiesce(vm);
	for (unsigned i = 0; i < pc->serial_count; i++)
		vuart_stop(&pc->uarts[i]);
	pc_devices_destroy(pc);
	vm->board = NULL;
	free_pc(pc);
}

static void pc_power_button(struct vm *vm)
{
	struct pc *pc = vm->board;

	vpm_power_button(&pc->pm);
}

static struct char_device *pc_serial(struct vm *vm, unsigned index)
{
	struct pc *pc = vm->board;

	return index < pc->serial_count ? &pc->uarts[index].host : NULL;
}

static gpa_t pc_rsdp(struct vm *vm)
{
	struct pc *pc = vm->board;

	return firmware_tables_rsdp(pc->firmware);
}

static void pc_tables_memory(struct vm *vm, u64 *base, u64 *size_bytes)
{
	struct pc *pc = vm->board;

	firmware_tables_memory(pc->firmware, base, size_bytes);
}

struct vpci_bus *pc_pci_bus(struct vm *vm)
{
	struct pc *pc = vm->board;

	return &pc->pci;
}

const struct board_ops pc_board = {
	.name = "q35",
	.create = pc_create,
	.reset = pc_reset,
	.direct_boot = pc_direct_boot,
	.quiesce = pc_quiesce,
	.resume = pc_resume,
	.save = pc_save,
	.load = pc_load,
	.destroy = pc_destroy,
	.power_button = pc_power_button,
	.device_changed = pc_device_changed,
	.device_attach = pc_device_attach,
	.device_ask = pc_device_ask,
	.device_reap = pc_device_reap,
	.serial = pc_serial,
	.rsdp = pc_rsdp,
	.tables_memory = pc_tables_memory,
};
