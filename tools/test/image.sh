#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tests tools/solera-image: what stands on its images, and each refusal in words.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export MTOOLS_SKIP_CHECK=1 LC_ALL=C.UTF-8
count=0
fail() { echo "image.sh: $*"; exit 1; }
head -c 5000 /dev/urandom >"$work/program"
head -c 300000 /dev/urandom >"$work/a file"
echo '<domain/>' >"$work/d.xml"
image() { tools/solera-image --efi "$work/program" --multiboot2 "$work/program" "$@"; }

# refused STATUS 'words' ARGS...
refused() {
	local want=$1 words=$2 status=0
	shift 2
	image "$@" >"$work/said" 2>&1 || status=$?
	[ "$status" = "$want" ] || fail "$*: status $status, not $want: $(cat "$work/said")"
	grep -qF -- "$words" "$work/said" || fail "$*: said: $(cat "$work/said")"
	[ ! -e "$work/no.img" ] && [ -z "$(compgen -G "$work/*.partial.*")" ] || fail "$*: left something behind"
	count=$((count + 1))
}
refused 2 '-o OUT.img is missing'
refused 2 'unknown argument --nonsense' --nonsense
refused 2 '--add needs a value' -o "$work/no.img" --add
refused 1 'no such file' -o "$work/no.img" --add "$work/absent"
refused 1 'no such folder' -o "$work/absent/no.img"
refused 1 'must end in .xml' -o "$work/no.img" --domain "$work/program"
refused 1 'added twice' -o "$work/no.img" --add "$work/d.xml=x" --add "$work/d.xml=X"
refused 1 'not a name' -o "$work/no.img" --add "$work/d.xml=a:b"
refused 1 'not a name' -o "$work/no.img" --add "$work/d.xml=.hidden"
refused 1 'more than 8 letters' -o "$work/no.img" --add "$work/d.xml=ä.xml"
refused 1 'at most 255 bytes' -o "$work/no.img" --add "$work/d.xml=$(printf 'x%.0s' {1..256})"
refused 1 'control characters' -o "$work/no.img" --cmdline $'a\nb'
refused 1 'longer than 4095' -o "$work/no.img" --cmdline "$(printf 'x%.0s' {1..4096})"
refused 1 'given by --add and by --cmdline' -o "$work/no.img" --cmdline x --add "$work/d.xml=CMDLINE.TXT"
refused 1 'need at least' -o "$work/no.img" --size 10
refused 2 'not a number' -o "$work/no.img" --size ten
truncate -s 5G "$work/huge"
refused 1 'below 4 GiB' -o "$work/no.img" --add "$work/huge"
refused 1 'not built yet' -o "$work/no.img" --efi "$work/absent"
image --help | grep -q -- --domain || fail 'no help'

image -o "$work/x.img" --add "$work/a file" --add "$work/a file=b c" --domain "$work/d.xml" --cmdline 'loglevel=7 größe'
esp=$work/x.img@@1M
sgdisk -v "$work/x.img" | grep -q 'No problems found' || fail 'the GPT is not clean'
sgdisk -i 1 "$work/x.img" | grep -q C12A7328-F81F-11D2-BA4B-00A0C93EC93B || fail 'no EFI system partition'
for pair in "$work/program:EFI/BOOT/BOOTX64.EFI" "$work/a file:solera/a file" "$work/a file:solera/b c" "$work/d.xml:solera/d.xml"; do
	mcopy -n -i "$esp" "::/${pair#*:}" - | cmp -s - "${pair%%:*}" || fail "${pair#*:} differs on the image"
done
[ "$(mcopy -n -i "$esp" ::/solera/cmdline.txt -)" = 'loglevel=7 größe' ] || fail 'cmdline.txt differs'
mdir -b -i "$esp" ::/solera | grep -q . || fail 'no folder'

image -o "$work/x.iso" --add "$work/a file" --cmdline y
xorriso -osirrox on -indev "$work/x.iso" -extract / "$work/tree" >/dev/null 2>&1
cmp -s "$work/tree/solera/a file" "$work/a file" || fail 'the ISO lacks a file'
[ "$(cat "$work/tree/solera/cmdline.txt")" = y ] || fail 'the ISO lacks cmdline.txt'
cmp -s "$work/tree/boot/solera.mb2" "$work/program" || fail 'the ISO lacks the boot program'
echo "solera-image: $count refusals in words, both kinds of image as asked"
