/* SPDX-License-Identifier: MIT */
/* What nodedev.c and sysinfo.c share: the one record of what the host has. */
#ifndef HV_MANAGE_NODEDEV_INTERNAL_H
#define HV_MANAGE_NODEDEV_INTERNAL_H

#include "hv/manage/nodedev.h"

extern struct nodedev_host nodedev_host; /* (c) after nodedev_init */

#endif
