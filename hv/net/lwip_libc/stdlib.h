/* SPDX-License-Identifier: MIT */
/* lwIP's <stdlib.h> in the image: memory is lwipopts.h's; atoi is for netif_find, which nobody calls. */
#ifndef HV_NET_LWIP_LIBC_STDLIB_H
#define HV_NET_LWIP_LIBC_STDLIB_H
#include <stddef.h>
#define atoi(text) ((int)((text)[0] - '0'))
#endif
