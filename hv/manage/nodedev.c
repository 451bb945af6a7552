/* SPDX-License-Identifier: MIT */
/*
 * Lists the host's devices and describes each in libvirt's node device XML.
 *
 * `computer` is the root, PCI functions hang below it or below their bridge, USB devices below their controller or hub. Disks and
 * network interfaces have no nodes of their own. Next to read: sysinfo.c.
 */
#include "hv/manage/nodedev.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/nodedev_internal.h"
#include "hv/manage/text.h"
#include "hv/pci_device.h"
#include "hv/smbios.h"

struct nodedev_host nodedev_host;

/* Every capability name of libvirt's; those that nothing here has select nothing. */
static const char *const capability_names[] = {
	"system", "pci", "usb_device", "usb", "net", "scsi_host", "scsi_target", "scsi", "storage", "fc_host", "vports",
	"scsi_generic", "drm", "mdev_types", "mdev", "ccw", "css", "vdpa", "ap_card", "ap_queue", "ap_matrix", "vpd",
};

void nodedev_init(const struct nodedev_host *host)
{
	nodedev_host = *host;
}

static void pci_node_name(char name[NODEDEV_NAME_MAX], const struct pci_address *address)
{
	format(name, NODEDEV_NAME_MAX, "pci_%04x_%02x_%02x_%x", address->segment, address->bus, address->slot,
	       address->function);
}

/* Is `word` (length bytes) in the comma-separated names? */
static bool names_have(const char *names, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || !at[length]))
			return true;
	return false;
}

static int names_check(const char *names, struct manage_error *error)
{
	for (const char *at = names; at;) {
		const char *comma = strchr(at, ',');
		size_t length = comma ? (size_t)(comma - at) : strlen(at);
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(capability_names); i++)
			known = known || (strlen(capability_names[i]) == length &&
					  strncmp(capability_names[i], at, length) == 0);
		if (!known)
			return manage_fail_at(error, MANAGE_ERR_INVALID_ARG, "Invalid capability type");
		at = comma ? comma + 1 : NULL;
	}
	return OK;
}

static u32 pci_count(void)
{
	return nodedev_host.pci ? nodedev_host.pci->count : 0;
}

/* The index in the whole list of a PCI device's parent: 0 is computer, devices follow in their own order. */
static u32 parent_index(const struct pci_device *device)
{
	for (u32 i = 0; i < pci_count(); i++)
		if (nodedev_host.pci->devices[i] == device->parent)
			return i + 1;
	return 0;
}

/* USB devices are copied while they are listed: one that is pulled out meanwhile is no matter. */
struct usb_nodes {
	struct usb_node {
		char name[NODEDEV_NAME_MAX], hub[NODEDEV_NAME_MAX];
		struct usb_info info;
		char vendor_text[64], product_text[64], driver[32];
	} *nodes;
	u32 count, room;
	bool no_memory;
};

/* "1-4.2" is usb_1_4_2. */
static void usb_node_name(char name[NODEDEV_NAME_MAX], const char *path)
{
	format(name, NODEDEV_NAME_MAX, path[0] ? "usb_%s" : "%s", path);
	for (char *at = name; *at; at++)
		if (*at == '-' || *at == '.')
			*at = '_';
}

static void note_usb(void *context, const struct usb_info *info)
{
	struct usb_nodes *list = context;
	struct usb_node *node;

	if (list->count == list->room) {
		struct usb_node *more = krealloc(list->nodes, (list->room + 16ull) * sizeof(*more));

		list->no_memory = list->no_memory || !more;
		if (!more)
			return;
		list->nodes = more;
		list->room += 16;
	}
	node = &list->nodes[list->count++];
	node->info = *info;
	usb_node_name(node->name, info->path);
	usb_node_name(node->hub, info->hub_path);
	string_copy(node->vendor_text, info->vendor_text, sizeof(node->vendor_text));
	string_copy(node->product_text, info->product_text, sizeof(node->product_text));
	string_copy(node->driver, info->driver ? info->driver : "", sizeof(node->driver));
}

