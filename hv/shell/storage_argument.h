/* SPDX-License-Identifier: MIT */
/* What the commands of pools and volumes share: arguments found and told of, sizes in and out, a progress bar. */
#ifndef HV_SHELL_STORAGE_ARGUMENT_H
#define HV_SHELL_STORAGE_ARGUMENT_H

#include "hv/manage/volume.h"
#include "hv/shell/command.h"

#define STORAGE_SIZE_TEXT 32

#define POOL_OPTION { .name = "pool", .help = "pool name or uuid", .kind = SHELL_TEXT, .required = true, .complete = shell_complete_pools }
#define VOLUME_OPTION { .name = "vol", .help = "vol name, key or path", .kind = SHELL_TEXT, .required = true }
#define VOLUME_POOL_OPTION { .name = "pool", .help = "pool name or uuid", .kind = SHELL_TEXT, .complete = shell_complete_pools }

/* The pool of the option "pool"; the volume of "vol" in it. OK, or the person has been told. */
MUST_CHECK int shell_pool(struct shell *shell, const struct shell_arguments *arguments, struct pool_info *info);
MUST_CHECK int shell_volume(struct shell *shell, const struct shell_arguments *arguments, struct volume_info *info);
void shell_complete_pools(struct shell_completions *completions);

/* "1.00 GiB", as virsh rounds. */
void storage_size_text(char text[STORAGE_SIZE_TEXT], u64 bytes);
/* "10G", "512MiB", "1GB", "4096": bytes without a suffix. Otherwise the person is told. */
MUST_CHECK int storage_size(struct shell *shell, const char *text, u64 *bytes);

struct storage_progress {
	struct volume_progress progress;
	struct shell *shell;
	unsigned shown;              /* percent + 1; 0: nothing drawn yet */
};
/* A bar for work that takes a while; Ctrl-C gives it up. end: the row is finished. */
void storage_progress_begin(struct storage_progress *progress, struct shell *shell);
void storage_progress_end(struct storage_progress *progress);

#endif
