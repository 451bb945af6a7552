/* SPDX-License-Identifier: MIT */
/* expat's <sys/types.h> in the image: not needed with a salt of our own. */
