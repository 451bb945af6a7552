/* SPDX-License-Identifier: MIT */
/* What every unit test file includes: Check, and the one function that it gives to check_main.c. */
#ifndef HV_LIB_TEST_UNIT_H
#define HV_LIB_TEST_UNIT_H

#include <check.h>

Suite *test_suite(void);

#endif
