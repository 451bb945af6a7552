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

int domain_xml_read_port_address(struct xml_reader *reader, const struct xml_node *node, u8 *slot, u8 *port)
{
	u64 domain = 0, bus = 0, number = 0, function = 0;
	int code = xml_attribute_is(reader, node, "type", "pci");

	code = code ? code : domain_xml_number(reader, node, "domain", &domain);
	code = code ? code : domain_xml_number(reader, node, "bus", &bus);
	code = code ? code : domain_xml_number(reader, node, "slot", &number);
	code = code ? code : domain_xml_number(reader, node, "function", &function);
	if (code)
		return code;
	if (port && bus && bus <= DOMAIN_ROOT_PORTS_MAX && !domain && !number && !function) {
		*port = (u8)bus;
		*slot = 0;
		return OK;
	}
	if (domain || bus || function || number < DOMAIN_SLOT_FIRST || number > DOMAIN_SLOT_LAST)
		return xml_refuse(reader, node, "this version of Solera has devices in function 0 of slots 0x%02x to 0x%02x of bus 0 only",
				  DOMAIN_SLOT_FIRST, DOMAIN_SLOT_LAST);
	*slot = (u8)number;
	return OK;
}

int domain_xml_read_address(struct xml_reader *reader, const struct xml_node *node, u8 *slot)
{
	return domain_xml_read_port_address(reader, node, slot, NULL);
}

static int read_root_port_address(struct xml_reader *reader, const struct xml_node *node)
{
	return domain_xml_read_address(reader, node, &config_of(reader)->root_ports[config_of(reader)->root_port_count]);
}

static int read_root_port(struct xml_reader *reader, const struct xml_node *node, u64 index)
{
	static const struct xml_rule rules[] = {
		{ .name = "address", .read = read_root_port_address, .attributes = "type domain bus slot function", .leaf = true },
	};
	struct domain_config *config = config_of(reader);
	int code;

	if (config->root_port_count == DOMAIN_ROOT_PORTS_MAX)
		return xml_refuse(reader, node, "a machine has at most %d root ports", DOMAIN_ROOT_PORTS_MAX);
	if (index != config->root_port_count + 1)
		return xml_invalid(reader, node, "index %llu is out of order: root ports count from 1 without gaps, this one is %u",
				   (unsigned long long)index, config->root_port_count + 1);
	code = xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
	config->root_port_count += !code;
	return code;
}

static int read_pci(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const models[] = { "pcie-root", "pcie-root-port" };
	const char *model = xml_attribute(node, "model");
	u64 index = config_of(reader)->root_port_count + 1;
	unsigned which;
	int code;

	if (!model)
		return xml_invalid(reader, node, "attribute 'model' is missing");
	code = xml_match(reader, node, "model", model, models, ARRAY_SIZE(models), &which);
	if (!code && which == 0)
		return (code = xml_attribute_is(reader, node, "index", "0")) ? code : xml_read_children(reader, node, NULL, 0);
	code = code ? code : domain_xml_number(reader, node, "index", &index);
	return code ? code : read_root_port(reader, node, index);
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

static int read_scsi_address(struct xml_reader *reader, const struct xml_node *node)
{
	return domain_xml_read_address(reader, node, &config_of(reader)->virtio_scsi_slot);
}

/* A disk may have made it before. */
static int read_virtio_scsi(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "address", .read = read_scsi_address, .attributes = "type domain bus slot function", .leaf = true },
	};

	config_of(reader)->virtio_scsi = true;
	return xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
}

int domain_xml_read_controller(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const types[] = { "virtio-serial", "pci", "scsi" };
	const char *type = xml_attribute(node, "type");
	unsigned index;
	int code;

	if (!type)
		return xml_invalid(reader, node, "attribute 'type' is missing");
	code = xml_match(reader, node, "type", type, types, ARRAY_SIZE(types), &index);
	if (!code && index == 1)
		return read_pci(reader, node);
	code = code ? code : xml_attribute_is(reader, node, "index", "0");
	if (!code && index == 2)
		return (code = xml_attribute_is(reader, node, "model", "virtio-scsi")) ? code : read_virtio_scsi(reader, node);
	if (!code && xml_attribute(node, "model"))
		code = xml_invalid(reader, node, "a controller of type 'virtio-serial' has no model");
	return code ? code : read_virtio_serial(reader, node);
}

void domain_xml_format_controllers(struct text *to, const struct domain_config *config)
{
	if (config->root_port_count)
		text_append(to, "    <controller type='pci' index='0' model='pcie-root'/>\n");
	for (u32 i = 0; i < config->root_port_count; i++) {
		text_append(to, "    <controller type='pci' index='%u' model='pcie-root-port'>\n", i + 1);
		domain_xml_format_address(to, config->root_ports[i]);
		text_append(to, "    </controller>\n");
	}
	if (config->virtio_scsi) {
		text_append(to, "    <controller type='scsi' index='0' model='virtio-scsi'>\n");
		domain_xml_format_address(to, config->virtio_scsi_slot);
		text_append(to, "    </controller>\n");
	}
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
		if (!config->disks[i].bus && !config->disks[i].scsi)
			slots[count++] = &config->disks[i].slot;
	for (u32 i = 0; i < config->nic_count; i++)
		slots[count++] = &config->nics[i].slot;
	for (u32 i = 0; i < config->root_port_count; i++)
		slots[count++] = &config->root_ports[i];
	if (config->virtio_scsi)
		slots[count++] = &config->virtio_scsi_slot;
	if (config->virtio_serial)
		slots[count++] = &config->virtio_serial_slot;
	if (config->balloon.present)
		slots[count++] = &config->balloon.slot;
	if (config->rng.present)
		slots[count++] = &config->rng.slot;
	return count;
}

/* Behind each root port stands one device at most. */
static int check_root_ports(struct xml_reader *reader, const struct xml_node *root)
{
	const struct domain_config *config = config_of(reader);
	u32 used = 0;

	for (u32 i = 0; i < config->disk_count; i++) {
		u8 bus = config->disks[i].bus;

		if (bus > config->root_port_count)
			return xml_invalid(reader, root, "disk '%s' has PCI bus %u, and there is no root port of that index",
					   config->disks[i].target, bus);
		if (bus && (used & BIT32(bus)))
			return xml_invalid(reader, root, "two devices have the PCI address 0000:%02x:00.0", bus);
		used |= bus ? BIT32(bus) : 0;
	}
	return OK;
}

int domain_xml_assign_slots(struct xml_reader *reader, const struct xml_node *root)
{
	u8 *slots[DOMAIN_DISKS_MAX + DOMAIN_NICS_MAX + 4 + DOMAIN_ROOT_PORTS_MAX];
	u32 count = collect_slots(config_of(reader), slots), used = 0;

	if (check_root_ports(reader, root))
		return MANAGE_FAILED;
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

void domain_xml_format_port_address(struct text *to, u8 bus, u8 slot)
{
	text_append(to, "      <address type='pci' domain='0x0000' bus='0x%02x' slot='0x%02x' function='0x0'/>\n", bus, slot);
}

void domain_xml_format_address(struct text *to, u8 slot)
{
	domain_xml_format_port_address(to, 0, slot);
}
