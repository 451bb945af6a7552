# SPDX-License-Identifier: MIT
# lwIP from Debian's source package, compiled with our lwipopts.h: for the image (our flags, our libc shim), and hosted for
# unit tests and fuzz targets. LWIP_SRC=… builds a source tree of one's own instead.

LWIP_SRC ?= $(B)/deps/lwip
LWIP_SOURCES := $(addprefix core/,def inet_chksum init ip mem memp netif pbuf raw sys timeouts udp $(addprefix ipv4/,dhcp etharp icmp ip4 \
	ip4_addr ip4_frag)) netif/ethernet
LWIP_FLAGS := -Ihv/net/lwip_options -isystem $(LWIP_SRC)/src/include
LWIP_WARNINGS := -Wno-all -Wno-extra -Wno-error -w

LWIP_OBJECTS = $(LWIP_SOURCES:%=$(HV_BUILD)/lwip/%.o)
HV_EXTRA_OBJECTS += $(LWIP_OBJECTS)
# The files of ours that see lwIP, in the image.
LWIP_USERS := $(wildcard hv/net/lwip_*.c)
LWIP_USER_OBJECTS := $(foreach b,hv-debug hv-release,$(LWIP_USERS:%=$(B)/$(b)/%.o))
$(LWIP_USER_OBJECTS): HV_FILE_FLAGS = $(LWIP_FLAGS) -isystem hv/net/lwip_libc
$(LWIP_USER_OBJECTS): | $(LWIP_SRC)/src/include/lwip/init.h

$(LWIP_SRC)/src/include/lwip/init.h:
	tools/setup lwip
	@test -e $@
$(LWIP_SOURCES:%=$(LWIP_SRC)/src/%.c): $(LWIP_SRC)/src/include/lwip/init.h ;

LWIP_CONFIG := hv/net/lwip_options/lwipopts.h hv/net/lwip_options/arch/cc.h $(wildcard hv/net/lwip_libc/*.h) mk/lwip.mk
$(B)/hv-debug/lwip/%.o $(B)/hv-release/lwip/%.o: $(LWIP_SRC)/src/%.c $(LWIP_CONFIG)
	@mkdir -p $(@D)
	@$(HV_CC) $(filter-out $(WARNINGS),$(HV_FLAGS)) -Os $(LWIP_WARNINGS) $(LWIP_FLAGS) -isystem hv/net/lwip_libc -c -o $@ $<
$(B)/lwip/unit/%.o: $(LWIP_SRC)/src/%.c $(LWIP_CONFIG)
	@mkdir -p $(@D)
	gcc -std=gnu11 -g -O1 -I. $(LWIP_FLAGS) $(LWIP_WARNINGS) -fsanitize=address -fno-omit-frame-pointer -c -o $@ $<
$(B)/lwip/fuzz/%.o: $(LWIP_SRC)/src/%.c $(LWIP_CONFIG)
	@mkdir -p $(@D)
	$(FUZZ_CC) -std=gnu11 -g -O1 -I. $(LWIP_FLAGS) $(LWIP_WARNINGS) -fsanitize=address,fuzzer-no-link -c -o $@ $<
$(B)/lwip/unit/liblwip.a $(B)/lwip/fuzz/liblwip.a: $(B)/lwip/%/liblwip.a: $(LWIP_SOURCES:%=$(B)/lwip/\%/%.o)
	rm -f $@; ar rcs $@ $^

# A test whose LIBS line names liblwip.a waits for it, and its objects that see lwIP for its headers.
define LWIP_TEST_RULES
$(B)/$(1)/$(2): $(B)/lwip/$(1)/liblwip.a
$(foreach s,$(filter hv/net/lwip_%,$(call header_words,$(2).c,LINK)),$(call test_object,$(1),$(2),$(s))): | $(LWIP_SRC)/src/include/lwip/init.h
endef
$(foreach t,$(UNIT_SOURCES:%.c=%),$(if $(findstring liblwip.a,$(call header_words,$(t).c,LIBS)),$(eval $(call LWIP_TEST_RULES,unit,$(t)))))
$(foreach t,$(FUZZ_SOURCES:%.c=%),$(if $(findstring liblwip.a,$(call header_words,$(t).c,LIBS)),$(eval $(call LWIP_TEST_RULES,fuzz,$(t)))))
