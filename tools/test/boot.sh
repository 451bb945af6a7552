#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots the payload of boot/test through each front door and demands what the hand-over record must say.
# boot.sh [--full] : with --full also what takes long (several gigabytes of files, Bochs with OVMF).
set -euo pipefail
cd "$(dirname "$0")/../.."
full=''
if [ "${1:-}" = --full ]; then full=1; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export MTOOLS_SKIP_CHECK=1
fail() {
	echo "boot.sh: $name: $*"
	echo "--- serial log"
	cat "$work/log"
	exit 1
}
efi=build/boot-test/BOOTX64.EFI mb2=build/boot-test/solera.mb2
image() { tools/solera-image --efi $efi --multiboot2 $mb2 "$@"; }
count=0

# boot NAME ARGS...: runs until the payload's last line; the log is in $work/log.
boot() {
	name=$1
	shift
	timeout 300 tools/solera-run "$@" </dev/null >"$work/raw" 2>"$work/err" || true
	tr -d '\r' <"$work/raw" | sed -n '/payload: entered/,$p' >"$work/log"
	grep -q '^payload: end' "$work/log" || { cat "$work/raw" "$work/err" >"$work/log"; fail 'the payload did not come to its end'; }
	want 'record: good'
	want 'memory map: in order'
	count=$((count + 1))
}
want() { grep -qE -- "$1" "$work/log" || fail "no line '$1'"; }
never() { ! grep -qE -- "$1" "$work/log" || fail "a line '$1'"; }
end=(-device isa-debug-exit,iobase=0xf4,iosize=1)
sum() {
	python3 -c 'import sys
s = 1
for b in open(sys.argv[1], "rb").read(): s = (s * 31 + b) & 0xffffffff
print(f"{s:x}")' "$1"
}

head -c 5000000 /dev/urandom >"$work/random"
echo one >"$work/one"
: >"$work/empty"
files=(--add "$work/random=größere-datei.bin" --add "$work/one=one two.txt" --add "$work/empty" --cmdline 'a=1 grün')
demand_files() {
	want "^module größere-datei.bin at [0-9a-f]*000 size 4c4b40 sum $(sum "$work/random")"
	want "^module one two.txt at [0-9a-f]*000 size 4 sum $(sum "$work/one")"
	want '^module empty at [0-9a-f]*000 size 0 sum 1$'
	want '^command line: a=1 grün$'
	never '^skipped'
}
image -o "$work/x.img" "${files[@]}"
image -o "$work/x.iso" "${files[@]}"

boot 'q35, OVMF 4M, 8 CPUs' --image "$work/x.img" --smp 8 --memory 1G -- "${end[@]}"
demand_files
want '^cpu 0 flags 7'
want '^cpu 7 flags 6'
want '^rsdp [1-9a-f].* smbios [1-9a-f].* system table [1-9a-f].* attributes [1-9a-f]'
want '^framebuffer [1-9a-f][0-9a-f]* width [1-9a-f].* format 1'
want '^memory .* type 8 attributes 80000000000[0-9a-f]*'
boot 'pc, OVMF 2M, 256 MiB, no screen' --image "$work/x.img" --machine pc --firmware 2m --memory 256M -- "${end[@]}" -vga none
demand_files
want '^framebuffer 0 '
boot 'GRUB on a BIOS, 64 GiB' --bios --image "$work/x.iso" --memory 64G -- "${end[@]}"
demand_files
want '^firmware BIOS, by GRUB'
want '^rsdp [1-9a-f].* smbios [1-9a-f].* system table 0'
want '^memory 100000000 \+ '
want '^framebuffer [1-9a-f][0-9a-f]* width 400 height 300 stride 1000 format 1'
boot 'GRUB on UEFI' --image "$work/x.iso" --memory 512M -- "${end[@]}"
demand_files
want '^firmware UEFI, by GRUB'
want 'system table [1-9a-f].* attributes [1-9a-f]'

# 64 GiB without 1 GiB pages: the identity map takes 2 MiB pages. Bad command line; a file too large for memory.
head -c 200000000 /dev/zero >"$work/large"
printf 'con\001sole=\377x' >"$work/cmdline.txt"
image -o "$work/y.img" --add "$work/large" --add "$work/one" --add "$work/cmdline.txt"
boot '64 GiB, no 1 GiB pages' --image "$work/y.img" --memory 64G --cpu EPYC,-pdpe1gb -- "${end[@]}"
want '^module large at [0-9a-f]*000 size bebc200'
want '^cmdline.txt: bytes that are no UTF-8 text were dropped'
want '^command line: console=x'
boot 'a file too large for memory' --image "$work/y.img" --memory 256M -- "${end[@]}"
want '^skipped large: 191 MiB would leave less than a quarter of memory free'
want '^module one at'

# A stick with other files on it and no \solera\.
image -o "$work/z.img"
mdeltree -i "$work/z.img@@1M" ::/solera
mmd -i "$work/z.img@@1M" ::/holidays
mcopy -i "$work/z.img@@1M" "$work/one" ::/holidays/one.txt
boot 'no folder' --image "$work/z.img" --memory 512M -- "${end[@]}"
want '^no files: folder .solera: not found'
never '^module'

if [ -n "$full" ]; then
	# No default loader on the volume: the firmware comes to its shell, and that starts ours from another path.
	image -o "$work/s.img" --add "$work/one"
	printf 'fs0:\r\n\\tools\\start.efi\r\n' >"$work/startup.nsh"
	mmd -i "$work/s.img@@1M" ::/tools
	mcopy -i "$work/s.img@@1M" $efi ::/tools/start.efi
	mcopy -i "$work/s.img@@1M" "$work/startup.nsh" ::/startup.nsh
	mdel -i "$work/s.img@@1M" ::/EFI/BOOT/BOOTX64.EFI
	boot 'from the UEFI shell' --image "$work/s.img" --memory 512M -- "${end[@]}"
	want '^module one at'
	boot 'Bochs, GRUB on its BIOS' --bochs --image "$work/x.iso"
	demand_files
	boot 'Bochs, OVMF' --bochs --uefi --image build/boot-test/test.img
	want '^cpu 0 flags 7'
	want '^rsdp 0 '
	for i in 1 2 3; do truncate -s 1500M "$work/big$i"; done
	image -o "$work/big.img" --add "$work/big1" --add "$work/big2" --add "$work/big3" --add "$work/one"
	boot 'gigabytes of files, 4 GiB' --image "$work/big.img" --memory 4G -- "${end[@]}"
	want '^module big1 at'
	want '^module big2 at'
	want '^skipped big3: 1500 MiB would leave less than a quarter'
	want '^module one at'
fi
echo "boot: $count machines entered, records as demanded"
