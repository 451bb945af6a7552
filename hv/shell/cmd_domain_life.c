/* SPDX-License-Identifier: MIT */
/* A domain's life: start, shutdown, reboot, reset, destroy, suspend, resume, inject-nmi, autostart. */
#include "hv/lib/string.h"
#include "hv/shell/commands.h"
#include "hv/shell/domain_argument.h"

static int start_domain(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	unsigned flags = shell_flag(arguments, "paused") ? DOMAIN_START_PAUSED : 0;
	struct manage_error error;
	struct domain_info info;
	int code = OK;

	if (!domain)
		return ERR_NOT_FOUND;
	domain_get_info(domain, &info);
	if (info.id)
		code = shell_error(shell, "Domain is already active");
	else if (domain_start(domain, flags, &error))
		code = shell_fail(shell, &error, "Failed to start domain '%s'", info.name);
	else
		shell_print(shell, "Domain '%s' started\n", info.name);
	if (!code && shell_flag(arguments, "console"))
		code = shell_console(shell, domain, NULL, false);
	domain_put(domain);
	return code;
}

/* The verbs that do one thing and say so; they call the domain as the person did, by its name, id or UUID. */
static int act(struct shell *shell, const struct shell_arguments *arguments,
	       int (*function)(struct domain *domain, struct manage_error *error), const char *verb, const char *done)
{
	struct domain *domain = shell_domain(shell, arguments);
	const char *name = shell_text(arguments, "domain");
	struct manage_error error;
	int code = OK;

	if (!domain)
		return ERR_NOT_FOUND;
	if (function(domain, &error))
		code = shell_fail(shell, &error, "Failed to %s domain '%s'", verb, name);
	else
		shell_print(shell, "Domain '%s' %s\n", name, done);
	domain_put(domain);
	return code;
}

static bool mode_is(const char *mode, size_t length, const char *name)
{
	return strlen(name) == length && strncmp(mode, name, length) == 0;
}

/*
 * --mode: a list, of which the machine takes what it can: only ACPI's button is there; the others are virsh's words. The
 * texts differ by a comma, as virsh's do.
 */
static int check_mode(struct shell *shell, const struct shell_arguments *arguments, const char *comma)
{
	static const char *const known[] = { "acpi", "agent", "initctl", "signal", "paravirt" };
	const char *mode = shell_text(arguments, "mode"), *at = mode, *end;
	bool acpi = !mode;

	for (; at; at = *end ? end + 1 : NULL) {
		size_t length, i = 0;

		end = strchr(at, ',');
		end = end ? end : at + strlen(at);
		length = (size_t)(end - at);
		while (i < ARRAY_SIZE(known) && !mode_is(at, length, known[i]))
			i++;
		if (i == ARRAY_SIZE(known))
			return shell_error(shell, "Unknown mode %.*s value, expecting 'acpi', 'agent', 'initctl', 'signal'%s or 'paravirt'",
					   (int)length, at, comma);
		acpi = acpi || i == 0;
	}
	return acpi ? OK : shell_error(shell, "unsupported configuration: mode %s is not supported by this version of Solera, "
				       "only acpi is", mode);
}

static int shutdown(struct shell *shell, const struct shell_arguments *arguments)
{
	if (check_mode(shell, arguments, ","))
		return ERR_INVALID;
	return act(shell, arguments, domain_shutdown, "shutdown", "is being shutdown");
}

static int reboot(struct shell *shell, const struct shell_arguments *arguments)
{
	if (check_mode(shell, arguments, ""))
		return ERR_INVALID;
	return act(shell, arguments, domain_reboot, "reboot", "is being rebooted");
}

static int reset(struct shell *shell, const struct shell_arguments *arguments)
{
	return act(shell, arguments, domain_reset, "reset", "was reset");
}

static int destroy(struct shell *shell, const struct shell_arguments *arguments)
{
	return act(shell, arguments, domain_destroy, "destroy", "destroyed");
}

static int suspend(struct shell *shell, const struct shell_arguments *arguments)
{
	return act(shell, arguments, domain_suspend, "suspend", "suspended");
}

static int resume(struct shell *shell, const struct shell_arguments *arguments)
{
	return act(shell, arguments, domain_resume, "resume", "resumed");
}

