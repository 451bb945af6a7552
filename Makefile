# SPDX-License-Identifier: MIT
# Solera's build. Everything is made in build/; `make help` lists the targets. The parts stand in mk/.
SHELL := /bin/bash
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := image

B := build
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif

WARNINGS := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wvla -Wundef -Wwrite-strings \
            -Wpointer-arith -Wshift-overflow

include mk/tests.mk
-include mk/deps.mk mk/expat.mk mk/lwip.mk mk/compression.mk mk/font.mk mk/hv.mk mk/boot.mk mk/guests.mk mk/demo.mk mk/scenarios.mk mk/lab.mk mk/check.mk

.PHONY: clean distclean
clean: ## remove what was built (build/deps stays)
	find $(B) -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + 2>/dev/null || true
distclean: ## remove all of build/
	rm -rf $(B)
