/* SPDX-License-Identifier: MIT */
/*
 * A machine's life: made and reserved whole or not at all, run, paused, reset, stopped, destroyed.
 *
 * hv/manage's threads come here one at a time (vm->lifecycle). A vCPU stops because it was asked to (VCPU_REQUEST_STOP);
 * the last one to stop turns an event that a device or a handler asked for (power-off, reset, crash) into the machine's
 * new state and tells the listener. Next to read: hv/run.c.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/fpu.h"
#include "arch/x86/msr.h"
#include "hv/clock.h"
#include "hv/cpuid_policy.h"
#include "hv/gmem_internal.h"
#include "hv/kmalloc.h"
#include "hv/kvm_clock.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/run.h"
#include "hv/sched_queue.h"
#include "hv/thread_group.h"
#include "hv/vm_helper.h"
#include "hv/vm_internal.h"

static const struct board_ops *board; /* (c) after start-up */
static const struct loader_ops *loader; /* (c) after start-up */
static u32 last_id; /* (a) */

void vm_set_board(const struct board_ops *ops)
{
	board = ops;
}

const struct board_ops *vm_board(void)
{
	return board;
}

void vm_set_loader(const struct loader_ops *ops)
{
	loader = ops;
}

static void read_host_cpuid(void *context, u32 leaf, u32 subleaf, struct cpuid_leaf *out)
{
	struct cpuid_result result = cpuid_if_present(leaf, subleaf);

	(void)context;
	*out = (struct cpuid_leaf){ { result.eax, result.ebx, result.ecx, result.edx } };
}

static int make_cpuid(struct vm *vm)
{
	struct cpuid_config config = { .topology = vm->config.topology, .kvm = !vm->config.no_kvm, .tsc_hz = clock_tsc_hz() };

	vm->cpuid = kzalloc(sizeof(*vm->cpuid));
	if (!vm->cpuid)
		return ERR_NO_MEMORY;
	cpuid_policy_build(vm->cpuid, read_host_cpuid, NULL, &config);
	vm->cpuid->xcr0_allowed &= fpu_supported_xcr0();
	return OK;
}

/* As QEMU's q35: in one piece below the ECAM window, or 2 GiB and the rest above 4 GiB. */
static void split_ram(struct vm *vm)
{
	u64 size = vm->config.memory_bytes;

	vm->low_ram_bytes = size < VM_ECAM_BASE ? size : VM_LOW_RAM_MAX;
	vm->high_ram_bytes = size - vm->low_ram_bytes;
}

static bool topology_is_given(const struct cpu_topology *topology)
{
	return topology->sockets || topology->dies || topology->cores || topology->threads;
}

static int check_config(const struct vm_config *config, const char **error)
{
	if (!virt_ops) {
		*error = "this host has no hardware virtualisation that Solera can use (see virt-host-validate)";
		return ERR_UNSUPPORTED;
	}
	if (config->memory_bytes < MIB || !IS_ALIGNED(config->memory_bytes, PAGE_SIZE) ||
	    config->memory_bytes > BIT64(40)) {
		*error = "memory must be whole 4 KiB pages, from 1 MiB to 1 TiB";
		return ERR_RANGE;
	}
	if (config->vcpu_count < 1 || config->vcpu_count > VM_VCPUS_MAX) {
		*error = "a machine has 1 to 64 vCPUs";
		return ERR_RANGE;
	}
	if (topology_is_given(&config->topology) && !cpu_topology_fits(&config->topology, config->vcpu_count)) {
		*error = "sockets times dies times cores times threads is not the number of vCPUs";
		return ERR_RANGE;
	}
	return OK;
}

static int make_vcpus(struct vm *vm)
{
	for (u32 i = 0; i < vm->config.vcpu_count; i++) {
		int result = vcpu_create(vm, i);

		if (result)
			return result;
	}
	return OK;
}

static int make_threads(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		char name[THREAD_NAME_MAX];

		format(name, sizeof(name), "%.20s/vcpu%u", vm->name, i);
		vm->vcpus[i]->thread = thread_create_in(vm->group, false, name, run_vcpu, vm->vcpus[i]);
		if (!vm->vcpus[i]->thread)
			return ERR_NO_MEMORY;
	}
	return OK;
}

