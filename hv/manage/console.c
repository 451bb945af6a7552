/* SPDX-License-Identifier: MIT */
/* See console.h. Output comes from the UART's callback (no sleep); input goes to it from a session's thread. */
#include "hv/manage/console.h"
#include "hv/char_device.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"

#define KEPT_BYTES (64u * 1024u)

struct domain_console {
	struct mutex input;          /* held while the device is written, taken or given back */
	struct char_device *device;  /* [input] NULL: no machine */
	struct spinlock lock;
	bool plugged;                /* [lock] false: the domain has stopped; a restart in between does not count */
	char *kept;                  /* [lock] ring of KEPT_BYTES; made with the first plug */
	u64 written, read;           /* [lock] positions; written - read <= KEPT_BYTES */
	struct domain_console_session *session; /* [lock] NULL: nobody looks */
};

struct domain_console_session {
	struct domain *domain;       /* (c) a reference */
	struct domain_console *console; /* (c) */
	void (*notify)(void *context); /* (c) */
	void *context;               /* (c) */
	bool taken;                  /* [console->lock] */
};

struct domain_console *domain_console_create(void)
{
	struct domain_console *console = kzalloc(sizeof(*console));

	if (!console)
		return NULL;
	mutex_init(&console->input, "console input");
	spinlock_init(&console->lock, "console", LOCK_RANK_GUEST_CONSOLE);
	return console;
}

void domain_console_free(struct domain_console *console)
{
	if (console)
		kfree(console->kept);
	kfree(console);
}

/* [lock] Copies into the ring; the oldest bytes go when it is full. */
static void keep(struct domain_console *console, const char *bytes, size_t count)
{
	if (count > KEPT_BYTES) {
		bytes += count - KEPT_BYTES;
		count = KEPT_BYTES;
	}
	while (count) {
		size_t at = console->written % KEPT_BYTES;
		size_t part = MIN(count, KEPT_BYTES - at);

		memcpy(console->kept + at, bytes, part);
		console->written += part;
		bytes += part;
		count -= part;
	}
	if (console->written - console->read > KEPT_BYTES)
		console->read = console->written - KEPT_BYTES;
}

/* On a vCPU's thread or in an interrupt. notify runs under the lock, so that a session that closes is never told again. */
static void on_output(void *context, const char *bytes, size_t count)
{
	struct domain_console *console = context;
	u64 flags = lock_irqsave(&console->lock);

	if (console->kept)
		keep(console, bytes, count);
	if (console->session)
		console->session->notify(console->session->context);
	unlock_irqrestore(&console->lock, flags);
}

static void set_plugged(struct domain_console *console, bool plugged)
{
	u64 flags = lock_irqsave(&console->lock);

	console->plugged = plugged;
	if (console->session)
		console->session->notify(console->session->context);
	unlock_irqrestore(&console->lock, flags);
}

void domain_console_plug(struct domain_console *console, struct char_device *device)
{
	if (!device)
		return;
	if (!console->kept)
		console->kept = kmalloc(KEPT_BYTES); /* without it, output that nobody reads at once is lost */
	mutex_lock(&console->input);
	console->device = device;
	device->context = console;
	__atomic_store_n(&device->received, on_output, __ATOMIC_RELEASE);
	mutex_unlock(&console->input);
	set_plugged(console, true);
}

void domain_console_unplug(struct domain_console *console)
{
	mutex_lock(&console->input);
	console->device = NULL; /* the device itself ends with its machine; until then it may still call on_output */
	mutex_unlock(&console->input);
}

void domain_console_end(struct domain_console *console)
{
	set_plugged(console, false);
}

/* "serial0" and 0 with the prefix "serial"; false: another word. */
static bool alias_is(const char *devname, const char *prefix, u32 number)
{
	char alias[24];

	format(alias, sizeof(alias), "%s%u", prefix, number);
	return string_equal(devname, alias);
}

