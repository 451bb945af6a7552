#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks against libvirt's own schema what hv/manage writes: the first 50 of the configurations that test_domain_xml generates.
set -eu
cd "$(dirname "$0")/../.."
program=build/unit/hv/manage/test/test_domain_xml
"${MAKE:-make}" -s "$program" >/dev/null
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
SOLERA_XML_OUT=$folder "$program" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
count=0
for file in "$folder"/*.xml; do
	virt-xml-validate "$file" domain >"$folder/log" 2>&1 || { cat "$folder/log" "$file"; echo "virt-xml: does not pass libvirt's schema"; exit 1; }
	count=$((count + 1))
done
[ "$count" -ge 50 ] || { echo "virt-xml: only $count documents were written"; exit 1; }
echo "virt-xml: $count documents pass libvirt's schema"
