/* SPDX-License-Identifier: MIT */
/* console: a guest's console on this terminal until Ctrl-]. And event: what happens to domains, as it happens. */
#include "hv/lib/string.h"
#include "hv/manage/console.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

#define NS_PER_MS 1000000ull
#define RETRY_NS (5 * NS_PER_MS) /* the guest's UART was full: it empties it within a few of its interrupts */

struct console_keys {
	char bytes[256]; /* typed, not yet taken by the guest */
	size_t count;
	bool escaped;    /* Ctrl-] was typed; what came before it still goes to the guest if it takes it at once */
};

static void wake(void *context)
{
	shell_wake(context);
}

/* Everything that the guest has written so far. */
static enum domain_console_status show_output(struct shell *shell, struct domain_console_session *session)
{
	enum domain_console_status status;
	char bytes[512];
	size_t count;

	while ((count = domain_console_read(session, bytes, sizeof(bytes), &status)))
		shell_write_raw(shell, bytes, count);
	return status;
}

static void read_keys(struct shell *shell, struct console_keys *keys, u64 timeout_ns)
{
	size_t count = shell_read_raw(shell, keys->bytes + keys->count, sizeof(keys->bytes) - keys->count, timeout_ns);
	const char *escape = memchr(keys->bytes + keys->count, SHELL_ESCAPE_KEY, count);

	if (escape) {
		keys->escaped = true;
		count = (size_t)(escape - keys->bytes) - keys->count;
	}
	keys->count += count;
}

static void give_keys(struct domain_console_session *session, struct console_keys *keys)
{
	size_t taken = domain_console_write(session, keys->bytes, keys->count);

	keys->count -= taken;
	memmove(keys->bytes, keys->bytes + taken, keys->count);
}

static enum domain_console_status run_session(struct shell *shell, struct domain_console_session *session)
{
	struct console_keys keys = { .count = 0 };
	enum domain_console_status status;

	for (;;) {
		status = show_output(shell, session);
		if (status != DOMAIN_CONSOLE_OPEN || keys.escaped)
			return status;
		/* A guest that never reads must not make the person stay: a full buffer still leaves room for Ctrl-]. */
		if (keys.count == sizeof(keys.bytes))
			keys.count--;
		read_keys(shell, &keys, keys.count ? RETRY_NS : SHELL_FOREVER);
		if (keys.count)
			give_keys(session, &keys);
	}
}

int shell_console(struct shell *shell, struct domain *domain, const char *devname, bool force)
{
	struct domain_console_session *session;
	enum domain_console_status status;
	struct manage_error error;
	struct domain_info info;

	if (domain_console_open(domain, devname, force, wake, shell, &session, &error))
		return shell_error(shell, "%s", error.text);
	domain_get_info(domain, &info);
	shell_print(shell, "Connected to domain '%s'\nEscape character is ^] (Ctrl + ])\n", info.name);
	shell_raw_begin(shell);
	status = run_session(shell, session);
	shell_raw_end(shell);
	domain_console_close(session);
	shell_print(shell, "\n");
	if (status == DOMAIN_CONSOLE_TAKEN)
		return shell_error(shell, "another session took the console of domain '%s'", info.name);
	if (status == DOMAIN_CONSOLE_ENDED)
		shell_print(shell, "Domain '%s' has stopped\n", info.name);
	return OK;
}

static int console(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	int code;

	if (!domain)
		return ERR_NOT_FOUND;
	code = shell_console(shell, domain, shell_text(arguments, "devname"), shell_flag(arguments, "force"));
	domain_put(domain);
	return code;
}

static const char *event_name(enum domain_event_kind kind)
{
	switch (kind) {
	case DOMAIN_EVENT_DEFINED: return "Defined";
	case DOMAIN_EVENT_UNDEFINED: return "Undefined";
	case DOMAIN_EVENT_STARTED: return "Started";
	case DOMAIN_EVENT_SUSPENDED: return "Suspended";
	case DOMAIN_EVENT_RESUMED: return "Resumed";
	case DOMAIN_EVENT_STOPPED: return "Stopped";
	case DOMAIN_EVENT_SHUTDOWN: return "Shutdown";
	case DOMAIN_EVENT_CRASHED: return "Crashed";
	case DOMAIN_EVENT_REBOOT: break;
	}
	return "";
}