/* The machine's time begins with its first instruction, not with the loader's work for it. */
static void begin_time(struct vm *vm)
{
	vm->tsc_offset = -rdtsc();
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		vm->vcpus[i]->tsc_offset = vm->tsc_offset;
		virt_ops->set_tsc_offset(vm->vcpus[i], vm->tsc_offset);
	}
}

/* Power-on: devices and vCPUs as after reset, then the kernel where direct boot wants it. */
static int power_on(struct vm *vm, const char **error)
{
	int result;

	board->reset(vm);
	vm->tsc_offset = -rdtsc();
	for (u32 i = 0; i < vm->vcpu_count; i++)
		vcpu_reset(vm->vcpus[i]);
	vm->clock_paused_ns = vm->clock_start_tsc = 0;
	vm->clock_stops = 0;
	if (!vm->config.kernel)
		return OK;
	result = board->direct_boot ? board->direct_boot(vm, error) : OK;
	result = result ? result : loader->load(vm, error);
	begin_time(vm);
	return result;
}

static void vm_free(struct vm *vm)
{
	__atomic_store_n(&vm->dying, true, __ATOMIC_SEQ_CST);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		waitqueue_wake_all(&vm->vcpus[i]->wait);
		if (vm->vcpus[i]->thread)
			thread_join(vm->vcpus[i]->thread);
	}
	test_ports_destroy(vm);
	if (vm->board)
		board->destroy(vm);
	thread_group_destroy(vm->group);
	for (u32 i = 0; i < vm->vcpu_count; i++)
		vcpu_destroy(vm->vcpus[i]);
	gmem_destroy(vm);
	io_map_release(&vm->ports);
	io_map_release(&vm->mmio);
	kfree(vm->cpuid);
	kfree(vm);
}

int vm_create(const struct vm_config *config, struct vm **out, const char **error)
{
	struct vm *vm;
	int result = check_config(config, error);

	if (result)
		return result;
	vm = kzalloc(sizeof(*vm));
	*error = "the host has not enough memory for this machine";
	if (!vm)
		return ERR_NO_MEMORY;
	vm->config = *config;
	if (!topology_is_given(&config->topology))
		cpu_topology_default(&vm->config.topology, config->vcpu_count);
	string_copy(vm->name, config->name, sizeof(vm->name));
	vm->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	spinlock_init(&vm->memory_lock, "vm memory", LOCK_RANK_VM);
	mutex_init(&vm->lifecycle, "vm");
	waitqueue_init(&vm->stopped, "vm stopped");
	split_ram(vm);
	kvm_clock_scale(clock_tsc_hz(), &vm->clock_multiplier, &vm->clock_shift);
	vm_helpers_init(vm);
	vm->group = thread_group_create(SCHED_WEIGHT_DEFAULT);
	result = vm->group ? make_cpuid(vm) : ERR_NO_MEMORY;
	if (!result)
		result = gmem_create(vm);
	if (!result)
		result = make_vcpus(vm);
	if (!result)
		result = board->create(vm, error);
	if (!result && config->test_ports)
		result = test_ports_create(vm);
	if (!result)
		result = make_threads(vm);
	if (!result)
		result = power_on(vm, error);
	if (result) {
		/* The words may stand in the machine, which goes now; they stay until the next vm_create that fails. */
		static char words[sizeof(vm->reason)];

		string_copy(words, *error, sizeof(words));
		*error = words;
		vm_free(vm);
		return result;
	}
	*out = vm;
	return OK;
}

static void set_state(struct vm *vm, enum vm_run_state state)
{
	__atomic_store_n(&vm->state, state, __ATOMIC_SEQ_CST);
}

enum vm_run_state vm_state(const struct vm *vm)
{
	return (enum vm_run_state)__atomic_load_n(&vm->state, __ATOMIC_SEQ_CST);
}

/* KVM's clock counts only while the machine runs. */
static void clock_start(struct vm *vm)
{
	__atomic_store_n(&vm->clock_start_tsc, rdtsc_ordered(), __ATOMIC_RELEASE);
}

static void clock_stop(struct vm *vm)
{
	u64 now = vm_kvm_clock_ns(vm);

	__atomic_store_n(&vm->clock_start_tsc, 0, __ATOMIC_RELEASE);
	vm->clock_paused_ns = now;
	vm->clock_stops++;
}

