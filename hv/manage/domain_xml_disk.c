/* SPDX-License-Identifier: MIT */
/* Domain XML: <disk>, read and written. */
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_config.h"
#include "hv/manage/domain_iotune.h"
#include "hv/manage/domain_xml_sections.h"

static const char *const formats[] = { "raw", "qcow2" };
static const char *const caches[] = { "default", "none", "writeback", "writethrough", "directsync" };
static const char *const ios[] = { "threads", "native", "io_uring" };
static const char *const policies[] = { "stop", "report", "ignore", "enospace" }; /* of reads: without the last */
static const char *const devices[] = { "disk", "cdrom" };
static const char *const buses[] = { "virtio", "scsi" };
static const char *const discards[] = { "unmap", "ignore" };

static struct domain_config *config_of(struct xml_reader *reader)
{
	return reader->config;
}

/* The disk that is being read: the one behind those that count. */
static struct domain_disk *disk_of(struct xml_reader *reader)
{
	return &config_of(reader)->disks[config_of(reader)->disk_count];
}

/* An optional attribute out of a list; *value: 0 when it is missing, else 1 + its place. */
static int read_word(struct xml_reader *reader, const struct xml_node *node, const char *name, const char *const *words, size_t count,
		     u8 *value)
{
	const char *given = xml_attribute(node, name);
	unsigned index = 0;
	int code = given ? xml_match(reader, node, name, given, words, count, &index) : OK;

	if (!code && given)
		*value = (u8)(index + 1);
	return code;
}

static int read_driver(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_disk *disk = disk_of(reader);
	const char *type = xml_attribute(node, "type");
	int code = xml_attribute_is(reader, node, "name", "qemu");
	unsigned format = 0;

	code = code || !type ? code : xml_match(reader, node, "type", type, formats, ARRAY_SIZE(formats), &format);
	disk->qcow2 = format == 1;
	code = code ? code : read_word(reader, node, "cache", caches, ARRAY_SIZE(caches), &disk->cache);
	code = code ? code : read_word(reader, node, "io", ios, ARRAY_SIZE(ios), &disk->io);
	code = code ? code : read_word(reader, node, "error_policy", policies, ARRAY_SIZE(policies), &disk->error_policy);
	code = code ? code : read_word(reader, node, "rerror_policy", policies, ARRAY_SIZE(policies) - 1, &disk->rerror_policy);
	return code ? code : read_word(reader, node, "discard", discards, ARRAY_SIZE(discards), &disk->discard);
}

/* A path below folder, with one name behind it. */
static int check_source(struct xml_reader *reader, const struct xml_node *node, const char *path, const char *folder, const char *what)
{
	const char *name = string_starts_with(path, folder) ? path + strlen(folder) : "";

	if (!*name || strchr(name, '/') || strlen(path) > 255)
		return xml_refuse(reader, node, "'%.60s' is not a %s: it must be %sNAME", path, what, folder);
	return OK;
}

/* "/solera/NAME", or "/PARTITION/path" without empty parts and without dots alone. */
static int check_file(struct xml_reader *reader, const struct xml_node *node, const char *path)
{
	unsigned parts = 0;

	if (string_starts_with(path, "/solera/"))
		return check_source(reader, node, path, "/solera/", "file of the boot medium");
	for (const char *at = path; *at == '/'; parts++) {
		size_t length = 0;

		while (at[1 + length] && at[1 + length] != '/')
			length++;
		if (!length || (at[1] == '.' && (length == 1 || (length == 2 && at[2] == '.'))))
			break;
		at += 1 + length;
		if (!*at && parts && strlen(path) <= 255 && !string_starts_with(path, "/dev/"))
			return OK;
	}
	return xml_refuse(reader, node, "'%.60s' is not a file that Solera has as a disk: it must be /solera/NAME (a file of the boot "
			  "medium) or /PARTITION/path (a file of a FAT32 file system)", path);
}

/* <source pool='POOL' volume='VOLUME'/>: looked for at start. */
static int read_volume(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_disk *disk = disk_of(reader);
	const char *pool = xml_attribute(node, "pool"), *volume = xml_attribute(node, "volume");

	if (!pool || !*pool || !volume || !*volume || xml_attribute(node, "dev") || xml_attribute(node, "file"))
		return xml_invalid(reader, node, "a disk of type 'volume' has the attributes 'pool' and 'volume' here");
	disk->pool = kstrdup(pool);
	disk->source = kstrdup(volume);
	return disk->pool && disk->source ? OK : manage_fail_no_memory(reader->error);
}

