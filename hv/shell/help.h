/* SPDX-License-Identifier: MIT */
/* What help prints: hv/shell/help.c. */
#ifndef HV_SHELL_HELP_H
#define HV_SHELL_HELP_H

#include "hv/shell/command.h"

int shell_help(struct shell *shell, const char *name); /* a command, a group's keyword or title; NULL: all */
void shell_complete_help(struct shell_completions *completions);

#endif
