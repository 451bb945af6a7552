/* SPDX-License-Identifier: MIT */
/* Domain XML: where devices stand: <controller>, PCI addresses, and the slot of each device that has none yet. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/domain_xml_sections.h"

static struct domain_config *config_of(struct xml_reader *reader)
{
	return reader->config;
}

int domain_xml_number(struct xml_reader *reader, const struct xml_node *node, const char *name, u64 *value)
{
	const char *given = xml_attribute(node, name);

	if (given && string_to_u64(given, value))
		return xml_invalid(reader, node, "%s '%.20s' is not a number", name, given);
	return OK;
}

int domain_xml_read_address(struct xml_reader *reader, const struct xml_node *node, u8 *slot)
{
	u64 domain = 0, bus = 0, number = 0, function = 0;
	int code = xml_attribute_is(reader, node, "type", "pci");

	code = code ? code : domain_xml_number(reader, node, "domain", &domain);
	code = code ? code : domain_xml_number(reader, node, "bus", &bus);
	code = code ? code : domain_xml_number(reader, node, "slot", &number);
	code = code ? code : domain_xml_number(reader, node, "function", &function);
	if (code)
		return code;
	if (domain || bus || function || number < DOMAIN_SLOT_FIRST || number > DOMAIN_SLOT_LAST)
		return xml_refuse(reader, node, "this version of Solera has devices in function 0 of slots 0x%02x to 0x%02x of bus 0 only",
				  DOMAIN_SLOT_FIRST, DOMAIN_SLOT_LAST);
	*slot = (u8)number;
	return OK;
}

static int read_serial_address(struct xml_reader *reader, const struct xml_node *node)
{
	return domain_xml_read_address(reader, node, &config_of(reader)->virtio_serial_slot);
}

static int read_virtio_serial(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "address", .read = read_serial_address, .attributes = "type domain bus slot function", .leaf = true },
	};
	struct domain_config *config = config_of(reader);

	if (config->virtio_serial)
		return xml_refuse(reader, node, "a machine has one controller of type 'virtio-serial'");
	config->virtio_serial = true;
	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

int domain_xml_read_controller(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const types[] = { "virtio-serial" };
	const char *type = xml_attribute(node, "type");
	unsigned index;
	int code;

	if (!type)
		return xml_invalid(reader, node, "attribute 'type' is missing");
	code = xml_match(reader, node, "type", type, types, ARRAY_SIZE(types), &index);
	code = code ? code : xml_attribute_is(reader, node, "index", "0");
	return code ? code : read_virtio_serial(reader, node);
}

void domain_xml_format_controllers(struct text *to, const struct domain_config *config)
{
	if (!config->virtio_serial)
		return;
	text_append(to, "    <controller type='virtio-serial' index='0'>\n");
	domain_xml_format_address(to, config->virtio_serial_slot);
	text_append(to, "    </controller>\n");
}

/* The slots of all devices of a description, for whoever gives them out. */
static u32 collect_slots(struct domain_config *config, u8 **slots)
{
	u32 count = 0;

	for (u32 i = 0; i < config->disk_count; i++)
		slots[count++] = &config->disks[i].slot;
	for (u32 i = 0; i < config->nic_count; i++)
		slots[count++] = &config->nics[i].slot;
	if (config->virtio_serial)
		slots[count++] = &config->virtio_serial_slot;
	if (config->balloon.present)
		slots[count++] = &config->balloon.slot;
	if (config->rng.present)
		slots[count++] = &config->rng.slot;
	return count;
}

int domain_xml_assign_slots(struct xml_reader *reader, const struct xml_node *root)
{
	u8 *slots[DOMAIN_DISKS_MAX + DOMAIN_NICS_MAX + 3];
	u32 count = collect_slots(config_of(reader), slots), used = 0;

	for (u32 i = 0; i < count; i++) {
		if (*slots[i] && (used & BIT32(*slots[i])))
			return xml_invalid(reader, root, "two devices have the PCI address 0000:00:%02x.0", *slots[i]);
		used |= *slots[i] ? BIT32(*slots[i]) : 0;
	}
	for (u32 i = 0; i < count; i++) {
		for (u8 free = DOMAIN_SLOT_FIRST; !*slots[i] && free <= DOMAIN_SLOT_LAST; free++)
			*slots[i] = used & BIT32(free) ? 0 : free;
		if (!*slots[i])
			return xml_refuse(reader, root, "a machine has room for %d devices on its PCI bus",
					  DOMAIN_SLOT_LAST - DOMAIN_SLOT_FIRST + 1);
		used |= BIT32(*slots[i]);
	}
	return OK;
}

void domain_xml_format_address(struct text *to, u8 slot)
{
	text_append(to, "      <address type='pci' domain='0x0000' bus='0x00' slot='0x%02x' function='0x0'/>\n", slot);
}