static int usb_collect(struct usb_nodes *list, struct manage_error *error)
{
	*list = (struct usb_nodes){ 0 };
	if (nodedev_host.usb)
		nodedev_host.usb(note_usb, list);
	if (!list->no_memory)
		return OK;
	kfree(list->nodes);
	return manage_fail_no_memory(error);
}

static void usb_parent_name(const struct usb_node *node, char name[NODEDEV_NAME_MAX])
{
	if (node->hub[0])
		string_copy(name, node->hub, NODEDEV_NAME_MAX);
	else
		pci_node_name(name, node->info.controller);
}

/* Hubs stand before what is plugged into them. */
static void list_usb(const struct usb_nodes *usb, struct nodedev *nodes, u32 *used)
{
	for (u32 i = 0; i < usb->count; i++) {
		struct nodedev *node = &nodes[*used];
		char parent[NODEDEV_NAME_MAX];

		usb_parent_name(&usb->nodes[i], parent);
		string_copy(node->name, usb->nodes[i].name, sizeof(node->name));
		node->kind = "usb_device";
		node->parent = 0;
		for (u32 k = 0; k < *used; k++)
			if (string_equal(nodes[k].name, parent))
				node->parent = k;
		(*used)++;
	}
}

int nodedev_list(const char *capabilities, struct nodedev **list, u32 *count, struct manage_error *error)
{
	struct usb_nodes usb;
	struct nodedev *nodes;
	u32 used = 0;

	if (names_check(capabilities, error) != OK || usb_collect(&usb, error) != OK)
		return MANAGE_FAILED;
	nodes = kmalloc((pci_count() + usb.count + 1ull) * sizeof(*nodes));
	if (!nodes) {
		kfree(usb.nodes);
		return manage_fail_no_memory(error);
	}
	if (!capabilities || names_have(capabilities, "system"))
		nodes[used++] = (struct nodedev){ "computer", 0, "system" };
	for (u32 i = 0; i < pci_count() && (!capabilities || names_have(capabilities, "pci")); i++) {
		const struct pci_device *device = nodedev_host.pci->devices[i];

		pci_node_name(nodes[used].name, &device->address);
		nodes[used].parent = parent_index(device);
		nodes[used++].kind = "pci";
	}
	if (!capabilities || names_have(capabilities, "usb_device"))
		list_usb(&usb, nodes, &used);
	kfree(usb.nodes);
	*list = nodes;
	*count = used;
	return OK;
}

/* One element with text, or nothing where the text is empty. */
static void element(struct text *text, const char *indent, const char *name, const char *value)
{
	if (!value[0])
		return;
	text_append(text, "%s<%s>", indent, name);
	text_append_xml(text, value, false);
	text_append(text, "</%s>\n", name);
}

