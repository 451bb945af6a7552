/* SPDX-License-Identifier: MIT */
/* LINK: hv/cpu_topology.c hv/manage/domain_config.c hv/manage/error.c hv/manage/text.c hv/manage/xml_tree.c hv/manage/xml_node.c hv/manage/xml_schema.c hv/manage/xml_entropy.c hv/manage/domain_xml_parse.c hv/manage/domain_xml_tune.c hv/manage/domain_tune_value.c hv/manage/cpu_list.c hv/manage/domain_xml_platform.c hv/manage/domain_xml_devices.c hv/manage/domain_xml_char.c hv/manage/domain_xml_address.c hv/manage/domain_xml_disk.c hv/manage/domain_iotune_rules.c hv/manage/domain_xml_rng.c hv/manage/domain_xml_nic.c hv/manage/address.c hv/rtc_time.c hv/manage/domain_xml_format.c hv/kstrdup.c hv/test/random_hosted.c hv/lib/string.c hv/lib/format.c hv/lib/test/log_stderr.c */
/* CFLAGS: -Ibuild/deps/expat/expat/lib */
/* LIBS: build/expat/unit/libexpat.a */
#include "hv/lib/test/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/manage/domain_xml.h"

#define NS "xmlns:solera='" SOLERA_DOMAIN_NAMESPACE "'"
#define HEAD "<domain type='kvm'>\n<name>a</name>\n<memory>1048576</memory>\n<os><type>hvm</type><kernel>/solera/k</kernel></os>\n"

static struct manage_error error;

static int parse(struct domain_config *config, const char *xml)
{
	error.text[0] = '\0';
	return domain_xml_parse(config, "a.xml", xml, strlen(xml), &error);
}

START_TEST(everything_is_read)
{
	static const char xml[] =
		"<?xml version='1.0'?>\n<!-- a machine -->\n<domain type='kvm' id='7'>\n"
		"<devices><interface type='network'><mac address='52:54:00:0a:0b:0c'/><source network='lab &amp; co'/><target dev='vnet3'/>"
		"<model type='virtio'/><filterref filter='solera-none'/><link state='down'/><mtu size='9000'/>"
		"<portForward proto='tcp'><range start='8080' to='80'/><range start='2000' end='2010'/></portForward><portForward proto='udp'>"
		"<range start='53'/></portForward></interface>"
		"<interface type='network'><source network='default'/></interface><disk type='block' device='disk'><driver name='qemu' type='qcow2' cache='none' error_policy='stop' rerror_policy='ignore' io='native' discard='unmap'/>"
		"<source dev='/dev/nvme0n1'/><target dev='vdb' bus='virtio'/><iotune><read_iops_sec>100</read_iops_sec><read_iops_sec_max>200</read_iops_sec_max></iotune><readonly/><serial>S-1.2+3_4</serial>"
		"<address type='pci' domain='0x0000' bus='0x00' slot='0x03' function='0x0'/></disk>"
		"<disk><source file='/sda1/images/d.img'/><target dev='vda'/><shareable/></disk>"
		"<serial type='pty'><target type='isa-serial' port='0'><model name='isa-serial'/></target></serial>"
		"<serial type='pty'/><console type='pty'><target type='serial' port='0'/></console>"
		"<console type='pty'><target type='virtio' port='1'/></console>"
		"<channel type='pty'><target type='virtio' name='org.a'/></channel>"
		"<channel type='pty'><target type='virtio'/><address type='virtio-serial' controller='0' bus='0' port='1'/></channel>"
		"<memballoon model='none'/></devices>"
		"<name>d&#233;mo &amp; co</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><title>T</title>"
		"<description>two\nlines</description>"
		"<metadata><solera:autostart " NS "/><x:a xmlns:x='urn:x' b='1'><x:c>t</x:c></x:a></metadata>"
		"<memory unit='MiB'>512</memory><currentMemory unit='GB'>0</currentMemory><vcpu placement='static'> 1 </vcpu>"
		"<os><type arch='x86_64' machine='q35'>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/i</initrd>"
		"<cmdline>console=ttyS0 a='b'</cmdline></os><features><acpi/><apic/><pae/></features>"
		"<cpu mode='host-model' check='partial'/><clock offset='localtime'><timer name='hpet' present='no'/>"
		"<timer name='rtc' tickpolicy='delay'/></clock><on_poweroff>preserve</on_poweroff>"
		"<on_reboot>destroy</on_reboot><on_crash>restart</on_crash></domain>";
	struct domain_config config;

	ck_assert_msg(parse(&config, xml) == OK, "%s", error.text);
	ck_assert_str_eq(config.name, "d\xc3\xa9mo & co");
	ck_assert(config.has_uuid && config.uuid.bytes[0] == 0x66);
	ck_assert_str_eq(config.title, "T");
	ck_assert_str_eq(config.description, "two\nlines");
	ck_assert(config.autostart);
	ck_assert_str_eq(config.metadata, "    <x:a xmlns:x='urn:x' b='1'><x:c>t</x:c></x:a>\n");
	ck_assert_uint_eq(config.memory_kib, 512 * 1024);
	ck_assert_uint_eq(config.current_memory_kib, 512 * 1024);
	ck_assert(config.nic_count == 2 && config.nics[0].mac[5] == 12 && config.nics[0].mtu_bytes == 9000 && config.nics[0].link == 2 &&
		  config.nics[0].filter == NIC_FILTER_NONE && config.nics[1].mac[0] == 0x52 && config.nics[1].slot && !config.nics[1].link);
	ck_assert_str_eq(config.nics[0].network, "lab & co");
	ck_assert_uint_eq(config.vcpus, 1);
	ck_assert_str_eq(config.kernel, "/solera/vmlinuz");
	ck_assert_str_eq(config.initrd, "/solera/i");
	ck_assert_str_eq(config.cmdline, "console=ttyS0 a='b'");
	ck_assert(config.acpi && config.apic && config.pae);
	ck_assert_int_eq(config.cpu_mode, DOMAIN_CPU_HOST_MODEL);
	ck_assert_int_eq(config.clock_offset, DOMAIN_CLOCK_LOCALTIME);
	ck_assert_int_eq(config.timers[DOMAIN_TIMER_HPET], DOMAIN_TIMER_NO);
	ck_assert_int_eq(config.timers[DOMAIN_TIMER_RTC], DOMAIN_TIMER_YES);
	ck_assert_int_eq(config.on_poweroff, DOMAIN_ACTION_PRESERVE);
	ck_assert_int_eq(config.on_reboot, DOMAIN_ACTION_DESTROY);
	ck_assert_int_eq(config.on_crash, DOMAIN_ACTION_RESTART);
	ck_assert_uint_eq(config.serial_count, 2);
	ck_assert(config.console && config.memballoon_none);
	ck_assert(config.port_count == 3 && config.virtio_serial && config.virtio_serial_slot == 7);
	ck_assert(config.ports[0].console && config.ports[0].number == 0 && config.ports[2].number == 1);
	ck_assert(!config.ports[1].console && config.ports[1].number == 2);
	ck_assert_str_eq(config.ports[1].name, "org.a");
	ck_assert_uint_eq(config.disk_count, 2);
	ck_assert(config.disks[0].block && config.disks[0].readonly && !config.disks[0].shareable && config.disks[0].slot == 3);
	ck_assert(config.disks[0].error_policy == DISK_ON_ERROR_STOP && config.disks[0].rerror_policy == DISK_ON_ERROR_IGNORE);
	ck_assert(config.disks[0].iotune[4] == 100 && config.disks[0].iotune[10] == 200);
	ck_assert(config.disks[0].qcow2 && !config.disks[1].qcow2);
	ck_assert(config.disks[0].cache == DISK_CACHE_NONE && config.disks[0].discard == DISK_DISCARD_UNMAP);
	ck_assert_str_eq(config.disks[0].serial, "S-1.2+3_4");
	ck_assert_str_eq(config.disks[0].source, "/dev/nvme0n1");
	ck_assert(!config.disks[1].block && config.disks[1].shareable && config.disks[1].slot == 4 && !config.disks[1].serial);
	ck_assert_str_eq(config.disks[1].target, "vda");
	domain_config_release(&config);
}
END_TEST

