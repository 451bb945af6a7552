#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same commands for virsh's own test driver (virsh -c test:///default) and for Solera's shell, hosted, over a fake machine:
# outputs must be the same, letter by letter, but for what normalise() takes out, each with its why. Then every dumpxml
# of Solera's goes through libvirt's schema.
set -eu
# virsh writes what is not ASCII as escapes where the locale knows no UTF-8, as on a machine without one.
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.."
program=$PWD/build/unit/hv/shell/test/test_domain_commands
# By its name in the build's rules: an absolute one is unknown to make.
"${MAKE:-make}" -s "${program#"$PWD/"}" >/dev/null
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/virsh" "$folder/solera"

# One machine in both dialects: the test driver knows no kernels' files, Solera no machine without one.
machine() { # FILE NAME UUID MORE
	local head="<name>$2</name><uuid>$3</uuid><memory>1048576</memory>"
	echo "<domain type='test'>$head<os><type>hvm</type></os>$4</domain>" >"$folder/virsh/$1"
	echo "<domain type='kvm'>$head<os><type>hvm</type><kernel>/solera/vmlinuz</kernel></os><features><acpi/></features>$4</domain>" \
		>"$folder/solera/$1"
}
machine a2.xml a 11111111-1111-4111-8111-111111111111 ''
machine same-uuid.xml b 11111111-1111-4111-8111-111111111111 ''
machine other-uuid.xml a 11111111-2222-4111-8111-111111111111 ''
machine b.xml B 22222222-1111-4111-8111-111111111111 '<title>the title</title>'
machine long.xml a-much-longer-name 33333333-1111-4111-8111-111111111111 '<title>ein längerer Titel</title>'
machine d.xml dé 44444444-1111-4111-8111-111111111111 ''

# The same pools in both; the test driver knows no places, so what is in a pool is compared by the scenario `pools`.
for side in virsh solera; do
	echo "<pool type='dir'><name>p</name><uuid>66666666-1111-4111-8111-111111111111</uuid><target><path>/sda1/p</path></target></pool>" \
		>"$folder/$side/p.xml"
	echo "<pool type='dir'><name>p</name><uuid>77777777-1111-4111-8111-111111111111</uuid><target><path>/sda1/p</path></target></pool>" \
		>"$folder/$side/p-other.xml"
	echo "<pool type='dir'><name>another-pool</name><uuid>66666666-1111-4111-8111-111111111111</uuid><target><path>/sda1/r</path></target></pool>" \
		>"$folder/$side/p-same.xml"
	echo "<pool type='dir'><name>third</name><uuid>88888888-1111-4111-8111-111111111111</uuid><target><path>/sda1/p</path></target></pool>" \
		>"$folder/$side/p-place.xml"
done

