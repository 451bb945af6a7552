/* SPDX-License-Identifier: MIT */
/* expat's <limits.h> in the image. */
#define INT_MAX __INT_MAX__
#define UINT_MAX (__INT_MAX__ * 2u + 1u)
#define ULONG_MAX (__LONG_MAX__ * 2ul + 1ul)
