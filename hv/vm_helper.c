/* SPDX-License-Identifier: MIT */
/* See vm_helper.h. */
#include "hv/vm_helper.h"
#include "arch/x86/cpu.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/thread_group.h"
#include "hv/vm_internal.h"

struct helper {
	struct list_node node; /* [helpers_mutex] in vm->helpers */
	struct thread *thread; /* (c) */
};

void vm_helpers_init(struct vm *vm)
{
	mutex_init(&vm->helpers_mutex, "vm helpers");
	list_init(&vm->helpers);
	vm->helper_cpus = CPU_MASK_ALL;
}

struct thread *vm_helper_create(struct vm *vm, const char *name, void (*function)(void *argument), void *argument)
{
	struct helper *helper = kzalloc(sizeof(*helper));
	char full[THREAD_NAME_MAX];

	if (!helper)
		return NULL;
	format(full, sizeof(full), "%.14s/%.16s", vm->name, name);
	mutex_lock(&vm->helpers_mutex);
	helper->thread = thread_create_in(vm->group, true, full, function, argument);
	if (helper->thread) {
		list_push_back(&vm->helpers, &helper->node);
		if (thread_set_affinity(helper->thread, &vm->helper_cpus))
			BUG_ON(true); /* the mask was checked when it was set, and CPUs do not go */
	}
	mutex_unlock(&vm->helpers_mutex);
	if (helper->thread)
		return helper->thread;
	kfree(helper);
	return NULL;
}

void vm_helper_join(struct vm *vm, struct thread *thread)
{
	mutex_lock(&vm->helpers_mutex);
	LIST_FOR_EACH(node, &vm->helpers) {
		struct helper *helper = LIST_ENTRY(node, struct helper, node);

		if (helper->thread != thread)
			continue;
		list_remove(&helper->node);
		kfree(helper);
		break;
	}
	mutex_unlock(&vm->helpers_mutex);
	thread_join(thread);
}

int vm_helpers_set_affinity(struct vm *vm, const struct cpu_mask *wanted)
{
	struct cpu_mask usable = cpu_mask_and(wanted, &cpus_online);

	if (cpu_mask_empty(&usable))
		return ERR_RANGE;
	mutex_lock(&vm->helpers_mutex);
	vm->helper_cpus = *wanted;
	LIST_FOR_EACH(node, &vm->helpers)
		if (thread_set_affinity(LIST_ENTRY(node, struct helper, node)->thread, wanted))
			BUG_ON(true); /* not after the check: CPUs do not go */
	mutex_unlock(&vm->helpers_mutex);
	return OK;
}
