/* SPDX-License-Identifier: MIT */
/* See fake_vm.h. */
#include "hv/gmem.h"
#include "hv/manage/test/fake_vm.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "hv/lib/error.h"
#include "hv/manage/domain_internal.h"
#include "hv/pages.h"

#define SLOTS 64u

struct fake {
	struct vm vm;
	struct vcpu vcpu;
	struct char_device serial[DOMAIN_SERIALS_MAX];
	struct char_device ports[DOMAIN_PORTS_MAX];
	char typed[256];
	size_t typed_count;
	u64 pages;
};

u64 fake_host_pages = 1024 * 1024;
unsigned fake_vms;
bool fake_shuts_down_at_once;
struct vm_tune fake_tune;
static struct fake *slots[SLOTS];
static u32 ids;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct vm *fake_vm(const char *name)
{
	struct vm *found = NULL;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < SLOTS; i++) {
		if (slots[i] && strcmp(slots[i]->vm.name, name) == 0)
			found = &slots[i]->vm;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static size_t type_key(struct char_device *device, const char *bytes, size_t count)
{
	struct fake *fake = CONTAINER_OF(device, struct fake, serial[0]);

	count = MIN(count, 16u); /* a UART's FIFO */
	count = MIN(count, sizeof(fake->typed) - 1 - fake->typed_count);
	memcpy(fake->typed + fake->typed_count, bytes, count);
	fake->typed_count += count;
	return count;
}

/* The ends of a console's ports, as the device would give them. */
static void give_ports(struct fake *fake, const struct vm_config *config)
{
	for (u32 i = 0; i < config->device_count; i++) {
		const struct device_spec *spec = &config->devices[i];

		for (u32 port = 0; strcmp(spec->model, "virtio-console") == 0 && port < spec->console.port_count; port++)
			if (spec->console.ports[port].host)
				*spec->console.ports[port].host = &fake->ports[port];
	}
}

int vm_create(const struct vm_config *config, struct vm **out, const char **error)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	unsigned slot = 0;

	if (config->kernel_bytes < 4) {
		*error = "kernel: not a kernel that Solera knows";
		free(fake);
		return ERR_INVALID;
	}
	fake->pages = config->memory_bytes / PAGE_SIZE;
	if (fake->pages > fake_host_pages) {
		free(fake);
		return ERR_NO_MEMORY;
	}
	fake->vm.config = *config;
	strcpy(fake->vm.name, config->name);
	fake->vm.id = ++ids;
	fake->vm.vcpu_count = 1;
	fake->vm.vcpus[0] = &fake->vcpu;
	fake->vcpu.vm = &fake->vm;
	fake->vm.state = VM_CREATED;
	for (unsigned i = 0; i < DOMAIN_SERIALS_MAX; i++)
		fake->serial[i].write = type_key;
	give_ports(fake, config);
	pthread_mutex_lock(&lock);
	while (slots[slot])
		slot++;
	slots[slot] = fake;
	fake_host_pages -= fake->pages;
	fake_vms++;
	pthread_mutex_unlock(&lock);
	*out = &fake->vm;
	return OK;
}

void vm_destroy(struct vm *vm)
{
	struct fake *fake = CONTAINER_OF(vm, struct fake, vm);

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < SLOTS; i++) {
		if (slots[i] == fake)
			slots[i] = NULL;
	}
	fake_host_pages += fake->pages;
	fake_vms--;
	pthread_mutex_unlock(&lock);
	free(fake);
}

int vm_resume(struct vm *vm)
{
	if (vm->state != VM_CREATED && vm->state != VM_PAUSED)
		return ERR_BUSY;
	vm->state = VM_RUNNING;
	return OK;
}

int vm_pause(struct vm *vm)
{
	if (vm->state != VM_RUNNING)
		return ERR_BUSY;
	vm->state = VM_PAUSED;
	return OK;
}

int vm_reset(struct vm *vm, const char **error)
{
	(void)error;
	if (vm->state == VM_SHUTOFF)
		return ERR_BUSY;
	vm->state = VM_CREATED;
	return OK;
}

void vm_stop(struct vm *vm)
{
	vm->state = VM_SHUTOFF;
}

int vm_inject_nmi(struct vm *vm)
{
	return vm->state == VM_SHUTOFF ? ERR_BUSY : OK;
}

void vm_power_button(struct vm *vm)
{
	if (fake_shuts_down_at_once)
		fake_guest_event(vm->name, VM_EVENT_POWEROFF, "");
}

struct char_device *vm_serial(struct vm *vm, unsigned index)
{
	return &CONTAINER_OF(vm, struct fake, vm)->serial[index];
}

enum vm_run_state vm_state(const struct vm *vm)
{
	return vm->state;
}

struct vcpu_cpu_time fake_vcpu_time;

struct vcpu_cpu_time vcpu_cpu_time(const struct vcpu *vcpu)
{
	(void)vcpu;
	return fake_vcpu_time;
}