# Both begin with nothing but the id 1 used up, and without pools.
cat >"$folder/virsh/prelude" <<'E'
destroy test
undefine test
pool-destroy default-pool
pool-undefine default-pool
E
cat >"$folder/solera/prelude" <<'E'
define a.xml
start a
destroy a
undefine a
E
cat >"$folder/commands" <<'E'
list
list --all
list --name
define a2.xml
define a2.xml
define same-uuid.xml
define other-uuid.xml
create other-uuid.xml
create same-uuid.xml
define nosuch.xml
create nosuch.xml
list
list --all
list --inactive
list --all --name
list --all --id
list --all --uuid
list --all --uuid --name
list --all --id --name
list --all --id --uuid
list --inactive --id
list --state-shutoff
list --state-running --all
list --state-paused --state-running
list --state-other --all
list --persistent
list --transient
list --all --persistent
list --all --transient
list --all --autostart
list --all --no-autostart
list --all --with-snapshot
list --all --without-snapshot
list --all --with-checkpoint
list --all --with-managed-save
list --all --without-managed-save --managed-save
list --all --title
list --all --title --table
list --all --title --uuid
list --table --uuid
list --table --id --uuid --name
list foo
list --foo
list --all=3
list -a
list --al
dominfo a
dominfo nosuch
dominfo
dominfo --domain
dominfo a b
dominfo --domain a
dominfo --domain=a
domstate a
domstate a --reason
domstate --reason a
domstate a --reason=1
domstate nosuch
domid a
domid
domid 11111111-1111-4111-8111-111111111111
domuuid a
domuuid 99
domname 11111111-1111-4111-8111-111111111111
domname 99
domname
suspend a
resume a
shutdown a
reboot a
reset a
destroy a
destroy a --graceful
inject-nmi a
domtime a
console a
console nosuch
vcpuinfo a
vcpuinfo a --pretty
vcpuinfo nosuch
domstats --state a
domstats --foo
domstats nosuch
autostart a
list --all --autostart
dominfo a
autostart --disable a
autostart a --disable
start nosuch
start
start --foo a
start --domain a --domain a
start a --console=1
start "a
start a
start a
dominfo a
domstate a --reason
domid a
domname 2
domuuid 2
list
list --all
list --id
list --id --name
list --id --uuid --name --title
create a2.xml
domstats --state a
suspend a
domstate a --reason
list
list --state-paused
start a
suspend a
resume a
domstate a --reason
resume a
inject-nmi a
reboot a
reboot a --mode acpi
reboot a --mode foo
shutdown a --mode foo
domstate a
reset a
domstate a
domtime a --now --time 3
domtime a --time foo
shutdown a
domstate a --reason
list --all
shutdown a
start a
destroy a
domstate a --reason
destroy a
create b.xml
dominfo B
domstate B --reason
list --title
list --all
list --all --title
list --transient
list --all --persistent
suspend B
resume B
destroy B
list --all
domstate B
create b.xml
shutdown B
domstate B
define b.xml
define long.xml
define d.xml
list --all
list --all --title
list --all --name
start long.xml
start a-much-longer-name
start dé
list
list --all
list --inactive
undefine a-much-longer-name
dominfo a-much-longer-name
list --all
destroy a-much-longer-name
list --all
desc B --title
desc B
desc B some words here
desc B
desc B --title a new title
desc B --title
list --all --title
undefine B
undefine B
undefine nosuch
autostart nosuch
dumpxml nosuch
dumpxml
create
suspend nosuch
resume
reset
event
event --event foo
event --event lifecycle --timeout 1
event --domain a --all --timeout 1
list --all --inactive
list --all --state-shutoff --persistent --name
define a2.xml --foo
define a2.xml b.xml
define --file a2.xml
define --file=nosuch.xml
define ""
create a2.xml --foo
create --file b.xml
suspend 2222
suspend 22222222-1111-4111-8111-111111111111
resume 22222222-1111-4111-8111-111111111111
reset 22222222-1111-4111-8111-111111111111
vcpuinfo B
vcpuinfo B --pretty
cpu-stats B --start 0 --count 1
cpu-stats B --count 1 --total
cpu-stats B --total
cpu-stats B --count 0
cpu-stats B --start -1
cpu-stats B --count -2
cpu-stats B --start foo
cpu-stats B --foo
cpu-stats a
cpu-stats a --total
cpu-stats
cpu-stats nosuch
vcpuinfo --domain B --foo
vcpuinfo a B
inject-nmi B --foo
inject-nmi
inject-nmi a b
shutdown
shutdown --mode
shutdown B --mode acpi,foo
reboot nosuch
reboot
reset nosuch
reset B C
suspend
suspend B B
resume nosuch
destroy
destroy nosuch
destroy B --foo
destroy B
start a --paused --foo
start --domain=a
autostart 11111111-1111-4111-8111-111111111111
autostart 11111111-1111-4111-8111-111111111111 --disable
suspend --domain a
resume a
resume --domain a
destroy --domain=a
start 99
start 11111111-1111-4111-8111-111111111111
destroy 11111111-1111-4111-8111-111111111111
start 11111111-1111-4111-8111-11111111111
undefine
undefine --foo a
autostart
autostart a b
autostart --foo a
autostart a --disable --disable
edit
edit nosuch
edit a b
edit --foo a
dumpxml a b
dumpxml --foo a
dumpxml 99
domname --foo
domuuid --domain nosuch
domid a b
dominfo 99
dominfo ""
dominfo ''
dominfo a --all
domstate a b
domstate --domain nosuch --reason
domtime
domtime nosuch
domtime a b
domtime a --time
domtime a --pretty --foo
console
console a b
console --foo a
domstats a --foo
domstats --state nosuch
desc nosuch
desc
undefine 11111111-1111-4111-8111-111111111111
list --all
pool-list --all
pool-define p.xml
pool-define p-other.xml
pool-define p-same.xml
pool-define p-place.xml
pool-define nosuch.xml
pool-define-as zz dir --target /sda1/zz
pool-list
pool-list --all
pool-list --inactive
pool-list --all --details
pool-list --all --type dir
pool-list --all --foo
pool-info p
pool-info 66666666-1111-4111-8111-111111111111
pool-info nosuch
pool-info
pool-uuid p
pool-uuid nosuch
pool-start nosuch
pool-destroy p
pool-destroy nosuch
pool-autostart p
pool-list --all --autostart
pool-list --all --no-autostart
pool-list --all
pool-info p
pool-autostart p --disable
pool-autostart nosuch
pool-refresh nosuch
pool-refresh p
pool-dumpxml nosuch
vol-list p
vol-list nosuch
vol-list
vol-info x --pool nosuch
vol-info /nosuch
vol-path /nosuch
vol-delete /nosuch
vol-clone /nosuch new
vol-resize /nosuch 1M
vol-create-as p z 2X
vol-create-as nosuch z 2M
pool-undefine p
pool-undefine p
pool-undefine zz
help-no-such
E
sed -i '/^create$/d' "$folder/commands" # Solera reads what is pasted; virsh demands <file>
cat "$folder/virsh/prelude" "$folder/commands" >"$folder/virsh/in"
cat "$folder/solera/prelude" "$folder/commands" >"$folder/solera/in"

