/* SPDX-License-Identifier: MIT */
/*
 * What happens when a guest ends, resets or breaks its machine: on_poweroff, on_reboot, on_crash.
 *
 * The machine's own threads only note the event and wake the policy thread; that thread takes the domain's operation
 * lock like any command does. A machine is served at most once a round, so one that resets without end does not keep
 * the others waiting.
 */
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/log.h"
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/inspect.h"

#define DEVICE_LEFT BIT32(30) /* of pending_events, beside enum vm_event_kind */

static struct waitqueue work_queue;
static u32 work; /* (a) 1: some domain has pending_events */

/* On one of the machine's own threads. The domain cannot go away: vm_destroy waits for this thread. */
static void on_event(void *context, struct vm *vm, enum vm_event_kind kind, const char *reason, u64 code)
{
	struct domain *domain = context;

	(void)vm, (void)reason;
	if (kind == VM_EVENT_EXIT)
		log_info("domain '%s': test port wrote %llu", vm->name, (unsigned long long)code);
	__atomic_fetch_or(&domain->pending_events, BIT32(kind), __ATOMIC_ACQ_REL);
	__atomic_store_n(&work, 1, __ATOMIC_RELEASE);
	waitqueue_wake_one(&work_queue);
}

#define DISK_STOPPED 31 /* beside enum vm_event_kind, in pending_events */

void domain_disk_stopped(void *context)
{
	struct domain *domain = context;

	__atomic_fetch_or(&domain->pending_events, BIT32(DISK_STOPPED), __ATOMIC_ACQ_REL);
	__atomic_store_n(&work, 1, __ATOMIC_RELEASE);
	waitqueue_wake_one(&work_queue);
}

/* The guest has let go of a device: it is destroyed here, outside of the machine's own threads. */
static void on_device_left(void *context, struct vm *vm)
{
	struct domain *domain = context;

	(void)vm;
	__atomic_fetch_or(&domain->pending_events, DEVICE_LEFT, __ATOMIC_ACQ_REL);
	__atomic_store_n(&work, 1, __ATOMIC_RELEASE);
	waitqueue_wake_one(&work_queue);
}

struct vm_listener domain_listener(struct domain *domain)
{
	return (struct vm_listener){ .event = on_event, .device_left = on_device_left, .context = domain };
}

/* The machine stays as it is until destroy or reset, to be looked at. */
static void preserve(struct domain *domain)
{
	domain_set_state(domain, DOMAIN_SHUTDOWN, DOMAIN_SHUTDOWN_USER);
}

/*
 * A guest that resets or breaks itself without end must not wash everything else out of the log: of one domain one line
 * a second. What was left out is counted; the words begin the next line.
 */
static bool may_log(struct domain *domain, char *left_out, size_t size)
{
	u64 now = clock_ns();

	left_out[0] = '\0';
	if (domain->logged_ns && now - domain->logged_ns < NS_PER_S) {
		domain->not_logged++;
		return false;
	}
	if (domain->not_logged)
		format(left_out, size, "(%u lines of this domain left out) ", domain->not_logged);
	domain->logged_ns = now;
	domain->not_logged = 0;
	return true;
}

static void boot_again(struct domain *domain)
{
	struct manage_error error;

	if (domain_boot_again(domain, &error))
		log_error("domain '%s' did not start again: %s", domain->config.name, error.text);
	else
		domain_emit(domain, DOMAIN_EVENT_REBOOT, "");
}

/* False: it could not be; the domain is then stopped. */
static bool reset_and_run(struct domain *domain)
{
	const char *words = NULL;

	if (!vm_reset(domain->vm, &words) && (domain->state == DOMAIN_PAUSED || !vm_resume(domain->vm))) {
		domain_emit(domain, DOMAIN_EVENT_REBOOT, "");
		return true;
	}
	log_error("domain '%s' could not be reset: %s", domain->config.name, words ? words : "it does not run");
	domain_stop(domain, DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_FAILED, "Failed");
	return false;
}

static void powered_off(struct domain *domain)
{
	enum domain_lifecycle_action action = domain->running.on_poweroff;

	domain_emit(domain, DOMAIN_EVENT_SHUTDOWN, "Finished");
	if (domain->rebooting)
		action = DOMAIN_ACTION_RESTART;
	switch (action) {
	case DOMAIN_ACTION_DESTROY:
		domain_stop(domain, DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_SHUTDOWN, "Shutdown");
		break;
	case DOMAIN_ACTION_RESTART:
		boot_again(domain);
		break;
	case DOMAIN_ACTION_PRESERVE:
		preserve(domain);
		break;
	}
}

