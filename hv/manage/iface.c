/* SPDX-License-Identifier: MIT */
/* The host's network cards as libvirt's interfaces (iface.h). */
#include "hv/manage/iface.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/network.h"
#include "hv/manage/text.h"

static void copy_counts(u64 *to, u64 *from, size_t size)
{
	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

bool iface_at(u32 index, struct iface_info *info)
{
	struct host_card *card = host_card_at(index);

	if (!card)
		return false;
	*info = (struct iface_info){ .active = READ_ONCE(card->port.link_up), .speed_mbps = READ_ONCE(card->speed_mbps),
				     .mtu_bytes = card->port.mtu_bytes, .driver = card->driver, .model = card->model,
				     .address = card->address };
	format(info->name, sizeof(info->name), "%s", card->port.name);
	memcpy(info->mac, card->port.mac, NET_MAC_BYTES);
	copy_counts((u64 *)&info->wire, (u64 *)&card->wire, sizeof(info->wire));
	copy_counts((u64 *)&info->counters, (u64 *)&card->counters, sizeof(info->counters));
	host_card_user_words(card, info->used_by, sizeof(info->used_by));
	return true;
}

int iface_find(const char *name, struct iface_info *info, struct manage_error *error)
{
	for (u32 i = 0; iface_at(i, info); i++)
		if (string_equal(info->name, name))
			return OK;
	return manage_fail(error, MANAGE_ERR_NO_INTERFACE, "no interface with matching name '%s'", name);
}

int iface_find_mac(const char *mac, struct iface_info *info, struct manage_error *error)
{
	char text[MAC_TEXT_SIZE];

	for (u32 i = 0; iface_at(i, info); i++) {
		mac_format(text, info->mac);
		if (string_equal(text, mac))
			return OK;
	}
	return manage_fail(error, MANAGE_ERR_NO_INTERFACE, "no interface with matching mac '%s'", mac);
}

int iface_xml(const struct iface_info *info, char **xml, struct manage_error *error)
{
	char mac[MAC_TEXT_SIZE];
	struct text text;

	mac_format(mac, info->mac);
	text_init(&text);
	text_append(&text, "<interface type='ethernet' name='%s'>\n  <start mode='onboot'/>\n  <mtu size='%u'/>\n", info->name,
		    info->mtu_bytes);
	text_append(&text, "  <mac address='%s'/>\n", mac);
	if (info->active && info->speed_mbps)
		text_append(&text, "  <link speed='%u' state='up'/>\n", info->speed_mbps);
	else
		text_append(&text, "  <link state='%s'/>\n", info->active ? "up" : "down");
	text_append(&text, "</interface>\n");
	*xml = text_take(&text);
	return *xml ? OK : manage_fail_no_memory(error);
}
