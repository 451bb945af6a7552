/* SPDX-License-Identifier: MIT */
/*
 * A port and its keeper: the thread that resets the port, asks what is plugged in, registers it, and notices when it goes.
 *
 * AHCI 1.3.1, "Port reset" (10.4.2), "Hot plug" (7.3), "Error recovery" (6.2.2).
 */
#include "drivers/ahci_internal.h"
#include "drivers/disk_name.h"
#include "hv/clock.h"
#include "hv/dma.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/mmio.h"

#define POLL_NS 1000000u
#define STOP_TIMEOUT_NS (500 * 1000000ull)  /* "at most 500 milliseconds" */
#define READY_TIMEOUT_NS (10 * 1000000000ull) /* a disk spins up */
#define LINK_TIMEOUT_NS (100 * 1000000ull)
#define CD_BLOCK_BYTES 2048u

static u32 cds_named; /* (a) */

u32 ahci_port_read(const struct ahci_port *port, u32 offset)
{
	return mmio_read32(port->controller->registers, AHCI_PORT(port->index) + offset);
}

void ahci_port_write(struct ahci_port *port, u32 offset, u32 value)
{
	mmio_write32(port->controller->registers, AHCI_PORT(port->index) + offset, value);
}

void ahci_ask_keeper(struct ahci_port *port)
{
	__atomic_store_n(&port->attention, 1, __ATOMIC_RELEASE);
	waitqueue_wake_all(&port->wait);
}

static bool wait_clear(struct ahci_port *port, u32 offset, u32 bits, u64 timeout_ns)
{
	u64 deadline = clock_ns() + timeout_ns;

	while (ahci_port_read(port, offset) & bits) {
		if (clock_ns() > deadline)
			return false;
		thread_sleep_ns(POLL_NS);
	}
	return true;
}

static void stop(struct ahci_port *port)
{
	ahci_port_write(port, PX_CMD, ahci_port_read(port, PX_CMD) & ~PX_CMD_START);
	(void)wait_clear(port, PX_CMD, PX_CMD_RUNNING, STOP_TIMEOUT_NS);
}

static bool link_is_up(const struct ahci_port *port)
{
	return PX_SSTS_DETECTED(ahci_port_read(port, PX_SSTS)) == 3;
}

/* COMRESET. True: a device answers and is not busy. */
static bool reset(struct ahci_port *port)
{
	u64 deadline;

	stop(port);
	ahci_port_write(port, PX_SCTL, PX_SCTL_RESET);
	thread_sleep_ns(POLL_NS + POLL_NS / 2); /* "at least one millisecond" */
	ahci_port_write(port, PX_SCTL, 0);
	deadline = clock_ns() + LINK_TIMEOUT_NS;
	while (!link_is_up(port) && clock_ns() < deadline)
		thread_sleep_ns(POLL_NS);
	ahci_port_write(port, PX_SERR, ~0u);
	ahci_port_write(port, PX_IS, ~0u);
	if (!link_is_up(port))
		return false;
	/* The device's first FIS brings its signature, so FIS reception is on; commands only run with it. */
	if (!wait_clear(port, PX_TFD, PX_TFD_BUSY | PX_TFD_REQUEST, READY_TIMEOUT_NS))
		return false;
	ahci_port_write(port, PX_CMD, ahci_port_read(port, PX_CMD) | PX_CMD_START);
	return true;
}

static const struct block_device_ops port_ops = { .submit = ahci_submit };

static void set_disk_limits(struct ahci_port *port, struct block_limits *limits)
{
	const struct ata_identity *identity = &port->identity;

	*limits = (struct block_limits){
		.sector_count = identity->sector_count,
		.logical_block_bytes = identity->logical_block_bytes,
		.physical_block_bytes = identity->physical_block_bytes,
		.max_transfer_bytes = AHCI_TRANSFER_MAX,
		.max_segments = 128,
		.segment_boundary_mask = ~(u64)0,
		/* One block of ranges a command. */
		.max_discard_sectors = identity->trim_blocks ? 64ull * UINT16_MAX * (identity->logical_block_bytes / 512) : 0,
		.volatile_cache = identity->write_cache,
		.rotational = identity->rotational,
	};
}

