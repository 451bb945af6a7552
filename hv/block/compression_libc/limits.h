/* SPDX-License-Identifier: MIT */
/* <limits.h> of zlib and libzstd in the image. */
#define UCHAR_MAX 255
#define INT_MAX __INT_MAX__
#define UINT_MAX (__INT_MAX__ * 2u + 1u)
