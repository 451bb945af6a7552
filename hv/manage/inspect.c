/* SPDX-License-Identifier: MIT */
/* See inspect.h. */
#include "hv/manage/inspect.h"
#include "hv/gva.h"
#include "hv/inspect.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/inspect_internal.h"
#include "hv/msr_policy.h"
#include "hv/trace.h"

static int not_active(struct manage_error *error)
{
	return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
}

bool inspect_hold(struct domain *domain)
{
	return domain->state == DOMAIN_RUNNING && !vm_pause(domain->vm);
}

void inspect_let_go(struct domain *domain, bool was_running)
{
	/* When the machine ended meanwhile, the policy thread deals with that. */
	if (was_running && vm_state(domain->vm) == VM_PAUSED && !READ_ONCE(domain->pending_events) && vm_resume(domain->vm))
		domain_set_state(domain, DOMAIN_PAUSED, DOMAIN_PAUSED_USER);
}

struct vcpu *inspect_vcpu(struct domain *domain, u32 index, struct manage_error *error)
{
	if (!domain->vm) {
		not_active(error);
		return NULL;
	}
	if (index >= domain->vm->vcpu_count) {
		manage_fail(error, MANAGE_ERR_INVALID_ARG, "vCPU %u: domain '%s' has %u", index, domain->config.name,
			    domain->vm->vcpu_count);
		return NULL;
	}
	return domain->vm->vcpus[index];
}

char *domain_get_registers(struct domain *domain, u32 index, struct manage_error *error)
{
	char *text = NULL;

	mutex_lock(&domain->operation);
	if (index != DOMAIN_ALL_VCPUS && !inspect_vcpu(domain, index, error)) {
		mutex_unlock(&domain->operation);
		return NULL;
	}
	if (domain->vm) {
		bool running = inspect_hold(domain);

		text = domain_registers_text(domain->vm, index);
		inspect_let_go(domain, running);
	} else if (domain->last_registers) {
		text = kstrdup(domain->last_registers);
	} else {
		not_active(error);
		mutex_unlock(&domain->operation);
		return NULL;
	}
	mutex_unlock(&domain->operation);
	if (!text)
		manage_fail_no_memory(error);
	return text;
}

int domain_walk_nested(struct domain *domain, u64 gpa, struct domain_nested_walk *to, struct manage_error *error)
{
	struct inspect_nested walk;
	int code = OK;

	mutex_lock(&domain->operation);
	if (!domain->vm)
		code = not_active(error);
	else
		inspect_nested_walk(domain->vm, gpa, &walk);
	mutex_unlock(&domain->operation);
	if (code)
		return code;
	*to = (struct domain_nested_walk){
		.format = walk.format, .levels = walk.count, .ram = walk.ram, .present = walk.present, .hpa = walk.hpa,
		.page_bytes = walk.page_bytes, .read = walk.read, .write = walk.write, .execute = walk.execute,
		.accessed = walk.accessed, .dirty = walk.dirty,
	};
	memcpy(to->entry, walk.entries, sizeof(to->entry));
	return OK;
}

int domain_walk_guest(struct domain *domain, u32 index, u64 linear, struct domain_guest_walk *to,
		      struct manage_error *error)
{
	struct guest_walk walk;
	struct guest_paging paging;
	struct vcpu *vcpu;
	bool running;
	int result;

	mutex_lock(&domain->operation);
	vcpu = inspect_vcpu(domain, index, error);
	if (!vcpu) {
		mutex_unlock(&domain->operation);
		return MANAGE_FAILED;
	}
	running = inspect_hold(domain);
	memset(&walk, 0, sizeof(walk));
	gva_paging(vcpu, &paging);
	result = gva_look(vcpu, linear, &walk);
	inspect_let_go(domain, running);
	mutex_unlock(&domain->operation);
	*to = (struct domain_guest_walk){
		.mode = guest_paging_name(&paging), .cr3 = paging.cr3, .steps = walk.step_count, .mapped = result == OK,
		.canonical = address_is_canonical(linear, guest_linear_bits(&paging)) || guest_linear_bits(&paging) == 32, .error_code = walk.error_code, .gpa = walk.gpa.value, .page_bytes = walk.page_bytes, .writable = walk.writable,
		.user = walk.user, .no_execute = walk.no_execute, .dirty = walk.dirty,
	};
	for (u32 i = 0; i < to->steps && i < ARRAY_SIZE(to->step); i++) {
		to->step[i].address = walk.steps[i].address.value;
		to->step[i].entry = walk.steps[i].entry;
		to->step[i].level = walk.steps[i].level;
	}
	return OK;
}

/* "CPUID,IO" to bits; 0 with *error when a name is unknown. */
static u64 kinds_by_name(const char *names, struct manage_error *error)
{
	u64 kinds = 0;

	if (!names)
		return ~(u64)0 & ~BIT64(EXIT_INTERRUPT);
	while (*names) {
		const char *comma = strchr(names, ',');
		size_t length = comma ? (size_t)(comma - names) : strlen(names);
		char name[32];
		unsigned kind = 0;

		string_copy(name, names, MIN(sizeof(name), length + 1));
		while (kind < EXIT_KIND_COUNT && !string_equal_ignore_case(name, exit_kind_name(kind)))
			kind++;
		if (kind == EXIT_KIND_COUNT) {
			manage_fail(error, MANAGE_ERR_INVALID_ARG, "'%s' is no kind of exit (`exits DOMAIN --all` lists them)", name);
			return 0;
		}
		kinds |= BIT64(kind);
		names += length + (comma ? 1 : 0);
	}
	return kinds;
}

int domain_trace_start(struct domain *domain, u32 index, const char *names, u64 *sequence, struct manage_error *error)
{
	u64 kinds = kinds_by_name(names, error);
	struct vcpu *vcpu;
	int code = OK;

	if (!kinds)
		return MANAGE_FAILED;
	mutex_lock(&domain->operation);
	vcpu = inspect_vcpu(domain, index, error);
	if (!vcpu)
		code = MANAGE_FAILED;
	else if (trace_start(vcpu, kinds, sequence))
		code = manage_fail_no_memory(error);
	mutex_unlock(&domain->operation);
	return code;
}

void domain_trace_stop(struct domain *domain, u32 index)
{
	mutex_lock(&domain->operation);
	if (domain->vm && index < domain->vm->vcpu_count)
		trace_stop(domain->vm->vcpus[index]);
	mutex_unlock(&domain->operation);
}

bool domain_trace_read(struct domain *domain, u32 index, u64 *sequence, char *text, size_t size)
{
	struct trace_record record;
	bool there = false;

	mutex_lock(&domains_lock); /* the machine cannot go away meanwhile, and no long operation is waited for */
	if (domain->vm && index < domain->vm->vcpu_count)
		there = trace_read(domain->vm->vcpus[index], sequence, &record);
	mutex_unlock(&domains_lock);
	if (there)
		trace_describe(&record, text, size);
	return there;
}