static int read_source(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_disk *disk = disk_of(reader);
	const char *dev = xml_attribute(node, "dev"), *file = xml_attribute(node, "file"), *path = disk->block ? dev : file;
	int code;

	if (xml_attribute(node, "pool") || xml_attribute(node, "volume") || disk->volume)
		return disk->volume ? read_volume(reader, node) : xml_invalid(reader, node, "'pool' and 'volume' are of a disk of type 'volume'");
	if ((disk->block ? file : dev) || !path)
		return xml_invalid(reader, node, "a disk of type '%s' has the attribute '%s' here", disk->block ? "block" : "file",
				   disk->block ? "dev" : "file");
	code = disk->block ? check_source(reader, node, path, "/dev/", "block device of this host")
			   : check_file(reader, node, path);
	if (code)
		return code;
	disk->source = kstrdup(path);
	return disk->source ? OK : manage_fail_no_memory(reader->error);
}

/* Without a bus the name says which, as in libvirt. */
static int read_target(struct xml_reader *reader, const struct xml_node *node)
{
	const char *dev = xml_attribute(node, "dev"), *bus = xml_attribute(node, "bus");
	unsigned index = dev && string_starts_with(dev, "sd");
	int code = bus ? xml_match(reader, node, "bus", bus, buses, ARRAY_SIZE(buses), &index) : OK;

	if (code)
		return code;
	if (!dev || !string_starts_with(dev, index ? "sd" : "vd") || dev[2] < 'a' || dev[2] > 'z' || dev[3])
		return xml_refuse(reader, node, "dev '%.20s' is not supported by this version of Solera (vda to vdz on bus virtio, sda to sdz "
				  "on bus scsi)", dev ? dev : "");
	disk_of(reader)->scsi = index;
	string_copy(disk_of(reader)->target, dev, sizeof(disk_of(reader)->target));
	return OK;
}

/* The element's name says which limit it is. */
static int read_limit(struct xml_reader *reader, const struct xml_node *node)
{
	u32 i = 0;

	while (!string_equal(domain_iotune_names[i], node->name))
		i++;
	return xml_read_u64(reader, node, &disk_of(reader)->iotune[i]);
}

static int read_iotune(struct xml_reader *reader, const struct xml_node *node)
{
	struct xml_rule rules[DOMAIN_IOTUNE_COUNT];
	char words[160];
	int code;

	for (u32 i = 0; i < DOMAIN_IOTUNE_COUNT; i++)
		rules[i] = (struct xml_rule){ .name = domain_iotune_names[i], .read = read_limit, .attributes = "" };
	code = xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
	if (!code && domain_iotune_problem(disk_of(reader)->iotune, words, sizeof(words)))
		code = xml_invalid(reader, node, "%s", words);
	return code;
}

static int read_readonly(struct xml_reader *reader, const struct xml_node *node)
{
	disk_of(reader)->readonly = true;
	return xml_read_empty(reader, node);
}

static int read_shareable(struct xml_reader *reader, const struct xml_node *node)
{
	disk_of(reader)->shareable = true;
	return xml_read_empty(reader, node);
}

