/* SPDX-License-Identifier: MIT */
/* A domain's life from start to stop, as a person commands it. What the guest itself does is domain_policy.c. */
#include "hv/clock.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/manage/console.h"
#include "hv/manage/domain_internal.h"
#include "hv/modules.h"
#include "hv/pages.h"

static u32 last_id; /* (a) */

static const struct module *find_file(const char *element, const char *name, struct manage_error *error)
{
	const struct module *module = module_find(name);

	if (!module)
		manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "<%s>: there is no file '%s' in \\solera\\ on the boot medium",
			    element, name);
	return module;
}

static u32 count_parts(const char *list)
{
	u32 count = 1;

	for (; *list; list++)
		count += *list == ',';
	return count;
}

/* <initrd>: "/solera/a,/solera/b" to an array of files. */
static int find_modules(struct domain *domain, const char *list, struct vm_config *config, struct manage_error *error)
{
	u32 count = count_parts(list);

	domain->modules = kzalloc(count * sizeof(*domain->modules));
	if (!domain->modules)
		return manage_fail_no_memory(error);
	for (u32 i = 0; i < count; i++) {
		char name[DOMAIN_NAME_MAX + 1];
		const char *comma = strchr(list, ',');
		size_t length = comma ? (size_t)(comma - list) : strlen(list);
		const struct module *file;

		string_copy(name, list, MIN(sizeof(name), length + 1));
		file = find_file("initrd", domain_file_name(name), error);
		if (!file)
			return MANAGE_FAILED;
		domain->modules[i] = (struct vm_module){ file->data, file->size_bytes, file->name };
		list += length + 1;
	}
	config->modules = domain->modules;
	config->module_count = count;
	return OK;
}

static int fill_vm_config(struct domain *domain, struct vm_config *to, struct manage_error *error)
{
	const struct domain_config *config = &domain->running;
	const struct module *kernel = find_file("kernel", domain_file_name(config->kernel), error);

	if (!kernel)
		return MANAGE_FAILED;
	*to = (struct vm_config){
		.memory_bytes = config->memory_kib * 1024,
		.vcpu_count = config->vcpus,
		.topology = config->topology,
		.serial_count = config->serial_count,
		.acpi = config->acpi,
		.no_kvm = config->timers[DOMAIN_TIMER_KVMCLOCK] == DOMAIN_TIMER_NO,
		.kernel = kernel->data,
		.kernel_bytes = kernel->size_bytes,
		.command_line = config->cmdline ? config->cmdline : "",
		.listener = domain_listener(domain),
	};
	string_copy(to->name, config->name, sizeof(to->name)); /* for the log: cut to what fits */
	memcpy(to->uuid, config->uuid.bytes, sizeof(to->uuid));
	return config->initrd ? find_modules(domain, config->initrd, to, error) : OK;
}

/* More memory than there is: says how much there is. False: that is not what is lacking. */
static bool lacks_memory(const struct domain *domain, struct manage_error *error)
{
	struct pages_stats stats;
	u64 free_kib;

	pages_stats(&stats);
	free_kib = (stats.free_pages - MIN(stats.free_pages, stats.reserved_pages)) * (PAGE_SIZE / 1024);
	if (free_kib >= domain->running.memory_kib)
		return false;
	manage_fail(error, MANAGE_ERR_NO_MEMORY, "<memory>: the machine needs %llu KiB, this host has %llu KiB free",
		    (unsigned long long)domain->running.memory_kib, (unsigned long long)free_kib);
	return true;
}

static struct mutex create_lock; /* vm_create's words are good until the next vm_create */

void domain_life_init(void)
{
	mutex_init(&create_lock, "machine creation");
}

static int make_vm(struct domain *domain, struct vm **vm, struct manage_error *error)
{
	struct vm_config config;
	const char *words = NULL;
	int code = fill_vm_config(domain, &config, error);

	code = code ? code : domain_nics_open(domain, error);
	code = code ? code : domain_disks_open(domain, &config, error);
	if (code) {
		domain_nics_close(domain);
		return code;
	}
	mutex_lock(&create_lock);
	code = vm_create(&config, vm, &words);
	if (code == ERR_NO_MEMORY && lacks_memory(domain, error))
		code = MANAGE_FAILED;
	else if (code)
		code = manage_fail(error, code == ERR_NO_MEMORY ? MANAGE_ERR_NO_MEMORY : MANAGE_ERR_OPERATION_FAILED, "%s",
				   words ? words : "the machine could not be made");
	mutex_unlock(&create_lock);
	if (!code && domain_nics_plug(domain, error)) {
		vm_destroy(*vm);
		code = MANAGE_FAILED;
	}
	if (code) {
		domain_disks_close(domain);
		domain_nics_close(domain);
	}
	return code;
}

