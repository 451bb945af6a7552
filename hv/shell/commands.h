/* SPDX-License-Identifier: MIT */
/* The tables that hv/shell/commands.c collects, one for each file of commands. */
#ifndef HV_SHELL_COMMANDS_H
#define HV_SHELL_COMMANDS_H

#include "hv/shell/command.h"

extern const struct shell_command shell_commands_general[]; /* cmd_general.c */
extern const struct shell_command shell_commands_host[];    /* cmd_host.c */
extern const struct shell_command shell_commands_log[];     /* cmd_log.c */
extern const struct shell_command shell_commands_nodedev[]; /* cmd_nodedev.c */
extern const struct shell_command shell_commands_validate[]; /* cmd_validate.c */

#endif
