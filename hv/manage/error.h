/* SPDX-License-Identifier: MIT */
/*
 * What the management core says when it refuses: libvirt's error number for programs, one line in words for people.
 *
 * The words begin as libvirt's do for that number ("unsupported configuration: …", "Requested operation is not
 * valid: …"). A function that takes a struct manage_error returns OK, or MANAGE_FAILED with the error filled in.
 * Next to read: domain.h.
 */
#ifndef HV_MANAGE_ERROR_H
#define HV_MANAGE_ERROR_H

#include "hv/lib/types.h"

#define MANAGE_FAILED (-64) /* apart from hv/lib/error.h's codes: the words are in the struct manage_error */
#define MANAGE_ERROR_TEXT_MAX 512

/* libvirt's virErrorNumber, the ones that Solera gives. */
enum manage_error_code {
	MANAGE_ERR_OK = 0,
	MANAGE_ERR_INTERNAL_ERROR = 1,
	MANAGE_ERR_NO_MEMORY = 2,
	MANAGE_ERR_NO_SUPPORT = 3,
	MANAGE_ERR_INVALID_ARG = 8,
	MANAGE_ERR_OPERATION_FAILED = 9,
	MANAGE_ERR_OS_TYPE = 16,
	MANAGE_ERR_XML_ERROR = 27,
	MANAGE_ERR_DOM_EXIST = 28,
	MANAGE_ERR_OPERATION_DENIED = 29,
	MANAGE_ERR_OPEN_FAILED = 30,
	MANAGE_ERR_XML_DETAIL = 35,
	MANAGE_ERR_SYSTEM_ERROR = 38,
	MANAGE_ERR_NO_DOMAIN = 42,
	MANAGE_ERR_NO_NETWORK = 43,
	MANAGE_ERR_NO_STORAGE_POOL = 49,
	MANAGE_ERR_NO_STORAGE_VOL = 50,
	MANAGE_ERR_NO_NODE_DEVICE = 53,
	MANAGE_ERR_NO_INTERFACE = 57,
	MANAGE_ERR_OPERATION_INVALID = 55,
	MANAGE_ERR_CONFIG_UNSUPPORTED = 67,
	MANAGE_ERR_OPERATION_TIMEOUT = 68,
	MANAGE_ERR_OPERATION_UNSUPPORTED = 84,
	MANAGE_ERR_RESOURCE_BUSY = 87,
	MANAGE_ERR_DEVICE_MISSING = 99,
};

struct manage_error {
	enum manage_error_code code;
	char text[MANAGE_ERROR_TEXT_MAX]; /* one line, no newline */
};

/* Fills *error with libvirt's words for the code, then the detail; always returns MANAGE_FAILED. error may be NULL. */
int manage_fail(struct manage_error *error, enum manage_error_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same without libvirt's words: for lines that begin with a place ("demo.xml:12: <graphics>: …"). */
int manage_fail_at(struct manage_error *error, enum manage_error_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int manage_fail_no_memory(struct manage_error *error);

#endif