static void plug_consoles(struct domain *domain, struct vm *vm)
{
	for (u32 i = 0; i < domain->running.serial_count; i++)
		domain_console_plug(domain->consoles[i], vm_serial(vm, i));
	for (u32 i = 0; i < domain->running.port_count; i++)
		domain_console_plug(domain->consoles[DOMAIN_SERIALS_MAX + i], domain_port_host(domain, i));
}

static void unplug_consoles(struct domain *domain)
{
	for (u32 i = 0; i < DOMAIN_CONSOLES; i++)
		domain_console_unplug(domain->consoles[i]);
}

/* Once the domain's state says so: whoever is told that it has stopped may ask for the state at once. */
static void end_consoles(struct domain *domain)
{
	for (u32 i = 0; i < DOMAIN_SERIALS_MAX; i++)
		domain_console_end(domain->consoles[i]);
}

static void set_vm(struct domain *domain, struct vm *vm)
{
	mutex_lock(&domains_lock);
	if (!vm && domain->vm)
		domain->cpu_time_ns = vm_cpu_time_ns(domain->vm);
	domain->vm = vm;
	mutex_unlock(&domains_lock);
}

/* The end of a machine: after it nothing of it is left but what set_vm kept. */
static void destroy_vm(struct domain *domain)
{
	struct vm *vm = domain->vm;

	unplug_consoles(domain);
	set_vm(domain, NULL);
	domain_nics_unplug(domain);
	vm_destroy(vm);
	domain_disks_close(domain);
	domain_nics_close(domain);
	kfree(domain->modules);
	domain->modules = NULL;
	__atomic_store_n(&domain->pending_events, 0, __ATOMIC_RELEASE);
}

static void forget_running(struct domain *domain)
{
	mutex_lock(&domains_lock);
	domain_config_release(&domain->running);
	domain->id = 0;
	domain->rebooting = false;
	mutex_unlock(&domains_lock);
}

/* Makes a machine of domain->running and lets it run; on failure none is there. */
static int boot_running(struct domain *domain, bool paused, struct manage_error *error)
{
	struct vm *vm = NULL;
	int code = make_vm(domain, &vm, error);

	if (code) {
		kfree(domain->modules);
		domain->modules = NULL;
		return code;
	}
	code = domain_apply_tune(vm, &domain->running.tune, domain->running.vcpus, error);
	if (code) {
		domain_nics_unplug(domain);
		vm_destroy(vm);
		domain_disks_close(domain);
		domain_nics_close(domain);
		kfree(domain->modules);
		domain->modules = NULL;
		return code;
	}
	plug_consoles(domain, vm);
	set_vm(domain, vm);
	if (!paused && vm_resume(vm)) {
		destroy_vm(domain);
		return manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "the new machine does not run");
	}
	return OK;
}

static int take_config(struct domain *domain, const struct domain_config *config, struct manage_error *error)
{
	int code;

	mutex_lock(&domains_lock);
	code = domain_config_copy(&domain->running, config);
	mutex_unlock(&domains_lock);
	return code ? manage_fail_no_memory(error) : OK;
}

static void set_started(struct domain *domain, u32 id, bool paused)
{
	mutex_lock(&domains_lock);
	domain->id = id;
	domain->why[0] = '\0';
	domain->rebooting = false;
	domain->state = paused ? DOMAIN_PAUSED : DOMAIN_RUNNING;
	domain->reason = paused ? (unsigned)DOMAIN_PAUSED_STARTING_UP : (unsigned)DOMAIN_RUNNING_BOOTED;
	kfree(domain->last_registers);
	domain->last_registers = NULL;
	mutex_unlock(&domains_lock);
}

int domain_boot(struct domain *domain, const struct domain_config *config, bool paused, struct manage_error *error)
{
	int code = take_config(domain, config, error);

	if (code)
		return code;
	code = boot_running(domain, paused, error);
	if (code) {
		forget_running(domain);
		domain_set_state(domain, DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_FAILED);
		end_consoles(domain);
		return code;
	}
	set_started(domain, __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED), paused);
	domain_emit(domain, DOMAIN_EVENT_STARTED, "Booted");
	return OK;
}

int domain_boot_again(struct domain *domain, struct manage_error *error)
{
	int code;

	destroy_vm(domain);
	code = boot_running(domain, false, error);
	if (code) {
		forget_running(domain);
		domain_set_state(domain, DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_FAILED);
		end_consoles(domain);
		domain_emit(domain, DOMAIN_EVENT_STOPPED, "Failed");
		domain_drop_if_gone(domain);
		return code;
	}
	set_started(domain, domain->id, false);
	return OK;
}

void domain_stop(struct domain *domain, enum domain_state state, unsigned reason, const char *event_detail)
{
	if (domain->vm)
		destroy_vm(domain);
	forget_running(domain);
	domain_set_state(domain, state, reason);
	end_consoles(domain);
	domain_emit(domain, DOMAIN_EVENT_STOPPED, event_detail);
	domain_drop_if_gone(domain);
}