static void asked_for_reset(struct domain *domain)
{
	char left_out[48];

	if (may_log(domain, left_out, sizeof(left_out)))
		log_info("%sdomain '%s' asked for a reset (%s)", left_out, domain->config.name, domain->vm->reason);
	switch (domain->running.on_reboot) {
	case DOMAIN_ACTION_DESTROY:
		domain_stop(domain, DOMAIN_SHUTOFF, DOMAIN_SHUTOFF_SHUTDOWN, "Shutdown");
		break;
	case DOMAIN_ACTION_RESTART:
		reset_and_run(domain);
		break;
	case DOMAIN_ACTION_PRESERVE:
		preserve(domain);
		break;
	}
}

/* Keeps what dominfo and vcpu-regs show of a machine that broke, also after the machine is gone. */
static void keep_remains(struct domain *domain)
{
	char *registers = domain_registers_text(domain->vm, DOMAIN_ALL_VCPUS);

	mutex_lock(&domains_lock);
	string_copy(domain->why, domain->vm->reason, sizeof(domain->why));
	kfree(domain->last_registers);
	domain->last_registers = registers;
	mutex_unlock(&domains_lock);
}

static void crashed(struct domain *domain)
{
	char left_out[48];

	keep_remains(domain);
	if (may_log(domain, left_out, sizeof(left_out)))
		log_warning("%sdomain '%s' crashed: %s", left_out, domain->config.name, domain->why);
	domain_emit(domain, DOMAIN_EVENT_CRASHED, "Panicked");
	switch (domain->running.on_crash) {
	case DOMAIN_ACTION_DESTROY: /* its memory is given back; state, reason and registers tell what was */
		domain_stop(domain, DOMAIN_CRASHED, DOMAIN_CRASHED_PANICKED, "Crashed");
		break;
	case DOMAIN_ACTION_RESTART:
		if (reset_and_run(domain))
			domain_set_state(domain, DOMAIN_RUNNING, DOMAIN_RUNNING_CRASHED);
		break;
	case DOMAIN_ACTION_PRESERVE:
		domain_set_state(domain, DOMAIN_CRASHED, DOMAIN_CRASHED_PANICKED);
		break;
	}
}

/* A disk's request waits for somebody to make room, or to mend what is broken, and to resume. */
static void disk_failed(struct domain *domain)
{
	if (domain->state != DOMAIN_RUNNING || vm_pause(domain->vm) || vm_state(domain->vm) != VM_PAUSED)
		return;
	domain_set_state(domain, DOMAIN_PAUSED, DOMAIN_PAUSED_IOERROR);
	domain_emit(domain, DOMAIN_EVENT_SUSPENDED, "I/O Error");
	log_warning("domain '%s' is paused: a disk failed (\"domblkerror %s\" names it); \"resume %s\" tries again",
		    domain->config.name, domain->config.name, domain->config.name);
}

static void serve(struct domain *domain)
{
	u32 events;

	mutex_lock(&domain->operation);
	events = __atomic_exchange_n(&domain->pending_events, 0, __ATOMIC_ACQ_REL);
	if (!domain->vm)
		events = 0;
	if (events & DEVICE_LEFT)
		domain_reap_devices(domain);
	if (events & BIT32(VM_EVENT_CRASHED))
		crashed(domain);
	else if (events & (BIT32(VM_EVENT_POWEROFF) | BIT32(VM_EVENT_EXIT)))
		powered_off(domain);
	else if (events & BIT32(VM_EVENT_RESET))
		asked_for_reset(domain);
	else if (events & BIT32(DISK_STOPPED))
		disk_failed(domain);
	mutex_unlock(&domain->operation);
}

/* A reference to a domain that wants service and had none in this round. */
static struct domain *next_in_round(u32 round)
{
	struct domain *found = NULL;

	mutex_lock(&domains_lock);
	LIST_FOR_EACH(node, &domains) {
		struct domain *domain = LIST_ENTRY(node, struct domain, node);

		if (domain->policy_round != round && __atomic_load_n(&domain->pending_events, __ATOMIC_ACQUIRE)) {
			found = domain;
			found->policy_round = round;
			domain_ref(found);
			break;
		}
	}
	mutex_unlock(&domains_lock);
	return found;
}

static void policy_thread(void *argument)
{
	(void)argument;
	for (u32 round = 1;; round++) {
		struct domain *domain;

		waitqueue_wait(&work_queue, __atomic_exchange_n(&work, 0, __ATOMIC_ACQ_REL));
		while ((domain = next_in_round(round))) {
			serve(domain);
			domain_put(domain);
		}
	}
}

void domain_policy_init(void)
{
	struct thread *thread;

	waitqueue_init(&work_queue, "domain policy");
	thread = thread_create("domain-policy", policy_thread, NULL);
	BUG_ON(!thread); /* at boot, before anything was allocated */
	thread_detach(thread);
}
