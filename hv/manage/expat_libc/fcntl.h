/* SPDX-License-Identifier: MIT */
/* expat's <fcntl.h> in the image: not needed with a salt of our own. */
