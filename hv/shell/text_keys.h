/* SPDX-License-Identifier: MIT */
/*
 * A full-screen terminal's bytes, put together to keys: VT100's, xterm's and the Linux console's sequences, UTF-8,
 * paste marks, and the answer to "where is the cursor". Pure. What is no key gives none; an escape sequence
 * that noise cut off ends at the next control character.
 */
#ifndef HV_SHELL_TEXT_KEYS_H
#define HV_SHELL_TEXT_KEYS_H

#include "hv/lib/types.h"

enum text_key {
	TEXT_KEY_NONE,
	TEXT_KEY_CHARACTER, /* its bytes are in character; an end of line is "\n" */
	TEXT_KEY_UP, TEXT_KEY_DOWN, TEXT_KEY_LEFT, TEXT_KEY_RIGHT,
	TEXT_KEY_HOME, TEXT_KEY_END, TEXT_KEY_PAGE_UP, TEXT_KEY_PAGE_DOWN,
	TEXT_KEY_FIRST, TEXT_KEY_LAST, /* Ctrl-Home, Ctrl-End: the text's */
	TEXT_KEY_BACKSPACE, TEXT_KEY_DELETE,
	TEXT_KEY_CUT,       /* Ctrl-K: to the end of the line, or the end itself */
	TEXT_KEY_CUT_LINE,  /* Ctrl-U */
	TEXT_KEY_SAVE,      /* Ctrl-S, Ctrl-O, F2 */
	TEXT_KEY_LEAVE,     /* Ctrl-Q, Ctrl-X */
	TEXT_KEY_CANCEL,    /* Ctrl-C, Ctrl-G */
	TEXT_KEY_DRAW,      /* Ctrl-L */
	TEXT_KEY_SIZE,      /* the terminal's answer: parameters 0 and 1 are rows and columns */
};

enum text_keys_state { TEXT_KEYS_GROUND, TEXT_KEYS_ESCAPE, TEXT_KEYS_CSI, TEXT_KEYS_CSI_LINUX, TEXT_KEYS_SS3 };

struct text_keys {
	enum text_keys_state state;
	unsigned parameters[2], parameter_count;
	bool pasting, after_return;
	char character[4];
	unsigned character_bytes, character_length; /* what is there of a UTF-8 sequence, and its length */
};

enum text_key text_keys_feed(struct text_keys *keys, u8 byte);

#endif
