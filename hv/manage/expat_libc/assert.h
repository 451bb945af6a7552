/* SPDX-License-Identifier: MIT */
/* expat's <assert.h> in the image: a broken invariant is our bug. */
#include "hv/lib/log.h"
#undef assert
#define assert(cond) BUG_ON(!(cond))
