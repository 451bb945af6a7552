/* SPDX-License-Identifier: MIT */
/* A terminal for shell tests: given keys come in, the text as a person would see it at the end comes out. */
#ifndef HV_SHELL_TEST_FAKE_TERMINAL_H
#define HV_SHELL_TEST_FAKE_TERMINAL_H

#include "hv/shell/shell.h"

extern const struct shell_terminal fake_terminal;

void fake_terminal_reset(const char *keys);
void fake_terminal_run(struct shell *shell); /* until the keys are used up */
const char *fake_terminal_output(void);

#endif
