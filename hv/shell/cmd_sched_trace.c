/* SPDX-License-Identifier: MIT */
/* sched-trace: what the scheduler does, as text; tools/sched-timeline draws it. */
#include "hv/manage/sched_view.h"
#include "hv/shell/commands.h"

#define NS_PER_MS 1000000ull
#define RECORDS_USUAL 2048u

static int dump(struct shell *shell)
{
	char line[SCHED_VIEW_LINE_MAX];
	struct manage_error error;
	struct sched_view *view;

	if (sched_view_open(&view, &error))
		return shell_error(shell, "%s", error.text);
	while (!shell_interrupted(shell) && sched_view_line(view, line, sizeof(line)))
		shell_print(shell, "%s\n", line);
	sched_view_close(view);
	return OK;
}

static int sched_trace(struct shell *shell, const struct shell_arguments *arguments)
{
	bool start = shell_flag(arguments, "start"), stop = shell_flag(arguments, "stop"), again = shell_flag(arguments, "dump");
	u64 milliseconds = 1000, records = RECORDS_USUAL;
	struct manage_error error;

	if (shell_number(shell, arguments, "milliseconds", &milliseconds) < 0 || shell_number(shell, arguments, "records", &records) < 0)
		return ERR_INVALID;
	if (start + stop + again > 1)
		return shell_error(shell, "Options --start, --stop and --dump are mutually exclusive");
	if (milliseconds < 1 || milliseconds > 60000)
		return shell_error(shell, "--milliseconds: from 1 to 60000");
	if (records < 16 || records > SCHED_VIEW_RECORDS_MAX)
		return shell_error(shell, "--records: from 16 to %u", SCHED_VIEW_RECORDS_MAX);
	if (!stop && !again && sched_view_start((u32)records, &error))
		return shell_error(shell, "%s", error.text);
	if (start) {
		shell_print(shell, "Tracing; `sched-trace --stop` ends it and shows it\n");
		return OK;
	}
	if (!stop && !again)
		(void)shell_sleep(shell, milliseconds * NS_PER_MS);
	if (!again)
		sched_view_stop();
	return dump(shell);
}

static const struct shell_option sched_trace_options[] = {
	{ .name = "milliseconds", .help = "for how long, from now (default 1000)", .kind = SHELL_NUMBER },
	{ .name = "records", .help = "events kept for each CPU, the newest (default 2048)", .kind = SHELL_NUMBER, .only_by_name = true },
	{ .name = "start", .help = "begin, until --stop", .kind = SHELL_FLAG },
	{ .name = "stop", .help = "end, and show", .kind = SHELL_FLAG },
	{ .name = "dump", .help = "show the last one again", .kind = SHELL_FLAG },
	{ 0 },
};

const struct shell_command shell_commands_sched_trace[] = {
	{ .name = "sched-trace", .help = "what the scheduler does", .options = sched_trace_options, .function = sched_trace,
	  .description = "Records switches, wake-ups, migrations and throttling on all CPUs and shows them as text.",
	  .group = SHELL_GROUP_HOST },
	{ 0 },
};