/* Counted as the guest does it, so that what it saw last is not more than what it sees after a stop. */
u64 vm_kvm_clock_ns(const struct vm *vm)
{
	u64 start = __atomic_load_n(&vm->clock_start_tsc, __ATOMIC_ACQUIRE), now;

	if (!start)
		return vm->clock_paused_ns;
	now = rdtsc_ordered();
	return vm->clock_paused_ns + kvm_clock_elapsed(now > start ? now - start : 0, vm->clock_multiplier, vm->clock_shift);
}

/* Makes every vCPU leave its run loop; does not wait. Any context. */
static void ask_to_stop(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpu_count; i++)
		vcpu_request(vm->vcpus[i], VCPU_REQUEST_STOP);
}

static void wait_until_stopped(struct vm *vm)
{
	waitqueue_wait(&vm->stopped, __atomic_load_n(&vm->running, __ATOMIC_SEQ_CST) == 0);
}

/* The first reason wins; later ones of the same run are consequences. */
static bool take_reason(struct vm *vm)
{
	return !__atomic_exchange_n(&vm->reason_taken, true, __ATOMIC_ACQ_REL);
}

static void ask_event(struct vm *vm, enum vm_event_kind kind)
{
	__atomic_store_n(&vm->pending_event, (u8)(kind + 1), __ATOMIC_SEQ_CST);
	ask_to_stop(vm);
}

void vm_request_poweroff(struct vm *vm)
{
	if (!take_reason(vm))
		return;
	string_copy(vm->reason, "the guest powered off", sizeof(vm->reason));
	ask_event(vm, VM_EVENT_POWEROFF);
}

void vm_request_reset(struct vm *vm, const char *why)
{
	if (!take_reason(vm))
		return;
	string_copy(vm->reason, why, sizeof(vm->reason));
	ask_event(vm, VM_EVENT_RESET);
}

void vm_request_exit(struct vm *vm, u64 code)
{
	if (!take_reason(vm))
		return;
	string_copy(vm->reason, "the test port", sizeof(vm->reason));
	vm->event_code = code;
	ask_event(vm, VM_EVENT_EXIT);
}

void vm_crash(struct vm *vm, const char *fmt, ...)
{
	va_list args;

	if (!take_reason(vm))
		return;
	va_start(args, fmt);
	vformat(vm->reason, sizeof(vm->reason), fmt, args);
	va_end(args);
	ask_event(vm, VM_EVENT_CRASHED);
}

void vm_vcpu_stopped(struct vcpu *vcpu)
{
	static const u8 new_states[] = {
		[VM_EVENT_POWEROFF] = VM_SHUTOFF, [VM_EVENT_RESET] = VM_PAUSED, [VM_EVENT_CRASHED] = VM_CRASHED,
		[VM_EVENT_EXIT] = VM_SHUTOFF,
	};
	struct vm *vm = vcpu->vm;
	u8 event;

	/* The last of the vCPUs finds only the extra count left, and takes it when the event is dealt with. */
	if (__atomic_sub_fetch(&vm->running, 1, __ATOMIC_SEQ_CST) == 1) {
		event = __atomic_exchange_n(&vm->pending_event, 0, __ATOMIC_SEQ_CST);
		if (event) {
			board->quiesce(vm);
			clock_stop(vm);
			set_state(vm, new_states[event - 1]);
			if (vm->config.listener.event)
				vm->config.listener.event(vm->config.listener.context, vm, event - 1, vm->reason, vm->event_code);
		}
		__atomic_store_n(&vm->running, 0, __ATOMIC_SEQ_CST);
	}
	waitqueue_wake_all(&vm->stopped);
}

static void start_vcpus(struct vm *vm)
{
	__atomic_store_n(&vm->reason_taken, false, __ATOMIC_SEQ_CST);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		vcpu_request_clear(vm->vcpus[i], VCPU_REQUEST_STOP);
		vcpu_request(vm->vcpus[i], VCPU_REQUEST_CLOCK | VCPU_REQUEST_EVENT);
	}
	set_state(vm, VM_RUNNING);
	__atomic_store_n(&vm->running, vm->vcpu_count + 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&vm->turns, 1, __ATOMIC_SEQ_CST);
	for (u32 i = 0; i < vm->vcpu_count; i++)
		waitqueue_wake_all(&vm->vcpus[i]->wait);
}

