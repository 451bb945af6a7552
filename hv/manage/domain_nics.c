/* SPDX-License-Identifier: MIT */
/*
 * A machine's network cards between its description and its devices: a struct net_port for each, which the device answers for and a
 * network is plugged into; and what they did.
 */
#include "hv/manage/domain_nics.h"
#include "hv/device_model.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/manage/domain_internal.h"
#include "hv/manage/network.h"

struct domain_nics {
	u32 count;
	struct net_port ports[DOMAIN_NICS_MAX];
	char aliases[DOMAIN_NICS_MAX][8];
};

static u32 next_vnet; /* (a) */

int domain_nics_open(struct domain *domain, struct manage_error *error)
{
	const struct domain_config *config = &domain->running;
	struct domain_nics *nics;

	for (u32 i = 0; i < config->nic_count; i++)
		if (network_check(config->nics[i].network, error))
			return MANAGE_FAILED;
	if (!config->nic_count)
		return OK;
	nics = kzalloc(sizeof(*nics));
	if (!nics)
		return manage_fail_no_memory(error);
	nics->count = config->nic_count;
	for (u32 i = 0; i < nics->count; i++) {
		const struct domain_nic *nic = &config->nics[i];
		struct net_port *port = &nics->ports[i];

		format(port->name, sizeof(port->name), "vnet%u", __atomic_fetch_add(&next_vnet, 1, __ATOMIC_RELAXED));
		format(nics->aliases[i], sizeof(nics->aliases[i]), "net%u", i);
		memcpy(port->mac, nic->mac, sizeof(port->mac));
		port->mtu_bytes = nic->mtu_bytes ? nic->mtu_bytes : NET_MTU_DEFAULT;
		port->link_up = nic->link != 2;
	}
	mutex_lock(&domains_lock);
	domain->nics = nics;
	mutex_unlock(&domains_lock);
	return OK;
}

u32 domain_nics_specs(struct domain *domain, struct device_spec *specs)
{
	struct domain_nics *nics = domain->nics;

	for (u32 i = 0; nics && i < nics->count; i++)
		specs[i] = (struct device_spec){ .model = "virtio-net", .alias = nics->aliases[i], .slot = domain->running.nics[i].slot,
						 .nic = { &nics->ports[i] } };
	return nics ? nics->count : 0;
}

int domain_nics_plug(struct domain *domain, struct manage_error *error)
{
	struct domain_nics *nics = domain->nics;
	int code = OK;

	for (u32 i = 0; nics && i < nics->count && !code; i++) {
		const struct domain_nic *nic = &domain->running.nics[i];

		code = network_plug(nic->network, &nics->ports[i], domain->running.name, nic->filter == NIC_FILTER_NONE, error);
		if (!code)
			code = network_forward_ports(&nics->ports[i], nic->forwards, nic->forward_count, error);
	}
	if (code)
		domain_nics_unplug(domain);
	return code;
}

void domain_nics_unplug(struct domain *domain)
{
	for (u32 i = 0; domain->nics && i < domain->nics->count; i++)
		network_unplug(&domain->nics->ports[i]);
}

void domain_nics_close(struct domain *domain)
{
	struct domain_nics *nics = domain->nics;

	mutex_lock(&domains_lock);
	domain->nics = NULL;
	mutex_unlock(&domains_lock);
	kfree(nics);
}

/* Figures */

/* [domains_lock] Of config's card i; *port: its plug, or NULL. */
static void fill(struct domain *domain, const struct domain_config *config, u32 i, struct domain_nic_info *info)
{
	const struct domain_nic *nic = &config->nics[i];
	struct net_port *port = domain->nics && config == &domain->running ? &domain->nics->ports[i] : NULL;

	*info = (struct domain_nic_info){ .link_up = nic->link != 2 };
	string_copy(info->network, nic->network, sizeof(info->network));
	memcpy(info->mac, nic->mac, sizeof(info->mac));
	if (!port)
		return;
	string_copy(info->name, port->name, sizeof(info->name));
	info->link_up = READ_ONCE(port->link_up);
	info->statistics = port->statistics; /* word by word, while it counts: a copy is a moment's */
	info->address = network_port_address(port, &info->prefix_bits);
}

int domain_get_nics(struct domain *domain, bool inactive, struct domain_nic_info *infos, u32 max, u32 *count,
		    struct manage_error *error)
{
	const struct domain_config *config;

	(void)error;
	mutex_lock(&domains_lock);
	config = domain->id && !inactive ? &domain->running : &domain->config;
	*count = MIN(max, config->nic_count);
	for (u32 i = 0; i < *count; i++)
		fill(domain, config, i, &infos[i]);
	mutex_unlock(&domains_lock);
	return OK;
}

static bool matches(const struct domain_nic_info *info, const char *name)
{
	u8 mac[NET_MAC_BYTES];

	return (info->name[0] && string_equal(info->name, name)) ||
	       (mac_parse(mac, name) == OK && memcmp(mac, info->mac, sizeof(mac)) == 0);
}

/* The card's index in *count filled ones, or -1. */
static int index_of(struct domain *domain, const char *name, bool inactive, struct domain_nic_info *infos)
{
	struct manage_error error;
	u32 count = 0;

	(void)!domain_get_nics(domain, inactive, infos, DOMAIN_NICS_MAX, &count, &error);
	for (u32 i = 0; i < count; i++)
		if (matches(&infos[i], name))
			return (int)i;
	return -1;
}

int domain_get_nic(struct domain *domain, const char *name, bool inactive, struct domain_nic_info *info, struct manage_error *error)
{
	struct domain_nic_info *infos = kzalloc(DOMAIN_NICS_MAX * sizeof(*infos));
	int index = infos ? index_of(domain, name, inactive, infos) : -1;

	if (index >= 0)
		*info = infos[index];
	kfree(infos);
	return index >= 0 ? OK : manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "interface '%s' not found", name);
}

/* [operation] */
static int set_link(struct domain *domain, u32 index, bool up, bool live, struct manage_error *error)
{
	if (!live) {
		mutex_lock(&domains_lock);
		domain->config.nics[index].link = up ? 1 : 2;
		mutex_unlock(&domains_lock);
		return OK;
	}
	if (!domain->nics || index >= domain->nics->count)
		return domain_not_running(domain, error);
	domain->running.nics[index].link = up ? 1 : 2;
	net_port_set_link(&domain->nics->ports[index], up);
	return OK;
}

int domain_set_link(struct domain *domain, const char *name, bool up, bool live, struct manage_error *error)
{
	struct domain_nic_info *infos = kzalloc(DOMAIN_NICS_MAX * sizeof(*infos));
	int index, code;

	if (!infos)
		return manage_fail_no_memory(error);
	mutex_lock(&domain->operation);
	index = index_of(domain, name, !live, infos);
	if (live && !domain->id)
		code = domain_not_running(domain, error);
	else if (index < 0)
		code = manage_fail(error, MANAGE_ERR_OPERATION_FAILED, "interface (target: %s) not found", name);
	else
		code = set_link(domain, (u32)index, up, live, error);
	mutex_unlock(&domain->operation);
	kfree(infos);
	return code;
}
