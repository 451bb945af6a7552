#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tests tools/solera-run's options (nothing is booted here: boot.sh does that), run-stages, bench and setup's refusals.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
fail() { echo "run.sh: $*"; exit 1; }
touch "$work/x.img" "$work/x.iso"

# says STATUS 'words' COMMAND...: exit status and a part of what it says
says() {
	local want=$1 words=$2 status=0
	shift 2
	"$@" >"$work/said" 2>&1 </dev/null || status=$?
	[ "$status" = "$want" ] || fail "$*: status $status, not $want: $(cat "$work/said")"
	grep -qF -- "$words" "$work/said" || fail "$*: said: $(cat "$work/said")"
	count=$((count + 1))
}
run=tools/solera-run
says 0 'Ctrl-T x' $run --help
says 2 'unknown argument --what' $run --what
says 2 'not a number of CPUs' $run --smp 0
says 2 'not a size' $run --memory lots
says 2 'q35 or pc' $run --machine isapc
says 2 'kvm or tcg' $run --accel hvf
says 2 '4m or 2m' $run --firmware 8m
says 2 'needs a value' $run --image
says 1 'no such image' $run --image "$work/absent.img"
says 1 '.iso images only' $run --bios --image "$work/x.img"
says 1 '.iso images only' $run --bochs --image "$work/x.img"
says 2 '--uefi goes with --bochs' $run --uefi
says 2 'do not go to Bochs' $run --bochs --image "$work/x.iso" -- -s
says 2 'counts under tcg only' $run --image "$work/x.img" --icount --accel kvm
says 0 'OVMF_CODE_4M.fd' $run --image "$work/x.img" --dry-run --accel tcg
says 0 '-icount shift=0' $run --image "$work/x.img" --dry-run --icount
says 0 'reserve=off' $run --image "$work/x.img" --dry-run --accel tcg --memory 64G
says 0 '-device nvme' $run --image "$work/x.img" --dry-run --accel tcg -- -device nvme
says 0 'hostfwd=udp:127.0.0.1:53-:5353' $run --image "$work/x.img" --dry-run --forward 2222:22 --forward 53:5353/udp
says 0 'device virtio-net-pci' $run --image "$work/x.img" --dry-run --forward 8080:80
says 0 'device e1000e' $run --image "$work/x.img" --dry-run --card e1000e
says 2 'not a port' $run --image "$work/x.img" --dry-run --forward 70000:80
says 2 'not a port' $run --image "$work/x.img" --dry-run --forward 80
says 2 'virtio, e1000 or e1000e' $run --image "$work/x.img" --dry-run --card rtl8139
says 0 'ide-cd' $run --image "$work/x.iso" --dry-run --accel tcg --bios
! grep -q pflash "$work/said" || fail '--bios took OVMF'
says 0 'BIOS-bochs-latest' $run --bochs --image "$work/x.iso" --dry-run
says 0 'OVMF.fd' $run --bochs --uefi --image "$work/x.img" --dry-run --cpu ryzen
grep -q 'model=ryzen' "$work/said" || fail '--cpu does not reach Bochs'
says 1 '4 to 2048 MiB' $run --bochs --image "$work/x.iso" --memory 4G --dry-run
ACCEL=tcg says 0 'accel tcg' $run --image "$work/x.img" --dry-run

# The probe's two answers, from guests whose answer is known.
make -s build/kvm-probe.img
for case in '33 EPYC' '35 EPYC,-svm'; do
	status=0
	timeout 30 qemu-system-x86_64 -accel tcg -cpu "${case#* }" -m 16 -nodefaults -display none -device isa-debug-exit,iobase=0xf4,iosize=1 \
		-drive file=build/kvm-probe.img,format=raw,readonly=on,if=floppy </dev/null >/dev/null 2>&1 || status=$?
	[ "$status" = "${case% *}" ] || fail "kvm-probe on ${case#* }: exit status $status"
	count=$((count + 1))
done

says 2 'unknown argument nonsense' tools/setup nonsense
says 1 'there is no lib/xmlparse.c in it' env EXPAT_SRC="$work" tools/setup expat

cat >"$work/make" <<'EOF'
#!/bin/sh
case "$*" in *check-good*) exit 0 ;; *) exit 3 ;; esac
EOF
chmod +x "$work/make"
says 0 'passed' env MAKE="$work/make" tools/run-stages good=5
says 1 'FAILED: bad' env MAKE="$work/make" tools/run-stages bad=5 good=5
grep -q '^good .*passed' "$work/said" || fail 'a failed stage kept the next one from running'
echo "tools: $count words and exit statuses as they should be"
