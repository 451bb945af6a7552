/* SPDX-License-Identifier: MIT */
/* Error texts of the management core, worded as libvirt words them. */
#include "hv/manage/error.h"
#include <stdarg.h>
#include "hv/lib/format.h"

static const char *words(enum manage_error_code code)
{
	switch (code) {
	case MANAGE_ERR_OK: return "";
	case MANAGE_ERR_INTERNAL_ERROR: return "internal error: ";
	case MANAGE_ERR_NO_MEMORY: return "out of memory: ";
	case MANAGE_ERR_NO_SUPPORT: return "this function is not supported by the connection driver: ";
	case MANAGE_ERR_INVALID_ARG: return "invalid argument: ";
	case MANAGE_ERR_OPERATION_FAILED: return "operation failed: ";
	case MANAGE_ERR_OS_TYPE: return "unknown OS type ";
	case MANAGE_ERR_XML_ERROR: return "XML error: ";
	case MANAGE_ERR_DOM_EXIST: return "operation failed: ";
	case MANAGE_ERR_OPERATION_DENIED: return "operation denied: ";
	case MANAGE_ERR_OPEN_FAILED: return "";
	case MANAGE_ERR_XML_DETAIL: return "";
	case MANAGE_ERR_SYSTEM_ERROR: return "";
	case MANAGE_ERR_NO_DOMAIN: return "Domain not found: ";
	case MANAGE_ERR_NO_NETWORK: return "Network not found: ";
	case MANAGE_ERR_NO_STORAGE_POOL: return "Storage pool not found: ";
	case MANAGE_ERR_NO_STORAGE_VOL: return "Storage volume not found: ";
	case MANAGE_ERR_NO_INTERFACE: return "Interface not found: ";
	case MANAGE_ERR_NO_NODE_DEVICE: return "Node device not found: ";
	case MANAGE_ERR_OPERATION_INVALID: return "Requested operation is not valid: ";
	case MANAGE_ERR_CONFIG_UNSUPPORTED: return "unsupported configuration: ";
	case MANAGE_ERR_OPERATION_TIMEOUT: return "Timed out during operation: ";
	case MANAGE_ERR_OPERATION_UNSUPPORTED: return "Operation not supported: ";
	case MANAGE_ERR_RESOURCE_BUSY: return "resource busy: ";
	case MANAGE_ERR_DEVICE_MISSING: return "device not found: ";
	}
	return "";
}

static void fill(struct manage_error *error, enum manage_error_code code, const char *prefix, const char *fmt,
		 va_list args)
{
	size_t used;

	error->code = code;
	used = format(error->text, sizeof(error->text), "%s", prefix);
	vformat(error->text + used, sizeof(error->text) - used, fmt, args);
}

int manage_fail(struct manage_error *error, enum manage_error_code code, const char *fmt, ...)
{
	va_list args;

	if (!error)
		return MANAGE_FAILED;
	va_start(args, fmt);
	fill(error, code, words(code), fmt, args);
	va_end(args);
	return MANAGE_FAILED;
}

int manage_fail_at(struct manage_error *error, enum manage_error_code code, const char *fmt, ...)
{
	va_list args;

	if (!error)
		return MANAGE_FAILED;
	va_start(args, fmt);
	fill(error, code, "", fmt, args);
	va_end(args);
	return MANAGE_FAILED;
}

int manage_fail_no_memory(struct manage_error *error)
{
	return manage_fail_at(error, MANAGE_ERR_NO_MEMORY, "out of memory");
}
