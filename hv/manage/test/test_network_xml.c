/* SPDX-License-Identifier: MIT */
/* LINK: hv/manage/network_xml.c hv/manage/address.c hv/manage/domain_config.c hv/rtc_time.c hv/net/dhcp_server.c hv/manage/error.c hv/manage/text.c hv/manage/xml_tree.c hv/manage/xml_node.c hv/manage/xml_schema.c hv/manage/xml_entropy.c hv/manage/domain_tune_value.c hv/kstrdup.c hv/test/random_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -Ibuild/deps/expat/expat/lib */
/* LIBS: build/expat/unit/libexpat.a */
/* Network XML: what is read is written the same; what is not understood or cannot be is refused with its line. */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <string.h>
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/manage/network.h"
#include "hv/net/nat.h"

static struct manage_error error;
static struct network_config config, again;

static int parse(struct network_config *to, const char *xml)
{
	error.text[0] = '\0';
	return network_xml_parse(to, "n.xml", xml, strlen(xml), &error);
}

static const char full[] =
	"<network>\n  <name>lab &amp; co</name>\n  <uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>\n"
	"  <forward mode='nat'>\n    <nat>\n      <port start='2000' end='65535'/>\n    </nat>\n  </forward>\n"
	"  <bridge name='virbr7' stp='on' delay='0'/>\n  <mtu size='9000'/>\n  <mac address='52:54:00:01:02:03'/>\n"
	"  <domain name='lab.example'/>\n  <ip address='10.1.2.1' netmask='255.255.255.0'>\n    <dhcp>\n"
	"      <range start='10.1.2.10' end='10.1.2.20'/>\n      <host mac='52:54:00:00:00:0a' name='ten' ip='10.1.2.30'/>\n"
	"      <host mac='52:54:00:00:00:0b' ip='10.1.2.15'/>\n    </dhcp>\n  </ip>\n</network>\n";

START_TEST(what_is_read_is_written)
{
	char *text;

	ck_assert_msg(parse(&config, full) == OK, "%s", error.text);
	ck_assert(config.address == 0x0a010201 && config.mask == 0xffffff00 && config.dhcp_start == 0x0a01020a && config.host_count == 2);
	ck_assert(config.hosts[0].mac == 0x52540000000aull && strcmp(config.hosts[0].name, "ten") == 0 && config.mtu_bytes == 9000);
	text = network_xml_format(&config);
	ck_assert_str_eq(text, full);
	kfree(text);
	ck_assert_int_eq(parse(&config, "<network><name>a</name><forward mode='none'/><ip family='ipv4' address='10.0.0.1' prefix='30'/></network>"), OK);
	ck_assert(config.mask == 0xfffffffc && config.prefix && !config.dhcp && !config.bridge[0] && !config.has_uuid);
	ck_assert_uint_eq(config.forward, NAT_ABSENT);
	strcpy(config.bridge, "virbr0"); /* what define fills in */
	config.mac[0] = 2;
	text = network_xml_format(&config);
	ck_assert_int_eq(parse(&again, text), OK);
	ck_assert(again.mask == config.mask && again.address == config.address);
	kfree(text);
}
END_TEST

START_TEST(ways_to_the_outside)
{
	static const struct { const char *forward; enum nat_mode mode; const char *written; } rows[] = {
		{ "", NAT_ABSENT, "<forward" }, { "<forward/>", NAT_MASQUERADE, "<forward mode='nat'/>" },
		{ "<forward mode='nat'><nat/></forward>", NAT_MASQUERADE, "<forward mode='nat'/>" },
		{ "<forward mode='route'/>", NAT_ROUTED, "<forward mode='route'/>" },
	};
	char xml[300], *text;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(xml, sizeof(xml), "<network><name>a</name>%s<ip address='10.0.0.1' prefix='24'/></network>", rows[i].forward);
		ck_assert_msg(parse(&config, xml) == OK, "%s", error.text);
		ck_assert_uint_eq(config.forward, rows[i].mode);
		text = network_xml_format(&config);
		ck_assert(!strstr(text, rows[i].written) == !rows[i].mode);
		kfree(text);
	}
}
END_TEST

START_TEST(a_router_has_an_address)
{
	ck_assert_int_eq(parse(&config, "<network><name>a</name><forward mode='nat'/></network>"), MANAGE_FAILED);
	ck_assert(strstr(error.text, "needs an <ip>"));
}
END_TEST

