/* SPDX-License-Identifier: MIT */
/*
 * The host's address outside, from the command line:
 *   net=dhcp (as without it) | net=none | net=192.0.2.5/24,192.0.2.1 (address, prefix, router)
 *   net_card=eth1   another card than the first
 *   dns=192.0.2.53,198.51.100.1:5353   name servers, in the place of DHCP's
 */
#include "hv/boot_record.h"
#include "hv/host_card.h"
#include "hv/lib/error.h"
#include "hv/lib/log.h"
#include "hv/lib/string.h"
#include "hv/manage/network.h"
#include "hv/net/host_stack.h"

/* Cuts text at the first `end` and returns what is behind; NULL: there is none. */
static char *cut(char *text, char end)
{
	char *at = strchr(text, end);

	if (at)
		*at++ = '\0';
	return at;
}

/* "ADDRESS/BITS" or "ADDRESS/BITS,ROUTER". */
static bool read_address(char *text, struct host_uplink_config *config)
{
	char *router = cut(text, ','), *prefix = cut(text, '/');
	u64 bits = 0;

	if (!prefix || string_to_u64(prefix, &bits) || bits < 8 || bits > 30 || address_parse(&config->address, text))
		return false;
	config->mask = ~0u << (32 - bits);
	return !router || (address_parse(&config->gateway, router) == OK && ((config->gateway ^ config->address) & config->mask) == 0);
}

static bool read_servers(char *text, struct host_uplink_config *config)
{
	for (u32 i = 0; text && i < HOST_DNS_MAX; i++) {
		char *next = cut(text, ','), *port = cut(text, ':');
		u64 number = 53;

		if (address_parse(&config->dns[i].address, text) || (port && (string_to_u64(port, &number) || !number || number > 65535)))
			return false;
		config->dns[i].port = (u16)number;
		text = next;
	}
	return !text;
}

/* False: the command line says so, or is wrong, which the log is told. */
static bool read_options(struct host_uplink_config *config)
{
	char value[96];

	config->card = boot_option("net_card", value, sizeof(value)) ? host_card_find(value) : host_card_at(0);
	if (!config->card && host_card_at(0)) {
		log_error("net_card=%s: there is no such card", value);
		return false;
	}
	if (boot_option("net", value, sizeof(value)) && string_equal(value, "none"))
		return false;
	if (boot_option("net", value, sizeof(value)) && !string_equal(value, "dhcp") && !read_address(value, config)) {
		log_error("net=: not none, dhcp or ADDRESS/BITS,ROUTER");
		return false;
	}
	if (boot_option("dns", value, sizeof(value)) && !read_servers(value, config)) {
		log_error("dns=: not up to %u of ADDRESS or ADDRESS:PORT, with commas between", HOST_DNS_MAX);
		return false;
	}
	return true;
}

void uplink_start(void)
{
	struct host_uplink_config config = { .card = NULL };

	if (!read_options(&config))
		return;
	if (!config.card)
		log_info("no network card: networks reach this host only");
	else if (host_uplink_start(&config))
		log_error("%s: no memory for the way to the outside, or somebody else has the card", config.card->port.name);
}
