/* SPDX-License-Identifier: MIT */
/*
 * Error codes: 0 is success, failures are small negative numbers. Words for people are made by whoever knows the
 * thing and the place; these codes only steer callers.
 */
#ifndef HV_LIB_ERROR_H
#define HV_LIB_ERROR_H

enum error_code {
	OK = 0,
	ERR_NO_MEMORY = -1,   /* the host has not enough memory */
	ERR_INVALID = -2,     /* an argument or an input is malformed */
	ERR_RANGE = -3,       /* a number is out of its range */
	ERR_NOT_FOUND = -4,
	ERR_EXISTS = -5,
	ERR_BUSY = -6,        /* in use or in the wrong state for this */
	ERR_UNSUPPORTED = -7, /* valid, but not offered here */
	ERR_IO = -8,          /* hardware said no */
	ERR_TIMEOUT = -9,
	ERR_FULL = -10,       /* a bounded table or buffer has no room */
	ERR_FAULT = -11,      /* an address that does not resolve */
	ERR_INTERRUPTED = -12,
	ERR_AGAIN = -13,
};

#endif
