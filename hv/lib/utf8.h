/* SPDX-License-Identifier: MIT */
/* UTF-8 and how wide a character stands on a terminal. Pure; decoding is strict (no overlong forms, no surrogates). */
#ifndef HV_LIB_UTF8_H
#define HV_LIB_UTF8_H

#include "hv/lib/types.h"

/* Bytes that a sequence with this first byte has, 1 to 4; 0: no sequence begins so. */
unsigned utf8_sequence_length(u8 first);
/* Decodes one character from at most count bytes; returns the bytes it took, or 0: malformed or cut off. */
unsigned utf8_decode(const char *bytes, size_t count, u32 *character);
/* Writes 1 to 4 bytes; returns their count. A value that is no character becomes U+FFFD. */
unsigned utf8_encode(u32 character, char bytes[4]);
/* Terminal columns: 0 for combining marks and invisible characters, 2 for East Asian wide ones, otherwise 1. */
unsigned utf8_columns(u32 character);
/* Columns of a text; malformed bytes count one each. */
size_t utf8_text_columns(const char *bytes, size_t count);
/* Start of the grapheme (a character and its zero-width marks) before or after a place; malformed bytes stand alone. */
size_t utf8_previous(const char *bytes, size_t at);
size_t utf8_next(const char *bytes, size_t count, size_t at);

#endif
