/* SPDX-License-Identifier: MIT */
/*
 * An NVMe controller, from reset to its namespaces, in the specification's order; and what happens when it hangs.
 *
 * NVM Express Base Specification 1.4, "Initialization" (7.6.1): disable and wait, admin queue, page and entry sizes, enable
 * and wait, identify, queues, namespaces. A command that takes longer than 30 s makes the keeper, a thread of each
 * controller, reset it: only a controller that is stopped, or may not master the bus any more, touches no memory.
 */
#include "drivers/nvme_internal.h"
#include "arch/x86/cpu.h"
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/mmio.h"

#define ADMIN_ENTRIES 16u
#define STATUS_POLL_NS 1000000u
#define REGISTERS_BYTES_MIN (NVME_DOORBELLS + (2u * NVME_QUEUES_MAX + 2u) * 4u)

static u32 controllers_found; /* boot thread only */

/* Waits until CSTS.RDY is as wanted: as long as the controller says it may take, and never for ever. */
static int wait_ready(struct nvme_controller *controller, bool ready)
{
	u64 deadline = clock_ns() + (NVME_CAP_TIMEOUT_MS(controller->capabilities) + 500) * 1000000ull;

	for (;;) {
		u32 status = mmio_read32(controller->registers, NVME_CSTS);

		if (status == ~0u)
			return ERR_NOT_FOUND;
		if (ready && (status & NVME_CSTS_CFS))
			return ERR_IO;
		if (((status & NVME_CSTS_RDY) != 0) == ready)
			return OK;
		if (clock_ns() > deadline)
			return ERR_TIMEOUT;
		thread_sleep_ns(STATUS_POLL_NS);
	}
}

static int disable(struct nvme_controller *controller)
{
	mmio_write32(controller->registers, NVME_CC, mmio_read32(controller->registers, NVME_CC) & ~NVME_CC_EN);
	return wait_ready(controller, false);
}

static int enable(struct nvme_controller *controller)
{
	struct nvme_queue *admin = &controller->admin;

	nvme_queue_start(admin);
	mmio_write32(controller->registers, NVME_AQA, (admin->entries - 1) << 16 | (admin->entries - 1));
	mmio_write64(controller->registers, NVME_ASQ, admin->commands_address.value);
	mmio_write64(controller->registers, NVME_ACQ, admin->completions_address.value);
	/* 4 KiB pages, the NVM command set, round-robin arbitration: zeros. */
	mmio_write32(controller->registers, NVME_CC, NVME_CC_EN | NVME_CC_SQ_ENTRY_64 | NVME_CC_CQ_ENTRY_16);
	return wait_ready(controller, true);
}

/* True: it answers again. */
static bool recover(struct nvme_controller *controller)
{
	int error, status = ERR_TIMEOUT;

	log_error("%s: a command did not end within %llu s: the controller is reset", controller->name,
		  NVME_COMMAND_TIMEOUT_NS / 1000000000ull);
	controller->broken = 1;
	error = disable(controller);
	if (error)
		pci_command(controller->pci, 0, PCI_COMMAND_BUS_MASTER);
	if (error == ERR_NOT_FOUND)
		status = ERR_NOT_FOUND;
	for (u32 i = 0; i < controller->queue_count; i++)
		nvme_queue_fail(&controller->queues[i], status);
	if (!error)
		error = enable(controller);
	if (!error)
		error = nvme_create_queues(controller);
	if (error) {
		log_error("%s: it does not come back (error %d): its disks give errors from now on", controller->name, error);
		return false;
	}
	log_notice("%s: it works again", controller->name);
	controller->stuck = false;
	__atomic_store_n(&controller->broken, 0, __ATOMIC_RELEASE);
	return true;
}

static void keep(void *context)
{
	struct nvme_controller *controller = context;

	do
		waitqueue_wait(&controller->attention, READ_ONCE(controller->stuck));
	while (recover(controller));
}

