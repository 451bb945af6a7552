/* SPDX-License-Identifier: MIT */
/* expat's <math.h> in the image: only its DTD code, which is not built, needs it. */
