/* SPDX-License-Identifier: MIT */
/*
 * A domain's part of the host's CPUs: <cputune>, <vcpu cpuset>, and what schedinfo, vcpupin and emulatorpin show and set.
 * libvirt's names, units (microseconds) and limits. docs/domain-xml.md is the same for people.
 */
#ifndef HV_MANAGE_DOMAIN_TUNE_H
#define HV_MANAGE_DOMAIN_TUNE_H

#include "hv/lib/cpu_mask.h"
#include "hv/manage/error.h"

#define DOMAIN_TUNE_VCPUS_MAX 64

enum domain_tune_number {
	DOMAIN_TUNE_SHARES,
	DOMAIN_TUNE_VCPU_PERIOD, DOMAIN_TUNE_VCPU_QUOTA,
	DOMAIN_TUNE_EMULATOR_PERIOD, DOMAIN_TUNE_EMULATOR_QUOTA,
	DOMAIN_TUNE_GLOBAL_PERIOD, DOMAIN_TUNE_GLOBAL_QUOTA,
	DOMAIN_TUNE_COUNT,
};

struct domain_tune {
	s64 number[DOMAIN_TUNE_COUNT]; /* 0: not written, the default holds; a quota below 0: written, and none */
	struct cpu_mask cpuset;        /* <vcpu cpuset>; empty: not written */
	struct cpu_mask emulator;      /* <emulatorpin>; empty: not written */
	struct cpu_mask pin[DOMAIN_TUNE_VCPUS_MAX]; /* <vcpupin>; empty: not written */
};

/* Names and limits; kind: schedinfo's name ("vcpu_quota"), element: the XML's ("quota"). */
struct domain_tune_rule {
	const char *name, *element;
	s64 min, max, usual; /* usual: what holds when nothing is written; -1: no quota */
	bool quota;          /* takes negative numbers: none */
};
extern const struct domain_tune_rule domain_tune_rules[DOMAIN_TUNE_COUNT];

/* MANAGE_FAILED with the limit named, and nothing changed. */
MUST_CHECK int domain_tune_set(struct domain_tune *tune, enum domain_tune_number number, s64 value, struct manage_error *error);
s64 domain_tune_get(const struct domain_tune *tune, enum domain_tune_number number); /* the default where not written */
bool domain_tune_equal(const struct domain_tune *a, const struct domain_tune *b);
/* Where a vCPU may run: its own pin, or the cpuset, or anywhere. */
struct cpu_mask domain_tune_cpus(const struct domain_tune *tune, u32 vcpu);

struct domain;
struct domain_config;

enum domain_tune_flags { DOMAIN_TUNE_CURRENT = 0, DOMAIN_TUNE_LIVE = 1, DOMAIN_TUNE_CONFIG = 2 }; /* virDomainModificationImpact */

/*
 * Thread context. What is changed holds at once (live), from the next start on (config), or, with neither, for the running
 * machine when there is one. All or nothing. The changes are made by `change` on a copy.
 */
typedef int (*domain_tune_change)(void *context, struct domain_tune *tune, u32 vcpus, struct manage_error *error);
MUST_CHECK int domain_change_tune(struct domain *domain, unsigned flags, domain_tune_change change, void *context,
				  struct manage_error *error);
/* A copy of what holds, and for how many vCPUs. */
MUST_CHECK int domain_get_tune(struct domain *domain, unsigned flags, struct domain_tune *tune, u32 *vcpus,
			       struct manage_error *error);
/* Applies the running configuration to its machine. [operation held, or the machine not yet known to others] */
struct vm;
MUST_CHECK int domain_apply_tune(struct vm *vm, const struct domain_tune *tune, u32 vcpus, struct manage_error *error);

/* setvcpus --config --maximum: how many vCPUs the next start has. */
MUST_CHECK int domain_set_vcpus(struct domain *domain, u32 count, struct manage_error *error);

#endif
