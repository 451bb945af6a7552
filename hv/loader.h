/* SPDX-License-Identifier: MIT */
/* The direct boot of kernels, for hv/main.c to register with vm_set_loader. */
#ifndef HV_LOADER_H
#define HV_LOADER_H

#include "hv/vm.h"

extern const struct loader_ops direct_loader;

#endif