START_TEST(units_are_libvirts)
{
	static const struct { const char *unit; u64 value, kib; } rows[] = {
		{ "b", 1048577, 2048 }, { "bytes", 2097152, 2048 }, { "KB", 2048, 2048 }, { "k", 2048, 2048 },
		{ "KiB", 2048, 2048 }, { "MB", 2, 2048 }, { "M", 2, 2048 }, { "mib", 2, 2048 }, { "GB", 1, 976896 },
		{ "G", 1, 1048576 }, { "TiB", 1, 1073741824 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct domain_config config;
		char xml[400];

		snprintf(xml, sizeof(xml), "<domain type='kvm'><name>a</name><memory unit='%s'>%llu</memory><os><type>hvm</type>"
			 "<kernel>/solera/k</kernel></os></domain>", rows[i].unit, (unsigned long long)rows[i].value);
		ck_assert_msg(parse(&config, xml) == OK, "%s: %s", rows[i].unit, error.text);
		ck_assert_msg(config.memory_kib == rows[i].kib, "%s: %llu", rows[i].unit,
			      (unsigned long long)config.memory_kib);
		domain_config_release(&config);
	}
}
END_TEST

START_TEST(refusals_name_file_line_and_element)
{
	static const struct { const char *xml, *text; } rows[] = {
		{ HEAD "<devices>\n<graphics type='vnc'/></devices></domain>",
		  "a.xml:6: <graphics>: not supported by this version of Solera" },
		{ HEAD "<devices>\n<interface type='bridge'><source bridge='br0'/></interface></devices></domain>",
		  "a.xml:6: <interface>: type 'bridge' is not supported by this version of Solera (supported: network)" },
		{ HEAD "<devices>\n<interface type='network'/></devices></domain>", "a.xml:6: <interface>: <source network='…'/> is missing" },
		{ HEAD "<devices><interface type='network'>\n<mac address='01:00:00:00:00:01'/></interface></devices></domain>",
		  "a.xml:6: <mac>: '01:00:00:00:00:01' is not the Ethernet address of one card" },
		{ HEAD "<devices><interface type='network'>\n<model type='e1000'/></interface></devices></domain>",
		  "a.xml:6: <model>: type 'e1000' is not supported by this version of Solera (supported: virtio)" },
		{ HEAD "<devices><interface type='network'>\n<portForward proto='tcp'/></interface></devices></domain>",
		  "a.xml:6: <portForward>: <range> is missing: forwarding all ports is not supported by this version of Solera" },
		{ HEAD "<devices><interface type='network'>\n<portForward proto='icmp'><range start='1'/></portForward></interface></devices></domain>",
		  "a.xml:6: <portForward>: attribute 'proto' is tcp or udp" },
		{ HEAD "<devices><interface type='network'><portForward proto='tcp'>\n<range start='0'/></portForward></interface></devices></domain>",
		  "a.xml:6: <range>: start is a number from 1 to 65535" },
		{ HEAD "<devices><interface type='network'><portForward proto='tcp'>\n<range start='9' end='8'/></portForward></interface></devices></domain>",
		  "a.xml:6: <range>: end and to are numbers from 1 to 65535, end is not below start" },
		{ HEAD "<devices><interface type='network'><portForward proto='tcp'>\n<range start='2' end='9' to='65530'/></portForward></interface></devices></domain>",
		  "a.xml:6: <range>: end and to are numbers from 1 to 65535, end is not below start" },
		{ HEAD "<devices><interface type='network'><portForward proto='tcp'>\n<range start='50000'/></portForward></interface></devices></domain>",
		  "a.xml:6: <range>: ports from 49152 on are the host's own" },
		{ HEAD "<devices><interface type='network'>\n<bandwidth/></interface></devices></domain>",
		  "a.xml:6: <bandwidth>: not supported by this version of Solera" },
		{ HEAD "<devices><interface type='network'><mac address='52:54:00:00:00:01'/><source network='n'/></interface>\n"
		  "<interface type='network'><mac address='52:54:00:00:00:01'/><source network='n'/></interface></devices></domain>",
		  "a.xml:6: <interface>: two cards of this machine have the same address" },
		{ HEAD "<vcpu>0</vcpu></domain>",
		  "a.xml:5: <vcpu>: 0 is out of range, a machine has 1 to 64 vCPUs" },
		{ HEAD "<vcpu>65</vcpu></domain>", "a.xml:5: <vcpu>: 65 is out of range, a machine has 1 to 64 vCPUs" },
		{ HEAD "<cpu><topology sockets='1' cores='3' threads='1'/></cpu>\n<vcpu>4</vcpu></domain>",
		  "a.xml:5: <cpu>: <topology> makes 1 sockets x 1 dies x 3 cores x 1 threads, which are not the machine's 4 vCPUs" },
		{ HEAD "<cpu>\n<topology sockets='1' cores='1'/></cpu></domain>",
		  "a.xml:6: <topology>: attribute 'threads' is missing" },
		{ HEAD "<cpu><topology sockets='0' cores='1' threads='1'/></cpu></domain>",
		  "a.xml:5: <topology>: sockets '0' must be a number from 1 to 64" },
		{ HEAD "<cpu><topology sockets='1' cores='1' threads='1' clusters='1'/></cpu></domain>",
		  "a.xml:5: <topology>: attribute 'clusters' is not supported by this version of Solera" },
		{ HEAD "<cpu check='none'><topology sockets='1' cores='1' threads='1'/></cpu></domain>",
		  "a.xml:5: <cpu>: mode 'custom' is not supported by this version of Solera "
		  "(supported: host-model, host-passthrough)" },
		{ HEAD "<vcpu>-1</vcpu></domain>", "a.xml:5: <vcpu>: '-1' is not a whole number" },
		{ HEAD "<vcpu>99999999999999999999</vcpu></domain>", "a.xml:5: <vcpu>: '99999999999999999999' is too large" },
		{ HEAD "<vcpu cpuset='x'>1</vcpu></domain>", "a.xml:5: <vcpu>: cpuset 'x' is not a list of CPUs such as 0-3,^2" },
		{ HEAD "<vcpu cpuset='256'>1</vcpu></domain>", "a.xml:5: <vcpu>: cpuset '256': the highest CPU number is 255" },
		{ HEAD "<cputune><shares>0</shares></cputune></domain>",
		  "a.xml:5: <shares>: Value of cputune 'shares' must be in range [2, 262144]" },
		{ HEAD "<cputune><period>999</period></cputune></domain>",
		  "a.xml:5: <period>: Value of cputune 'period' must be in range [1000, 1000000]" },
		{ HEAD "<cputune><quota>999</quota></cputune></domain>",
		  "a.xml:5: <quota>: Value of cputune 'quota' must be in range [1000, 17592186044415]" },
		{ HEAD "<cputune><global_quota>x</global_quota></cputune></domain>",
		  "a.xml:5: <global_quota>: 'x' is not a whole number in range" },
		{ HEAD "<cputune><vcpupin vcpu='1' cpuset='0'/></cputune></domain>",
		  "a.xml:1: <domain>: <vcpupin vcpu='1'>: the machine has vCPUs 0 to 0" },
		{ HEAD "<cputune><vcpupin vcpu='0'/></cputune></domain>", "a.xml:5: <vcpupin>: attribute 'cpuset' is missing" },
		{ HEAD "<cputune><vcpusched vcpus='0' scheduler='fifo' priority='1'/></cputune></domain>",
		  "a.xml:5: <vcpusched>: real-time scheduling of vCPUs is not supported: Solera shares CPUs by <shares>, and pins "
		  "them by <vcpupin>" },
		{ HEAD "<vcpu>1</vcpu><vcpu>1</vcpu></domain>", "a.xml:5: <vcpu>: given more than once" },
		{ HEAD "<vcpu><b/></vcpu></domain>", "a.xml:5: <b>: not supported by this version of Solera" },
		{ HEAD "text</domain>", "a.xml:1: <domain>: text is not expected here" },
		{ HEAD "<x:y xmlns:x='urn:x'/></domain>", "a.xml:5: <x:y>: not supported by this version of Solera" },
		{ HEAD "<currentMemory>1</currentMemory></domain>",
		  "a.xml:1: <domain>: <currentMemory> below <memory> needs <memballoon model='virtio'/>" },
		{ HEAD "<devices><memballoon model='none'><stats period='1'/></memballoon></devices></domain>",
		  "a.xml:5: <memballoon>: a machine without a balloon has nothing here but model='none'" },
		{ HEAD "<devices><memballoon model='virtio' autodeflate='x'/></devices></domain>",
		  "a.xml:5: <memballoon>: autodeflate 'x' is not supported by this version of Solera (supported: on, off)" },
		{ HEAD "<devices><memballoon model='virtio'><stats period='86401'/></memballoon></devices></domain>",
		  "a.xml:5: <stats>: period 86401 is out of range: seconds up to 86400" },
		{ HEAD "<currentMemory>2097152</currentMemory></domain>",
		  "a.xml:1: <domain>: current memory '2097152k' exceeds maximum '1048576k'" },
		{ HEAD "<on_crash>coredump-destroy</on_crash></domain>",
		  "a.xml:5: <on_crash>: action 'coredump-destroy' is not supported by this version of Solera (supported: destroy, "
		  "restart, preserve)" },
		{ HEAD "<uuid>12</uuid></domain>", "a.xml:5: <uuid>: malformed uuid '12'" },
		{ HEAD "<metadata><a/></metadata></domain>", "a.xml:5: <a>: elements under <metadata> must have a namespace" },
		{ HEAD "<metadata><s:b xmlns:s='" SOLERA_DOMAIN_NAMESPACE "'/></metadata></domain>",
		  "a.xml:5: <s:b>: not supported by this version of Solera" },
		{ HEAD "<devices><serial type='pty'><target port='1'/></serial></devices></domain>",
		  "a.xml:5: <serial>: port 1 is out of order: ports count from 0 without gaps, this one is 0" },
		{ HEAD "<cpu mode='custom'/></domain>", "a.xml:5: <cpu>: mode 'custom' is not supported by this version of Solera "
		  "(supported: host-model, host-passthrough)" },
		{ HEAD "<clock offset='utc'><timer name='hpet'/></clock></domain>",
		  "a.xml:5: <timer>: timer 'hpet' with present='yes' is not supported by this version of Solera" },
		{ HEAD "<devices><rng model='virtio-transitional'/></devices></domain>",
		  "a.xml:5: <rng>: model 'virtio-transitional' is not supported by this version of Solera (supported: virtio)" },
		{ HEAD "<devices><rng model='virtio'><backend model='egd'/></rng></devices></domain>",
		  "a.xml:5: <backend>: model 'egd' is not supported by this version of Solera (supported: random)" },
		{ HEAD "<devices><rng model='virtio'><backend model='random'>/etc/passwd</backend></rng></devices></domain>",
		  "a.xml:5: <backend>: source '/etc/passwd' is not supported by this version of Solera (supported: /dev/urandom, "
		  "/dev/random, /dev/hwrng)" },
		{ HEAD "<devices><rng model='virtio'><rate bytes='0'/></rng></devices></domain>",
		  "a.xml:5: <rate>: bytes '0' is not a number from 1 to 1073741824" },
		{ HEAD "<devices><disk type='network'/></devices></domain>",
		  "a.xml:5: <disk>: type 'network' is not supported by this version of Solera (supported: block, file, volume)" },
		{ HEAD "<devices><disk type='volume'><source pool='p'/></disk></devices></domain>",
		  "a.xml:5: <source>: a disk of type 'volume' has the attributes 'pool' and 'volume' here" },
		{ HEAD "<devices><disk type='file'><source pool='p' volume='v'/></disk></devices></domain>",
		  "a.xml:5: <source>: 'pool' and 'volume' are of a disk of type 'volume'" },
		{ HEAD "<devices><disk device='cdrom'/></devices></domain>",
		  "a.xml:5: <disk>: <target> is missing" },
		{ HEAD "<devices><disk device='floppy'/></devices></domain>",
		  "a.xml:5: <disk>: device 'floppy' is not supported by this version of Solera (supported: disk, cdrom)" },
		{ HEAD "<devices><disk device='cdrom'><target dev='vda'/></disk></devices></domain>",
		  "a.xml:5: <disk>: a cdrom is on bus 'scsi' in this version of Solera, with a target from sda on" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='sda' bus='virtio'/></disk></devices></domain>",
		  "a.xml:5: <target>: dev 'sda' is not supported by this version of Solera (vda to vdz on bus virtio, sda to sdz on bus scsi)" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='sda'/><address type='pci' slot='5'/></disk></devices></domain>",
		  "a.xml:5: <disk>: disk 'sda' is on bus 'scsi': its address is of type 'drive'" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='vda'/><address type='drive'/></disk></devices></domain>",
		  "a.xml:5: <disk>: disk 'vda' is on bus 'virtio': its address is of type 'pci'" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='sda'/><address type='drive' slot='1'/></disk></devices></domain>",
		  "a.xml:5: <address>: an address of type 'drive' has no attribute 'slot'" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='sda'/><address type='drive' bus='1'/></disk></devices></domain>",
		  "a.xml:5: <address>: this version of Solera has drives on controller 0, bus 0, targets 0 to 255, units 0 to 16383" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='sdp'/></disk></devices></domain>",
		  "a.xml:5: <disk>: disk 'sdp' needs an <address type='drive'>: its name stands for a second controller" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='sda'/></disk><disk device='cdrom'><target dev='sdb'/>"
		  "<address type='drive' unit='0'/></disk></devices></domain>",
		  "a.xml:5: <disk>: using disk target name 'sdb' conflicts with SCSI address of disk 'sda'" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='sda'/><iotune><read_iops_sec>5</read_iops_sec></iotune></disk></devices>"
		  "</domain>", "a.xml:5: <disk>: <iotune> is for disks on bus 'virtio' in this version of Solera" },
		{ HEAD "<devices><controller type='scsi' model='lsilogic'/></devices></domain>",
		  "a.xml:5: <controller>: model 'lsilogic' is not supported by this version of Solera (supported: virtio-scsi)" },
		{ HEAD "<devices><disk snapshot='no'/></devices></domain>",
		  "a.xml:5: <disk>: attribute 'snapshot' is not supported by this version of Solera" },
		{ HEAD "<devices><disk><target dev='vda'/></disk></devices></domain>",
		  "a.xml:5: <disk>: <source> is missing: only a cdrom is there without a medium" },
		{ HEAD "<devices><disk><source file='/solera/d'/></disk></devices></domain>", "a.xml:5: <disk>: <target> is missing" },
		{ HEAD "<devices><disk><source dev='/dev/sda'/></disk></devices></domain>",
		  "a.xml:5: <source>: a disk of type 'file' has the attribute 'file' here" },
		{ HEAD "<devices><disk type='block'><source dev='/dev/../sda'/></disk></devices></domain>",
		  "a.xml:5: <source>: '/dev/../sda' is not a block device of this host: it must be /dev/NAME" },
		{ HEAD "<devices><disk><source file='/d.img'/></disk></devices></domain>",
		  "a.xml:5: <source>: '/d.img' is not a file that Solera has as a disk: it must be /solera/NAME (a file of the boot medium) or /PARTITION/path (a file of a "
		  "FAT32 file system)" },
		{ HEAD "<devices><disk><source file='/sda1//d.img'/></disk></devices></domain>",
		  "a.xml:5: <source>: '/sda1//d.img' is not a file that Solera has as a disk: it must be /solera/NAME (a file of the boot medium) or /PARTITION/path (a file of a "
		  "FAT32 file system)" },
		{ HEAD "<devices><disk><source file='/sda1/../d.img'/></disk></devices></domain>",
		  "a.xml:5: <source>: '/sda1/../d.img' is not a file that Solera has as a disk: it must be /solera/NAME (a file of the boot medium) or /PARTITION/path (a file of a "
		  "FAT32 file system)" },
		{ HEAD "<devices><disk><source file='sda1/d.img'/></disk></devices></domain>",
		  "a.xml:5: <source>: 'sda1/d.img' is not a file that Solera has as a disk: it must be /solera/NAME (a file of the boot medium) or /PARTITION/path (a file of a "
		  "FAT32 file system)" },
		{ HEAD "<devices><disk><source file='/sda1/d/'/></disk></devices></domain>",
		  "a.xml:5: <source>: '/sda1/d/' is not a file that Solera has as a disk: it must be /solera/NAME (a file of the boot medium) or /PARTITION/path (a file of a "
		  "FAT32 file system)" },
		{ HEAD "<devices><disk><source file='/dev/sda'/></disk></devices></domain>",
		  "a.xml:5: <source>: '/dev/sda' is not a file that Solera has as a disk: it must be /solera/NAME (a file of the boot medium) or /PARTITION/path (a file of a "
		  "FAT32 file system)" },
		{ HEAD "<devices><disk><target dev='sda' bus='sata'/></disk></devices></domain>",
		  "a.xml:5: <target>: bus 'sata' is not supported by this version of Solera (supported: virtio, scsi)" },
		{ HEAD "<devices><disk><target dev='hda'/></disk></devices></domain>",
		  "a.xml:5: <target>: dev 'hda' is not supported by this version of Solera (vda to vdz on bus virtio, sda to sdz on bus scsi)" },
		{ HEAD "<devices><disk><driver rerror_policy='enospace'/></disk></devices></domain>",
		  "a.xml:5: <driver>: rerror_policy 'enospace' is not supported by this version of Solera (supported: stop, report, ignore)" },
		{ HEAD "<devices><disk><iotune><total_bytes_sec>1</total_bytes_sec><read_bytes_sec>1</read_bytes_sec></iotune></disk></devices></domain>",
		  "a.xml:5: <iotune>: total and read/write of bytes_sec cannot be set at the same time" },
		{ HEAD "<devices><disk><iotune><total_bytes_sec_max>1</total_bytes_sec_max></iotune></disk></devices></domain>",
		  "a.xml:5: <iotune>: value 'total_bytes_sec_max' cannot be set if 'total_bytes_sec' is not set" },
		{ HEAD "<devices><disk><iotune><write_iops_sec>5</write_iops_sec><write_iops_sec_max>4</write_iops_sec_max></iotune></disk></devices></domain>",
		  "a.xml:5: <iotune>: value 'write_iops_sec_max' cannot be smaller than 'write_iops_sec'" },
		{ HEAD "<devices><disk><driver type='vmdk'/></disk></devices></domain>",
		  "a.xml:5: <driver>: type 'vmdk' is not supported by this version of Solera (supported: raw, qcow2)" },
		{ HEAD "<devices><disk><driver type='qcow2'/><source file='/solera/a'/><target dev='vda'/><shareable/></disk></devices></domain>",
		  "a.xml:5: <disk>: shared access for disk 'vda' requires use of supported storage format" },
		{ HEAD "<devices><disk><driver cache='unsafe'/></disk></devices></domain>",
		  "a.xml:5: <driver>: cache 'unsafe' is not supported by this version of Solera (supported: default, none, writeback, "
		  "writethrough, directsync)" },
		{ HEAD "<devices><disk><encryption/></disk></devices></domain>",
		  "a.xml:5: <encryption>: not supported by this version of Solera" },
		{ HEAD "<devices><console type='pty'><target type='virtio'/></console><console type='pty'/></devices></domain>",
		  "a.xml:5: <console>: Only the first console can be a serial port" },
		{ HEAD "<devices><console type='pty'><target type='virtio' port='1'/></console></devices></domain>",
		  "a.xml:5: <console>: port 1 is out of order: consoles count from 0 without gaps, this one is 0" },
		{ HEAD "<devices><channel type='pty'><target type='virtio' name='a'/></channel>\n"
		  "<channel type='pty'><target type='virtio' name='a'/></channel></devices></domain>",
		  "a.xml:6: <target>: there is a channel 'a' already" },
		{ HEAD "<devices><channel type='pty'><target type='virtio' port='1'/></channel></devices></domain>",
		  "a.xml:5: <target>: a channel has no 'port' here" },
		{ HEAD "<devices><channel type='pty'/></devices></domain>",
		  "a.xml:5: <channel>: <target> with its attribute 'type' is missing" },
		{ HEAD "<devices><channel type='unix'><target type='virtio'/></channel></devices></domain>",
		  "a.xml:5: <channel>: type 'unix' is not supported by this version of Solera (supported: pty)" },
		{ HEAD "<devices><channel type='pty'><target type='virtio'/><address type='virtio-serial' port='0'/></channel></devices></domain>",
		  "a.xml:5: <address>: port 0 is out of range: consoles have ports 0 to 6, channels 1 to 6" },
		{ HEAD "<devices><controller type='usb'/></devices></domain>",
		  "a.xml:5: <controller>: type 'usb' is not supported by this version of Solera (supported: virtio-serial, pci, scsi)" },
		{ HEAD "<devices><controller type='pci' index='2' model='pcie-root-port'/></devices></domain>",
		  "a.xml:5: <controller>: index 2 is out of order: root ports count from 1 without gaps, this one is 1" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='vda'/><address type='pci' bus='1' slot='0'/></disk></devices></domain>",
		  "a.xml:1: <domain>: disk 'vda' has PCI bus 1, and there is no root port of that index" },
		{ HEAD "<devices><controller type='virtio-serial'/><controller type='virtio-serial'/></devices></domain>",
		  "a.xml:5: <controller>: a machine has one controller of type 'virtio-serial'" },
		{ HEAD "<devices><disk><serial>123456789012345678901</serial></disk></devices></domain>",
		  "a.xml:5: <serial>: a disk's serial number has 1 to 20 bytes" },
		{ HEAD "<devices><disk><serial>a b</serial></disk></devices></domain>",
		  "a.xml:5: <serial>: a serial number has letters, digits and _ . + - only" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='vda'/></disk>"
		  "<disk><source file='/solera/e'/><target dev='vda'/></disk></devices></domain>",
		  "a.xml:5: <disk>: target 'vda' duplicated for disk sources '/solera/d' and '/solera/e'" },
		{ HEAD "<devices><disk><source file='/solera/d'/><target dev='vda'/><address type='pci' slot='5'/></disk>"
		  "<disk><source file='/solera/e'/><target dev='vdb'/><address type='pci' slot='0x05'/></disk></devices></domain>",
		  "a.xml:1: <domain>: two devices have the PCI address 0000:00:05.0" },
		{ HEAD "<devices><disk><address type='pci' bus='1' slot='5'/></disk></devices></domain>",
		  "a.xml:5: <address>: this version of Solera has devices in function 0 of slots 0x03 to 0x1e of bus 0 only" },
		{ HEAD "<devices><disk><address type='usb'/></disk></devices></domain>",
		  "a.xml:5: <address>: type 'usb' is not supported by this version of Solera (supported: pci)" },
		{ "<domain><name>a</name></domain>", "a.xml:1: <domain>: missing domain type attribute" },
		{ "<domain type='xen'/>",
		  "a.xml:1: <domain>: type 'xen' is not supported by this version of Solera (supported: kvm)" },
		{ "<domain type='kvm'/>", "a.xml:1: <domain>: <name> is missing" },
		{ "<domain type='kvm'><name>a/b</name></domain>", "a.xml:1: <name>: name a/b cannot contain '/'" },
		{ "<domain type='kvm'><name></name></domain>", "a.xml:1: <name>: the name is empty" },
		{ "<domain type='kvm'><name>a</name></domain>", "a.xml:1: <domain>: <memory> is missing" },
		{ "<domain type='kvm'><name>a</name><memory>0</memory></domain>",
		  "a.xml:1: <memory>: 0 KiB is out of range, a machine has 1024 KiB to 17179869184 KiB" },
		{ "<domain type='kvm'><memory unit='EiB'>16</memory></domain>", "a.xml:1: <memory>: value too large: 16EiB" },
		{ "<domain type='kvm'><memory unit='pages'>16</memory></domain>", "a.xml:1: <memory>: unknown unit 'pages'" },
		{ "<domain type='kvm'><os><kernel>/boot/vmlinuz</kernel></os></domain>",
		  "a.xml:1: <kernel>: '/boot/vmlinuz' is not a file of Solera's folder: write /solera/NAME for the file NAME in "
		  "\\solera\\ on the boot medium" },
		{ "<domain type='kvm'><os><kernel>/solera/../x</kernel></os></domain>",
		  "a.xml:1: <kernel>: '/solera/../x' is not a file of Solera's folder: write /solera/NAME for the file NAME in "
		  "\\solera\\ on the boot medium" },
		{ "<domain type='kvm'><os><kernel>/solera/x</kernel></os></domain>", "a.xml:1: <os>: <type> is missing" },
		{ "<network/>", "a.xml:1: <network>: unexpected root element <network>, expecting <domain>" },
		{ "<!DOCTYPE domain [<!ENTITY a 'b'>]>\n<domain/>",
		  "a.xml:1: a DOCTYPE is not accepted: remove the <!DOCTYPE …> line" },
		{ "<domain>\n<name>a</nome></domain>", "a.xml:2: mismatched tag" },
		{ "<domain>&b;</domain>", "a.xml:1: undefined entity" },
		{ "", "a.xml:1: no element found" },
		{ "foo", "a.xml:1: syntax error" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct domain_config config;

		ck_assert_int_eq(parse(&config, rows[i].xml), MANAGE_FAILED);
		ck_assert_str_eq(error.text, rows[i].text);
	}
}
END_TEST

START_TEST(scsi_disks_and_drives)
{
	struct domain_config config, again;
	char *xml;

	ck_assert_msg(parse(&config, HEAD "<devices><controller type='scsi' model='virtio-scsi'/><disk><source file='/solera/d'/><target dev='sdh'/>"
			    "</disk><disk type='volume'><source pool='p&amp;' volume='v'/><target dev='vda'/></disk><disk device='cdrom'><target dev='sdb' bus='scsi'/></disk><disk type='file' device='cdrom'>"
			    "<source file='/solera/a.iso'/><target dev='sdc'/><address type='drive' target='2' unit='9'/></disk></devices></domain>") == OK,
		      "%s", error.text);
	ck_assert(config.virtio_scsi && config.virtio_scsi_slot == 4 && config.disk_count == 4);
	ck_assert(config.disks[1].volume && config.disks[1].slot == 3);
	ck_assert_str_eq(config.disks[1].pool, "p&");
	ck_assert_str_eq(config.disks[1].source, "v");
	ck_assert(config.disks[0].scsi && !config.disks[0].cdrom && !config.disks[0].readonly && config.disks[0].drive_unit == 8 && !config.disks[0].slot);
	ck_assert(config.disks[2].cdrom && config.disks[2].readonly && !config.disks[2].source && config.disks[2].drive_unit == 1);
	ck_assert(config.disks[3].cdrom && config.disks[3].drive_target == 2 && config.disks[3].drive_unit == 9);
	xml = domain_xml_format(&config, &(struct domain_xml_options){ .inactive = true });
	ck_assert_msg(parse(&again, xml) == OK, "%s", error.text);
	ck_assert(domain_config_equal(&config, &again));
	free(xml);
	domain_config_release(&again);
	ck_assert_int_eq(domain_config_copy(&again, &config), OK);
	ck_assert(domain_config_equal(&config, &again) && !again.disks[2].source);
	domain_config_release(&again);
	domain_config_release(&config);
}
END_TEST

START_TEST(size_depth_and_count_are_bounded)
{
	struct domain_config config;
	char *big = malloc((2u << 20));
	size_t at = 0;

	memset(big, ' ', (2u << 20));
	ck_assert_int_eq(domain_xml_parse(&config, "a.xml", big, 1024 * 1024 + 1, &error), MANAGE_FAILED);
	ck_assert_str_eq(error.text, "a.xml: the file has 1048577 bytes, the limit is 1 MiB");
	for (int i = 0; i < 65; i++)
		at += (size_t)sprintf(big + at, "<a>");
	ck_assert_int_eq(domain_xml_parse(&config, "a.xml", big, at, &error), MANAGE_FAILED);
	ck_assert_str_eq(error.text, "a.xml:1: elements are nested more than 64 deep");
	at = (size_t)sprintf(big, "<a>");
	for (int i = 0; i < 20001; i++)
		at += (size_t)sprintf(big + at, "<a/>");
	ck_assert_int_eq(domain_xml_parse(&config, "a.xml", big, at, &error), MANAGE_FAILED);
	ck_assert_str_eq(error.text, "a.xml:1: the document has more than 20000 elements and attributes");
	free(big);
}
END_TEST

static const char *pick(unsigned *seed, const char *const *from, unsigned count)
{
	return from[(unsigned)rand_r(seed) % count];
}

static char *maybe(unsigned *seed, const char *const *from, unsigned count)
{
	return rand_r(seed) % 3 ? kstrdup(pick(seed, from, count)) : NULL;
}

/* A configuration as any run of valid choices could give it. */
static void generate(struct domain_config *config, unsigned *seed)
{
	static const char *const names[] = { "a", "demo", "with space", "<&>\"'", "\xc3\xb1" };
	static const char *const texts[] = { "t", "  blanks  ", "<&>\"'", "]]>", "\xe2\x82\xac" };
	static const char *const lines[] = { "one\ntwo", "cr\rlf\n", "\ttab", "]]>" };
	static const char *const files[] = { "/solera/k", "/solera/vm linuz", "/solera/<&>" };
	static const char *const metadata[] = {
		"    <x:a xmlns:x='urn:x'/>\n", "    <a xmlns='urn:1' b='&#10;&amp;'>t<b/>u</a>\n    <y:b xmlns:y='urn:y' y:c='d'/>\n",
	};

	domain_config_init(config);
	config->name = kstrdup(pick(seed, names, 5));
	config->has_uuid = rand_r(seed) & 1;
	for (unsigned i = 0; config->has_uuid && i < 16; i++)
		config->uuid.bytes[i] = (u8)rand_r(seed);
	config->title = maybe(seed, texts, 5);
	config->description = maybe(seed, lines, 4);
	config->metadata = maybe(seed, metadata, 2);
	config->autostart = rand_r(seed) & 1;
	config->memory_kib = config->current_memory_kib = (1 + (u64)(rand_r(seed) % 1000000)) * 1024;
	config->kernel = kstrdup(pick(seed, files, 3));
	config->initrd = maybe(seed, files, 3);
	config->cmdline = maybe(seed, texts, 5);
	config->acpi = rand_r(seed) & 1;
	config->apic = rand_r(seed) & 1;
	config->pae = rand_r(seed) & 1;
	config->cpu_mode = (enum domain_cpu_mode)(rand_r(seed) % 3);
	if (rand_r(seed) & 1) {
		config->topology = (struct cpu_topology){ 1 + (u32)rand_r(seed) % 4, 1, 1 + (u32)rand_r(seed) % 4, 1 + (u32)rand_r(seed) % 2 };
		config->topology_dies = rand_r(seed) & 1;
		config->topology.dies += config->topology_dies && (rand_r(seed) & 1);
		config->vcpus = config->topology.sockets * cpu_topology_per_socket(&config->topology);
	}
	config->clock_offset = (enum domain_clock_offset)(rand_r(seed) % 2);
	config->timers[DOMAIN_TIMER_RTC] = rand_r(seed) & 1 ? DOMAIN_TIMER_YES : DOMAIN_TIMER_UNSET;
	config->timers[DOMAIN_TIMER_HPET] = rand_r(seed) & 1 ? DOMAIN_TIMER_NO : DOMAIN_TIMER_UNSET;
	config->timers[DOMAIN_TIMER_KVMCLOCK] = (enum domain_timer_state)(rand_r(seed) % 3);
	config->on_poweroff = (enum domain_lifecycle_action)(rand_r(seed) % 3);
	config->on_reboot = (enum domain_lifecycle_action)(rand_r(seed) % 3);
	config->on_crash = (enum domain_lifecycle_action)(rand_r(seed) % 3);
	config->serial_count = (u32)(rand_r(seed) % 5);
	config->console = config->serial_count && (rand_r(seed) & 1);
	config->memballoon_none = rand_r(seed) & 1;
	if (!config->memballoon_none && (rand_r(seed) & 1)) {
		config->balloon = (struct domain_balloon){ .present = true, .autodeflate = (u8)(rand_r(seed) % 3), .slot = 22,
							   .reporting = (u8)(rand_r(seed) % 3), .period_s = (u32)rand_r(seed) % 3 };
		config->current_memory_kib = MAX(1024ull, ALIGN_DOWN(config->memory_kib / 2, 1024ull));
	}
	config->root_port_count = (u32)(rand_r(seed) % 4);
	for (u32 i = 0; i < config->root_port_count; i++)
		config->root_ports[i] = (u8)(8 + i);
	config->port_count = (u32)(rand_r(seed) % DOMAIN_PORTS_MAX);
	config->virtio_serial = config->port_count || (rand_r(seed) & 1);
	config->virtio_serial_slot = config->virtio_serial ? 21 : 0;
	for (u32 i = 0; i < config->port_count; i++) {
		struct domain_port *port = &config->ports[i];

		*port = (struct domain_port){ .console = i < config->port_count / 2, .has_number = true,
					      .number = (u8)(i < config->port_count / 2 ? i : i + 1) };
		if (!port->console && (rand_r(seed) & 1))
			snprintf(port->name, sizeof(port->name), "org.<%u>", i);
	}
	if (rand_r(seed) & 1)
		config->rng = (struct domain_rng){ .present = true, .backend = (u8)(rand_r(seed) % 3), .slot = 20,
						   .rate_bytes = (u64)rand_r(seed) % 3, .rate_period_ms = 0 };
	if (config->rng.rate_bytes)
		config->rng.rate_period_ms = (u64)rand_r(seed) % 2000;
	config->nic_count = (u32)(rand_r(seed) % 4);
	for (u32 i = 0; i < config->nic_count; i++) {
		config->nics[i] = (struct domain_nic){ .network = "default", .mac = { 0x52, 0x54, 0, 1, 2, (u8)i }, .filter = (u8)(rand_r(seed) % 3),
						       .link = (u8)(rand_r(seed) % 3), .slot = (u8)(26 + i) };
		config->nics[i].mtu_bytes = rand_r(seed) & 1 ? 9000 : 0;
	}
	config->disk_count = (u32)(rand_r(seed) % 4);
	for (u32 i = 0; i < config->disk_count; i++) {
		struct domain_disk *disk = &config->disks[i];

		disk->block = rand_r(seed) & 1;
		disk->source = kstrdup(disk->block ? "/dev/nvme0n1" : pick(seed, files, 3));
		disk->serial = rand_r(seed) & 1 ? kstrdup("S3R-1_2.3+4") : NULL;
		snprintf(disk->target, sizeof(disk->target), "vd%c", 'a' + (int)(i * 5 + (u32)rand_r(seed) % 5));
		disk->cache = (u8)(rand_r(seed) % 6);
		disk->io = (u8)(rand_r(seed) % 4);
		disk->discard = (u8)(rand_r(seed) % 3);
		disk->readonly = rand_r(seed) & 1;
		disk->shareable = rand_r(seed) & 1;
		disk->slot = (u8)(DOMAIN_SLOT_FIRST + i);
		if (i < config->root_port_count) {
			disk->bus = (u8)(i + 1);
			disk->slot = 0;
		}
	}
}

/* SOLERA_XML_OUT=DIR keeps what was written, for virt-xml-validate (tools/test/virt-xml). */
static void keep(const char *xml, unsigned i)
{
	const char *folder = getenv("SOLERA_XML_OUT");
	char path[512];
	FILE *file;

	if (!folder || i >= 50)
		return;
	snprintf(path, sizeof(path), "%s/%u.xml", folder, i);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(xml, file);
	fclose(file);
}

START_TEST(what_was_dumped_defines_the_same)
{
	unsigned seed = 1;

	for (unsigned i = 0; i < 2000; i++) {
		const struct domain_xml_options options = { .id = i % 3 };
		struct domain_config config, again;
		char *xml, *xml_again;

		generate(&config, &seed);
		xml = domain_xml_format(&config, &options);
		keep(xml, i);
		ck_assert_msg(parse(&again, xml) == OK, "%s\n%s", error.text, xml);
		ck_assert_msg(domain_config_equal(&config, &again), "%s", xml);
		xml_again = domain_xml_format(&again, &options);
		ck_assert_str_eq(xml, xml_again);
		kfree(xml);
		kfree(xml_again);
		domain_config_release(&config);
		domain_config_release(&again);
	}
}
END_TEST

START_TEST(metadata_keeps_namespaces_of_its_ancestors)
{
	struct domain_config config, again;
	char *xml;

	ck_assert_msg(parse(&config, "<domain type='kvm' xmlns:x='urn:x' xmlns:solera='" SOLERA_DOMAIN_NAMESPACE "'><name>a</name>"
		"<memory>2048</memory><os><type>hvm</type><kernel>/solera/k</kernel></os>"
		"<metadata xmlns:y='urn:y'><solera:autostart/><x:a><y:b/></x:a></metadata></domain>") == OK, "%s", error.text);
	ck_assert(config.autostart);
	xml = domain_xml_format(&config, &(struct domain_xml_options){ 0 });
	ck_assert_msg(parse(&again, xml) == OK, "%s\n%s", error.text, xml);
	ck_assert_str_eq(config.metadata, again.metadata);
	kfree(xml);
	domain_config_release(&config);
	domain_config_release(&again);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("domain_xml");
	TCase *tcase = tcase_create("domain_xml");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, everything_is_read);
	tcase_add_test(tcase, units_are_libvirts);
	tcase_add_test(tcase, refusals_name_file_line_and_element);
	tcase_add_test(tcase, scsi_disks_and_drives);
	tcase_add_test(tcase, size_depth_and_count_are_bounded);
	tcase_add_test(tcase, what_was_dumped_defines_the_same);
	tcase_add_test(tcase, metadata_keeps_namespaces_of_its_ancestors);
	suite_add_tcase(suite, tcase);
	return suite;
}
