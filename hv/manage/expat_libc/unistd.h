/* SPDX-License-Identifier: MIT */
/* expat's <unistd.h> in the image: not needed with a salt of our own. */
