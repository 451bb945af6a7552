/* SPDX-License-Identifier: MIT */
/* lwIP's <string.h> in the image. */
#include "hv/lib/string.h"
