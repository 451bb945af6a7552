# SPDX-License-Identifier: MIT
# The hypervisor: build/solera.elf (CONFIG=debug, the default) or build/solera-release.elf (CONFIG=release).
# Sources are found by folder; objects stand in build/hv-$(CONFIG)/.

CONFIG ?= debug
HV_FOLDERS := arch/x86 hv hv/lib hv/insn hv/dev hv/block hv/net hv/manage hv/shell drivers drivers/usb virtio arch/svm arch/vmx
HV_SOURCES := $(sort $(wildcard $(HV_FOLDERS:%=%/*.c) $(HV_FOLDERS:%=%/*.S)))
HV_BUILD := $(B)/hv-$(CONFIG)
HV_OBJECTS := $(HV_SOURCES:%=$(HV_BUILD)/%.o)
HV_VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

ifeq ($(CONFIG),release)
SOLERA_ELF := $(B)/solera-release.elf
HV_CONFIG_FLAGS :=
else
SOLERA_ELF := $(B)/solera.elf
HV_CONFIG_FLAGS := -DSOLERA_DEBUG
endif

HV_CC := $(CC)
HV_AUTO_INIT := -ftrivial-auto-var-init=zero
HV_COMPILER_FLAGS := -fno-tree-loop-distribute-patterns
ifneq ($(findstring clang,$(HV_CC)),)
HV_AUTO_INIT += -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
HV_COMPILER_FLAGS :=
endif

HV_FLAGS := -std=gnu11 -O2 -g -I. -ffreestanding -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only -mcmodel=kernel \
            -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common -fcf-protection=none \
            -ffunction-sections -fdata-sections -fstack-protector-strong -mstack-protector-guard=global $(HV_AUTO_INIT) \
            $(HV_COMPILER_FLAGS) $(HV_CONFIG_FLAGS) $(WARNINGS) -Wframe-larger-than=5200 # of a stack's 16 KiB (hv/thread.h)
# Third-party objects (expat, lwIP) are built by their own rules (mk/expat.mk…), with their own warnings: HV_EXTRA_OBJECTS.
HV_LINK := ld -nostdlib -static --gc-sections -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments -T arch/x86/solera.lds

$(HV_BUILD)/flags: FORCE
	@mkdir -p $(@D); echo '$(HV_CC) $(HV_FLAGS)' | cmp -s - $@ || echo '$(HV_CC) $(HV_FLAGS)' > $@

# The version is compiled into one file only.
$(HV_BUILD)/version: FORCE
	@mkdir -p $(@D); echo '$(HV_VERSION)' | cmp -s - $@ || echo '$(HV_VERSION)' > $@
$(HV_BUILD)/hv/version.c.o: $(HV_BUILD)/version
$(HV_BUILD)/hv/version.c.o: HV_FILE_FLAGS = -DSOLERA_VERSION='"$(HV_VERSION)"' -DSOLERA_CONFIG='"$(CONFIG)"'

$(HV_BUILD)/%.c.o: %.c $(HV_BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(HV_CC) $(HV_FLAGS) $(HV_FILE_FLAGS) -MMD -MP -c -o $@ $<
$(HV_BUILD)/%.S.o: %.S $(HV_BUILD)/flags
	@mkdir -p $(@D)
	@$(HV_CC) $(HV_FLAGS) -D__ASSEMBLER__ -MMD -MP -c -o $@ $<
-include $(HV_OBJECTS:.o=.d)

# A changed list of sources must relink: the list itself is a file.
$(HV_BUILD)/sources: FORCE
	@mkdir -p $(@D); echo '$(HV_OBJECTS) $(HV_EXTRA_OBJECTS)' | cmp -s - $@ || echo '$(HV_OBJECTS) $(HV_EXTRA_OBJECTS)' > $@

# First link with an empty symbol table, second with the first one's symbols; text comes first, so nothing in it moves.
$(HV_BUILD)/symbols0.S: tools/symbol-table
	@mkdir -p $(@D); tools/symbol-table < /dev/null > $@
$(HV_BUILD)/pass1.elf: $(HV_OBJECTS) $(HV_EXTRA_OBJECTS) $(HV_BUILD)/symbols0.o arch/x86/solera.lds $(HV_BUILD)/sources
	@$(HV_LINK) -o $@ $(HV_OBJECTS) $(HV_EXTRA_OBJECTS) $(HV_BUILD)/symbols0.o
$(HV_BUILD)/symbols.S: $(HV_BUILD)/pass1.elf tools/symbol-table
	nm -n $< | tools/symbol-table > $@
$(HV_BUILD)/symbols%o: $(HV_BUILD)/symbols%S
	$(HV_CC) -c -o $@ $<
$(SOLERA_ELF): $(HV_OBJECTS) $(HV_EXTRA_OBJECTS) $(HV_BUILD)/symbols.o arch/x86/solera.lds
	@$(HV_LINK) -Map=$(HV_BUILD)/solera.map -o $@ $(HV_OBJECTS) $(HV_EXTRA_OBJECTS) $(HV_BUILD)/symbols.o
	@size -A $@ | awk '/^\.(text|rodata|data|bss)/ { printf "%s %d KiB  ", $$1, ($$2 + 1023) / 1024 } END { print "" }'

.PHONY: hv
hv: $(SOLERA_ELF) ## the hypervisor alone: build/solera.elf
