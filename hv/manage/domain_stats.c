/* SPDX-License-Identifier: MIT */
/* See domain_stats.h. The counters are written by the vCPUs alone; a stale value does no harm. */
#include "hv/manage/domain_stats.h"
#include "hv/clock.h"
#include "hv/gmem.h"
#include "hv/lib/error.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/host.h"
#include "hv/vm_tune.h"

static int not_active(struct manage_error *error)
{
	return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
}

static void fill_vcpu(struct domain_vcpu *to, const struct vcpu *vcpu)
{
	struct vcpu_cpu_time time = vcpu_cpu_time(vcpu);
	struct thread_times times;
	u8 mode = READ_ONCE(vcpu->mode);

	vm_vcpu_times(vcpu->vm, vcpu->index, &times);
	*to = (struct domain_vcpu){
		.number = vcpu->index,
		.cpu = vm_vcpu_cpu(vcpu->vm, vcpu->index),
		.state = mode == VCPU_HALTED ? DOMAIN_VCPU_BLOCKED : DOMAIN_VCPU_RUNNING,
		.cpu_time_ns = time.total_ns,
		.guest_time_ns = time.guest_ns,
		.steal_ns = times.steal_ns,
		.wait_ns = times.wait_ns,
		.slow_exits = READ_ONCE(vcpu->slow_exits),
		.unknown_msr_reads = READ_ONCE(vcpu->unknown_msr_reads),
		.unknown_msr_writes = READ_ONCE(vcpu->unknown_msr_writes),
	};
	for (unsigned kind = 0; kind < EXIT_KIND_COUNT; kind++)
		to->exits += READ_ONCE(vcpu->exits[kind]);
}

int domain_get_vcpus(struct domain *domain, struct domain_vcpu *vcpus, u32 max, u32 *count, struct manage_error *error)
{
	int code = OK;

	*count = 0;
	mutex_lock(&domains_lock); /* the machine cannot go away meanwhile */
	if (!domain->vm)
		code = not_active(error);
	else
		for (u32 i = 0; i < domain->vm->vcpu_count && i < max; i++)
			fill_vcpu(&vcpus[(*count)++], domain->vm->vcpus[i]);
	mutex_unlock(&domains_lock);
	return code;
}

int domain_get_cpu_times(struct domain *domain, struct domain_cpu_time *times, u32 max, u32 *count, struct manage_error *error)
{
	struct host_node node;
	int code = OK;

	host_node(&node);
	*count = MIN(node.cpus, max);
	mutex_lock(&domains_lock);
	if (!domain->vm)
		code = not_active(error);
	for (u32 i = 0; !code && i < *count; i++)
		vm_times_on_cpu(domain->vm, i, &times[i].cpu_ns, &times[i].vcpu_ns);
	mutex_unlock(&domains_lock);
	return code;
}

int domain_get_memory(struct domain *domain, struct domain_memory *memory, struct manage_error *error)
{
	struct gmem_stats stats;
	int code = OK;

	mutex_lock(&domains_lock);
	if (!domain->vm) {
		code = not_active(error);
	} else {
		gmem_get_stats(domain->vm, &stats);
		*memory = (struct domain_memory){ stats.populated_bytes, stats.nested_table_bytes, stats.zeroed_bytes,
						  clock_ticks_to_ns(stats.zeroing_ticks) };
	}
	mutex_unlock(&domains_lock);
	return code;
}

int domain_get_exits(struct domain *domain, u32 index, struct domain_exit_kind *kinds, u32 max, u32 *count,
		     struct manage_error *error)
{
	int code = OK;

	*count = MIN(max, (u32)EXIT_KIND_COUNT);
	mutex_lock(&domains_lock);
	if (!domain->vm)
		code = not_active(error);
	else if (index != DOMAIN_EXITS_OF_ALL && index >= domain->vm->vcpu_count)
		code = manage_fail(error, MANAGE_ERR_INVALID_ARG, "vCPU %u: domain '%s' has %u", index, domain->config.name,
				   domain->vm->vcpu_count);
	for (u32 kind = 0; !code && kind < *count; kind++) {
		kinds[kind] = (struct domain_exit_kind){ .name = exit_kind_name(kind) };
		for (u32 i = 0; i < domain->vm->vcpu_count; i++) {
			const struct vcpu *vcpu = domain->vm->vcpus[i];

			if (index != DOMAIN_EXITS_OF_ALL && index != i)
				continue;
			kinds[kind].count += READ_ONCE(vcpu->exits[kind]);
			kinds[kind].timed += READ_ONCE(vcpu->exit_times.timed[kind]);
			kinds[kind].host_ns += READ_ONCE(vcpu->exit_times.ticks[kind]) * 1000 / (clock_tsc_hz() / 1000000);
		}
	}
	mutex_unlock(&domains_lock);
	return code;
}

int domain_time_exits(struct domain *domain, bool on, struct manage_error *error)
{
	int code = OK;

	mutex_lock(&domains_lock);
	if (!domain->vm)
		code = not_active(error);
	for (u32 i = 0; !code && i < domain->vm->vcpu_count; i++)
		vcpu_watch(domain->vm->vcpus[i], VCPU_WATCH_TIME, on);
	mutex_unlock(&domains_lock);
	return code;
}