static int identify_disk(struct ahci_port *port, struct block_device *device, u8 *data, hpa_t address)
{
	const char *why = "it does not say what it is";
	int error = ahci_run(port, ATA_IDENTIFY, NULL, address, 512);

	if (!error)
		error = ata_identify_read(data, &port->identity, &why);
	if (error) {
		log_warning("%s port %u: a disk is left out: %s (error %d)", port->controller->name, port->index, why, error);
		return error;
	}
	if (!(port->controller->capabilities & AHCI_CAP_NCQ))
		port->identity.queue_depth = 0;
	set_disk_limits(port, &device->limits);
	string_copy(device->model, port->identity.model, sizeof(device->model));
	string_copy(device->serial, port->identity.serial, sizeof(device->serial));
	return OK;
}

/* No medium: a drive of size 0. Right after a change the first answers are only that there was one. */
static void find_medium(struct ahci_port *port, struct block_device *device, const u8 *data, hpa_t address)
{
	static const u8 ready[12] = { SCSI_TEST_UNIT_READY }, capacity[12] = { SCSI_READ_CAPACITY };
	u64 last, bytes;

	device->limits.sector_count = 0;
	for (unsigned i = 0; ahci_run(port, ATA_PACKET, ready, HPA(0), 0) != OK; i++)
		if (i == 3 || !reset(port))
			return;
	if (ahci_run(port, ATA_PACKET, capacity, address, 8) != OK) {
		(void)reset(port);
		return;
	}
	last = (u64)data[0] << 24 | (u64)data[1] << 16 | (u64)data[2] << 8 | data[3];
	bytes = (u64)data[4] << 24 | (u64)data[5] << 16 | (u64)data[6] << 8 | data[7];
	if (bytes == CD_BLOCK_BYTES)
		device->limits.sector_count = (last + 1) * (CD_BLOCK_BYTES / BLOCK_SECTOR_BYTES);
}

static int identify_cd(struct ahci_port *port, struct block_device *device, u8 *data, hpa_t address)
{
	int error = ahci_run(port, ATA_IDENTIFY_PACKET, NULL, address, 512);

	if (error)
		return error;
	ata_text(device->serial, data + 2 * 10, 20);
	ata_text(device->model, data + 2 * 27, 40);
	memset(&port->identity, 0, sizeof(port->identity));
	device->limits = (struct block_limits){
		.logical_block_bytes = CD_BLOCK_BYTES, .physical_block_bytes = CD_BLOCK_BYTES,
		.max_transfer_bytes = AHCI_TRANSFER_MAX / 8, .max_segments = 128, .segment_boundary_mask = ~(u64)0,
		.read_only = true, .removable = true,
	};
	find_medium(port, device, data, address);
	return OK;
}

static void name_port(struct ahci_port *port)
{
	u32 number;

	if (port->name[0])
		return;
	if (port->kind == AHCI_CD) {
		format(port->name, sizeof(port->name), "sr%u", __atomic_fetch_add(&cds_named, 1, __ATOMIC_RELAXED));
		return;
	}
	if (disk_name_take(port->name, &number)) /* 256 disks: block_register refuses the one without a name of its own */
		string_copy(port->name, "sd", sizeof(port->name));
}