int vm_resume(struct vm *vm)
{
	int result = OK;

	mutex_lock(&vm->lifecycle);
	if (vm_state(vm) != VM_CREATED && vm_state(vm) != VM_PAUSED) {
		result = ERR_BUSY;
	} else {
		clock_start(vm);
		board->resume(vm);
		start_vcpus(vm);
	}
	mutex_unlock(&vm->lifecycle);
	return result;
}

/* Stops all vCPUs and devices; an event that came up meanwhile has made its own state. */
static void stand_still(struct vm *vm, enum vm_run_state state)
{
	ask_to_stop(vm);
	wait_until_stopped(vm);
	if (vm_state(vm) != VM_RUNNING)
		return;
	board->quiesce(vm);
	clock_stop(vm);
	set_state(vm, state);
}

int vm_pause(struct vm *vm)
{
	int result = OK;

	mutex_lock(&vm->lifecycle);
	if (vm_state(vm) != VM_RUNNING)
		result = ERR_BUSY;
	else
		stand_still(vm, VM_PAUSED);
	mutex_unlock(&vm->lifecycle);
	return result;
}

int vm_reset(struct vm *vm, const char **error)
{
	int result = ERR_BUSY;

	*error = "the machine is shut off";
	mutex_lock(&vm->lifecycle);
	stand_still(vm, VM_PAUSED);
	if (vm_state(vm) != VM_SHUTOFF) {
		*error = "the kernel could not be loaded again";
		result = power_on(vm, error);
		set_state(vm, result ? VM_CRASHED : VM_CREATED);
	}
	mutex_unlock(&vm->lifecycle);
	return result;
}

void vm_stop(struct vm *vm)
{
	mutex_lock(&vm->lifecycle);
	stand_still(vm, VM_SHUTOFF);
	set_state(vm, VM_SHUTOFF);
	mutex_unlock(&vm->lifecycle);
}

void vm_destroy(struct vm *vm)
{
	vm_stop(vm);
	vm_free(vm);
}

int vm_inject_nmi(struct vm *vm)
{
	if (vm_state(vm) != VM_RUNNING)
		return ERR_BUSY;
	vcpu_request(vm->vcpus[0], VCPU_REQUEST_NMI);
	return OK;
}

int vm_device_attach(struct vm *vm, const struct device_spec *spec, const char **error)
{
	*error = "this machine has no root ports";
	return board->device_attach ? board->device_attach(vm, spec, error) : ERR_UNSUPPORTED;
}

int vm_device_ask(struct vm *vm, const char *alias, bool again)
{
	return board->device_ask ? board->device_ask(vm, alias, again) : ERR_UNSUPPORTED;
}

bool vm_device_reap(struct vm *vm, const char *alias)
{
	return board->device_reap && board->device_reap(vm, alias);
}

void vm_device_changed(struct vm *vm, const char *alias)
{
	if (board->device_changed)
		board->device_changed(vm, alias);
}

void vm_power_button(struct vm *vm)
{
	if (board->power_button)
		board->power_button(vm);
}

struct char_device *vm_serial(struct vm *vm, unsigned index)
{
	return board->serial ? board->serial(vm, index) : NULL;
}

u64 vm_cpu_time_ns(const struct vm *vm)
{
	u64 total = 0;

	for (u32 i = 0; i < cpu_count; i++) {
		u64 here, vcpus;

		thread_group_times(vm->group, i, &here, &vcpus);
		total += here;
	}
	return total;
}

void vm_take_retired_maps(struct vm *vm, struct io_table **ports, struct io_table **mmio)
{
	u64 flags = lock_irqsave(&vm->memory_lock);

	*ports = io_map_take_retired(&vm->ports);
	*mmio = io_map_take_retired(&vm->mmio);
	unlock_irqrestore(&vm->memory_lock, flags);
}

void vm_synchronise(struct vm *vm)
{
	struct thread *self = thread_current();
	struct vcpu *waits = vm->vcpus[0];

	for (u32 i = 0; i < vm->vcpu_count; i++)
		if (vm->vcpus[i]->thread == self)
			waits = vm->vcpus[i];
	vcpu_request(waits, VCPU_REQUEST_SYNCHRONISE);
}
