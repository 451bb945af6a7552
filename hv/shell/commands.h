/* SPDX-License-Identifier: MIT */
/* The tables that hv/shell/commands.c collects, one for each file of commands. */
#ifndef HV_SHELL_COMMANDS_H
#define HV_SHELL_COMMANDS_H

#include "hv/shell/command.h"

extern const struct shell_command shell_commands_general[]; /* cmd_general.c */
extern const struct shell_command shell_commands_host[];    /* cmd_host.c */
extern const struct shell_command shell_commands_power[];   /* cmd_power.c */
extern const struct shell_command shell_commands_log[];     /* cmd_log.c */
extern const struct shell_command shell_commands_network[];  /* cmd_network.c */
extern const struct shell_command shell_commands_domain_nics[];  /* cmd_domain_nics.c */
extern const struct shell_command shell_commands_iface[]; /* cmd_iface.c */
extern const struct shell_command shell_commands_nodedev[]; /* cmd_nodedev.c */
extern const struct shell_command shell_commands_pool[];    /* cmd_pool.c */
extern const struct shell_command shell_commands_volume[];  /* cmd_volume.c */
extern const struct shell_command shell_commands_validate[]; /* cmd_validate.c */
extern const struct shell_command shell_commands_domain_hotplug[]; /* cmd_domain_hotplug.c */
extern const struct shell_command shell_commands_domain_media[];   /* cmd_domain_media.c */
extern const struct shell_command shell_commands_domain_memory[];  /* cmd_domain_memory.c */
extern const struct shell_command shell_commands_domain_list[];    /* cmd_domain_list.c */
extern const struct shell_command shell_commands_domain_info[];    /* cmd_domain_info.c */
extern const struct shell_command shell_commands_domain_stats[];   /* cmd_domain_stats.c */
extern const struct shell_command shell_commands_domain_cpu[];     /* cmd_domain_cpu.c */
extern const struct shell_command shell_commands_vtop[];           /* cmd_vtop.c */
extern const struct shell_command shell_commands_sched_trace[];    /* cmd_sched_trace.c */
extern const struct shell_command shell_commands_domain_disks[];   /* cmd_domain_disks.c */
extern const struct shell_command shell_commands_domain_iotune[];  /* cmd_domain_iotune.c */
extern const struct shell_command shell_commands_domain_tune[];    /* cmd_domain_tune.c */
extern const struct shell_command shell_commands_domain_life[];    /* cmd_domain_life.c */
extern const struct shell_command shell_commands_domain_define[];  /* cmd_domain_define.c */
extern const struct shell_command shell_commands_domain_edit[];    /* cmd_domain_edit.c */
extern const struct shell_command shell_commands_domain_console[]; /* cmd_domain_console.c */
extern const struct shell_command shell_commands_capabilities[];   /* cmd_capabilities.c */
extern const struct shell_command shell_commands_domain_inspect[]; /* cmd_domain_inspect.c */
extern const struct shell_command shell_commands_domain_check[];   /* cmd_domain_check.c */

#endif
