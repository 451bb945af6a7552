/* SPDX-License-Identifier: MIT */
/* main() of every unit test program: each test file gives one suite. */
#include "hv/lib/test/unit.h"
#include <stdlib.h>

int main(void)
{
	SRunner *runner = srunner_create(test_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
