/* SPDX-License-Identifier: MIT */
/* The last 64 things that happened to domains, for `event` and, later, the remote API's callbacks. */
#include "hv/clock.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"

#define EVENTS_KEPT 64u

static struct mutex events_lock; /* innermost */
static struct domain_event events[EVENTS_KEPT]; /* [events_lock] */
static u64 next_sequence; /* [events_lock] */

void domain_events_init(void)
{
	mutex_init(&events_lock, "domain events");
}

void domain_emit(struct domain *domain, enum domain_event_kind kind, const char *detail)
{
	struct domain_event *event;

	mutex_lock(&events_lock);
	event = &events[next_sequence % EVENTS_KEPT];
	event->sequence = next_sequence++;
	event->wall_ns = clock_wall_ns();
	event->kind = kind;
	string_copy(event->detail, detail, sizeof(event->detail));
	string_copy(event->name, domain->config.name, sizeof(event->name));
	event->uuid = domain->config.uuid;
	mutex_unlock(&events_lock);
}

u64 domain_event_next_sequence(void)
{
	u64 sequence;

	mutex_lock(&events_lock);
	sequence = next_sequence;
	mutex_unlock(&events_lock);
	return sequence;
}

bool domain_event_read(u64 *sequence, struct domain_event *event)
{
	bool there;

	mutex_lock(&events_lock);
	if (next_sequence > EVENTS_KEPT && *sequence < next_sequence - EVENTS_KEPT)
		*sequence = next_sequence - EVENTS_KEPT; /* the older ones are gone */
	there = *sequence < next_sequence;
	if (there)
		*event = events[(*sequence)++ % EVENTS_KEPT];
	mutex_unlock(&events_lock);
	return there;
}