static void print_event(struct shell *shell, const struct domain_event *event)
{
	if (event->kind == DOMAIN_EVENT_REBOOT)
		shell_print(shell, "event 'reboot' for domain '%s'\n", event->name);
	else
		shell_print(shell, "event 'lifecycle' for domain '%s': %s %s\n", event->name, event_name(event->kind),
			    event->detail);
}

struct event_filter {
	const char *domain; /* a name; NULL: any */
	bool lifecycle, reboot, loop;
	u64 timeout_s;      /* 0: none */
};

static bool wanted(const struct event_filter *filter, const struct domain_event *event)
{
	if (filter->domain && !string_equal(filter->domain, event->name))
		return false;
	return event->kind == DOMAIN_EVENT_REBOOT ? filter->reboot : filter->lifecycle;
}

static int watch(struct shell *shell, const struct event_filter *filter)
{
	u64 sequence = domain_event_next_sequence(), waited_ms = 0;
	unsigned received = 0;

	for (;;) {
		struct domain_event event;

		while (domain_event_read(&sequence, &event)) {
			if (!wanted(filter, &event))
				continue;
			print_event(shell, &event);
			received++;
			if (!filter->loop)
				goto done;
		}
		if (filter->timeout_s && waited_ms >= filter->timeout_s * 1000) {
			shell_print(shell, "event loop timed out\n");
			break;
		}
		if (shell_sleep(shell, 50 * NS_PER_MS)) {
			shell_print(shell, "event loop interrupted\n");
			break;
		}
		waited_ms += 50;
	}
done:
	shell_print(shell, "events received: %u\n", received);
	return received ? OK : ERR_TIMEOUT;
}

static int event(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "event"), *of = shell_text(arguments, "domain");
	bool all = shell_flag(arguments, "all");
	struct event_filter filter = { .loop = shell_flag(arguments, "loop"), .lifecycle = all, .reboot = all };
	struct domain_info info;
	struct domain *domain;
	struct manage_error error;

	if (shell_flag(arguments, "list")) {
		shell_print(shell, "lifecycle\nreboot\n");
		return OK;
	}
	if (!all && !name)
		return shell_error(shell, "one of --list, --all, or --event <type> is required");
	filter.lifecycle = filter.lifecycle || (name && string_equal(name, "lifecycle"));
	filter.reboot = filter.reboot || (name && string_equal(name, "reboot"));
	if (!filter.lifecycle && !filter.reboot)
		return shell_error(shell, "unknown event type %s", name);
	if (shell_number(shell, arguments, "timeout", &filter.timeout_s) < 0)
		return ERR_INVALID;
	if (of) {
		domain = domain_lookup(of, &error);
		if (!domain)
			return shell_error(shell, "%s", error.text);
		domain_get_info(domain, &info);
		domain_put(domain);
		filter.domain = info.name;
	}
	return watch(shell, &filter);
}

static const struct shell_option console_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "devname", .help = "character device name: serial0, console0, channel0 and so on", .kind = SHELL_TEXT },
	{ .name = "force", .help = "force console connection (disconnect already connected sessions)", .kind = SHELL_FLAG },
	{ .name = "safe", .help = "only connect if safe console handling is supported (it always is)", .kind = SHELL_FLAG },
	{ 0 },
};
static const struct shell_option event_options[] = {
	{ .name = "domain", .help = "filter by domain name, id or uuid", .kind = SHELL_TEXT, .only_by_name = true,
	  .complete = shell_complete_domains },
	{ .name = "event", .help = "which event type to wait for", .kind = SHELL_TEXT, .only_by_name = true },
	{ .name = "all", .help = "wait for all events instead of just one type", .kind = SHELL_FLAG },
	{ .name = "loop", .help = "loop until timeout or interrupt, rather than one-shot", .kind = SHELL_FLAG },
	{ .name = "timeout", .help = "timeout seconds", .kind = SHELL_NUMBER, .only_by_name = true },
	{ .name = "list", .help = "list valid event types", .kind = SHELL_FLAG },
	{ 0 },
};

const struct shell_command shell_commands_domain_console[] = {
	{ .name = "console", .help = "connect to the guest console", .options = console_options, .function = console,
	  .description = "Connect the virtual serial console for the guest. Ctrl-] leaves it. What the guest wrote while nobody\n"
			 "looked comes first (the last 64 KiB of it).",
	  .group = SHELL_GROUP_DOMAIN },
	{ .name = "event", .help = "Domain Events", .options = event_options, .function = event,
	  .description = "List event types, or wait for domain events to occur", .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};
