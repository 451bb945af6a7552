/* SPDX-License-Identifier: MIT */
/* Shares, caps and pins of domains: shown and changed, in the description and in the machine that runs. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/cpu_list.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/domain_xml.h"
#include "hv/vm_tune.h"

#define NS_PER_US 1000ull

static struct vm_cap cap_of(const struct domain_tune *tune, enum domain_tune_number period)
{
	s64 quota = domain_tune_get(tune, period + 1);
	u64 period_ns = (u64)domain_tune_get(tune, period) * NS_PER_US;

	/* Beyond what all CPUs there can ever be give in a period, a quota limits nothing. */
	if (quota < 0 || (u64)quota * NS_PER_US >= period_ns * CPU_MAX)
		return (struct vm_cap){ period_ns, 0 };
	return (struct vm_cap){ period_ns, (u64)quota * NS_PER_US };
}

int domain_apply_tune(struct vm *vm, const struct domain_tune *tune, u32 vcpus, struct manage_error *error)
{
	struct vm_tune *to = kzalloc(sizeof(*to));
	char list[CPU_LIST_TEXT_MAX];
	struct cpu_mask wanted;
	u32 which = 0;
	int code;

	if (!to)
		return manage_fail_no_memory(error);
	to->shares = (u32)domain_tune_get(tune, DOMAIN_TUNE_SHARES);
	to->whole = cap_of(tune, DOMAIN_TUNE_GLOBAL_PERIOD);
	to->vcpu = cap_of(tune, DOMAIN_TUNE_VCPU_PERIOD);
	to->helpers = cap_of(tune, DOMAIN_TUNE_EMULATOR_PERIOD);
	for (u32 i = 0; i < vcpus && i < VM_VCPUS_MAX; i++)
		to->cpus[i] = domain_tune_cpus(tune, i);
	to->helper_cpus = cpu_mask_empty(&tune->emulator) ? CPU_MASK_ALL : tune->emulator;
	code = vm_apply_tune(vm, to, &which);
	kfree(to);
	if (!code)
		return OK;
	wanted = which == VM_TUNE_HELPERS ? tune->emulator : domain_tune_cpus(tune, which);
	cpu_list_format(list, sizeof(list), &wanted, CPU_MAX);
	if (which == VM_TUNE_HELPERS)
		return manage_fail(error, MANAGE_ERR_INVALID_ARG,
				   "the emulator's threads are pinned to CPUs %.100s, and this host has none of them", list);
	return manage_fail(error, MANAGE_ERR_INVALID_ARG, "vCPU %u is pinned to CPUs %.100s, and this host has none of them", which, list);
}

/* [operation held] */
static int change_one(struct domain *domain, struct domain_config *config, bool live, struct domain_tune *copy,
		      domain_tune_change change, void *context, struct manage_error *error)
{
	int code;

	*copy = config->tune;
	code = change(context, copy, config->vcpus, error);
	return code || !live ? code : domain_apply_tune(domain->vm, copy, config->vcpus, error);
}

static void store(struct domain_config *config, const struct domain_tune *tune)
{
	mutex_lock(&domains_lock);
	config->tune = *tune;
	mutex_unlock(&domains_lock);
}

int domain_change_tune(struct domain *domain, unsigned flags, domain_tune_change change, void *context,
		       struct manage_error *error)
{
	struct domain_tune *copies = kzalloc(2 * sizeof(*copies));
	bool live, config;
	int code;

	if (!copies)
		return manage_fail_no_memory(error);
	mutex_lock(&domain->operation);
	code = domain_impact(domain, flags, &live, &config, error);
	/* The description first: it can refuse without having changed anything. */
	if (!code && config)
		code = change_one(domain, &domain->config, false, &copies[1], change, context, error);
	if (!code && live)
		code = change_one(domain, &domain->running, true, &copies[0], change, context, error);
	if (!code && live)
		store(&domain->running, &copies[0]);
	if (!code && config) {
		store(&domain->config, &copies[1]);
		(void)domain_keep(domain);
	}
	mutex_unlock(&domain->operation);
	kfree(copies);
	return code;
}

int domain_get_tune(struct domain *domain, unsigned flags, struct domain_tune *tune, u32 *vcpus, struct manage_error *error)
{
	bool live, config;
	int code;

	mutex_lock(&domains_lock);
	code = domain_impact(domain, flags, &live, &config, error);
	if (!code) {
		const struct domain_config *from = live ? &domain->running : &domain->config;

		*tune = from->tune;
		*vcpus = from->vcpus;
	}
	mutex_unlock(&domains_lock);
	return code;
}

/* What the parser would refuse (a topology that does not fit, too many vCPUs) is refused here in the same words. */
static int check_by_parser(const struct domain_config *config, struct manage_error *error)
{
	const struct domain_xml_options options = { .inactive = true };
	char *xml = domain_xml_format(config, &options);
	struct domain_config *parsed = kzalloc(sizeof(*parsed));
	int code = xml && parsed ? OK : manage_fail_no_memory(error);

	if (!code)
		code = domain_xml_parse(parsed, "setvcpus", xml, strlen(xml), error);
	if (!code)
		domain_config_release(parsed);
	kfree(parsed);
	kfree(xml);
	return code;
}

int domain_set_vcpus(struct domain *domain, u32 count, struct manage_error *error)
{
	u32 before;
	int code = OK;

	mutex_lock(&domain->operation);
	before = domain->config.vcpus;
	if (!domain->persistent)
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "transient domains do not have any persistent config");
	else if (count < 1 || count > DOMAIN_VCPUS_MAX)
		code = manage_fail(error, MANAGE_ERR_INVALID_ARG,
				   "requested cpu amount exceeds maximum supported amount (%u > %d)", count, DOMAIN_VCPUS_MAX);
	if (!code) {
		mutex_lock(&domains_lock);
		domain->config.vcpus = count;
		mutex_unlock(&domains_lock);
		code = check_by_parser(&domain->config, error);
	}
	if (code) {
		mutex_lock(&domains_lock);
		domain->config.vcpus = before;
		mutex_unlock(&domains_lock);
	} else {
		(void)domain_keep(domain);
	}
	mutex_unlock(&domain->operation);
	return code;
}
