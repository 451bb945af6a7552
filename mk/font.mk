# SPDX-License-Identifier: MIT
# The screen's font: Debian's Terminus, turned into C by tools/font-to-c. FONT=… takes another 8 by 16 PCF font.

FONT ?= /usr/share/fonts/X11/misc/ter-u16n_unicode.pcf.gz
FONT_SOURCE := $(B)/font/font_data.c
HV_EXTRA_OBJECTS += $(B)/font/font_data.o

$(FONT_SOURCE): tools/font-to-c tools/pcf_font.py mk/font.mk $(wildcard $(FONT))
	@mkdir -p $(@D)
	@test -e $(FONT) || tools/setup packages
	tools/font-to-c $(FONT) $@
$(B)/font/font_data.o: $(FONT_SOURCE) drivers/font.h
	$(CC) -std=gnu11 -Os -I. -ffreestanding -fno-pic -mcmodel=kernel -mgeneral-regs-only -fdata-sections -c -o $@ $<
