/* SPDX-License-Identifier: MIT */
/* Lines of the I/O APICs: one vector a line, a list of handlers each. All go to the boot CPU. */
#include "hv/interrupt.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_call.h"
#include "arch/x86/ioapic.h"
#include "arch/x86/pic.h"
#include "arch/x86/vectors.h"
#include "hv/acpi.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/list.h"
#include "hv/lib/log.h"
#include "hv/vmap.h"

#define IOAPIC_BYTES 0x20
#define MSI_ADDRESS 0xfee00000ull

struct line {
	struct list_node node;     /* in `lines` */
	struct list_node handlers; /* [lines_lock] */
	u32 gsi;                   /* (c) */
	u8 vector;                 /* (c) */
};

struct registration {
	struct list_node node;
	interrupt_handler handler;
	void *context;
	const char *name;
};

static struct spinlock lines_lock = SPINLOCK_INIT("interrupt lines", LOCK_RANK_INTERRUPT_LINES);
static struct list_node lines = LIST_INIT(lines); /* [lines_lock]; lines stay once made */
static const struct acpi_info *acpi;              /* (c) */

void interrupts_init(const struct acpi_info *info)
{
	u32 inputs = 0;

	acpi = info;
	pic_mask_all();
	for (u32 i = 0; i < info->ioapic_count; i++) {
		volatile void *registers = vmap_mmio(HPA(info->ioapics[i].address), IOAPIC_BYTES);

		if (registers)
			inputs += ioapic_add(registers, info->ioapics[i].gsi_base);
	}
	if (info->ioapic_count == 0)
		inputs = ioapic_add(vmap_mmio(HPA(IOAPIC_DEFAULT_BASE), IOAPIC_BYTES), 0);
	log_debug("I/O APICs: %u, inputs: %u%s", MAX(info->ioapic_count, 1u), inputs, info->madt ? "" : " (not from ACPI)");
}

/*
 * Interrupt context, on the boot CPU, to which all lines go. While a handler runs the lock is free, and others may add to the
 * list; entries are taken out on this CPU only, with interrupts off.
 */
static void line_interrupt(void *context)
{
	struct line *line = context;

	lock_raw(&lines_lock);
	LIST_FOR_EACH_SAFE(node, &line->handlers) {
		struct registration *r = LIST_ENTRY(node, struct registration, node);
		interrupt_handler handler = r->handler;
		void *handler_context = r->context;

		unlock_raw(&lines_lock);
		handler(handler_context);
		lock_raw(&lines_lock);
	}
	unlock_raw(&lines_lock);
}

static struct line *find_line(u32 gsi)
{
	LIST_FOR_EACH(node, &lines) {
		struct line *line = LIST_ENTRY(node, struct line, node);

		if (line->gsi == gsi)
			return line;
	}
	return NULL;
}

static struct line *new_line(u32 gsi)
{
	struct line *line = kzalloc(sizeof(*line));

	if (!line)
		return NULL;
	list_init(&line->handlers);
	line->gsi = gsi;
	line->vector = vectors_allocate(line_interrupt, line);
	if (line->vector == 0) {
		kfree(line);
		return NULL;
	}
	return line;
}

int interrupt_register_gsi(u32 gsi, bool level, bool active_low, const char *name, interrupt_handler handler, void *context)
{
	struct registration *r = kzalloc(sizeof(*r));
	struct line *line, *fresh = new_line(gsi);
	bool first;
	u64 flags;
	int result = OK;

	if (!r || !fresh) {
		result = r ? ERR_FULL : ERR_NO_MEMORY;
		goto out;
	}
	*r = (struct registration){ .handler = handler, .context = context, .name = name };
	flags = lock_irqsave(&lines_lock);
	line = find_line(gsi);
	if (!line) {
		line = fresh;
		fresh = NULL;
		list_push_back(&lines, &line->node);
	}
	first = list_empty(&line->handlers);
	list_push_back(&line->handlers, &r->node);
	unlock_irqrestore(&lines_lock, flags);
	if (first)
		result = ioapic_route(gsi, line->vector, boot_cpu.apic_id, level, active_low);
	if (result != OK) {
		interrupt_unregister(handler, context);
		r = NULL;
	} else {
		log_debug("interrupt %u (%s, %s): %s, vector 0x%x", gsi, level ? "level" : "edge", active_low ? "low" : "high", name,
			  line->vector);
		r = NULL;
	}
out:
	if (fresh) {
		vectors_free(fresh->vector);
		kfree(fresh);
	}
	kfree(r);
	return result;
}

int interrupt_register_isa(u8 irq, const char *name, interrupt_handler handler, void *context)
{
	u16 inti;
	u32 gsi = acpi_isa_gsi(acpi, irq, &inti);

	return interrupt_register_gsi(gsi, (inti & ACPI_INTI_TRIGGER) == ACPI_INTI_LEVEL,
				      (inti & ACPI_INTI_POLARITY) == ACPI_INTI_ACTIVE_LOW, name, handler, context);
}

struct removal {
	interrupt_handler handler;
	void *context;
	struct registration *found;
};

/* On the boot CPU, interrupts off: so no line_interrupt is under way, and none sees the list change. */
static void unlink_registration(void *context)
{
	struct removal *removal = context;
	struct line *quiet = NULL;

	lock_raw(&lines_lock);
	LIST_FOR_EACH(node, &lines) {
		struct line *line = LIST_ENTRY(node, struct line, node);

		LIST_FOR_EACH_SAFE(entry, &line->handlers) {
			struct registration *r = LIST_ENTRY(entry, struct registration, node);

			if (!removal->found && r->handler == removal->handler && r->context == removal->context) {
				removal->found = r;
				list_remove(&r->node);
				quiet = list_empty(&line->handlers) ? line : NULL;
			}
		}
	}
	unlock_raw(&lines_lock);
	if (quiet)
		ioapic_mask(quiet->gsi);
}

void interrupt_unregister(interrupt_handler handler, void *context)
{
	struct removal removal = { handler, context, NULL };

	cpu_call(0, unlink_registration, &removal);
	kfree(removal.found);
}

static void nothing(void *context)
{
	(void)context;
}

void interrupt_msi_release(u8 vector)
{
	const struct cpu_mask all = CPU_MASK_ALL;

	vectors_free(vector);
	cpu_call_mask(&all, nothing, NULL); /* each answers after the handler that it may be in */
}

u64 interrupt_msi_address(void)
{
	return MSI_ADDRESS | (u64)boot_cpu.apic_id << 12;
}
