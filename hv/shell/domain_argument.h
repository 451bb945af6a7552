/* SPDX-License-Identifier: MIT */
/* The <domain> argument that most commands have: found, told of when it is not there, and completed. */
#ifndef HV_SHELL_DOMAIN_ARGUMENT_H
#define HV_SHELL_DOMAIN_ARGUMENT_H

#include "hv/manage/domain.h"
#include "hv/shell/command.h"

/* The domain of the option "domain": a reference (domain_put); NULL: the person has been told. */
struct domain *shell_domain(struct shell *shell, const struct shell_arguments *arguments);

void shell_complete_domains(struct shell_completions *completions);
void shell_complete_active(struct shell_completions *completions);
void shell_complete_inactive(struct shell_completions *completions);

#define DOMAIN_OPTION(which)                                                                                      	{ .name = "domain", .help = "domain name, id or uuid", .kind = SHELL_TEXT, .required = true,              	  .complete = shell_complete_##which }

/* cmd_domain_console.c: the guest's console on this terminal until Ctrl-] or its end. */
int shell_console(struct shell *shell, struct domain *domain, const char *devname, bool force);

/* Active ones by id, then inactive ones by name: virsh's order. */
void shell_sort_domains(struct domain **domains, size_t count);

/* One line: where the description is kept, or how long it lives. */
void shell_tell_kept(struct shell *shell, struct domain *domain);

#endif
