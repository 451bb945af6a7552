# SPDX-License-Identifier: MIT
# What comes from outside, all by tools/setup: packages on the machine; sources and guests in build/deps.
#
# The included file is made by a rule, so make brings up a fresh machine before it does anything else.
NEEDS_NOTHING := help clean distclean setup
ifneq ($(filter-out $(NEEDS_NOTHING),$(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))),)
include $(B)/deps/packages.mk
endif
$(B)/deps/packages.mk: tools/setup
	@mkdir -p $(@D)
	@tools/setup packages
	@echo '# Made by tools/setup: its packages are installed.' > $@

.PHONY: setup
setup: ## install or fetch everything that Solera needs (done by all other targets, too)
	@tools/setup

# expat and lwIP stand in mk/expat.mk and mk/lwip.mk.

# Guests. DEMO_KERNEL is Debian's cloud kernel, unmodified.
DEMO_KERNEL := $(B)/deps/kernel/vmlinuz
$(DEMO_KERNEL):
	@tools/setup kernel
FULL_KERNEL := $(B)/deps/kernel-full/vmlinuz
$(FULL_KERNEL):
	@tools/setup kernel-full
MEMTEST := $(B)/deps/memtest/memtest.bin
$(MEMTEST):
	@tools/setup memtest
