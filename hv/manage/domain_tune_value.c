/* SPDX-License-Identifier: MIT */
/* struct domain_tune as a value: names, limits, defaults. Pure. */
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_tune.h"

#define QUOTA_MAX 17592186044415 /* 2^64 ns in us: libvirt's */

const struct domain_tune_rule domain_tune_rules[DOMAIN_TUNE_COUNT] = {
	[DOMAIN_TUNE_SHARES] = { "cpu_shares", "shares", 2, 262144, 1024, false },
	[DOMAIN_TUNE_VCPU_PERIOD] = { "vcpu_period", "period", 1000, 1000000, 100000, false },
	[DOMAIN_TUNE_VCPU_QUOTA] = { "vcpu_quota", "quota", 1000, QUOTA_MAX, -1, true },
	[DOMAIN_TUNE_EMULATOR_PERIOD] = { "emulator_period", "emulator_period", 1000, 1000000, 100000, false },
	[DOMAIN_TUNE_EMULATOR_QUOTA] = { "emulator_quota", "emulator_quota", 1000, QUOTA_MAX, -1, true },
	[DOMAIN_TUNE_GLOBAL_PERIOD] = { "global_period", "global_period", 1000, 1000000, 100000, false },
	[DOMAIN_TUNE_GLOBAL_QUOTA] = { "global_quota", "global_quota", 1000, QUOTA_MAX, -1, true },
};

int domain_tune_set(struct domain_tune *tune, enum domain_tune_number number, s64 value, struct manage_error *error)
{
	const struct domain_tune_rule *rule = &domain_tune_rules[number];
	bool none = rule->quota && value < 0;

	if (!none && (value < rule->min || value > rule->max))
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "value of '%s' is out of range [%lld, %lld]%s", rule->name,
				   (long long)rule->min, (long long)rule->max, rule->quota ? ", or -1 for none" : "");
	tune->number[number] = none ? -1 : value;
	return OK;
}

s64 domain_tune_get(const struct domain_tune *tune, enum domain_tune_number number)
{
	return tune->number[number] ? tune->number[number] : domain_tune_rules[number].usual;
}

bool domain_tune_equal(const struct domain_tune *a, const struct domain_tune *b)
{
	return memcmp(a, b, sizeof(*a)) == 0; /* no padding: numbers of 64 bits throughout */
}

struct cpu_mask domain_tune_cpus(const struct domain_tune *tune, u32 vcpu)
{
	if (vcpu < DOMAIN_TUNE_VCPUS_MAX && !cpu_mask_empty(&tune->pin[vcpu]))
		return tune->pin[vcpu];
	return cpu_mask_empty(&tune->cpuset) ? CPU_MASK_ALL : tune->cpuset;
}
