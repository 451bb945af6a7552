/* SPDX-License-Identifier: MIT */
/*
 * A SCSI logical unit, as a target sees it: a disk or a CD drive that judges command descriptor blocks and answers them.
 *
 * Pure: it moves no payload and waits for nothing. scsi_execute either answers a command (status, sense data, bytes) or says what is to be
 * done to the medium, in 512-byte sectors that it has checked against the medium's size. Calls on one unit are kept apart by the caller,
 * as are changes of its medium. Next to read: scsi_unit.c (the table of commands), then scsi_block.c, scsi_cdrom.c; who carries it out is
 * virtio_scsi_request.c.
 */
#ifndef VIRTIO_SCSI_UNIT_H
#define VIRTIO_SCSI_UNIT_H

#include "hv/block_device.h"
#include "virtio/spec/scsi.h"

#define SCSI_CDB_BYTES 32u
#define SCSI_SENSE_BYTES 18u        /* fixed format */
#define SCSI_DATA_MAX 4096u         /* of an answer, or of a parameter list */
#define SCSI_RANGES_MAX 16u         /* of one UNMAP: they nest in the completions of a disk that answers at once */
#define SCSI_CD_BLOCK_BYTES 2048u
#define SCSI_TRANSFER_BYTES_MAX (16u << 20) /* of one READ or WRITE; the block limits page says so */
#define SCSI_FILL_BYTES_MAX (32u << 20)     /* of one WRITE SAME */
#define SCSI_ID_BYTES 20u

/* What the next command is told, most important first. */
enum scsi_attention { SCSI_ATTENTION_POWER_ON, SCSI_ATTENTION_RESET, SCSI_ATTENTION_MEDIUM, SCSI_ATTENTION_CAPACITY, SCSI_ATTENTION_MODE,
		      SCSI_ATTENTION_LUNS, SCSI_ATTENTION_COUNT };
/* "Media event" of GET EVENT STATUS NOTIFICATION */
enum scsi_media_event { SCSI_MEDIA_NO_CHANGE = 0, SCSI_MEDIA_EJECT_REQUEST = 1, SCSI_MEDIA_NEW = 2, SCSI_MEDIA_REMOVAL = 3 };

struct scsi_unit {
	bool cdrom;                 /* (c) */
	bool discard;               /* (c) UNMAP is offered */
	bool write_cache_default;   /* (c) */
	char id[SCSI_ID_BYTES + 1]; /* (c) the serial number, or the unit's place */
	u16 lun;                    /* (c) */
	bool read_only;             /* of the medium, or of the description */
	const struct block_limits *medium; /* NULL: none */
	u32 attentions;             /* a bit per enum scsi_attention */
	u8 media_event;             /* enum scsi_media_event: not told yet */
	bool write_cache;           /* the driver may change it: MODE SELECT */
	bool stopped;               /* a disk's, by START STOP UNIT */
	bool tray_open, locked;     /* a CD drive's */
};

enum scsi_action {
	SCSI_ANSWERED,              /* status says how; data_bytes of data are for the driver */
	SCSI_MOVE_IN, SCSI_MOVE_OUT, /* the range, from and to the driver's buffers */
	SCSI_FLUSH,
	SCSI_CLEAR,                 /* ranges: their contents are not needed any more */
	SCSI_FILL,                  /* the range, each block of it the block_bytes in data */
};

struct scsi_range {
	u64 sector, sector_count;
};

/* How a command ends. */
struct scsi_result {
	u8 status;
	u8 sense[SCSI_SENSE_BYTES]; /* with SCSI_CHECK_CONDITION */
};

struct scsi_command {
	/* The caller's. cdb: what is missing is 0. data: SCSI_DATA_MAX bytes, the first parameter_bytes filled from the driver. */
	u8 cdb[SCSI_CDB_BYTES];
	u8 *data;
	u32 parameter_bytes;
	const u16 *luns;            /* of this target, for REPORT LUNS, in order */
	u32 lun_count;
	/* The outcome. */
	u8 action;
	struct scsi_result result;  /* of SCSI_ANSWERED */
	bool fua, unmap;            /* SCSI_MOVE_OUT: durable when done; SCSI_FILL: the space may be given back */
	u32 data_bytes;
	u32 block_bytes;
	u32 range_count;            /* SCSI_CLEAR: of ranges; else 1 */
	struct scsi_range ranges[SCSI_RANGES_MAX];
};

/* cdrom, discard, write_cache_default, id, lun, read_only and medium are set; the rest becomes the power-on state. */
void scsi_unit_init(struct scsi_unit *unit);
/* A reset of the unit; what it says next is `why`. */
void scsi_unit_reset(struct scsi_unit *unit, enum scsi_attention why);
static inline void scsi_unit_attend(struct scsi_unit *unit, enum scsi_attention why) { unit->attentions |= BIT32(why); }
/* A CD drive has another medium, or (limits NULL) none; the tray is shut afterwards, or open. */
void scsi_unit_set_medium(struct scsi_unit *unit, const struct block_limits *limits, bool tray_open);

/* How many bytes of the driver's data the command wants in `data`; SCSI_MOVE_OUT's payload is not among them. */
u32 scsi_parameter_bytes(const struct scsi_unit *unit, const u8 *cdb);
/* unit NULL: its target is there, the unit is not. */
void scsi_execute(struct scsi_unit *unit, struct scsi_command *command);
/* What the medium made of it: OK, or an error of struct block_request. in: it was a read. Any context. */
void scsi_judge_medium(struct scsi_result *result, bool in, int status);
/* Sense data in the fixed format, and the status that goes with it. asc: enum scsi_asc. */
void scsi_sense(struct scsi_result *result, u8 key, u16 asc);
void scsi_check(struct scsi_command *command, u8 key, u16 asc); /* it is answered so */

/* Between the files of the layer */
u32 scsi_block_bytes(const struct scsi_unit *unit);
u64 scsi_block_count(const struct scsi_unit *unit); /* 0: no medium */
static inline void scsi_refuse(struct scsi_command *command, u16 asc) { scsi_check(command, SCSI_ILLEGAL_REQUEST, asc); }
/* The first `bytes` of data are the answer, as far as the driver's allocation length goes. */
void scsi_answer(struct scsi_command *command, u32 bytes, u32 allocation);
static inline u16 scsi_get16(const u8 *at) { return (u16)(at[0] << 8 | at[1]); }
static inline u32 scsi_get32(const u8 *at) { return (u32)scsi_get16(at) << 16 | scsi_get16(at + 2); }
static inline u64 scsi_get64(const u8 *at) { return (u64)scsi_get32(at) << 32 | scsi_get32(at + 4); }
static inline void scsi_put16(u8 *at, u32 value) { at[0] = (u8)(value >> 8); at[1] = (u8)value; }
static inline void scsi_put32(u8 *at, u32 value) { scsi_put16(at, value >> 16); scsi_put16(at + 2, value & 0xffff); }
static inline void scsi_put64(u8 *at, u64 value) { scsi_put32(at, (u32)(value >> 32)); scsi_put32(at + 4, (u32)value); }

typedef void scsi_handler(struct scsi_unit *unit, struct scsi_command *command);
scsi_handler scsi_inquiry, scsi_mode_sense, scsi_mode_select, scsi_read, scsi_write, scsi_read_capacity, scsi_service_action_in,
	scsi_synchronize_cache, scsi_unmap, scsi_write_same, scsi_read_toc, scsi_get_configuration, scsi_get_event_status,
	scsi_read_disc_information, scsi_start_stop, scsi_prevent_allow;

#endif
