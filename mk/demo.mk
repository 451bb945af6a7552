# SPDX-License-Identifier: MIT
# The demo machine: Debian's cloud kernel, a busybox initramfs, a domain that starts by itself; and running it.
DEMO_MODULES := kernel/drivers/acpi/button.ko kernel/drivers/input/evdev.ko
DEMO_INITRD := $(B)/demo/demo-initrd
DEMO_IMAGE := $(B)/demo.img

# What a guest with virtio disks and cards needs more; and a small ext4 file system to be that disk, the same bytes each time.
DISK_MODULES := $(DEMO_MODULES) $(addprefix kernel/drivers/,virtio/virtio.ko virtio/virtio_ring.ko virtio/virtio_pci_legacy_dev.ko \
	virtio/virtio_pci_modern_dev.ko virtio/virtio_pci.ko block/virtio_blk.ko char/hw_random/virtio-rng.ko \
	char/virtio_console.ko virtio/virtio_balloon.ko scsi/scsi_common.ko scsi/scsi_mod.ko cdrom/cdrom.ko scsi/virtio_scsi.ko \
	scsi/sd_mod.ko scsi/sr_mod.ko net/net_failover.ko net/virtio_net.ko) kernel/fs/isofs/isofs.ko \
	kernel/net/core/failover.ko
DISK_INITRD := $(B)/demo/disk-initrd
DISK_IMAGE := $(B)/demo/ext4.img
$(DISK_INITRD): guest-tests/demo/init tools/demo-initrd $(DEMO_KERNEL)
	@mkdir -p $(@D)
	tools/demo-initrd $@ --program /usr/sbin/e2fsck $(DISK_MODULES:%=$(dir $(DEMO_KERNEL))modules/%)
$(DISK_IMAGE): mk/demo.mk README.md
	@mkdir -p $(@D)/ext4; cp README.md $(@D)/ext4/
	rm -f $@; SOURCE_DATE_EPOCH=0 mke2fs -q -t ext4 -L solera -U 5013a000-de30-4000-8000-0000000000d1 -d $(@D)/ext4 $@ 24M

$(DEMO_INITRD): guest-tests/demo/init tools/demo-initrd $(DEMO_KERNEL)
	@mkdir -p $(@D)
	tools/demo-initrd $@ $(DEMO_MODULES:%=$(dir $(DEMO_KERNEL))modules/%)
$(DEMO_IMAGE): $(B)/boot/BOOTX64.EFI $(DEMO_KERNEL) $(DEMO_INITRD) guest-tests/demo/demo.xml tools/solera-image
	tools/solera-image --efi $< --add $(DEMO_KERNEL)=demo-vmlinuz --add $(DEMO_INITRD) --domain guest-tests/demo/demo.xml -o $@

DEMO_ISO := $(B)/demo.iso
$(DEMO_ISO): $(B)/boot/solera.mb2 $(DEMO_KERNEL) $(DEMO_INITRD) guest-tests/demo/demo.xml tools/solera-image boot/iso/grub.cfg
	tools/solera-image --multiboot2 $< --add $(DEMO_KERNEL)=demo-vmlinuz --add $(DEMO_INITRD) --domain guest-tests/demo/demo.xml -o $@

# Options of `make run`: SMP, MEMORY, ACCEL, ARGS (more words for tools/solera-run).
RUN_OPTIONS = --image $(DEMO_IMAGE) $(if $(SMP),--smp $(SMP)) $(if $(MEMORY),--memory $(MEMORY)) $(if $(ACCEL),--accel $(ACCEL)) $(ARGS)
.PHONY: run run-bochs debug demo-image demo-iso demo-disk
demo-image: $(DEMO_IMAGE)
demo-disk: $(DISK_INITRD) $(DISK_IMAGE)
demo-iso: $(DEMO_ISO)
run-bochs: $(DEMO_ISO) ## the same in Bochs, which emulates Intel VT-x
	@tools/solera-run --bochs --image $(DEMO_ISO) $(if $(SMP),--smp $(SMP)) $(if $(MEMORY),--memory $(MEMORY)) $(ARGS)
run: $(DEMO_IMAGE) ## boot Solera with the demo machine in the emulator (SMP=, MEMORY=, ACCEL=, ARGS=)
	@tools/solera-run $(RUN_OPTIONS)
debug: $(DEMO_IMAGE) ## the same, waiting for gdb; says what to type in a second terminal
	@echo 'In a second terminal: gdb -ex "target remote :1234" $(SOLERA_ELF)'
	@echo 'The firmware runs first. Solera is linked at -2 GiB and says at its start where it lies; after paging is on, symbols fit.'
	@tools/solera-run $(RUN_OPTIONS) --accel tcg -- -s -S