static void uuid_element(struct text *text, const u8 uuid[16])
{
	text_append(text, "      <uuid>");
	for (unsigned i = 0; i < 16; i++)
		text_append(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	text_append(text, "</uuid>\n");
}

static void computer_xml(struct text *text)
{
	static const struct smbios_info nothing;
	const struct smbios_info *smbios = nodedev_host.smbios ? nodedev_host.smbios : &nothing;

	text_append(text, "<device>\n  <name>computer</name>\n  <capability type='system'>\n");
	element(text, "    ", "product", smbios->system.product);
	text_append(text, "    <hardware>\n");
	element(text, "      ", "vendor", smbios->system.manufacturer);
	element(text, "      ", "version", smbios->system.version);
	element(text, "      ", "serial", smbios->system.serial);
	uuid_element(text, smbios->has_uuid ? smbios->system.uuid : nothing.system.uuid);
	text_append(text, "    </hardware>\n    <firmware>\n");
	element(text, "      ", "vendor", smbios->bios.vendor);
	element(text, "      ", "version", smbios->bios.version);
	element(text, "      ", "release_date", smbios->bios.date);
	text_append(text, "    </firmware>\n  </capability>\n</device>\n");
}

static void express_xml(struct text *text, const struct pci_express *express)
{
	static const char *const speeds[] = { [1] = "2.5", [2] = "5", [3] = "8", [4] = "16", [5] = "32" };

	if (!express->present)
		return;
	text_append(text, "    <pci-express>\n");
	if (express->max_width && express->max_speed && express->max_speed < ARRAY_SIZE(speeds))
		text_append(text, "      <link validity='cap' speed='%s' width='%u'/>\n", speeds[express->max_speed],
			    express->max_width);
	if (express->current_width && express->current_speed && express->current_speed < ARRAY_SIZE(speeds))
		text_append(text, "      <link validity='sta' speed='%s' width='%u'/>\n", speeds[express->current_speed],
			    express->current_width);
	text_append(text, "    </pci-express>\n");
}

static void pci_xml(struct text *text, const struct pci_device *device, const char *name)
{
	char parent[NODEDEV_NAME_MAX] = "computer";

	if (device->parent)
		pci_node_name(parent, &device->parent->address);
	text_append(text, "<device>\n  <name>%s</name>\n  <parent>%s</parent>\n", name, parent);
	if (device->driver)
		text_append(text, "  <driver>\n    <name>%s</name>\n  </driver>\n", device->driver);
	text_append(text, "  <capability type='pci'>\n    <class>0x%06x</class>\n", device->class_code);
	text_append(text, "    <domain>%u</domain>\n    <bus>%u</bus>\n    <slot>%u</slot>\n    <function>%u</function>\n",
		    device->address.segment, device->address.bus, device->address.slot, device->address.function);
	text_append(text, "    <product id='0x%04x'/>\n    <vendor id='0x%04x'/>\n", device->device, device->vendor);
	if (device->bridge)
		text_append(text, "    <capability type='pci-bridge'/>\n");
	else if (device->header_type == 2)
		text_append(text, "    <capability type='cardbus-bridge'/>\n");
	express_xml(text, &device->express);
	text_append(text, "  </capability>\n</device>\n");
}

static void named_id(struct text *text, const char *name, u16 id, const char *words)
{
	text_append(text, "    <%s id='0x%04x'", name, id);
	if (!words[0]) {
		text_append(text, "/>\n");
		return;
	}
	text_append(text, ">");
	text_append_xml(text, words, false);
	text_append(text, "</%s>\n", name);
}

static void usb_xml(struct text *text, const struct usb_node *node)
{
	char parent[NODEDEV_NAME_MAX];

	usb_parent_name(node, parent);
	text_append(text, "<device>\n  <name>%s</name>\n  <parent>%s</parent>\n", node->name, parent);
	if (node->driver[0])
		text_append(text, "  <driver>\n    <name>%s</name>\n  </driver>\n", node->driver);
	text_append(text, "  <capability type='usb_device'>\n    <bus>%u</bus>\n    <device>%u</device>\n", node->info.bus, node->info.number);
	named_id(text, "product", node->info.product, node->product_text);
	named_id(text, "vendor", node->info.vendor, node->vendor_text);
	text_append(text, "  </capability>\n</device>\n");
}

/* OK also when there is none of that name: *found says. */
static int find_usb_xml(struct text *text, const char *name, bool *found, struct manage_error *error)
{
	struct usb_nodes usb;

	if (usb_collect(&usb, error) != OK)
		return MANAGE_FAILED;
	for (u32 i = 0; i < usb.count && !*found; i++) {
		*found = string_equal(usb.nodes[i].name, name);
		if (*found)
			usb_xml(text, &usb.nodes[i]);
	}
	kfree(usb.nodes);
	return OK;
}

int nodedev_xml(const char *name, char **xml, struct manage_error *error)
{
	struct text text;
	bool found = string_equal(name, "computer");

	text_init(&text);
	if (found)
		computer_xml(&text);
	for (u32 i = 0; i < pci_count() && !found; i++) {
		char node[NODEDEV_NAME_MAX];

		pci_node_name(node, &nodedev_host.pci->devices[i]->address);
		found = string_equal(name, node);
		if (found)
			pci_xml(&text, nodedev_host.pci->devices[i], node);
	}
	if (!found && find_usb_xml(&text, name, &found, error) != OK)
		return MANAGE_FAILED;
	if (!found) /* nothing was appended, so there is nothing to free */
		return manage_fail(error, MANAGE_ERR_NO_NODE_DEVICE, "no node device with matching name '%s'", name);
	*xml = text_take(&text);
	return *xml ? OK : manage_fail_no_memory(error);
}