/* Which of domain->consoles has that alias; DOMAIN_CONSOLES: none. [domains_lock] */
static unsigned find_alias(const struct domain_config *config, const char *devname)
{
	u32 console = config->console, channel = 0;

	for (u32 i = 0; i < config->serial_count; i++)
		if (alias_is(devname, "serial", i))
			return i;
	for (u32 i = 0; i < config->port_count; i++) {
		bool is_console = config->ports[i].console;

		if (alias_is(devname, is_console ? "console" : "channel", is_console ? console++ : channel++))
			return DOMAIN_SERIALS_MAX + i;
	}
	return DOMAIN_CONSOLES;
}

/* As libvirt: the first console, else the first serial port. [domains_lock] */
static unsigned first_console(const struct domain_config *config)
{
	for (u32 i = 0; i < config->port_count && !config->console; i++)
		if (config->ports[i].console)
			return DOMAIN_SERIALS_MAX + i;
	return config->serial_count ? 0 : DOMAIN_CONSOLES;
}

static int find_port(struct domain *domain, const char *devname, unsigned *port, struct manage_error *error)
{
	bool active;

	mutex_lock(&domains_lock);
	active = domain->id != 0;
	*port = devname ? find_alias(&domain->running, devname) : first_console(&domain->running);
	mutex_unlock(&domains_lock);
	if (!active)
		return manage_fail_at(error, MANAGE_ERR_OPERATION_INVALID, "The domain is not running");
	if (*port < DOMAIN_CONSOLES)
		return OK;
	if (devname)
		return manage_fail(error, MANAGE_ERR_INVALID_ARG, "cannot find console device '%s'", devname);
	return manage_fail(error, MANAGE_ERR_OPERATION_INVALID, "domain '%s' has no serial port and no console", domain->config.name);
}

static bool attach(struct domain_console *console, struct domain_console_session *session, bool force)
{
	u64 flags = lock_irqsave(&console->lock);
	bool done = !console->session || force;

	if (done) {
		if (console->session) {
			console->session->taken = true;
			console->session->notify(console->session->context);
		}
		console->session = session;
	}
	unlock_irqrestore(&console->lock, flags);
	return done;
}

int domain_console_open(struct domain *domain, const char *devname, bool force, void (*notify)(void *context),
			void *context, struct domain_console_session **out, struct manage_error *error)
{
	struct domain_console_session *session;
	unsigned port = 0;
	int code = find_port(domain, devname, &port, error);

	if (code)
		return code;
	session = kzalloc(sizeof(*session));
	if (!session)
		return manage_fail_no_memory(error);
	*session = (struct domain_console_session){ domain, domain->consoles[port], notify, context, false };
	if (!attach(session->console, session, force)) {
		kfree(session);
		return manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "Active console session exists for this domain");
	}
	mutex_lock(&domains_lock);
	domain_ref(domain);
	mutex_unlock(&domains_lock);
	*out = session;
	return OK;
}

void domain_console_close(struct domain_console_session *session)
{
	struct domain_console *console = session->console;
	u64 flags = lock_irqsave(&console->lock);

	if (console->session == session)
		console->session = NULL;
	unlock_irqrestore(&console->lock, flags);
	domain_put(session->domain);
	kfree(session);
}

size_t domain_console_read(struct domain_console_session *session, char *bytes, size_t max,
			   enum domain_console_status *status)
{
	struct domain_console *console = session->console;
	u64 flags = lock_irqsave(&console->lock);
	size_t count = 0;

	if (session->taken) {
		*status = DOMAIN_CONSOLE_TAKEN;
	} else {
		count = MIN(max, console->written - console->read);
		for (size_t i = 0; i < count; i++)
			bytes[i] = console->kept[console->read++ % KEPT_BYTES];
		*status = count || console->plugged ? DOMAIN_CONSOLE_OPEN : DOMAIN_CONSOLE_ENDED;
	}
	unlock_irqrestore(&console->lock, flags);
	return count;
}

size_t domain_console_write(struct domain_console_session *session, const char *bytes, size_t count)
{
	struct domain_console *console = session->console;
	size_t taken = 0;

	mutex_lock(&console->input);
	if (console->device && !session->taken)
		taken = console->device->write(console->device, bytes, count);
	mutex_unlock(&console->input);
	return taken;
}
