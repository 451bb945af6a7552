/* SPDX-License-Identifier: MIT */
/*
 * The exit trace of a vCPU: a ring of its last exits, for students and for debugging (`trace DOMAIN`).
 *
 * Written by the vCPU while it is watched (hv/exit_watch.c), read by anyone: a reader that falls behind loses records and is
 * told how many.
 */
#ifndef HV_TRACE_H
#define HV_TRACE_H

#include "hv/vcpu.h"

#define TRACE_RECORDS 1024u

struct trace_record {
	u64 sequence;      /* from 1; written last */
	u64 time_ns;
	u64 rip, rax, rcx, rdx;
	struct vm_exit exit;
};

struct exit_trace {
	u64 next;          /* (a) sequence number of the next record */
	u64 kinds;         /* (a) a bit per enum exit_kind: what is recorded */
	struct trace_record records[TRACE_RECORDS];
};

/* At an exit, decoded (with vcpu->exit.raw) and not yet handled. */
void trace_exit(struct vcpu *vcpu);
/* Starts, or changes the filter; *sequence: of the first record to come. ERR_NO_MEMORY. Any thread. */
MUST_CHECK int trace_start(struct vcpu *vcpu, u64 kinds, u64 *sequence);
void trace_stop(struct vcpu *vcpu);
/* Takes the record with *sequence (or the oldest that is left) and moves *sequence on; false: none yet. */
bool trace_read(const struct vcpu *vcpu, u64 *sequence, struct trace_record *record);
/* One line in words: "CPUID leaf 0x1, subleaf 0x0 at ffffffff81000000". */
size_t trace_describe(const struct trace_record *record, char *text, size_t size);

#endif
