/* SPDX-License-Identifier: MIT */
/*
 * poweroff, host-reboot: the end of the host, with the end of its machines before it.
 *
 * As a host of libvirt's does it: running machines see their power button pressed, and have some seconds for it. Those that
 * are still there then, paused ones and crashed ones go down with the host.
 */
#include "hv/lib/string.h"
#include "hv/manage/domain.h"
#include "hv/manage/host.h"
#include "hv/shell/commands.h"

#define NS_PER_SECOND 1000000000ull
#define LOOK_AGAIN_NS (NS_PER_SECOND / 10)
#define PATIENCE_NS (15 * NS_PER_SECOND)

/* Counts the machines that run; with press, each one's power button is pressed, and each is named. */
static u32 running_domains(struct shell *shell, bool press)
{
	struct domain **all;
	struct domain_info info;
	size_t count = 0;
	u32 running = 0;

	if (domains_all(&all, &count, NULL))
		return 0;
	for (size_t i = 0; i < count; i++) {
		domain_get_info(all[i], &info);
		if (!info.id || info.state != DOMAIN_RUNNING)
			continue;
		running++;
		if (press && !domain_shutdown(all[i], NULL))
			shell_print(shell, "Domain '%s' is being shutdown\n", info.name);
	}
	domains_free(all, count);
	return running;
}

/* True: they are down, or have had their time. False: Ctrl-C, the host stays up. */
static bool shut_domains_down(struct shell *shell)
{
	u64 until = host_uptime_ns() + PATIENCE_NS;

	if (!running_domains(shell, true))
		return true;
	shell_print(shell, "They have %u seconds; Ctrl-C leaves the host on\n", (unsigned)(PATIENCE_NS / NS_PER_SECOND));
	while (running_domains(shell, false) && host_uptime_ns() < until)
		if (shell_sleep(shell, LOOK_AGAIN_NS))
			return false;
	return true;
}

static int poweroff(struct shell *shell, const struct shell_arguments *arguments)
{
	if (!shell_flag(arguments, "force") && !shut_domains_down(shell))
		return shell_error(shell, "interrupted: the host stays on");
	shell_print(shell, "Powering off\n");
	host_power_off();
	return shell_error(shell, "the firmware and the chipset did not power off: press the power button");
}

static int host_reboot(struct shell *shell, const struct shell_arguments *arguments)
{
	if (!shell_flag(arguments, "force") && !shut_domains_down(shell))
		return shell_error(shell, "interrupted: the host stays on");
	shell_print(shell, "Restarting the host\n");
	host_reset();
	return shell_error(shell, "the firmware and the chipset did not reset: press the reset button");
}

static const struct shell_option power_options[] = {
	{ .name = "force", .kind = SHELL_FLAG, .help = "at once; running domains lose their power" },
	{ 0 },
};

const struct shell_command shell_commands_power[] = {
	{ .name = "host-reboot", .group = SHELL_GROUP_HOST, .function = host_reboot, .options = power_options,
	  .help = "shut running domains down, then restart the host" },
	{ .name = "poweroff", .group = SHELL_GROUP_HOST, .function = poweroff, .options = power_options,
	  .help = "shut running domains down, then turn the host off" },
	{ 0 },
};
