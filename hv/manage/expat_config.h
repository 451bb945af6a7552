/* SPDX-License-Identifier: MIT */
/*
 * How expat is built for Solera, in the image and in the hosted tests alike: namespaces, no DTD (so no floating point
 * and no entities beyond the five predefined ones), no context buffer, a random hash salt from hv/random.h.
 * xml_tree.c refuses any DOCTYPE on top of this.
 */
#ifndef HV_MANAGE_EXPAT_CONFIG_H
#define HV_MANAGE_EXPAT_CONFIG_H

#include <stddef.h>

#define PACKAGE_STRING "expat as built for Solera"
#define BYTEORDER 1234
#define XML_NS 1
#define XML_GE 0 /* expat 2.6 and later */
#define XML_CONTEXT_BYTES 0
#define HAVE_ARC4RANDOM_BUF 1
#define arc4random_buf xml_entropy /* xml_entropy.c */

void xml_entropy(void *bytes, size_t size);

#endif
