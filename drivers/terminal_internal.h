/* SPDX-License-Identifier: MIT */
/* Between terminal.c (the grid) and terminal_escape.c (the sequences). Rows and columns count from 0; `to` is excluded. */
#ifndef DRIVERS_TERMINAL_INTERNAL_H
#define DRIVERS_TERMINAL_INTERNAL_H

#include "drivers/terminal.h"

void terminal_reset(struct terminal *terminal);
void terminal_put(struct terminal *terminal, u32 character);
void terminal_move(struct terminal *terminal, unsigned row, unsigned column); /* cut to the screen */
void terminal_erase(struct terminal *terminal, unsigned row, unsigned from, unsigned to);
void terminal_line_feed(struct terminal *terminal);
void terminal_reverse_line_feed(struct terminal *terminal);
void terminal_scroll_up(struct terminal *terminal, unsigned first, unsigned last, unsigned count); /* count >= 1 */
void terminal_scroll_down(struct terminal *terminal, unsigned first, unsigned last, unsigned count);
void terminal_insert_cells(struct terminal *terminal, unsigned count);
void terminal_delete_cells(struct terminal *terminal, unsigned count);

#endif
