#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tests tools/solera-stick: what it finds in disks and root folders, what stands on the stick, and each refusal in words.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export MTOOLS_SKIP_CHECK=1 LC_ALL=C.UTF-8
count=0
fail() { echo "stick.sh: $*"; exit 1; }
refused() {
	local want=$1 words=$2 status=0
	shift 2
	tools/solera-stick "$@" >"$work/said" 2>&1 || status=$?
	[ "$status" = "$want" ] || fail "$*: status $status, not $want: $(cat "$work/said")"
	grep -qF -- "$words" "$work/said" || fail "$*: said: $(cat "$work/said")"
	[ ! -e "$work/no.img" ] || fail "$*: left something behind"
	count=$((count + 1))
}
# A root folder as debootstrap leaves it, and the same in the second partition of a disk, as cloud images have it.
root=$work/root
mkdir -p "$root/boot" "$root/etc"
head -c 70000 /dev/urandom >"$root/boot/vmlinuz-6.1.0-9-amd64"
head -c 90000 /dev/urandom >"$root/boot/vmlinuz-6.1.0-10-amd64"
head -c 50000 /dev/urandom >"$root/boot/initrd.img-6.1.0-10-amd64"
cp "$root/boot/vmlinuz-6.1.0-10-amd64" "$work/want-kernel"
truncate -s 64M "$work/disk.raw"
printf 'label: gpt\n,4M,21686148-6449-6E6F-744E-656564454649\n,48M,L\n' | sfdisk -q "$work/disk.raw"
start=$(sfdisk --json "$work/disk.raw" | python3 -c 'import json, sys; print(json.load(sys.stdin)["partitiontable"]["partitions"][1]["start"])')
uuid=$(sfdisk --json "$work/disk.raw" | python3 -c 'import json, sys; print(json.load(sys.stdin)["partitiontable"]["partitions"][1]["uuid"].lower())')
ln -s boot/vmlinuz-6.1.0-10-amd64 "$root/vmlinuz"
mke2fs -q -F -t ext4 -E offset=$((start * 512)) -d "$root" "$work/disk.raw" 48M
rm "$root/vmlinuz"
qemu-img convert -O qcow2 "$work/disk.raw" "$work/disk.qcow2"
qemu-img create -q -f qcow2 -b disk.qcow2 -F qcow2 "$work/over.qcow2"
qemu-img convert -O vmdk "$work/disk.raw" "$work/disk.vmdk"

refused 2 'arguments are required: -o' --machine x
refused 2 'no --machine' -o "$work/no.img"
refused 2 'stands before the first --machine' -o "$work/no.img" --memory 1G --machine x
refused 2 'not a size like' -o "$work/no.img" --machine x --memory much
refused 2 'a name has letters' -o "$work/no.img" --machine 'a b'
refused 2 'two of that name' -o "$work/no.img" --machine a --machine A
refused 2 'no such file' -o "$work/no.img" --machine x --disk "$work/absent"
refused 2 'no such folder' -o "$work/no.img" --machine x --rootfs "$work/absent"
refused 2 'two answers' -o "$work/no.img" --machine x --rootfs "$root" --disk "$work/disk.raw"
refused 2 'goes with --kernel' -o "$work/no.img" --machine x --initrd "$work/disk.raw"
refused 1 'nothing to start' -o "$work/no.img" --machine x
refused 1 'vmdk images are not known' -o "$work/no.img" --machine x --disk "$work/disk.vmdk"
refused 1 'it lies on disk.qcow2' -o "$work/no.img" --machine x --disk "$work/over.qcow2"
refused 1 'no ext4 file system with a kernel' -o "$work/no.img" --machine x --disk "$work/want-kernel"
refused 1 'no kernel in /boot' -o "$work/no.img" --machine x --rootfs "$root/etc"

tools/solera-stick -o "$work/s.img" --machine web --memory 1G --vcpus 2 --disk "$work/disk.qcow2" --network default --autostart \
	--machine box --rootfs "$root" --size 40M >"$work/said"
grep -q 'start web --console' "$work/said" || fail "said: $(cat "$work/said")"
on() { mcopy -n -i "$work/s.img@@1M" "::$1" "$2"; }
for name in web box; do
	on "/solera/$name-vmlinuz" "$work/$name.kernel"
	cmp "$work/$name.kernel" "$work/want-kernel" || fail "$name: not the newest kernel"
	on "/solera/$name-initrd" "$work/$name.initrd"
	cmp "$work/$name.initrd" "$root/boot/initrd.img-6.1.0-10-amd64" || fail "$name: not that kernel's initrd"
	on "/solera/$name.xml" "$work/$name.xml"
	virt-xml-validate "$work/$name.xml" domain >/dev/null || fail "$name.xml is not valid"
done
grep -q "root=PARTUUID=$uuid ro" "$work/web.xml" || fail "web: $(cat "$work/web.xml")"
grep -q "<source network=\"default\"/>" "$work/web.xml" && grep -q '<vcpu>2</vcpu>' "$work/web.xml" || fail "web: $(cat "$work/web.xml")"
grep -q 'root=/dev/vda rw' "$work/box.xml" || fail "box: $(cat "$work/box.xml")"
on /machines/web.qcow2 "$work/back.qcow2"
qemu-img check -q "$work/back.qcow2" && qemu-img compare -q "$work/back.qcow2" "$work/disk.raw" || fail 'web.qcow2 is another disk'
on /machines/box.img "$work/back.img"
e2fsck -fn "$work/back.img" >/dev/null 2>&1 || fail 'box.img is no clean file system'
[ "$(debugfs -R 'cat /boot/vmlinuz-6.1.0-9-amd64' "$work/back.img" 2>/dev/null | sha256sum)" = "$(sha256sum <"$root/boot/vmlinuz-6.1.0-9-amd64")" ] ||
	fail 'box.img has other files'
echo "stick: $count refusals and 2 machines"
