/* SPDX-License-Identifier: MIT */
/*
 * Who a message is for: physical and logical destinations, shorthands, delivery modes.
 *
 * Other vCPUs' registers are read without a lock, as on a real bus: a destination that changes at the same moment may
 * match or not. Cost is bounded by the number of vCPUs.
 */
#include "hv/dev/vlapic.h"
#include "hv/vcpu_init.h"

#define ICR_LOGICAL BIT32(11)
#define ICR_ASSERT BIT32(14)
#define ICR_LEVEL BIT32(15)
#define ICR_SHORTHAND(low) ((low) >> 18 & 3u)
enum { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };

static bool matches_logical(const struct vlapic *vlapic, const struct apic_message *message)
{
	u32 ldr = READ_ONCE(vlapic->state.ldr), mask = message->destination;

	if (vlapic_x2apic(vlapic))
		return ldr >> 16 == mask >> 16 && (ldr & mask & 0xffff);
	ldr >>= 24;
	if (READ_ONCE(vlapic->state.dfr) >> 28 == 15)
		return (ldr & mask) != 0;
	return ldr >> 4 == (mask >> 4 & 15) && (ldr & mask & 15);
}

static bool matches(const struct vlapic *vlapic, const struct apic_message *message)
{
	if (message->destination == (message->x2apic ? 0xffffffffu : 0xffu))
		return true;
	return message->logical ? matches_logical(vlapic, message) : vlapic->id == message->destination;
}

void vlapic_deliver_to(struct vlapic *vlapic, const struct apic_message *message)
{
	switch (message->delivery) {
	case APIC_FIXED:
	case APIC_LOWEST:
		vlapic_accept(vlapic, message->vector, message->level_triggered);
		break;
	case APIC_NMI:
		vcpu_request(vlapic->vcpu, VCPU_REQUEST_NMI);
		break;
	case APIC_INIT:
		vcpu_send_init(vlapic->vcpu);
		break;
	case APIC_SIPI:
		vcpu_send_sipi(vlapic->vcpu, message->vector);
		break;
	default:
		break;
	}
}

/*
 * Lowest priority goes to one: the addressed one with the lowest task priority; among equals the next after the one that
 * was chosen last, so that they share the work.
 */
static struct vlapic *arbitrate(struct vlapic_bus *bus, const struct apic_message *message)
{
	struct vlapic *best = NULL;

	for (u32 i = 0, at = READ_ONCE(bus->chosen_last); i < bus->count; i++) {
		struct vlapic *candidate;

		at = at + 1 < bus->count ? at + 1 : 0;
		candidate = bus->lapics[at];
		if (matches(candidate, message) && vlapic_software_enabled(candidate) &&
		    (!best || READ_ONCE(*candidate->tpr) < READ_ONCE(*best->tpr)))
			best = candidate;
	}
	if (best)
		WRITE_ONCE(bus->chosen_last, best->vcpu->index);
	return best;
}

u32 vlapic_bus_deliver(struct vlapic_bus *bus, const struct apic_message *message)
{
	u32 reached = 0;

	if (message->delivery == APIC_LOWEST) {
		struct vlapic *best = arbitrate(bus, message);

		if (best)
			vlapic_deliver_to(best, message);
		return best != NULL;
	}
	for (u32 i = 0; i < bus->count; i++) {
		if (!matches(bus->lapics[i], message))
			continue;
		vlapic_deliver_to(bus->lapics[i], message);
		reached++;
	}
	return reached;
}

/* SDM vol. 3, "Message Address Register Format", "Message Data Register Format". */
void vlapic_bus_deliver_msi(struct vlapic_bus *bus, u64 address, u32 data)
{
	struct apic_message message = {
		.destination = address >> 12 & 0xff,
		.vector = (u8)data,
		.delivery = data >> 8 & 7,
		.logical = (address & BIT64(2)) != 0,
		.level_triggered = (data & BIT32(15)) != 0,
	};

	if (address >> 20 != VLAPIC_BASE >> 20)
		return; /* not the interrupt range: such a write would go to memory; devices here do not offer that */
	if ((address & BIT64(3)) && message.delivery == APIC_FIXED)
		message.delivery = APIC_LOWEST; /* redirection hint */
	(void)vlapic_bus_deliver(bus, &message);
}

static bool is_ipi_mode(u32 delivery)
{
	return delivery == APIC_FIXED || delivery == APIC_LOWEST || delivery == APIC_NMI || delivery == APIC_INIT ||
	       delivery == APIC_SIPI;
}

/*
 * The shorthands "all". Lowest priority among all others is legal and goes to one; INIT and start-up to oneself are not
 * (SDM vol. 3, "Valid Combinations for the Pentium 4 Processor Family" (table 11-3)), and go to the others only.
 */
static void send_to_all(struct vlapic *vlapic, const struct apic_message *message, bool self_too)
{
	struct vlapic_bus *bus = vlapic->bus;

	if (message->delivery == APIC_LOWEST) {
		struct apic_message to_all = *message;

		to_all.destination = vlapic_x2apic(vlapic) ? 0xffffffffu : 0xffu;
		(void)vlapic_bus_deliver(bus, &to_all);
		return;
	}
	if (message->delivery == APIC_INIT || message->delivery == APIC_SIPI)
		self_too = false;
	for (u32 i = 0; i < bus->count; i++)
		if (bus->lapics[i] != vlapic || self_too)
			vlapic_deliver_to(bus->lapics[i], message);
}

void vlapic_send_ipi(struct vlapic *vlapic, u32 icr_low, u32 destination)
{
	struct apic_message message = {
		.destination = destination,
		.vector = (u8)icr_low,
		.delivery = icr_low >> 8 & 7,
		.logical = (icr_low & ICR_LOGICAL) != 0,
		.x2apic = vlapic_x2apic(vlapic),
	};

	if (!is_ipi_mode(message.delivery))
		return;
	if (message.delivery == APIC_INIT && (icr_low & ICR_LEVEL) && !(icr_low & ICR_ASSERT))
		return; /* INIT level de-assert: only the arbitration IDs of old buses cared */
	if (message.delivery <= APIC_LOWEST && message.vector < 16) {
		vlapic_error(vlapic, ESR_SEND_ILLEGAL);
		return;
	}
	switch (ICR_SHORTHAND(icr_low)) {
	case SHORTHAND_NONE:
		(void)vlapic_bus_deliver(vlapic->bus, &message);
		break;
	case SHORTHAND_SELF:
		if (message.delivery != APIC_INIT && message.delivery != APIC_SIPI)
			vlapic_deliver_to(vlapic, &message);
		break;
	default:
		send_to_all(vlapic, &message, ICR_SHORTHAND(icr_low) == SHORTHAND_ALL);
	}
}

struct vlapic *vlapic_bus_current(struct vlapic_bus *bus)
{
	struct thread *self;
	u32 hint;

	if (LIKELY(bus->count == 1))
		return bus->lapics[0];
	self = thread_current();
	/* The xAPIC page is found by who asks; mostly it is the one who asked last. A wrong hint costs the search, no more. */
	hint = (u32)index_nospec(READ_ONCE(bus->asked_last), VM_VCPUS_MAX);
	if (bus->lapics[hint] && bus->lapics[hint]->vcpu->thread == self)
		return bus->lapics[hint];
	for (u32 i = 0; i < bus->count; i++)
		if (bus->lapics[i]->vcpu->thread == self) {
			WRITE_ONCE(bus->asked_last, i);
			return bus->lapics[i];
		}
	return NULL;
}
