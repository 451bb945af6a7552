/* SPDX-License-Identifier: MIT */
/* <string.h> of zlib and libzstd in the image. */
#include "hv/lib/string.h"
