/* SPDX-License-Identifier: MIT */
/* Numbers of "SCSI Host Device" (VIRTIO 1.2, 5.6) that device and driver share. */
#ifndef VIRTIO_SPEC_VIRTIO_SCSI_H
#define VIRTIO_SPEC_VIRTIO_SCSI_H

#include "hv/lib/types.h"

enum { VIRTIO_SCSI_F_INOUT = 0, VIRTIO_SCSI_F_HOTPLUG = 1, VIRTIO_SCSI_F_CHANGE = 2 };

enum { VIRTIO_SCSI_Q_CONTROL = 0, VIRTIO_SCSI_Q_EVENT = 1, VIRTIO_SCSI_Q_REQUEST = 2 /* and those behind it */ };

struct virtio_scsi_config {
	u32 num_queues, seg_max, max_sectors, cmd_per_lun, event_info_size, sense_size, cdb_size;
	u16 max_channel, max_target;
	u32 max_lun;
};
STATIC_ASSERT(sizeof(struct virtio_scsi_config) == 36, "virtio_scsi_config");
#define VIRTIO_SCSI_CONFIG_SENSE_SIZE 20u
#define VIRTIO_SCSI_CONFIG_CDB_SIZE 24u
#define VIRTIO_SCSI_SENSE_DEFAULT 96u
#define VIRTIO_SCSI_CDB_DEFAULT 32u

/* Of a request queue: what the device reads (the CDB and the data behind it) and what it writes (sense data and data behind it). */
struct virtio_scsi_request_head {
	u8 lun[8];
	u64 tag;
	u8 task_attribute, priority, crn;
} PACKED;
STATIC_ASSERT(sizeof(struct virtio_scsi_request_head) == 19, "virtio_scsi_req_cmd up to its CDB");

struct virtio_scsi_response_head {
	u32 sense_length, residual;
	u16 status_qualifier;
	u8 status, response;
};
STATIC_ASSERT(sizeof(struct virtio_scsi_response_head) == 12, "virtio_scsi_req_cmd's answer up to its sense data");

enum { VIRTIO_SCSI_S_OK = 0, VIRTIO_SCSI_S_OVERRUN = 1, VIRTIO_SCSI_S_ABORTED = 2, VIRTIO_SCSI_S_BAD_TARGET = 3, VIRTIO_SCSI_S_RESET = 4,
       VIRTIO_SCSI_S_BUSY = 5, VIRTIO_SCSI_S_TRANSPORT_FAILURE = 6, VIRTIO_SCSI_S_TARGET_FAILURE = 7, VIRTIO_SCSI_S_NEXUS_FAILURE = 8,
       VIRTIO_SCSI_S_FAILURE = 9, VIRTIO_SCSI_S_FUNCTION_SUCCEEDED = 10, VIRTIO_SCSI_S_FUNCTION_REJECTED = 11,
       VIRTIO_SCSI_S_INCORRECT_LUN = 12 };

/* Of the control queue */
enum { VIRTIO_SCSI_T_TMF = 0, VIRTIO_SCSI_T_AN_QUERY = 1, VIRTIO_SCSI_T_AN_SUBSCRIBE = 2 };
enum { VIRTIO_SCSI_TMF_ABORT_TASK = 0, VIRTIO_SCSI_TMF_ABORT_TASK_SET = 1, VIRTIO_SCSI_TMF_CLEAR_ACA = 2, VIRTIO_SCSI_TMF_CLEAR_TASK_SET = 3,
       VIRTIO_SCSI_TMF_I_T_NEXUS_RESET = 4, VIRTIO_SCSI_TMF_LOGICAL_UNIT_RESET = 5, VIRTIO_SCSI_TMF_QUERY_TASK = 6,
       VIRTIO_SCSI_TMF_QUERY_TASK_SET = 7 };

struct virtio_scsi_tmf {
	u32 type, subtype;
	u8 lun[8];
	u64 tag;
}; /* answered by a byte: the response */
STATIC_ASSERT(sizeof(struct virtio_scsi_tmf) == 24, "virtio_scsi_ctrl_tmf");

struct virtio_scsi_an {
	u32 type;
	u8 lun[8];
	u32 event_requested;
}; /* answered by le32 event_actual and a byte: the response */
STATIC_ASSERT(sizeof(struct virtio_scsi_an) == 16, "virtio_scsi_ctrl_an");

/* Of the event queue */
#define VIRTIO_SCSI_T_EVENTS_MISSED 0x80000000u
enum { VIRTIO_SCSI_T_NO_EVENT = 0, VIRTIO_SCSI_T_TRANSPORT_RESET = 1, VIRTIO_SCSI_T_ASYNC_NOTIFY = 2, VIRTIO_SCSI_T_PARAM_CHANGE = 3 };
enum { VIRTIO_SCSI_EVT_RESET_HARD = 0, VIRTIO_SCSI_EVT_RESET_RESCAN = 1, VIRTIO_SCSI_EVT_RESET_REMOVED = 2 };
struct virtio_scsi_event {
	u32 event;
	u8 lun[8];
	u32 reason;
};
STATIC_ASSERT(sizeof(struct virtio_scsi_event) == 16, "virtio_scsi_event");

#endif