static int read_serial_number(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_disk *disk = disk_of(reader);
	int code = xml_read_string(reader, node, false, &disk->serial);

	if (code)
		return code;
	if (!*disk->serial || strlen(disk->serial) > 20)
		return xml_invalid(reader, node, "a disk's serial number has 1 to 20 bytes");
	for (const char *at = disk->serial; *at; at++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-", *at)) /* the schema's */
			return xml_invalid(reader, node, "a serial number has letters, digits and _ . + - only");
	return OK;
}

/* <address type='drive' controller='0' bus='0' target='T' unit='U'/> */
static int read_drive_address(struct xml_reader *reader, const struct xml_node *node)
{
	u64 controller = 0, bus = 0, target = 0, unit = 0;
	int code = domain_xml_number(reader, node, "controller", &controller);

	code = code ? code : domain_xml_number(reader, node, "bus", &bus);
	code = code ? code : domain_xml_number(reader, node, "target", &target);
	code = code ? code : domain_xml_number(reader, node, "unit", &unit);
	if (!code && (controller || bus || target > 255 || unit > 16383))
		code = xml_refuse(reader, node, "this version of Solera has drives on controller 0, bus 0, targets 0 to 255, units 0 to 16383");
	disk_of(reader)->drive_target = (u8)target;
	disk_of(reader)->drive_unit = (u16)unit;
	disk_of(reader)->drive_written = true;
	return code;
}

static int read_disk_address(struct xml_reader *reader, const struct xml_node *node)
{
	static const char *const of_drives[] = { "controller", "target", "unit" }, *const of_pci[] = { "domain", "slot", "function" };
	const char *type = xml_attribute(node, "type");
	bool drive = type && string_equal(type, "drive");

	for (size_t i = 0; i < ARRAY_SIZE(of_drives); i++) {
		const char *foreign = drive ? of_pci[i] : of_drives[i];

		if (xml_attribute(node, foreign))
			return xml_invalid(reader, node, "an address of type '%s' has no attribute '%s'", drive ? "drive" : "pci", foreign);
	}
	if (drive)
		return read_drive_address(reader, node);
	return domain_xml_read_port_address(reader, node, &disk_of(reader)->slot, &disk_of(reader)->bus);
}

/* As libvirt maps names to units: in order, but for unit 7, which is the controller's on an old bus. */
static int check_scsi(struct xml_reader *reader, const struct xml_node *node)
{
	struct domain_config *config = config_of(reader);
	struct domain_disk *disk = disk_of(reader);
	u16 number = (u16)(disk->target[2] - 'a');

	if (disk->slot || disk->bus)
		return xml_invalid(reader, node, "disk '%s' is on bus 'scsi': its address is of type 'drive'", disk->target);
	for (u32 i = 0; i < DOMAIN_IOTUNE_COUNT; i++)
		if (disk->iotune[i])
			return xml_refuse(reader, node, "<iotune> is for disks on bus 'virtio' in this version of Solera");
	if (!disk->drive_written && number >= 15)
		return xml_refuse(reader, node, "disk '%s' needs an <address type='drive'>: its name stands for a second controller", disk->target);
	if (!disk->drive_written)
		disk->drive_unit = (u16)(number + (number >= 7));
	for (u32 i = 0; i < config->disk_count; i++)
		if (config->disks[i].scsi && config->disks[i].drive_target == disk->drive_target && config->disks[i].drive_unit == disk->drive_unit)
			return xml_invalid(reader, node, "using disk target name '%s' conflicts with SCSI address of disk '%s'", disk->target,
					   config->disks[i].target);
	config->virtio_scsi = true;
	return OK;
}

static int check_disk(struct xml_reader *reader, const struct xml_node *node)
{
	const struct domain_config *config = config_of(reader);
	struct domain_disk *disk = disk_of(reader);

	if (!disk->source && !disk->cdrom)
		return xml_refuse(reader, node, "<source> is missing: only a cdrom is there without a medium");
	if (!disk->target[0])
		return xml_invalid(reader, node, "<target> is missing");
	if (disk->cdrom && !disk->scsi)
		return xml_refuse(reader, node, "a cdrom is on bus 'scsi' in this version of Solera, with a target from sda on");
	if (disk->drive_written && !disk->scsi)
		return xml_invalid(reader, node, "disk '%s' is on bus 'virtio': its address is of type 'pci'", disk->target);
	disk->readonly |= disk->cdrom;
	if (disk->qcow2 && disk->shareable)
		return xml_invalid(reader, node, "shared access for disk '%s' requires use of supported storage format", disk->target);
	for (u32 i = 0; i < config->disk_count; i++)
		if (string_equal(config->disks[i].target, disk->target))
			return xml_invalid(reader, node, "target '%s' duplicated for disk sources '%.60s' and '%.60s'", disk->target,
					   config->disks[i].source ? config->disks[i].source : "", disk->source ? disk->source : "");
	return disk->scsi ? check_scsi(reader, node) : OK;
}

int domain_xml_read_disk(struct xml_reader *reader, const struct xml_node *node)
{
	static const struct xml_rule rules[] = {
		{ .name = "driver", .read = read_driver, .attributes = "name type cache io discard error_policy rerror_policy", .leaf = true },
		{ .name = "source", .read = read_source, .attributes = "dev file pool volume", .leaf = true },
		{ .name = "target", .read = read_target, .attributes = "dev bus", .leaf = true },
		{ .name = "iotune", .read = read_iotune, .attributes = "" },
		{ .name = "readonly", .read = read_readonly, .attributes = "", .leaf = true },
		{ .name = "shareable", .read = read_shareable, .attributes = "", .leaf = true },
		{ .name = "serial", .read = read_serial_number, .attributes = "", .leaf = true },
		{ .name = "address", .read = read_disk_address, .attributes = "type domain bus slot function controller target unit",
		  .leaf = true },
	};
	static const char *const types[] = { "block", "file", "volume" };
	struct domain_config *config = config_of(reader);
	const char *type = xml_attribute(node, "type");
	unsigned index = 1; /* libvirt's default */
	int code;

	if (config->disk_count == DOMAIN_DISKS_MAX)
		return xml_refuse(reader, node, "a machine has at most %d disks", DOMAIN_DISKS_MAX);
	code = type ? xml_match(reader, node, "type", type, types, ARRAY_SIZE(types), &index) : OK;
	disk_of(reader)->block = index == 0;
	disk_of(reader)->volume = index == 2;
	index = 0;
	if (!code && xml_attribute(node, "device"))
		code = xml_match(reader, node, "device", xml_attribute(node, "device"), devices, ARRAY_SIZE(devices), &index);
	if (code)
		return code;
	disk_of(reader)->cdrom = index == 1;
	code = xml_read_children(reader, node, rules, ARRAY_SIZE(rules));
	code = code ? code : check_disk(reader, node);
	if (!code) {
		config->disk_count++;
	} else { /* it does not count, so nobody else would free it */
		domain_disk_release(disk_of(reader));
	}
	return code;
}

static void attribute(struct text *to, const char *name, const char *const *words, u8 value)
{
	if (value)
		text_append(to, " %s='%s'", name, words[value - 1]);
}

static void format_iotune(struct text *to, const u64 *values)
{
	bool any = false;

	for (u32 i = 0; i < DOMAIN_IOTUNE_COUNT; i++) {
		if (!values[i])
			continue;
		text_append(to, "%s        <%s>%llu</%s>\n", any ? "" : "      <iotune>\n", domain_iotune_names[i],
			    (unsigned long long)values[i], domain_iotune_names[i]);
		any = true;
	}
	if (any)
		text_append(to, "      </iotune>\n");
}

void domain_xml_format_disk(struct text *to, const struct domain_disk *disk)
{
	text_append(to, "    <disk type='%s' device='%s'>\n      <driver name='qemu' type='%s'", disk->volume ? "volume" : disk->block ? "block" : "file",
		    devices[disk->cdrom], formats[disk->qcow2]);
	attribute(to, "cache", caches, disk->cache);
	attribute(to, "error_policy", policies, disk->error_policy);
	attribute(to, "rerror_policy", policies, disk->rerror_policy);
	attribute(to, "io", ios, disk->io);
	attribute(to, "discard", discards, disk->discard);
	text_append(to, "/>\n");
	if (disk->pool) {
		text_append(to, "      <source pool='");
		text_append_xml(to, disk->pool, true);
		text_append(to, "' volume='");
		text_append_xml(to, disk->source, true);
		text_append(to, "'/>\n");
	} else if (disk->source) {
		text_append(to, "      <source %s='", disk->block ? "dev" : "file");
		text_append_xml(to, disk->source, true);
		text_append(to, "'/>\n");
	}
	text_append(to, "      <target dev='%s' bus='%s'/>\n", disk->target, buses[disk->scsi]);
	format_iotune(to, disk->iotune);
	text_append(to, "%s%s", disk->readonly ? "      <readonly/>\n" : "",
		    disk->shareable ? "      <shareable/>\n" : "");
	if (disk->serial) {
		text_append(to, "      <serial>");
		text_append_xml(to, disk->serial, false);
		text_append(to, "</serial>\n");
	}
	if (disk->scsi)
		text_append(to, "      <address type='drive' controller='0' bus='0' target='%u' unit='%u'/>\n", disk->drive_target, disk->drive_unit);
	else
		domain_xml_format_port_address(to, disk->bus, disk->slot);
	text_append(to, "    </disk>\n");
}
