/* SPDX-License-Identifier: MIT */
/* expat's <stdio.h> in the image: its debug output goes nowhere. */
#define fprintf(...) ((void)0)
