/* SPDX-License-Identifier: MIT */
/* What this host can run, as libvirt's capabilities documents: kmalloc'd XML, NULL: no memory. Thread context. */
#ifndef HV_MANAGE_CAPABILITIES_H
#define HV_MANAGE_CAPABILITIES_H

char *host_capabilities(void);
char *host_domain_capabilities(void);

#endif
