/* SPDX-License-Identifier: MIT */
/* Between line_keys.c and line_editor.c: what a key can do to the text. Offsets are bytes in editor->text. */
#ifndef HV_SHELL_LINE_EDIT_H
#define HV_SHELL_LINE_EDIT_H

#include "hv/shell/line_editor.h"

void line_edit_delete(struct line_editor *editor, size_t from, size_t to); /* the cursor goes to from */
size_t line_edit_word_left(const struct line_editor *editor);
size_t line_edit_word_right(const struct line_editor *editor);
size_t line_edit_blank_left(const struct line_editor *editor); /* Ctrl-W's word: up to a blank */
void line_edit_older(struct line_editor *editor);
void line_edit_newer(struct line_editor *editor);

#endif
