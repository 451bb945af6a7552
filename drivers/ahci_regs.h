/* SPDX-License-Identifier: MIT */
/*
 * AHCI: registers and structures with the specification's names. Serial ATA AHCI 1.3.1, "HBA Memory Registers" (3), "System
 * Memory Structures" (4); commands: ATA/ATAPI Command Set 3 (ACS-3); SCSI commands of CD drives: MMC-6.
 */
#ifndef DRIVERS_AHCI_REGS_H
#define DRIVERS_AHCI_REGS_H

#include "hv/lib/types.h"

#define AHCI_PORTS_MAX 32u
#define AHCI_SLOTS_MAX 32u

enum ahci_register { AHCI_CAP = 0x00, AHCI_GHC = 0x04, AHCI_IS = 0x08, AHCI_PI = 0x0c, AHCI_CAP2 = 0x24, AHCI_BOHC = 0x28 };
#define AHCI_CAP_SLOTS(cap) ((((cap) >> 8) & 31) + 1)
#define AHCI_CAP_NCQ BIT32(30)
#define AHCI_CAP_64BIT BIT32(31)
#define AHCI_GHC_RESET BIT32(0)
#define AHCI_GHC_INTERRUPTS BIT32(1)
#define AHCI_GHC_ENABLE BIT32(31)
#define AHCI_CAP2_HANDOFF BIT32(0)
#define AHCI_BOHC_BIOS BIT32(0)
#define AHCI_BOHC_OS BIT32(1)

/* A port's registers: 0x100 + 0x80 * port. */
#define AHCI_PORT(port) (0x100u + 0x80u * (port))
enum ahci_port_register {
	PX_CLB = 0x00, PX_FB = 0x08, PX_IS = 0x10, PX_IE = 0x14, PX_CMD = 0x18, PX_TFD = 0x20, PX_SIG = 0x24, PX_SSTS = 0x28,
	PX_SCTL = 0x2c, PX_SERR = 0x30, PX_SACT = 0x34, PX_CI = 0x38,
};
#define PX_CMD_START BIT32(0)
#define PX_CMD_SPIN_UP BIT32(1)
#define PX_CMD_POWER_ON BIT32(2)
#define PX_CMD_FIS_RECEIVE BIT32(4)
#define PX_CMD_FIS_RUNNING BIT32(14)
#define PX_CMD_RUNNING BIT32(15)
#define PX_CMD_ATAPI BIT32(24)
#define PX_IS_CONNECT_CHANGE BIT32(6)  /* PCS: SERR.DIAG.X clears it */
#define PX_IS_PHY_CHANGE BIT32(22)     /* PRCS: SERR.DIAG.N clears it */
#define PX_IS_ERRORS (BIT32(24) | BIT32(26) | BIT32(27) | BIT32(28) | BIT32(29) | BIT32(30))
#define PX_IS_DONE (BIT32(0) | BIT32(1) | BIT32(2) | BIT32(3)) /* register, PIO set-up, DMA set-up, device-bits FIS */
#define PX_TFD_ERROR BIT32(0)
#define PX_TFD_REQUEST BIT32(3)
#define PX_TFD_BUSY BIT32(7)
#define PX_SSTS_DETECTED(ssts) ((ssts) & 15) /* 3: a device, and the link is up */
#define PX_SCTL_RESET 1u
#define PX_SIGNATURE_DISK 0x00000101u
#define PX_SIGNATURE_ATAPI 0xeb140101u

struct ahci_command_header {
	u32 flags;       /* 4..0 length of the command FIS in words; 5 ATAPI; 6 write; 31..16 count of regions */
	u32 done_bytes;
	u64 table;
	u32 reserved[4];
};
STATIC_ASSERT(sizeof(struct ahci_command_header) == 32, "a command header");
#define AHCI_HEADER_FIS_WORDS 5u
#define AHCI_HEADER_ATAPI BIT32(5)
#define AHCI_HEADER_WRITE BIT32(6)

struct ahci_region { u64 address; u32 reserved, count; }; /* count: bytes - 1, at most 4 MiB, an even number of bytes */
#define AHCI_REGION_BYTES_MAX (4u * 1024u * 1024u)
#define AHCI_REGIONS_MAX 248u
struct ahci_command_table {
	u8 fis[64], packet[16], reserved[48];
	struct ahci_region regions[AHCI_REGIONS_MAX];
};
STATIC_ASSERT(sizeof(struct ahci_command_table) == 4096, "a table fills a page");

/* The host-to-device register FIS: byte offsets. */
enum {
	FIS_TYPE = 0, FIS_FLAGS = 1, FIS_COMMAND = 2, FIS_FEATURES = 3, FIS_LBA = 4, FIS_DEVICE = 7, FIS_LBA_HIGH = 8,
	FIS_FEATURES_HIGH = 11, FIS_COUNT = 12, FIS_COUNT_HIGH = 13,
};
#define FIS_HOST_TO_DEVICE 0x27u
#define FIS_IS_COMMAND 0x80u
#define FIS_DEVICE_LBA 0x40u
#define FIS_DEVICE_FUA 0x80u

enum ata_command {
	ATA_DATA_SET_MANAGEMENT = 0x06, ATA_READ_DMA_EXT = 0x25, ATA_WRITE_DMA_EXT = 0x35, ATA_WRITE_DMA_FUA_EXT = 0x3d,
	ATA_READ_FPDMA = 0x60, ATA_WRITE_FPDMA = 0x61, ATA_PACKET = 0xa0, ATA_IDENTIFY_PACKET = 0xa1, ATA_FLUSH_EXT = 0xea,
	ATA_IDENTIFY = 0xec,
};
#define ATA_DSM_TRIM 1u

enum scsi_command { SCSI_TEST_UNIT_READY = 0x00, SCSI_REQUEST_SENSE = 0x03, SCSI_READ_CAPACITY = 0x25, SCSI_READ_12 = 0xa8 };

#endif
