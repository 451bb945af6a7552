/* SPDX-License-Identifier: MIT */
#include "hv/thread.h"

const char *thread_name(const struct thread *thread)
{
	(void)thread;
	return "main";
}
