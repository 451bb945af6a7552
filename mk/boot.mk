# SPDX-License-Identifier: MIT
# The front doors (boot/efi, boot/multiboot2) and the images that hold them. The hypervisor's ELF comes from mk/hv.mk.
SOLERA_ELF ?= $(B)/solera.elf

BOOT_WARNINGS := $(filter-out -Wundef,$(WARNINGS))
BOOT_FLAGS := -std=gnu11 -O2 -g -ffreestanding -mno-red-zone -mgeneral-regs-only -fshort-wchar -fno-stack-protector \
              -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-tree-loop-distribute-patterns -I. $(BOOT_WARNINGS) \
              -MMD -MP
ifneq ($(findstring clang,$(CC)),)
BOOT_FLAGS := $(filter-out -fno-tree-loop-distribute-patterns,$(BOOT_FLAGS)) -Wno-unknown-warning-option
endif
EFI_FLAGS := $(BOOT_FLAGS) -fpic -fvisibility=hidden -DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi \
             -isystem /usr/include/efi/x86_64

BOOT_SHARED := boot/bytes.c boot/text.c boot/command_line.c boot/ranges.c boot/efi_map.c boot/image.c boot/identity.c boot/enter.S
EFI_SOURCES := $(wildcard boot/efi/*.c) $(BOOT_SHARED)
EFI_OBJECTS := $(patsubst %,$(B)/efi/%.o,$(EFI_SOURCES))

$(B)/flags.boot: FORCE
	@mkdir -p $(@D); echo '$(CC) $(EFI_FLAGS)' | cmp -s - $@ || echo '$(CC) $(EFI_FLAGS)' > $@
$(B)/efi/%.o: % $(B)/flags.boot
	@mkdir -p $(@D)
	$(CC) $(EFI_FLAGS) -c -o $@ $<

# $(1): folder in build/ for the application  $(2): the ELF that it embeds
define EFI_APPLICATION
$(B)/$(1)/embedded.elf: $(2)
	@mkdir -p $$(@D)
	objcopy --strip-all $$< $$@
$(B)/$(1)/embed.o: boot/efi/embed.S $(B)/$(1)/embedded.elf $(B)/flags.boot
	$(CC) -DEMBEDDED_ELF='"$(B)/$(1)/embedded.elf"' -c -o $$@ $$<
$(B)/$(1)/boot.so: $(EFI_OBJECTS) $(B)/$(1)/embed.o
	ld -nostdlib -znocombreloc -shared -Bsymbolic --no-undefined -znoexecstack --no-warn-rwx-segments \
	    -T /usr/lib/elf_x86_64_efi.lds -o $$@ /usr/lib/crt0-efi-x86_64.o $$(filter %.o,$$^) -L/usr/lib -lgnuefi
$(B)/$(1)/BOOTX64.EFI: $(B)/$(1)/boot.so
	objcopy -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel -j .rela -j '.rel.*' -j '.rela.*' -j .reloc \
	    --output-target efi-app-x86_64 --subsystem=10 $$< $$@
endef
$(eval $(call EFI_APPLICATION,boot,$(SOLERA_ELF)))
$(eval $(call EFI_APPLICATION,boot-test,$(B)/boot-test/payload.elf))
-include $(EFI_OBJECTS:.o=.d)

# The payload of the boot tests stands where the hypervisor would.
$(B)/boot-test/%.o: boot/test/% $(B)/flags.boot
	@mkdir -p $(@D)
	$(CC) $(BOOT_FLAGS) -fpie -fvisibility=hidden -c -o $@ $<
$(B)/boot-test/payload.elf: $(B)/boot-test/payload.c.o $(B)/boot-test/payload.S.o
	ld -nostdlib -static -no-pie -znoexecstack -zmax-page-size=4096 --no-warn-rwx-segments -Ttext-segment=0xffffffff80000000 \
	    -e payload_entry -o $@ $^
-include $(B)/boot-test/payload.c.d

# Multiboot2: one program per embedded ELF. It runs where GRUB puts it and nobody relocates it, so no relocation may be left.
MB2_FLAGS := $(BOOT_FLAGS) -fpie -fvisibility=hidden -fno-jump-tables -DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi \
             -isystem /usr/include/efi/x86_64
MB2_OBJECTS := $(patsubst %,$(B)/multiboot2/%.o,$(wildcard boot/multiboot2/*.c) boot/multiboot2/header.S $(BOOT_SHARED))
$(B)/flags.multiboot2: FORCE
	@mkdir -p $(@D); echo '$(CC) $(MB2_FLAGS)' | cmp -s - $@ || echo '$(CC) $(MB2_FLAGS)' > $@
$(B)/multiboot2/%.o: % $(B)/flags.multiboot2
	@mkdir -p $(@D)
	$(CC) $(MB2_FLAGS) -c -o $@ $<
-include $(MB2_OBJECTS:.o=.d)

define MULTIBOOT2_PROGRAM
$(B)/$(1)/solera.mb2: $(MB2_OBJECTS) $(B)/$(1)/embed.o boot/multiboot2/multiboot2.ld
	ld -nostdlib -pie --no-dynamic-linker -znoexecstack --no-warn-rwx-segments -T boot/multiboot2/multiboot2.ld \
	    -o $$@.pie $$(filter %.o,$$^)
	@if readelf -rW $$@.pie | grep R_X86_64; then echo '$$@: relocations are left (above)'; exit 1; fi
	ld -nostdlib -static -znoexecstack --no-warn-rwx-segments -T boot/multiboot2/multiboot2.ld -o $$@ $$(filter %.o,$$^)
endef
$(eval $(call MULTIBOOT2_PROGRAM,boot))
$(eval $(call MULTIBOOT2_PROGRAM,boot-test))

.PHONY: image iso boot-test-image
boot-test-image: $(B)/boot-test/test.img $(B)/boot-test/test.iso
$(B)/%/test.img: $(B)/%/BOOTX64.EFI tools/solera-image
	tools/solera-image --efi $< -o $@
$(B)/%/test.iso: $(B)/%/solera.mb2 tools/solera-image boot/iso/grub.cfg
	tools/solera-image --multiboot2 $< -o $@
image: $(B)/solera.img ## build/solera.img: a GPT disk with an ESP, for a USB stick
$(B)/solera.img: $(B)/boot/BOOTX64.EFI tools/solera-image
	tools/solera-image --efi $< -o $@
iso: $(B)/solera.iso ## build/solera.iso: CD and stick, BIOS and UEFI, through GRUB
$(B)/solera.iso: $(B)/boot/solera.mb2 tools/solera-image boot/iso/grub.cfg
	tools/solera-image --multiboot2 $< -o $@

$(B)/kvm-probe.img: tools/kvm-probe.S
	@mkdir -p $(B)
	gcc -c -o $(B)/kvm-probe.o $<
	objcopy -O binary -j .text $(B)/kvm-probe.o $@
