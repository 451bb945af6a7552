/* SPDX-License-Identifier: MIT */
/*
 * What this CPU and firmware offer for virtualisation: a verdict for each thing that Solera uses, with the remedy.
 *
 * host_validate is pure: raw CPUID and MSR words and a few facts in, lines out, in the style of libvirt's
 * virt-host-validate. FAIL: domains cannot run. WARN: they run, but slower or with less. Next to read: host_validate.c.
 */
#ifndef HV_MANAGE_HOST_VALIDATE_H
#define HV_MANAGE_HOST_VALIDATE_H

#include "hv/virt_words.h"

enum host_verdict { HOST_PASS, HOST_WARN, HOST_FAIL };

#define HOST_CHECK_TEXT_MAX 60
#define HOST_CHECK_REMEDY_MAX 164
#define HOST_CHECKS_MAX 32

struct host_check {
	char text[HOST_CHECK_TEXT_MAX];      /* "for nested paging" */
	enum host_verdict verdict;
	char remedy[HOST_CHECK_REMEDY_MAX];  /* "" with PASS */
};

struct host_facts {
	bool acpi;                 /* there were ACPI tables to look at */
	bool dmar, ivrs;           /* … and among them these */
	bool interrupt_remapping;  /* DMAR says so */
	u64 memory_kib;
};

/* Fills checks and returns their count. */
u32 host_validate(const struct virt_words *words, const struct host_facts *facts, struct host_check checks[HOST_CHECKS_MAX]);
/* True: domains can run. Else *line gets one line for a person: what is missing, and what to do. */
bool host_validate_usable(const struct virt_words *words, char *line, size_t size_bytes);

/* The host's own: hv/main.c gives the facts once; host_validate_here judges the CPU that it runs on. */
void host_validate_init(const struct host_facts *facts);
u32 host_validate_here(struct host_check checks[HOST_CHECKS_MAX]);

#endif