/* A guest that lets go of a device at once, or (fake_guest_keeps) never. */
bool fake_guest_keeps;
unsigned fake_devices;
static bool asked;
int vm_device_attach(struct vm *vm, const struct device_spec *spec, const char **error)
{
	(void)vm;
	*error = "no";
	if (!spec->port)
		return ERR_UNSUPPORTED;
	fake_devices++;
	return OK;
}
int vm_device_ask(struct vm *vm, const char *alias, bool again)
{
	(void)vm, (void)alias, (void)again;
	asked = !fake_guest_keeps;
	return OK;
}
bool vm_device_reap(struct vm *vm, const char *alias)
{
	bool gone = asked;

	(void)vm, (void)alias;
	asked = false;
	fake_devices -= gone;
	return gone;
}
void vm_device_changed(struct vm *vm, const char *alias) { (void)vm, (void)alias; }
u64 fake_short_bytes;
int gmem_set_target(struct vm *vm, u64 size_bytes, u64 *short_bytes)
{
	(void)vm, (void)size_bytes;
	*short_bytes = fake_short_bytes;
	return fake_short_bytes ? ERR_NO_MEMORY : OK;
}

void gmem_get_stats(const struct vm *vm, struct gmem_stats *stats)
{
	(void)vm;
	*stats = (struct gmem_stats){ 4 * MIB, 12 * KIB, 0, 2 * MIB, 262144 };
}

/* A host of four CPUs. */
int vm_apply_tune(struct vm *vm, const struct vm_tune *tune, u32 *which)
{
	for (*which = 0; *which < vm->vcpu_count; (*which)++) {
		if (!(tune->cpus[*which].words[0] & 15))
			return ERR_RANGE;
	}
	fake_tune = *tune;
	return OK;
}

void vm_vcpu_times(const struct vm *vm, u32 index, struct thread_times *times)
{
	(void)vm, (void)index;
	*times = (struct thread_times){ .run_ns = fake_vcpu_time.total_ns, .steal_ns = 5, .wait_ns = 7 };
}

u32 vm_vcpu_cpu(const struct vm *vm, u32 index)
{
	(void)vm;
	return index % 4;
}

/* All of it on CPU 0, and half a second of helpers on CPU 1. */
void vm_times_on_cpu(const struct vm *vm, u32 cpu_index, u64 *total_ns, u64 *vcpus_ns)
{
	(void)vm;
	*vcpus_ns = cpu_index == 0 ? fake_vcpu_time.total_ns : 0;
	*total_ns = cpu_index == 1 ? 500000000 : *vcpus_ns;
}

u64 vm_cpu_time_ns(const struct vm *vm)
{
	(void)vm;
	return 1500000000;
}

static const char *fake_exit_name(u64 code)
{
	(void)code;
	return "fake";
}

static const struct virt_ops fake_virt_ops = { .name = "fake", .exit_name = fake_exit_name };
const struct virt_ops *virt_ops = &fake_virt_ops;

const char *exit_kind_name(enum exit_kind kind)
{
	static const char *const names[] = {
#define X(name) #name,
		EXIT_KINDS(X)
#undef X
	};

	return names[kind];
}

u64 direct_map_base;

hpa_t pages_alloc(unsigned order, enum page_owner owner, unsigned flags)
{
	(void)owner;
	(void)flags;
	return HPA((u64)calloc(1, PAGE_SIZE << order));
}

void pages_free(hpa_t base, unsigned order)
{
	(void)order;
	free((void *)base.value);
}

void pages_stats(struct pages_stats *stats)
{
	*stats = (struct pages_stats){ .total_pages = 2097152, .free_pages = fake_host_pages };
}

char *domain_registers_text(struct vm *vm, u32 index)
{
	struct text text;

	(void)index;
	text_init(&text);
	text_append(&text, "RIP=%016llx\n", (unsigned long long)vm->vcpus[0]->regs.rip);
	return text_take(&text);
}

void fake_guest_prints(const char *name, const char *text)
{
	struct char_device *serial = vm_serial(fake_vm(name), 0);

	serial->received(serial->context, text, strlen(text));
}

void fake_port_prints(const char *name, unsigned port, const char *text)
{
	struct char_device *device = &CONTAINER_OF(fake_vm(name), struct fake, vm)->ports[port];

	device->received(device->context, text, strlen(text));
}

void fake_guest_event(const char *name, enum vm_event_kind kind, const char *reason)
{
	struct vm *vm = fake_vm(name);

	strcpy(vm->reason, reason);
	vm->state = kind == VM_EVENT_CRASHED ? VM_CRASHED : kind == VM_EVENT_RESET ? VM_PAUSED : VM_SHUTOFF;
	vm->config.listener.event(vm->config.listener.context, vm, kind, vm->reason, 0);
}

const char *fake_guest_input(const char *name)
{
	return CONTAINER_OF(fake_vm(name), struct fake, vm)->typed;
}