int domain_start(struct domain *domain, unsigned flags, struct manage_error *error)
{
	int code;

	mutex_lock(&domain->operation);
	if (domain->vm)
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is already running");
	else
		code = domain_boot(domain, &domain->config, flags & DOMAIN_START_PAUSED, error);
	mutex_unlock(&domain->operation);
	return code;
}

int domain_destroy(struct domain *domain, struct manage_error *error)
{
	int code = OK;

	mutex_lock(&domain->operation);
	if (domain->vm)
		domain_stop(domain, DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_DESTROYED, "Destroyed");
	else
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
	mutex_unlock(&domain->operation);
	return code;
}

/* ACPI's power button; reboot: whatever on_poweroff says, the machine then starts again. */
static int press_power_button(struct domain *domain, bool reboot, struct manage_error *error)
{
	int code = OK;

	mutex_lock(&domain->operation);
	if (!domain->vm || domain->state != DOMAIN_RUNNING) {
		code = reboot ? manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running")
			      : domain_not_running(domain, error);
	} else if (!domain->running.acpi) {
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID,
				   "domain '%s' was defined without <acpi/>, so it has no power button: use %s",
				   domain->config.name, reboot ? "reset" : "destroy");
	} else {
		mutex_lock(&domains_lock);
		domain->rebooting = reboot;
		mutex_unlock(&domains_lock);
		vm_power_button(domain->vm);
	}
	mutex_unlock(&domain->operation);
	return code;
}

int domain_shutdown(struct domain *domain, struct manage_error *error)
{
	return press_power_button(domain, false, error);
}

int domain_reboot(struct domain *domain, struct manage_error *error)
{
	return press_power_button(domain, true, error);
}

int domain_reset(struct domain *domain, struct manage_error *error)
{
	const char *words = NULL;
	int code = OK;

	mutex_lock(&domain->operation);
	if (!domain->vm) {
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
	} else if (vm_state(domain->vm) == VM_SHUTOFF) {
		code = domain_boot_again(domain, error);
	} else if (vm_reset(domain->vm, &words)) {
		code = manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "%s", words ? words : "the machine could not be reset");
		domain_stop(domain, DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_FAILED, "Failed");
	} else if (domain->state != DOMAIN_PAUSED) {
		__atomic_store_n(&domain->pending_events, 0, __ATOMIC_RELEASE); /* of the machine before its reset */
		domain_reap_devices(domain); /* that one was asked to let go of; the reset took them off its bus */
		if (vm_resume(domain->vm))
			code = manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "domain '%s' does not run after its reset",
					   domain->config.name);
		else if (domain->state != DOMAIN_RUNNING)
			set_started(domain, domain->id, false);
	}
	mutex_unlock(&domain->operation);
	return code;
}

int domain_suspend(struct domain *domain, struct manage_error *error)
{
	int code = OK;

	mutex_lock(&domain->operation);
	if (!domain->vm || domain->state != DOMAIN_RUNNING) {
		code = domain_not_running(domain, error);
	} else if (vm_pause(domain->vm) || vm_state(domain->vm) != VM_PAUSED) {
		/* It has just ended by itself; the policy thread waits for our lock to say so. */
		code = domain_not_running(domain, error);
	} else {
		domain_set_state(domain, DOMAIN_PAUSED, DOMAIN_PAUSED_USER);
		domain_emit(domain, DOMAIN_EVENT_SUSPENDED, "Paused");
	}
	mutex_unlock(&domain->operation);
	return code;
}

int domain_resume(struct domain *domain, struct manage_error *error)
{
	int code = OK;

	mutex_lock(&domain->operation);
	if (!domain->vm || domain->state != DOMAIN_PAUSED) {
		code = manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "domain '%s' not paused", domain->config.name);
	} else if (domain_disks_forget_errors(domain), vm_resume(domain->vm)) {
		code = manage_fail(error, MANAGE_ERR_INTERNAL_ERROR, "domain '%s' not paused", domain->config.name);
	} else {
		domain_set_state(domain, DOMAIN_RUNNING, DOMAIN_RUNNING_UNPAUSED);
		domain_emit(domain, DOMAIN_EVENT_RESUMED, "Unpaused");
	}
	mutex_unlock(&domain->operation);
	return code;
}

int domain_inject_nmi(struct domain *domain, struct manage_error *error)
{
	int code = OK;

	mutex_lock(&domain->operation);
	if (!domain->vm || domain->state == DOMAIN_SHUTDOWN || domain->state == DOMAIN_CRASHED || vm_inject_nmi(domain->vm))
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
	mutex_unlock(&domain->operation);
	return code;
}

int domain_get_time(struct domain *domain, u64 *seconds, struct manage_error *error)
{
	int code = OK;

	mutex_lock(&domain->operation);
	if (domain->vm)
		*seconds = (clock_wall_ns() + domain->vm->config.wall_clock_offset_ns) / NS_PER_S;
	else
		code = manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain is not running");
	mutex_unlock(&domain->operation);
	return code;
}