START_TEST(what_is_refused)
{
	static const struct { const char *inside, *words; } rows[] = {
		{ "<ip address='10.0.0.1' netmask='255.0.255.0'/>", "is not one of 8 to 30 bits" },
		{ "<ip address='10.0.0.0' netmask='255.255.255.0'/>", "the network's own or its broadcast" },
		{ "<ip address='10.0.0.255' prefix='24'/>", "the network's own or its broadcast" },
		{ "<ip address='224.0.0.1' prefix='24'/>", "is not the IPv4 address of one host" },
		{ "<ip address='127.0.0.1' prefix='24'/>", "is not the IPv4 address of one host" },
		{ "<ip address='10.0.0.1' prefix='31'/>", "from 8 to 30" },
		{ "<ip address='10.0.0.1'/>", "netmask '' is not one" },
		{ "<ip address='10.0.0.1' prefix='24' netmask='255.255.255.0'/>", "twice" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.1.2' end='10.0.1.3'/></dhcp></ip>", "in the network of 10.0.0.1" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.9' end='10.0.0.3'/></dhcp></ip>", "before its start" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.9' end='10.0.0.255'/></dhcp></ip>", "not an address of a machine" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><host mac='52:54:00:00:00:01' ip='10.0.0.1'/></dhcp></ip>", "the host's own" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><host mac='53:54:00:00:00:01' ip='10.0.0.2'/></dhcp></ip>", "of one card" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><host mac='52:54:00:00:00:01' name='a b' ip='10.0.0.2'/></dhcp></ip>", "not a host name" },
		{ "<ip address='10.0.0.1' prefix='24'><dhcp><host mac='52:54:00:00:00:01' ip='10.0.0.2'/>"
		  "<host mac='52:54:00:00:00:02' ip='10.0.0.2'/></dhcp></ip>", "another <host>" },
		{ "<ip address='10.0.0.01' prefix='24'/>", "is not the IPv4 address" },
		{ "<forward mode='bridge'/>", "mode 'bridge' is not supported" },
		{ "<forward mode='nat' dev='eth0'/>", "dev" }, { "<forward mode='route'><nat/></forward>", "mode 'nat' only" },
		{ "<forward><nat><port start='80' end='90'/></nat></forward>", "from 1024 to 65535" },
		{ "<forward><nat><port start='2000' end='1999'/></nat></forward>", "in this order" },
		{ "<forward><nat><port start='50000' end='50001'/></nat></forward>", "the host's own" },
		{ "<mtu size='67'/>", "from 68 to 65521" }, { "<bridge name='a b'/>", "letters, digits" }, { "<mac address='ff:ff:ff:ff:ff:ff'/>", "of one card" },
		{ "<dns/>", "n.xml:2" }, { "<vlan/>", "n.xml:2" }, { "<name>a/b</name>", "no '/'" },
	};
	char xml[600];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(xml, sizeof(xml), "<network>\n%s%s</network>", rows[i].inside, strstr(rows[i].inside, "<name>") ? "" : "<name>a</name>");
		ck_assert_msg(parse(&config, xml) == MANAGE_FAILED, "row %zu", i);
		ck_assert_msg(strstr(error.text, rows[i].words) && strstr(error.text, "n.xml:2"), "row %zu: %s", i, error.text);
	}
	ck_assert(parse(&config, "<network/>") == MANAGE_FAILED && strstr(error.text, "<name> is missing"));
	ck_assert(parse(&config, "<net/>") == MANAGE_FAILED);
}
END_TEST

START_TEST(addresses)
{
	static const char *const bad[] = { "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4 ", " 1.2.3.4", "1..2.3", "01.2.3.4", "1.2.3.99999", "1.2.3." };
	u32 address;
	u8 mac[6];
	char text[20];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(address_parse(&address, bad[i]) == ERR_INVALID, "%s", bad[i]);
	ck_assert(address_parse(&address, "255.0.10.1") == OK && address == 0xff000a01);
	ck_assert(mac_parse(mac, "52:54:00:aB:0c:0D") == OK && mac[3] == 0xab && mac[5] == 0x0d);
	ck_assert(mac_parse(mac, "52:54:00:ab:0c") && mac_parse(mac, "52:54:00:ab:0c:0d:0e") && mac_parse(mac, "525400ab0c0d") &&
		  mac_parse(mac, "00:00:00:00:00:00") && mac_parse(mac, ""));
	wall_time_format(text, 1764000000);
	ck_assert_str_eq(text, "2025-11-24 16:00:00");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("network xml");
	TCase *t = tcase_create("xml");

	tcase_add_test(t, what_is_read_is_written);
	tcase_add_test(t, ways_to_the_outside);
	tcase_add_test(t, a_router_has_an_address);
	tcase_add_test(t, what_is_refused);
	tcase_add_test(t, addresses);
	suite_add_tcase(suite, t);
	return suite;
}