(cd "$folder/virsh" && virsh -c test:///default <in >out 2>&1)
files=
for file in "$folder"/solera/*.xml; do files="$files $file"; done
run_solera() {
	SOLERA_SHELL_FILES=$files SOLERA_SHELL_COMMANDS=$folder/solera/in SOLERA_SHELL_OUTPUT=$folder/solera/out \
		"$program" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
}
run_solera

normalise() { # FILE PRELUDE-LINES
	local words=(
		-e 's/^virsh # /# /' -e '/^# $/d'
		-e 's/^OS Type:        (linux|hvm)$/OS Type:/' # the test driver pretends Linux; qemu and Solera say hvm
		-e '/^CPU time:/d' # the host's clock there; here time really spent, none when it never ran
		-e '/^Security (model|DOI|label):/d' # the test driver pretends a security model
		-e '/^It (is kept in|lives until power-off|will be there again)/d' # Solera's own words: where a definition is kept
		-e 's/^Time: [0-9]+$/Time/' # invented there, the clock here
		-e 's/^CPU:            [0-9]+$/CPU:/' # likewise
		-e 's/[ 0-9]{9}\.[0-9]{9} seconds$/SECONDS/' # likewise: names, columns and order must be the same
	)
	sed -E "${words[@]}" "$1" | awk -v skip="$2" '/^# / { n++ } n > skip && (NF || !/^$/)'
}
normalise "$folder/virsh/out" "$(wc -l <"$folder/virsh/prelude")" >"$folder/expected"
normalise "$folder/solera/out" "$(wc -l <"$folder/solera/prelude")" >"$folder/got"
if ! diff -u --label "virsh -c test:///default" --label "Solera's shell" "$folder/expected" "$folder/got"; then
	echo "virsh-oracle: Solera's verbs differ from virsh's"
	exit 1
fi
count=$(grep -c '^# ' "$folder/got")
[ "$count" -ge 150 ] || { echo "virsh-oracle: only $count commands were compared"; exit 1; }

# What dumpxml prints passes libvirt's schema, running or not.
dump() { awk -v want="# $1" '/^# / { on = ($0 == want); next } on' "$2" | sed '/^$/d'; }
cat >"$folder/solera/in" <<'E'
define a2.xml
define long.xml
dumpxml a
start a
start a-much-longer-name --paused
autostart a-much-longer-name
dumpxml a --inactive
dumpxml 1
dumpxml a-much-longer-name
capabilities
domcapabilities
E
run_solera
for command in 'dumpxml a' 'dumpxml a --inactive' 'dumpxml 1' 'dumpxml a-much-longer-name' capabilities domcapabilities; do
	case $command in capabilities) schema=capability ;; domcapabilities) schema=domaincaps ;; *) schema=domain ;; esac
	dump "$command" "$folder/solera/out" >"$folder/dump.xml"
	virt-xml-validate "$folder/dump.xml" $schema >"$folder/log" 2>&1 ||
		{ cat "$folder/dump.xml" "$folder/log"; echo "virsh-oracle: $command does not pass libvirt's schema"; exit 1; }
done
echo "virsh-oracle: $count commands say what virsh says; 6 documents pass libvirt's schema"