/* A power of two, since queues count with masks. */
static u32 queue_entries(u64 capabilities)
{
	u32 entries = NVME_QUEUE_ENTRIES;

	while (entries > NVME_CAP_ENTRIES(capabilities))
		entries /= 2;
	return entries;
}

/* A queue for each CPU, as far as the controller has vectors. */
static int open_queues(struct nvme_controller *controller)
{
	u32 vectors;
	int error;

	(void)pci_interrupt_kind(controller->pci, &vectors);
	controller->queue_count = MIN(MIN(cpu_count, vectors), NVME_QUEUES_MAX);
	for (u32 i = 0; i < controller->queue_count; i++) {
		error = nvme_queue_create(&controller->queues[i], controller, (u16)(i + 1),
					  queue_entries(controller->capabilities));
		if (error)
			return error;
	}
	error = pci_interrupt_open(&controller->interrupt, controller->pci);
	for (u32 i = 0; i < controller->queue_count && !error; i++)
		error = pci_interrupt_add(&controller->interrupt, i, controller->name, nvme_queue_interrupt, &controller->queues[i]);
	return error ? error : nvme_create_queues(controller);
}

static int start(struct nvme_controller *controller)
{
	int error = disable(controller);

	if (!error)
		error = nvme_queue_create(&controller->admin, controller, 0, ADMIN_ENTRIES);
	if (!error)
		error = enable(controller);
	if (!error)
		error = nvme_identify(controller);
	if (!error)
		error = open_queues(controller);
	return error;
}

/* What the specification lets a controller have and this driver does not do. */
static const char *unsupported(u64 capabilities)
{
	if (!(capabilities & NVME_CAP_NVM_COMMANDS))
		return "it does not know the NVM command set";
	if (NVME_CAP_PAGE_SHIFT_MIN(capabilities) > 12)
		return "its pages are larger than 4 KiB";
	if (NVME_CAP_ENTRIES(capabilities) < ADMIN_ENTRIES || NVME_CAP_DOORBELL_BYTES(capabilities) != 4)
		return "its queues are of a kind that is not supported";
	return NULL;
}

static int probe(struct pci_device *device)
{
	const struct pci_bar *bar = &device->bars[0];
	struct nvme_controller *controller = kzalloc(sizeof(*controller));
	const char *why;
	int error;

	if (!controller)
		return ERR_NO_MEMORY;
	controller->pci = device;
	format(controller->name, sizeof(controller->name), "nvme%u", controllers_found);
	if (!bar->memory || !bar->base || bar->size_bytes < REGISTERS_BYTES_MIN) {
		log_warning("%s: its registers have no address", controller->name);
		kfree(controller);
		return ERR_INVALID;
	}
	controller->registers = mmio_map(HPA(bar->base), bar->size_bytes);
	if (!controller->registers) {
		kfree(controller);
		return ERR_NO_MEMORY;
	}
	waitqueue_init(&controller->attention, "nvme keeper");
	pci_command(device, PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER, 0);
	controller->capabilities = mmio_read64(controller->registers, NVME_CAP);
	why = unsupported(controller->capabilities);
	error = why ? ERR_UNSUPPORTED : start(controller);
	if (!error && !thread_create(controller->name, keep, controller))
		error = ERR_NO_MEMORY;
	if (error) {
		/* What it may still write to is not given back. */
		(void)disable(controller);
		pci_command(device, 0, PCI_COMMAND_BUS_MASTER);
		log_warning("%s: left out: %s (error %d)", controller->name, why ? why : "it did not start", error);
		return error;
	}
	controllers_found++;
	device->driver_data = controller;
	nvme_find_namespaces(controller);
	return OK;
}

static const struct pci_match matches[] = {
	{ PCI_ANY, PCI_ANY, 0x010802, 0xffffff }, /* mass storage, NVM, NVM Express */
	{ 0 },
};
const struct pci_driver nvme_driver = { "nvme", matches, probe };
