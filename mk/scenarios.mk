# SPDX-License-Identifier: MIT
# Scenarios: Solera booted in an emulator and used as a person would. guest-tests/scenarios/NAME.py each; docs/testing.md.

.PHONY: scenarios scenarios-full check-scenarios check-scenarios-full
scenarios: image iso demo-image demo-iso demo-disk $(MEMTEST) $(B)/guests/bench/idle.gtest machine-kernels ## boot the image and use it, on serial and on screen
	@tools/scenario --jobs 2
scenarios-full: image iso demo-image demo-iso demo-disk $(MEMTEST) $(B)/guests/bench/idle.gtest machine-kernels $(FULL_KERNEL) ## the scenarios that are too long for make check
	@tools/scenario --jobs 2 --full-only
scenario-%: image iso demo-image demo-iso demo-disk $(MEMTEST) $(B)/guests/bench/idle.gtest machine-kernels
	@tools/scenario $*
check-scenarios: scenarios
check-scenarios-full: scenarios-full
CHECK_STAGES += scenarios=300
CHECK_FULL_STAGES += scenarios-full=1800
