# SPDX-License-Identifier: MIT
# `make check`, its stages, and what else people type. A stage NAME is the target check-NAME; other mk files add theirs
# with CHECK_STAGES += NAME=SECONDS (the room it has on two cores), or CHECK_FULL_STAGES for what is too long for it.
# This file is included last.
# boot.sh is a stage of its own.
TOOL_TESTS := $(filter-out tools/test/boot.sh,$(sort $(wildcard tools/test/*.sh)))
CHECK_STAGES += boot=120
CHECK_FULL_STAGES += boot-full=600 clang=300

ALL_CHECK_STAGES := includes=10 units=180 fuzz=120 tools=60 $(CHECK_STAGES)

.PHONY: clang check-clang check check-full check-units check-fuzz check-tools check-boot check-boot-full bench bench-build help
check: image ## all tests that fit into some minutes, with each stage's time
	@MAKE='$(MAKE)' tools/run-stages $(ALL_CHECK_STAGES)
check-full: image ## everything: check, and what is too long for it
	@MAKE='$(MAKE)' tools/run-stages $(ALL_CHECK_STAGES) $(CHECK_FULL_STAGES)

# Programs that share nothing: as many at once as there are CPUs.
check-units check-fuzz: check-%:
	@$(MAKE) --no-print-directory --jobs=$(shell nproc) --output-sync=target $*
check-tools: $(TOOL_TESTS:tools/test/%.sh=$(B)/tool-tests/%.passed)
$(B)/tool-tests/%.passed: tools/test/%.sh FORCE
	@mkdir -p $(@D)
	@$< > $@.log 2>&1 && { tail -n 1 $@.log; mv $@.log $@; } || { cat $@.log; echo "$<: FAILED"; exit 1; }

check-boot: $(B)/boot-test/BOOTX64.EFI $(B)/boot-test/solera.mb2
	@tools/test/boot.sh
check-boot-full: $(B)/boot-test/BOOTX64.EFI $(B)/boot-test/solera.mb2 $(B)/boot-test/test.img
	@tools/test/boot.sh --full

# The first process of the Linux boot that is measured: no libc, one file.
$(B)/bench/init: guest-tests/bench/init.S
	@mkdir -p $(@D)
	gcc -nostdlib -static -o $@ $<
$(B)/bench/initrd: $(B)/bench/init tools/demo-initrd
	tools/demo-initrd $@ --init $<
# The Linux whose reads of a disk are counted.
BENCH_DISK_MODULES := $(addprefix kernel/drivers/,virtio/virtio.ko virtio/virtio_ring.ko virtio/virtio_pci_legacy_dev.ko \
	virtio/virtio_pci_modern_dev.ko virtio/virtio_pci.ko block/virtio_blk.ko)
$(B)/bench/disk_reads: guest-tests/bench/disk_reads.c
	@mkdir -p $(@D)
	gcc -O2 -Wall -Wextra -Werror -static -o $@ $<
$(B)/bench/disk-initrd: $(B)/bench/disk_reads guest-tests/bench/disk-init tools/demo-initrd $(DEMO_KERNEL)
	tools/demo-initrd $@ --init guest-tests/bench/disk-init --program $< $(BENCH_DISK_MODULES:%=$(dir $(DEMO_KERNEL))modules/%)

# The whole image by the second compiler, in a build folder of its own, and booted with the demo machine.
clang: ## the image and the demo machine's, built by clang: build/clang/solera.img, build/clang/demo.img
	@mkdir -p $(B)/clang $(B)/deps
	@ln -sfn ../deps $(B)/clang/deps
	@$(MAKE) --no-print-directory CC=clang B=$(B)/clang image demo-image
check-clang: clang
	@tools/scenario --image $(B)/clang/demo.img guest-tests/clang/demo.py

bench-build: $(B)/guests/bench_exits.gtest $(B)/guests/bench/idle.gtest $(B)/bench/initrd $(B)/bench/disk-initrd $(DEMO_KERNEL)
	@mkdir -p $(B)/release $(B)/deps
	@ln -sfn ../deps $(B)/release/deps
	@$(MAKE) --no-print-directory CONFIG=release B=$(B)/release image iso
bench: bench-build ## figures beside their budgets; writes build/bench.json
	@tools/bench

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | sort -u | while IFS=$$'\t' read -r t w; do \
	  printf 'make %-16s %s\n' "$$t" "$$w"; done
