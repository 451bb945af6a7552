# SPDX-License-Identifier: MIT
# expat from Debian's source package, compiled with our expat_config.h: for the image (our flags, our libc shim), and
# hosted for unit tests and fuzz targets. EXPAT_SRC=… builds a source tree of one's own instead.

EXPAT_SRC ?= $(B)/deps/expat/expat
EXPAT_SOURCES := xmlparse xmltok xmlrole
EXPAT_INCLUDE := -I$(EXPAT_SRC)/lib -Ihv/manage
EXPAT_WARNINGS := -Wno-all -Wno-extra -Wno-error -w

EXPAT_OBJECTS = $(EXPAT_SOURCES:%=$(HV_BUILD)/expat/%.o)
HV_EXTRA_OBJECTS += $(EXPAT_OBJECTS)
# The one file of ours that sees expat, in the image.
$(B)/hv-debug/hv/manage/xml_tree.c.o $(B)/hv-release/hv/manage/xml_tree.c.o: HV_FILE_FLAGS = -isystem $(EXPAT_SRC)/lib -isystem hv/manage/expat_libc
$(B)/hv-debug/hv/manage/xml_tree.c.o $(B)/hv-release/hv/manage/xml_tree.c.o: | $(EXPAT_SRC)/lib/expat.h

$(EXPAT_SRC)/lib/expat.h:
	tools/setup expat
	@test -e $@
$(EXPAT_SOURCES:%=$(EXPAT_SRC)/lib/%.c): $(EXPAT_SRC)/lib/expat.h ;

EXPAT_CONFIG := hv/manage/expat_config.h $(wildcard hv/manage/expat_libc/*.h hv/manage/expat_libc/sys/*.h) mk/expat.mk
$(B)/hv-debug/expat/%.o $(B)/hv-release/expat/%.o: $(EXPAT_SRC)/lib/%.c $(EXPAT_CONFIG)
	@mkdir -p $(@D)
	$(HV_CC) $(filter-out $(WARNINGS),$(HV_FLAGS)) -Os $(EXPAT_WARNINGS) $(EXPAT_INCLUDE) -isystem hv/manage/expat_libc -c -o $@ $<
$(B)/expat/unit/%.o: $(EXPAT_SRC)/lib/%.c $(EXPAT_CONFIG)
	@mkdir -p $(@D)
	gcc -std=gnu11 -g -O1 $(EXPAT_INCLUDE) $(EXPAT_WARNINGS) -fsanitize=address -fno-omit-frame-pointer -c -o $@ $<
$(B)/expat/fuzz/%.o: $(EXPAT_SRC)/lib/%.c $(EXPAT_CONFIG)
	@mkdir -p $(@D)
	$(FUZZ_CC) -std=gnu11 -g -O1 $(EXPAT_INCLUDE) $(EXPAT_WARNINGS) -fsanitize=address,fuzzer-no-link -c -o $@ $<
$(B)/expat/unit/libexpat.a $(B)/expat/fuzz/libexpat.a: $(B)/expat/%/libexpat.a: $(EXPAT_SOURCES:%=$(B)/expat/\%/%.o)
	rm -f $@; ar rcs $@ $^

# A test whose LIBS line names libexpat.a waits for it, and its xml_tree.c for expat's header.
define EXPAT_TEST_RULES
$(B)/$(1)/$(2): $(B)/expat/$(1)/libexpat.a
$(B)/$(1)/$(2).o/hv/manage/xml_tree.o: | $(EXPAT_SRC)/lib/expat.h
endef
$(foreach t,$(UNIT_SOURCES:%.c=%),$(if $(findstring libexpat.a,$(call header_words,$(t).c,LIBS)),$(eval $(call EXPAT_TEST_RULES,unit,$(t)))))
$(foreach t,$(FUZZ_SOURCES:%.c=%),$(if $(findstring libexpat.a,$(call header_words,$(t).c,LIBS)),$(eval $(call EXPAT_TEST_RULES,fuzz,$(t)))))
