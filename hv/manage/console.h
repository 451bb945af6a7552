/* SPDX-License-Identifier: MIT */
/*
 * A domain's consoles, serial and virtio, and its channels: what the guest writes is kept until somebody reads it, and one session at a time reads
 * and types. The last 64 KiB are kept for each port; a session's first read gives what came while nobody looked.
 */
#ifndef HV_MANAGE_CONSOLE_H
#define HV_MANAGE_CONSOLE_H

#include "hv/lib/types.h"
#include "hv/manage/error.h"

struct domain;
struct domain_console_session;

/*
 * devname: "serial0", "console0", "channel0"…; NULL: the first console, else the first serial port. force: takes the port away from another session, whose reads then end.
 * notify is called, in any context and without sleep, when there is something to read or the session ended.
 */
MUST_CHECK int domain_console_open(struct domain *domain, const char *devname, bool force, void (*notify)(void *context),
				   void *context, struct domain_console_session **session, struct manage_error *error);
void domain_console_close(struct domain_console_session *session);

enum domain_console_status {
	DOMAIN_CONSOLE_OPEN,
	DOMAIN_CONSOLE_ENDED, /* the machine is gone and everything was read */
	DOMAIN_CONSOLE_TAKEN, /* another session forced its way */
};
/* Returns how many bytes there were, at most max; 0 with *status telling whether more may come. */
size_t domain_console_read(struct domain_console_session *session, char *bytes, size_t max,
			   enum domain_console_status *status);
/* What the guest's UART or port has no room for is not taken: try again a little later. */
size_t domain_console_write(struct domain_console_session *session, const char *bytes, size_t count);

#endif
