#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tools/bench on benches that are made up: columns, misses, variants, the file that it writes, what it says of broken ones.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
checks=0
expect() { # WHAT COMMAND...
	local what=$1
	shift
	"$@" || { echo "bench: $what"; cat "$folder/out"; exit 1; }
	checks=$((checks + 1))
}
bench() {
	local status=0
	tools/bench --folder "$folder/d" -o "$folder/out.json" "$@" >"$folder/out" 2>&1 || status=$?
	echo "$status" >"$folder/status"
}
status_is() { [ "$(cat "$folder/status")" = "$1" ]; }
says() { grep -qE "$1" "$folder/out"; }

mkdir "$folder/d"
cat >"$folder/d/budgets" <<'E'
# a remark
exit.one instructions 300 2896
exit.two instructions 250 -
boot.ratio ratio 1.00 1.02
E
bench
expect 'no bench is an error' status_is 1
printf '#!/bin/sh\necho exit.one 243 300\necho exit.one.beside 243 400\necho exit.one.smp4 244\necho exit.one.vmx 187 200\necho exit.two 250\n' >"$folder/d/a"
printf '#!/bin/sh\necho boot.ratio 0.9207\n' >"$folder/d/b"
chmod +x "$folder/d/a" "$folder/d/b"
bench
expect 'all is met' status_is 0
expect 'a line a figure, its variants in columns' says '^exit\.one +243 +300 +243 +244 +187 +300 +2,896  instructions$'
expect 'what is not there is a dash' says '^exit\.two +250 +– +– +– +– +250 +–  instructions$'
expect 'fractions' says '^boot\.ratio +0\.921 .* 1 +1\.020  ratio$'
expect 'the file' python3 - "$folder/out.json" <<'E'
import json, sys
entries = json.load(open(sys.argv[1]))
assert [e['name'] for e in entries] == ['exit.one', 'exit.one.beside', 'exit.one.smp4', 'exit.one.vmx', 'exit.two', 'boot.ratio'], entries
assert all(set(e) == {'name', 'value', 'unit', 'budget', 'kvm'} for e in entries)
assert entries[0] == {'name': 'exit.one', 'value': 243, 'unit': 'instructions', 'budget': 300, 'kvm': 2896}
assert entries[3] == {'name': 'exit.one.vmx', 'value': 187, 'unit': 'instructions', 'budget': 300, 'kvm': None}
E
printf '#!/bin/sh\necho exit.one 243\necho exit.one.vmx 301\necho exit.two 251\n' >"$folder/d/a"
bench a
expect 'a miss is an error' status_is 1
expect 'a miss of a variant is named' says '^exit\.one .*instructions   MISSED VT-x$'
expect 'a miss' says '^exit\.two .*instructions   MISSED$'
printf '#!/bin/sh\necho exit.two 5\nexit 3\n' >"$folder/d/a"
bench a
expect 'a bench that fails is an error' status_is 1
expect 'and said so' says '^bench: a: exit status 3$'
expect 'what it measured is shown' says '^exit\.two +5 '
printf '#!/bin/sh\necho exit.two many\n' >"$folder/d/a"
bench a
expect 'no number' says 'not `name value \[maximum\]`: exit.two many'
printf '#!/bin/sh\nsleep 60\n' >"$folder/d/a"
bench --timeout 1 a
expect 'one without end' says '^bench: a: no end within 1 s$'
# As a bench's emulators are started: in the background, by timeout, which makes a process group of its own.
printf '#!/bin/sh\ntimeout 60 sh -c "echo \\$\\$ >%s/child; exec sleep 60" &\nsleep 60\n' "$folder" >"$folder/d/a"
bench --timeout 1 a
expect 'what it started ends with it' sh -c "[ -s '$folder/child' ] && ! kill -0 \"\$(cat '$folder/child')\" 2>/dev/null"
bench c
expect 'an unknown one' says '^bench: no such bench: c$'
echo "bench: $checks expectations of columns, misses and words hold"
