# SPDX-License-Identifier: MIT
# The demo machine: Debian's cloud kernel, a busybox initramfs, a domain that starts by itself; and running it.
DEMO_MODULES := kernel/drivers/acpi/button.ko kernel/drivers/input/evdev.ko
DEMO_INITRD := $(B)/demo/demo-initrd
DEMO_IMAGE := $(B)/demo.img

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
.PHONY: run run-bochs debug demo-image demo-iso
demo-image: $(DEMO_IMAGE)
demo-iso: $(DEMO_ISO)
run-bochs: $(DEMO_ISO) ## the same in Bochs, which emulates Intel VT-x
	@tools/solera-run --bochs --image $(DEMO_ISO) $(if $(SMP),--smp $(SMP)) $(if $(MEMORY),--memory $(MEMORY)) $(ARGS)
run: $(DEMO_IMAGE) ## boot Solera with the demo machine in the emulator (SMP=, MEMORY=, ACCEL=, ARGS=)
	@tools/solera-run $(RUN_OPTIONS)
debug: $(DEMO_IMAGE) ## the same, waiting for gdb; says what to type in a second terminal
	@echo 'In a second terminal: gdb -ex "target remote :1234" $(SOLERA_ELF)'
	@echo 'The firmware runs first. Solera is linked at -2 GiB and says at its start where it lies; after paging is on, symbols fit.'
	@tools/solera-run $(RUN_OPTIONS) --accel tcg -- -s -S