static int inject_nmi(struct shell *shell, const struct shell_arguments *arguments)
{
	struct domain *domain = shell_domain(shell, arguments);
	struct manage_error error;
	int code;

	if (!domain)
		return ERR_NOT_FOUND;
	code = domain_inject_nmi(domain, &error);
	domain_put(domain);
	return code ? shell_error(shell, "%s", error.text) : OK;
}

static int autostart(struct shell *shell, const struct shell_arguments *arguments)
{
	bool on = !shell_flag(arguments, "disable");
	struct domain *domain = shell_domain(shell, arguments);
	const char *name = shell_text(arguments, "domain");
	struct manage_error error;
	int code = OK;

	if (!domain)
		return ERR_NOT_FOUND;
	if (domain_set_autostart(domain, on, &error)) {
		code = shell_fail(shell, &error, on ? "Failed to mark domain '%s' as autostarted"
				  : "Failed to unmark domain '%s' as autostarted", name);
	} else {
		shell_print(shell, "Domain '%s' %s as autostarted\n", name, on ? "marked" : "unmarked");
		shell_tell_kept(shell, domain);
	}
	domain_put(domain);
	return code;
}

static const struct shell_option active_options[] = { DOMAIN_OPTION(active), { 0 } };
static const struct shell_option start_options[] = {
	{ .name = "domain", .help = "name of the inactive domain", .kind = SHELL_TEXT, .required = true,
	  .complete = shell_complete_inactive },
	{ .name = "console", .help = "attach to console after creation", .kind = SHELL_FLAG },
	{ .name = "paused", .help = "leave the guest paused after creation", .kind = SHELL_FLAG },
	{ 0 },
};
static const struct shell_option mode_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "mode", .help = "shutdown mode: acpi", .kind = SHELL_TEXT, .only_by_name = true },
	{ 0 },
};
static const struct shell_option destroy_options[] = {
	DOMAIN_OPTION(active),
	{ .name = "graceful", .help = "terminate gracefully (the same here: a machine has nothing to lose yet)", .kind = SHELL_FLAG },
	{ 0 },
};
static const struct shell_option autostart_options[] = {
	DOMAIN_OPTION(domains), { .name = "disable", .help = "disable autostarting", .kind = SHELL_FLAG }, { 0 },
};

const struct shell_command shell_commands_domain_life[] = {
	{ .name = "autostart", .help = "autostart a domain", .options = autostart_options, .function = autostart,
	  .description = "Configure a domain to be automatically started at boot. The mark is kept where the domain is. In\n"
			 "a file of \\solera\\, <solera:autostart/> under <metadata> says the same.",
	  .group = SHELL_GROUP_DOMAIN },
	{ .name = "destroy", .help = "destroy (stop) a domain", .options = destroy_options, .function = destroy,
	  .description = "Forcefully stop a given domain, but leave its resources intact.", .group = SHELL_GROUP_DOMAIN },
	{ .name = "inject-nmi", .help = "Inject NMI to the guest", .description = "Inject NMI to the guest domain.",
	  .options = active_options, .function = inject_nmi, .group = SHELL_GROUP_DOMAIN },
	{ .name = "reboot", .help = "reboot a domain", .options = mode_options, .function = reboot,
	  .description = "Press the domain's ACPI power button; when it has shut down, it starts again.",
	  .group = SHELL_GROUP_DOMAIN },
	{ .name = "reset", .help = "reset a domain", .description = "Reset the target domain as if by power button",
	  .options = active_options, .function = reset, .group = SHELL_GROUP_DOMAIN },
	{ .name = "resume", .help = "resume a domain", .description = "Resume a previously suspended domain.",
	  .options = active_options, .function = resume, .group = SHELL_GROUP_DOMAIN },
	{ .name = "shutdown", .help = "gracefully shutdown a domain", .options = mode_options, .function = shutdown,
	  .description = "Press the domain's ACPI power button.", .group = SHELL_GROUP_DOMAIN },
	{ .name = "start", .help = "start a (previously defined) inactive domain", .description = "Start a domain.",
	  .options = start_options, .function = start_domain, .group = SHELL_GROUP_DOMAIN },
	{ .name = "suspend", .help = "suspend a domain", .description = "Suspend a running domain.",
	  .options = active_options, .function = suspend, .group = SHELL_GROUP_DOMAIN },
	{ 0 },
};
