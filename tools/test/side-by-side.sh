#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/vmx-and-svm.md, English and Spanish, names functions and files: each must be there, and a function in the file beside it.
# The form in the page: `function` (`file`) for one that stands in arch/svm, arch/vmx or where the path says.
set -euo pipefail
cd "$(dirname "$0")/../.."
failed=0
wrong() {
	echo "tools/test/side-by-side: $*"
	failed=1
}

# find_file NAME: its path; a bare name is the backends'
find_file() {
	for place in "$1" "arch/svm/$1" "arch/vmx/$1" "arch/x86/$1"; do
		[ -f "$place" ] && echo "$place" && return
	done
	return 1
}
for page in docs/vmx-and-svm.md docs/es/vmx-and-svm.md; do
	while IFS= read -r pair; do
		name=${pair%% *} file=$(find_file "${pair#* }") || { wrong "$page: no file ${pair#* }"; continue; }
		grep -qw "$name" "$file" || wrong "$page: $name is not in $file"
	done < <(grep -oE '`[a-z_0-9]+` \(`[a-zA-Z_0-9/]+\.[chS]`' "$page" | tr -d '`(')
	while IFS= read -r file; do
		find_file "$file" >/dev/null || wrong "$page: no file $file"
	done < <(grep -oE '`[a-zA-Z_0-9/]+\.[chS]`' "$page" | tr -d '`' | sort -u)
	pairs=$(grep -cE '`[a-z_0-9]+` \(`' "$page" || true)
	[ "$pairs" -ge 15 ] || wrong "$page: only $pairs lines name a function and its file"
done
rows() { grep -c '^|' "$1"; }
[ "$(rows docs/vmx-and-svm.md)" = "$(rows docs/es/vmx-and-svm.md)" ] || wrong "the two languages have different numbers of rows"
exit $failed
