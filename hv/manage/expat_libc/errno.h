/* SPDX-License-Identifier: MIT */
/* expat's <errno.h> in the image: for its environment variables only, of which there are none. */
#ifndef HV_MANAGE_EXPAT_LIBC_ERRNO_H
#define HV_MANAGE_EXPAT_LIBC_ERRNO_H
static int errno __attribute__((unused));
#endif
