/* SPDX-License-Identifier: MIT */
/* struct domain_config as a value: start, copy, compare, free; UUIDs and keywords as text. */
#include "hv/manage/domain_config.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"

static const size_t string_fields[] = {
	offsetof(struct domain_config, name),     offsetof(struct domain_config, title),
	offsetof(struct domain_config, description), offsetof(struct domain_config, metadata),
	offsetof(struct domain_config, kernel),   offsetof(struct domain_config, initrd),
	offsetof(struct domain_config, cmdline),
};

static char **string_at(const struct domain_config *config, size_t i)
{
	return (char **)(void *)((char *)(uintptr_t)config + string_fields[i]);
}

void domain_config_init(struct domain_config *config)
{
	*config = (struct domain_config){
		.vcpus = 1,
		.on_poweroff = DOMAIN_ACTION_DESTROY,
		.on_reboot = DOMAIN_ACTION_RESTART,
		.on_crash = DOMAIN_ACTION_DESTROY,
	};
}

void domain_config_release(struct domain_config *config)
{
	for (size_t i = 0; i < ARRAY_SIZE(string_fields); i++)
		kfree(*string_at(config, i));
	for (u32 i = 0; i < config->disk_count; i++)
		domain_disk_release(&config->disks[i]);
	domain_config_init(config);
}

/* Replaces the strings of *to, which are *from's, by copies; on failure the rest is NULL. */
static bool copy_disks(struct domain_config *to, const struct domain_config *from)
{
	bool good = true;

	for (u32 i = 0; i < from->disk_count; i++) {
		const struct domain_disk *disk = &from->disks[i];

		to->disks[i].source = good && disk->source ? kstrdup(disk->source) : NULL;
		to->disks[i].serial = good && disk->serial ? kstrdup(disk->serial) : NULL;
		to->disks[i].pool = good && disk->pool ? kstrdup(disk->pool) : NULL;
		good = good && (!disk->pool || to->disks[i].pool) && (!disk->source || to->disks[i].source) && (!disk->serial || to->disks[i].serial);
	}
	return good;
}

int domain_config_copy(struct domain_config *to, const struct domain_config *from)
{
	bool disks;

	*to = *from;
	disks = copy_disks(to, from);
	for (size_t i = 0; i < ARRAY_SIZE(string_fields); i++)
		*string_at(to, i) = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(string_fields); i++) {
		const char *text = *string_at(from, i);

		if (!text)
			continue;
		*string_at(to, i) = kstrdup(text);
		if (!*string_at(to, i)) {
			domain_config_release(to);
			return ERR_NO_MEMORY;
		}
	}
	if (!disks)
		domain_config_release(to);
	return disks ? OK : ERR_NO_MEMORY;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && string_equal(a, b));
}

static bool same_disk(const struct domain_disk *a, const struct domain_disk *b)
{
	return a->block == b->block && a->volume == b->volume && a->readonly == b->readonly && a->shareable == b->shareable && a->cache == b->cache &&
	       a->io == b->io && a->discard == b->discard && a->slot == b->slot && a->bus == b->bus && string_equal(a->target, b->target) &&
	       a->cdrom == b->cdrom && a->scsi == b->scsi && a->drive_target == b->drive_target && a->drive_unit == b->drive_unit &&
	       same_text(a->pool, b->pool) && same_text(a->source, b->source) && same_text(a->serial, b->serial);
}

void domain_disk_release(struct domain_disk *disk)
{
	kfree(disk->pool);
	kfree(disk->source);
	kfree(disk->serial);
	*disk = (struct domain_disk){ .source = NULL };
}

bool domain_disk_is(const struct domain_disk *disk, const char *path)
{
	return string_equal(disk->target, path) || (disk->source && string_equal(disk->source, path));
}

static bool same_nics(const struct domain_config *a, const struct domain_config *b)
{
	for (u32 i = 0; i < a->nic_count && a->nic_count == b->nic_count; i++) {
		const struct domain_nic *x = &a->nics[i], *y = &b->nics[i];

		if (!string_equal(x->network, y->network) || memcmp(x->mac, y->mac, sizeof(x->mac)) || x->mtu_bytes != y->mtu_bytes ||
		    x->slot != y->slot || x->filter != y->filter || x->link != y->link)
			return false;
	}
	return a->nic_count == b->nic_count;
}

static bool same_rng(const struct domain_rng *a, const struct domain_rng *b)
{
	return a->present == b->present && a->backend == b->backend && a->slot == b->slot && a->rate_bytes == b->rate_bytes &&
	       a->rate_period_ms == b->rate_period_ms;
}

