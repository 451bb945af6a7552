# SPDX-License-Identifier: MIT
# Test kernels: one ELF per guest-tests/*.c, with the library of guest-tests/lib.

GUEST_SOURCES := $(sort $(wildcard guest-tests/*.c))
GUEST_KERNELS := $(GUEST_SOURCES:guest-tests/%.c=$(B)/guests/%.gtest)
GUEST_FLAGS := -std=gnu11 -O2 -g -I. -ffreestanding -fno-pic -fno-pie -mno-red-zone -mgeneral-regs-only -mcmodel=small \
               -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns $(WARNINGS)

$(B)/guests/%.o: %.c
	@mkdir -p $(@D)
	gcc $(GUEST_FLAGS) -MMD -MP -c -o $@ $<
$(B)/guests/%.o: %.S
	@mkdir -p $(@D)
	gcc $(GUEST_FLAGS) -MMD -MP -c -o $@ $<
GUEST_LIB := $(B)/guests/guest-tests/lib/start.o $(B)/guests/guest-tests/lib/guest.o
# Tests named smp_… start more CPUs.
GUEST_SMP_LIB := $(B)/guests/guest-tests/lib/smp_start.o $(B)/guests/guest-tests/lib/smp.o
$(B)/guests/smp_%.gtest: GUEST_MORE := $(GUEST_SMP_LIB)
$(patsubst guest-tests/%.c,$(B)/guests/%.gtest,$(filter guest-tests/smp_%.c,$(GUEST_SOURCES))): $(GUEST_SMP_LIB)
$(B)/guests/%.gtest: $(B)/guests/guest-tests/%.o $(GUEST_LIB) guest-tests/lib/guest.lds
	@mkdir -p $(@D)
	ld -nostdlib -static -z noexecstack --no-warn-rwx-segments -z max-page-size=4096 -T guest-tests/lib/guest.lds -o $@ $(GUEST_LIB) $(GUEST_MORE) $<
# The same kernel without its PVH note starts by Multiboot, as an ELF64 entered in 32-bit mode; and as an ELF32.
$(B)/guests/hello-multiboot.gtest: $(B)/guests/hello.gtest
	objcopy -R .note.pvh $< $@
$(B)/guests/hello-elf32.gtest: $(B)/guests/hello.gtest
	objcopy -O elf32-i386 $< $@
GUEST_KERNELS += $(B)/guests/hello-multiboot.gtest $(B)/guests/hello-elf32.gtest
# Kernels that scenarios run as domains: guest-tests/machines/NAME.c, for \solera\NAME.
MACHINE_SOURCES := $(sort $(wildcard guest-tests/machines/*.c))
MACHINE_KERNELS := $(MACHINE_SOURCES:guest-tests/machines/%.c=$(B)/guests/%.kernel)
$(B)/guests/%.kernel: $(B)/guests/guest-tests/machines/%.o $(GUEST_LIB) guest-tests/lib/guest.lds
	ld -nostdlib -static -z noexecstack --no-warn-rwx-segments -z max-page-size=4096 -T guest-tests/lib/guest.lds -o $@ $(GUEST_LIB) $(GUEST_MORE) $<
$(B)/guests/smp_%.kernel: GUEST_MORE := $(GUEST_SMP_LIB)
$(patsubst guest-tests/machines/%.c,$(B)/guests/%.kernel,$(filter guest-tests/machines/smp_%.c,$(MACHINE_SOURCES))): $(GUEST_SMP_LIB)
-include $(wildcard $(B)/guests/guest-tests/*.d $(B)/guests/guest-tests/lib/*.d $(B)/guests/guest-tests/bench/*.d \
                    $(B)/guests/guest-tests/machines/*.d)

.PHONY: guest-kernels machine-kernels guest-tests
.SECONDARY: $(GUEST_SOURCES:%.c=$(B)/guests/%.o) $(MACHINE_SOURCES:%.c=$(B)/guests/%.o) $(B)/guests/guest-tests/bench/idle.o \
            $(GUEST_LIB) $(GUEST_SMP_LIB)
guest-kernels: $(GUEST_KERNELS) $(MACHINE_KERNELS)
machine-kernels: $(MACHINE_KERNELS)
guest-tests: image $(GUEST_KERNELS) ## the test kernels under Solera in QEMU
	tools/guest-tests $(GUEST_KERNELS)
guest-tests-vmx: iso $(GUEST_KERNELS) ## the test kernels under Solera in Bochs, on VT-x
	tools/guest-tests --bochs $(GUEST_KERNELS)

# The same on Bochs's other models: AMD-V with next RIP, flush by ASID and a pause filter; a younger VT-x.
BOCHS_MODELS := ryzen corei7_skylake_x
$(BOCHS_MODELS:%=guest-tests-%): guest-tests-%: iso $(GUEST_KERNELS)
	tools/guest-tests --bochs --cpu $* $(GUEST_KERNELS)

# The debug option no_fast must change nothing that a guest sees: the transcripts are those of `make guest-tests`.
guest-tests-no-fast: guest-tests ## the test kernels with every exit at the slow level; the same transcripts
	tools/guest-tests --no-fast $(GUEST_KERNELS)
	@for folder in transcripts transcripts-no-fast; do \
		(cd $(B)/guests/$$folder && grep -aE '^(PASS|FAIL|SKIP): ' *) > $(B)/guests/$$folder.lines; done
	diff $(B)/guests/transcripts.lines $(B)/guests/transcripts-no-fast.lines

CHECK_STAGES += svm=240 vmx=240
CHECK_FULL_STAGES += bochs-models=600 no-fast=480
.PHONY: guest-tests-vmx guest-tests-no-fast check-svm check-vmx check-no-fast check-bochs-models $(BOCHS_MODELS:%=guest-tests-%)
check-no-fast: guest-tests-no-fast
check-svm: guest-tests
# With the transcripts of AMD-V, if they are there: `make check` makes them first.
check-vmx: guest-tests-vmx
	@if [ -d $(B)/guests/transcripts ]; then tools/compare-transcripts; else echo 'no transcripts of AMD-V to compare with'; fi
# One after the other: two Bochs at once slow each other down.
check-bochs-models:
	@for model in $(BOCHS_MODELS); do $(MAKE) --no-print-directory guest-tests-$$model || exit 1; done
	tools/compare-transcripts $(B)/guests/transcripts $(BOCHS_MODELS:%=$(B)/guests/transcripts-%)
