/* SPDX-License-Identifier: MIT */
/*
 * NVM Express: registers, commands and structures that the driver uses, with the specification's names.
 * NVM Express Base Specification 1.4, "Controller Registers" (3.1), "Submission Queue Entry" (4.2), "Completion Queue
 * Entry" (4.6), "Admin Command Set" (5), "NVM Command Set" (6).
 */
#ifndef DRIVERS_NVME_REGS_H
#define DRIVERS_NVME_REGS_H

#include "hv/lib/types.h"

enum nvme_register {
	NVME_CAP = 0x00, NVME_VS = 0x08, NVME_INTMS = 0x0c, NVME_INTMC = 0x10, NVME_CC = 0x14, NVME_CSTS = 0x1c,
	NVME_AQA = 0x24, NVME_ASQ = 0x28, NVME_ACQ = 0x30, NVME_DOORBELLS = 0x1000,
};

/*
 *  CAP:  55..52 MPSMAX  51..48 MPSMIN  37 command sets: NVM  35..32 DSTRD  31..24 TO (500 ms)  16 CQR  15..0 MQES
 */
#define NVME_CAP_ENTRIES(cap) ((u32)((cap) & 0xffff) + 1)
#define NVME_CAP_TIMEOUT_MS(cap) (((u32)((cap) >> 24) & 0xff) * 500)
#define NVME_CAP_DOORBELL_BYTES(cap) (4u << (((cap) >> 32) & 15))
#define NVME_CAP_NVM_COMMANDS BIT64(37)
#define NVME_CAP_PAGE_SHIFT_MIN(cap) (12 + (((cap) >> 48) & 15))

#define NVME_CC_EN BIT32(0)
#define NVME_CC_SQ_ENTRY_64 (6u << 16) /* log2 of the entry's size */
#define NVME_CC_CQ_ENTRY_16 (4u << 20)
#define NVME_CC_SHUTDOWN_NORMAL BIT32(14)
#define NVME_CSTS_RDY BIT32(0)
#define NVME_CSTS_CFS BIT32(1) /* controller fatal status */

/* Admin commands. */
enum { NVME_ADMIN_CREATE_SQ = 0x01, NVME_ADMIN_CREATE_CQ = 0x05, NVME_ADMIN_IDENTIFY = 0x06, NVME_ADMIN_SET_FEATURES = 0x09 };
enum { NVME_IDENTIFY_NAMESPACE = 0, NVME_IDENTIFY_CONTROLLER = 1, NVME_IDENTIFY_ACTIVE = 2 };
#define NVME_FEATURE_QUEUES 0x07
#define NVME_QUEUE_CONTIGUOUS BIT32(0)
#define NVME_CQ_INTERRUPTS BIT32(1)

/* NVM commands. */
enum { NVME_FLUSH = 0x00, NVME_WRITE = 0x01, NVME_READ = 0x02, NVME_WRITE_ZEROES = 0x08, NVME_DATASET_MANAGEMENT = 0x09 };
#define NVME_RW_FUA BIT32(30)
#define NVME_ZEROES_DEALLOCATE BIT32(25)
#define NVME_DSM_DEALLOCATE BIT32(2)

struct nvme_command {
	u8 opcode, flags;
	u16 id;
	u32 namespace_id;
	u64 reserved, metadata;
	u64 prp1, prp2;
	u32 words[6]; /* command dwords 10 to 15 */
};
STATIC_ASSERT(sizeof(struct nvme_command) == 64, "a submission queue entry");

struct nvme_completion {
	u32 result, reserved;
	u16 sq_head, sq_id;
	u16 command_id;
	u16 status; /* bit 0: phase; 8..1 status code; 11..9 its type; 15 do not retry */
};
STATIC_ASSERT(sizeof(struct nvme_completion) == 16, "a completion queue entry");
#define NVME_STATUS_CODE(status) (((status) >> 1) & 0x7ff) /* type and code; 0: success */
enum {
	NVME_STATUS_INVALID_OPCODE = 0x001, NVME_STATUS_LBA_RANGE = 0x080, NVME_STATUS_CAPACITY = 0x081,
};

struct nvme_dsm_range { u32 attributes, blocks; u64 first; };

/* Identify Controller: byte offsets. */
enum {
	NVME_ID_SERIAL = 4, NVME_ID_MODEL = 24, NVME_ID_MDTS = 77, NVME_ID_NAMESPACES = 516, NVME_ID_ONCS = 520, NVME_ID_VWC = 525,
};
#define NVME_ONCS_DSM BIT32(2)
#define NVME_ONCS_WRITE_ZEROES BIT32(3)
/* Identify Namespace. */
enum { NVME_NS_SIZE = 0, NVME_NS_FORMATS = 25, NVME_NS_FORMATTED = 26, NVME_NS_FORMAT = 128 };

#endif
