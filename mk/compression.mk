# SPDX-License-Identifier: MIT
# zlib and libzstd from Debian's source packages, decompressing only: for the image (our flags, hv/block/compression_libc), and
# hosted for unit tests and fuzz targets. ZLIB_SRC=… and LIBZSTD_SRC=… build source trees of one's own instead.

ZLIB_SRC ?= $(B)/deps/zlib
LIBZSTD_SRC ?= $(B)/deps/libzstd
ZLIB_SOURCES := inflate inftrees inffast zutil adler32
LIBZSTD_SOURCES := common/entropy_common common/error_private common/fse_decompress common/xxhash common/zstd_common \
                   decompress/huf_decompress decompress/zstd_ddict decompress/zstd_decompress decompress/zstd_decompress_block
# Z_SOLO: no memory but what the caller gives. NO_GZIP: raw streams only, so no CRC.
COMPRESSION_FLAGS := -w -DZ_SOLO -DNO_GZIP -DZSTD_DISABLE_ASM -DZSTD_LEGACY_SUPPORT=0 -DXXH_NAMESPACE=ZSTD_ -DZSTD_NO_INTRINSICS \
                     -DDEBUGLEVEL=0 -DZSTD_NO_TRACE -DDYNAMIC_BMI2=0 -I$(ZLIB_SRC) -I$(LIBZSTD_SRC)/lib
COMPRESSION_LIBC := $(wildcard hv/block/compression_libc/*.h) mk/compression.mk

COMPRESSION_OBJECTS = $(ZLIB_SOURCES:%=$(HV_BUILD)/zlib/%.o) $(LIBZSTD_SOURCES:%=$(HV_BUILD)/libzstd/%.o)
HV_EXTRA_OBJECTS += $(COMPRESSION_OBJECTS)

# The one file of ours that sees the libraries.
$(B)/hv-debug/hv/block/qcow2_decompress.c.o $(B)/hv-release/hv/block/qcow2_decompress.c.o: HV_FILE_FLAGS = -DZ_SOLO -isystem $(ZLIB_SRC) \
	-isystem $(LIBZSTD_SRC)/lib -isystem hv/block/compression_libc
$(B)/hv-debug/hv/block/qcow2_decompress.c.o $(B)/hv-release/hv/block/qcow2_decompress.c.o: | $(ZLIB_SRC)/zlib.h $(LIBZSTD_SRC)/lib/zstd.h

$(ZLIB_SRC)/zlib.h:
	tools/setup zlib
	@test -e $@
$(LIBZSTD_SRC)/lib/zstd.h:
	tools/setup libzstd
	@test -e $@
$(ZLIB_SOURCES:%=$(ZLIB_SRC)/%.c): $(ZLIB_SRC)/zlib.h ;
$(LIBZSTD_SOURCES:%=$(LIBZSTD_SRC)/lib/%.c): $(LIBZSTD_SRC)/lib/zstd.h ;

COMPRESSION_CC = $(HV_CC) $(filter-out $(WARNINGS),$(HV_FLAGS)) -Os $(COMPRESSION_FLAGS) -isystem hv/block/compression_libc
$(B)/hv-debug/zlib/%.o $(B)/hv-release/zlib/%.o: $(ZLIB_SRC)/%.c $(COMPRESSION_LIBC)
	@mkdir -p $(@D)
	$(COMPRESSION_CC) -c -o $@ $<
$(B)/hv-debug/libzstd/%.o $(B)/hv-release/libzstd/%.o: $(LIBZSTD_SRC)/lib/%.c $(COMPRESSION_LIBC)
	@mkdir -p $(@D)
	$(COMPRESSION_CC) -c -o $@ $<

# $(1): kind  $(2): compiler  $(3): flags
define COMPRESSION_HOSTED_RULES
$(B)/compression/$(1)/zlib/%.o: $(ZLIB_SRC)/%.c $(COMPRESSION_LIBC)
	@mkdir -p $$(@D)
	$(2) -std=gnu11 -g -O1 $(COMPRESSION_FLAGS) $(3) -fno-omit-frame-pointer -c -o $$@ $$<
$(B)/compression/$(1)/libzstd/%.o: $(LIBZSTD_SRC)/lib/%.c $(COMPRESSION_LIBC)
	@mkdir -p $$(@D)
	$(2) -std=gnu11 -g -O1 $(COMPRESSION_FLAGS) $(3) -fno-omit-frame-pointer -c -o $$@ $$<
$(B)/compression/$(1)/libcompression.a: $(ZLIB_SOURCES:%=$(B)/compression/$(1)/zlib/%.o) $(LIBZSTD_SOURCES:%=$(B)/compression/$(1)/libzstd/%.o)
	rm -f $$@; ar rcs $$@ $$^
endef
$(eval $(call COMPRESSION_HOSTED_RULES,unit,gcc,-fsanitize=address))
$(eval $(call COMPRESSION_HOSTED_RULES,fuzz,$(FUZZ_CC),-fsanitize=address$(comma)fuzzer-no-link))

# A test whose LIBS line names libcompression.a waits for it, and its qcow2_decompress.c for the headers.
define COMPRESSION_TEST_RULES
$(B)/$(1)/$(2): $(B)/compression/$(1)/libcompression.a
$(call test_object,$(1),$(2),hv/block/qcow2_decompress.c): | $(ZLIB_SRC)/zlib.h $(LIBZSTD_SRC)/lib/zstd.h
endef
$(foreach t,$(UNIT_SOURCES:%.c=%),$(if $(findstring libcompression.a,$(call header_words,$(t).c,LIBS)),$(eval $(call COMPRESSION_TEST_RULES,unit,$(t)))))
$(foreach t,$(FUZZ_SOURCES:%.c=%),$(if $(findstring libcompression.a,$(call header_words,$(t).c,LIBS)),$(eval $(call COMPRESSION_TEST_RULES,fuzz,$(t)))))
