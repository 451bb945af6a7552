/* SPDX-License-Identifier: MIT */
/*
 * Commands in memory: the register FIS, the packet, the regions (AHCI 1.3.1, "Command Table" (4.2.3)). The port's lock is
 * held, or the keeper has the port for itself.
 */
#include "drivers/ahci_internal.h"
#include "hv/lib/string.h"
#include "hv/pages.h"

static void put_fis(struct ahci_command_table *table, u8 command, u64 block, u32 count)
{
	memset(table->fis, 0, sizeof(table->fis));
	table->fis[FIS_TYPE] = FIS_HOST_TO_DEVICE;
	table->fis[FIS_FLAGS] = FIS_IS_COMMAND;
	table->fis[FIS_COMMAND] = command;
	table->fis[FIS_DEVICE] = FIS_DEVICE_LBA;
	for (unsigned i = 0; i < 3; i++) {
		table->fis[FIS_LBA + i] = (u8)(block >> (8 * i));
		table->fis[FIS_LBA_HIGH + i] = (u8)(block >> (24 + 8 * i));
	}
	table->fis[FIS_COUNT] = (u8)count;
	table->fis[FIS_COUNT_HIGH] = (u8)(count >> 8);
}

static void put_header(struct ahci_port *port, u32 slot, u32 flags, u32 regions)
{
	struct ahci_command_header *header = &port->headers[slot];

	header->flags = AHCI_HEADER_FIS_WORDS | flags | regions << 16;
	header->done_bytes = 0;
	header->table = port->tables_address.value + (u64)slot * sizeof(struct ahci_command_table);
}

/* block_check has bounded the count of segments and their sum. */
static u32 put_segments(struct ahci_command_table *table, const struct block_request *request)
{
	for (u32 i = 0; i < request->segment_count; i++)
		table->regions[i] = (struct ahci_region){ request->segments[i].address.value, 0, (u32)request->segments[i].size_bytes - 1 };
	return request->segment_count;
}

static void put_read_12(u8 packet[16], u64 block, u32 count)
{
	memset(packet, 0, 16);
	packet[0] = SCSI_READ_12;
	for (unsigned i = 0; i < 4; i++) {
		packet[2 + i] = (u8)(block >> (24 - 8 * i));
		packet[6 + i] = (u8)(count >> (24 - 8 * i));
	}
}

bool ahci_is_queued(const struct ahci_port *port, const struct block_request *request)
{
	return port->identity.queue_depth && !port->by_itself && (request->operation == BLOCK_READ || request->operation == BLOCK_WRITE);
}

/* NCQ: the count stands among the features, and the tag where the count was. */
static void put_queued(struct ahci_command_table *table, u32 slot, u32 count)
{
	table->fis[FIS_FEATURES] = (u8)count;
	table->fis[FIS_FEATURES_HIGH] = (u8)(count >> 8);
	table->fis[FIS_COUNT] = (u8)(slot << 3);
	table->fis[FIS_COUNT_HIGH] = 0;
}

static void put_trim(struct ahci_port *port, u32 slot, u64 block, u64 count)
{
	struct ahci_command_table *table = &port->tables[slot];
	/* The ranges stand in the table itself, behind the one region that names them: 64 entries of 65,535 blocks each. */
	u64 *ranges = (u64 *)&table->regions[AHCI_REGIONS_MAX - 32];

	memset(ranges, 0, 512);
	for (unsigned i = 0; i < 64 && count; i++) {
		u64 here = MIN(count, (u64)UINT16_MAX);

		ranges[i] = block | here << 48;
		block += here;
		count -= here;
	}
	put_fis(table, ATA_DATA_SET_MANAGEMENT, 0, 1);
	table->fis[FIS_FEATURES] = ATA_DSM_TRIM;
	table->regions[0] = (struct ahci_region){ port->tables_address.value + (u64)slot * sizeof(*table) +
						  (u64)((u8 *)ranges - (u8 *)table), 0, 511 };
	put_header(port, slot, AHCI_HEADER_WRITE, 1);
}

void ahci_put_request(struct ahci_port *port, u32 slot, const struct block_request *request, bool queued)
{
	struct ahci_command_table *table = &port->tables[slot];
	u32 scale = port->device->limits.logical_block_bytes / BLOCK_SECTOR_BYTES;
	u64 block = request->sector / scale, count = request->sector_count / scale;
	bool write = request->operation == BLOCK_WRITE, fua = write && (request->flags & BLOCK_FUA);

	if (request->operation == BLOCK_FLUSH) {
		put_fis(table, ATA_FLUSH_EXT, 0, 0);
		put_header(port, slot, 0, 0);
		return;
	}
	if (request->operation == BLOCK_DISCARD) {
		put_trim(port, slot, block, count);
		return;
	}
	if (port->kind == AHCI_CD) {
		put_fis(table, ATA_PACKET, 0, 0);
		table->fis[FIS_FEATURES] = 1; /* by DMA */
		put_read_12(table->packet, block, (u32)count);
		put_header(port, slot, AHCI_HEADER_ATAPI, put_segments(table, request));
		return;
	}
	if (queued) {
		put_fis(table, write ? ATA_WRITE_FPDMA : ATA_READ_FPDMA, block, 0);
		put_queued(table, slot, (u32)count);
		table->fis[FIS_DEVICE] |= fua ? FIS_DEVICE_FUA : 0;
	} else {
		put_fis(table, !write ? ATA_READ_DMA_EXT : fua ? ATA_WRITE_DMA_FUA_EXT : ATA_WRITE_DMA_EXT, block, (u32)count);
	}
	put_header(port, slot, write ? AHCI_HEADER_WRITE : 0, put_segments(table, request));
}

void ahci_put_command(struct ahci_port *port, u32 slot, u8 command, const u8 packet[12], hpa_t data, u32 data_bytes)
{
	struct ahci_command_table *table = &port->tables[slot];

	put_fis(table, command, 0, 0);
	table->fis[FIS_DEVICE] = 0;
	memset(table->packet, 0, sizeof(table->packet));
	if (packet) {
		memcpy(table->packet, packet, 12);
		table->fis[FIS_FEATURES] = data_bytes ? 1 : 0;
	}
	table->regions[0] = (struct ahci_region){ data.value, 0, data_bytes - 1 };
	put_header(port, slot, packet ? AHCI_HEADER_ATAPI : 0, data_bytes ? 1 : 0);
}
