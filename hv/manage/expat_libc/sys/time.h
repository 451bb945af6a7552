/* SPDX-License-Identifier: MIT */
/* expat's <sys/time.h> in the image: not needed with a salt of our own. */