/* Something answers on the port: what is it? */
static void plug_in(struct ahci_port *port)
{
	struct block_device *device = kzalloc(sizeof(*device));
	u32 signature = ahci_port_read(port, PX_SIG);
	hpa_t address;
	u8 *data = dma_alloc(512, false, &address);
	int error = device && data ? OK : ERR_NO_MEMORY;

	port->kind = signature == PX_SIGNATURE_ATAPI ? AHCI_CD : signature == PX_SIGNATURE_DISK ? AHCI_DISK : AHCI_NOTHING;
	if (!error && port->kind == AHCI_NOTHING) {
		log_info("%s port %u: there is neither a disk nor a CD drive (signature %08x)", port->controller->name, port->index,
			 signature);
		error = ERR_UNSUPPORTED;
	}
	ahci_port_write(port, PX_CMD, (ahci_port_read(port, PX_CMD) & ~PX_CMD_ATAPI) | (port->kind == AHCI_CD ? PX_CMD_ATAPI : 0));
	if (!error)
		error = port->kind == AHCI_CD ? identify_cd(port, device, data, address) : identify_disk(port, device, data, address);
	if (!error) {
		name_port(port);
		string_copy(device->name, port->name, sizeof(device->name));
		device->kind = port->kind == AHCI_CD ? "cdrom" : "ahci";
		device->ops = &port_ops;
		device->context = port;
		port->device = device;
		error = block_register(device);
	}
	dma_free(data, 512);
	if (error) {
		port->device = NULL;
		port->kind = AHCI_NOTHING;
		kfree(device);
		return;
	}
	log_info("%s: %s, %llu MiB", device->name, device->model, (unsigned long long)(device->limits.sector_count / 2048));
	ahci_go_on(port);
}

static void pull_out(struct ahci_port *port)
{
	struct block_device *device = port->device;

	if (!device)
		return;
	log_warning("%s: it was pulled out", device->name);
	__atomic_store_n(&device->gone, true, __ATOMIC_RELEASE);
	ahci_fail_all(port, ERR_NOT_FOUND);
	block_disk_unregister(device);
	port->device = NULL;
	port->kind = AHCI_NOTHING;
	kfree(device);
}

/* An error, a hung command, or a plug: one reset tells them apart. */
static void look(struct ahci_port *port)
{
	bool was_there = port->device != NULL, answers = reset(port);

	if (was_there && answers) {
		ahci_take_back(port);
		ahci_go_on(port);
		return;
	}
	pull_out(port);
	if (answers)
		plug_in(port);
}

static void keep(void *context)
{
	struct ahci_port *port = context;

	for (;;) {
		waitqueue_wait(&port->wait, __atomic_load_n(&port->attention, __ATOMIC_ACQUIRE));
		__atomic_store_n(&port->attention, 0, __ATOMIC_RELEASE);
		look(port);
	}
}

/* The firmware brought the links up; what comes later raises an interrupt. */
int ahci_port_keep(struct ahci_port *port)
{
	if (link_is_up(port))
		look(port);
	return thread_create("ahci port", keep, port) ? OK : ERR_NO_MEMORY;
}

int ahci_port_start(struct ahci_port *port)
{
	u8 *received;

	ahci_queue_init(port);
	port->headers = dma_alloc(AHCI_SLOTS_MAX * sizeof(*port->headers), false, &port->headers_address);
	port->tables = dma_alloc(AHCI_SLOTS_MAX * sizeof(*port->tables), false, &port->tables_address);
	received = dma_alloc(256, false, &port->received_address);
	if (!port->headers || !port->tables || !received)
		return ERR_NO_MEMORY;
	stop(port);
	ahci_port_write(port, PX_CMD, ahci_port_read(port, PX_CMD) & ~PX_CMD_FIS_RECEIVE);
	(void)wait_clear(port, PX_CMD, PX_CMD_FIS_RUNNING, STOP_TIMEOUT_NS);
	mmio_write64(port->controller->registers, AHCI_PORT(port->index) + PX_CLB, port->headers_address.value);
	mmio_write64(port->controller->registers, AHCI_PORT(port->index) + PX_FB, port->received_address.value);
	ahci_port_write(port, PX_CMD, ahci_port_read(port, PX_CMD) | PX_CMD_FIS_RECEIVE | PX_CMD_POWER_ON | PX_CMD_SPIN_UP);
	ahci_port_write(port, PX_IE, PX_IS_DONE | PX_IS_ERRORS | PX_IS_CONNECT_CHANGE | PX_IS_PHY_CHANGE);
	return OK;
}
