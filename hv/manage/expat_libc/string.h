/* SPDX-License-Identifier: MIT */
/* expat's <string.h> in the image. */
#include "hv/lib/string.h"