static bool same_balloon(const struct domain_balloon *a, const struct domain_balloon *b)
{
	return a->present == b->present && a->autodeflate == b->autodeflate && a->reporting == b->reporting && a->slot == b->slot &&
	       a->period_s == b->period_s;
}

static bool same_ports(const struct domain_config *a, const struct domain_config *b)
{
	for (u32 i = 0; i < a->port_count && a->port_count == b->port_count; i++) {
		if (a->ports[i].console != b->ports[i].console || a->ports[i].number != b->ports[i].number ||
		    !string_equal(a->ports[i].name, b->ports[i].name))
			return false;
	}
	return a->root_port_count == b->root_port_count && memcmp(a->root_ports, b->root_ports, a->root_port_count) == 0 &&
	       a->port_count == b->port_count && a->virtio_serial == b->virtio_serial &&
	       a->virtio_serial_slot == b->virtio_serial_slot && a->virtio_scsi == b->virtio_scsi &&
	       a->virtio_scsi_slot == b->virtio_scsi_slot;
}

bool domain_config_equal(const struct domain_config *a, const struct domain_config *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(string_fields); i++) {
		if (!same_text(*string_at(a, i), *string_at(b, i)))
			return false;
	}
	for (size_t i = 0; i < DOMAIN_TIMER_COUNT; i++) {
		if (a->timers[i] != b->timers[i])
			return false;
	}
	for (u32 i = 0; i < a->disk_count; i++) {
		if (a->disk_count != b->disk_count || !same_disk(&a->disks[i], &b->disks[i]))
			return false;
	}
	return a->disk_count == b->disk_count && same_rng(&a->rng, &b->rng) && same_nics(a, b) && same_ports(a, b) &&
	       same_balloon(&a->balloon, &b->balloon) && domain_tune_equal(&a->tune, &b->tune) &&
	       a->has_uuid == b->has_uuid && (!a->has_uuid || domain_uuid_equal(&a->uuid, &b->uuid)) &&
	       a->autostart == b->autostart && a->memory_kib == b->memory_kib &&
	       a->current_memory_kib == b->current_memory_kib && a->vcpus == b->vcpus && a->acpi == b->acpi &&
	       a->apic == b->apic && a->pae == b->pae && a->cpu_mode == b->cpu_mode &&
	       a->topology.sockets == b->topology.sockets && a->topology.dies == b->topology.dies &&
	       a->topology.cores == b->topology.cores && a->topology.threads == b->topology.threads &&
	       a->topology_dies == b->topology_dies &&
	       a->clock_offset == b->clock_offset && a->on_poweroff == b->on_poweroff &&
	       a->on_reboot == b->on_reboot && a->on_crash == b->on_crash && a->serial_count == b->serial_count &&
	       a->console == b->console && a->memballoon_none == b->memballoon_none;
}

const char *domain_file_name(const char *path)
{
	return string_starts_with(path, "/solera/") ? path + strlen("/solera/") : path;
}

void domain_uuid_format(char text[DOMAIN_UUID_TEXT_SIZE], const struct domain_uuid *uuid)
{
	size_t at = 0;

	for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[at++] = '-';
		at += format(text + at, DOMAIN_UUID_TEXT_SIZE - at, "%02x", uuid->bytes[i]);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int domain_uuid_parse(struct domain_uuid *uuid, const char *text)
{
	struct domain_uuid parsed = { { 0 } };
	size_t digits = 0;

	for (; *text; text++) {
		int digit = hex_digit(*text);

		if (digit < 0 && (*text == '-' || *text == ' ' || *text == '\t' || *text == '\n'))
			continue;
		if (digit < 0 || digits == 32)
			return ERR_INVALID;
		parsed.bytes[digits / 2] = (u8)(parsed.bytes[digits / 2] << 4 | digit);
		digits++;
	}
	if (digits != 32)
		return ERR_INVALID;
	*uuid = parsed;
	return OK;
}

bool domain_uuid_equal(const struct domain_uuid *a, const struct domain_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

const char *domain_lifecycle_action_name(enum domain_lifecycle_action action)
{
	static const char *const names[] = { "destroy", "restart", "preserve" };

	return names[action];
}

const char *domain_timer_name(enum domain_timer timer)
{
	static const char *const names[DOMAIN_TIMER_COUNT] = { "rtc", "pit", "hpet", "tsc", "kvmclock" };

	return names[timer];
}
