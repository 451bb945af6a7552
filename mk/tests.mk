# SPDX-License-Identifier: MIT
# Unit tests (Check, ASan, UBSan) and fuzz targets (libFuzzer). A test says in its first lines what it needs:
#   /* LINK: hv/lib/string.c … */    sources of ours that it links, besides itself
#   /* CFLAGS: … */                  extra flags for all of them
#   /* LIBS: … */                    extra libraries
#   /* FORK: … */                    why each of its tests needs a process of its own; others share one, which is much faster
# A file */test/test_X.c is a unit test program, */test/fuzz_X.c a fuzz target with its corpus in */test/corpus/fuzz_X/.

UNIT_SOURCES := $(sort $(wildcard */test/test_*.c */*/test/test_*.c))
FUZZ_SOURCES := $(sort $(wildcard */test/fuzz_*.c */*/test/fuzz_*.c))
UNIT_PROGRAMS := $(UNIT_SOURCES:%.c=$(B)/unit/%)
FUZZ_PROGRAMS := $(FUZZ_SOURCES:%.c=$(B)/fuzz/%)

TEST_FLAGS := -std=gnu11 -g -O1 -I. -DSOLERA_HOSTED $(WARNINGS) -fsanitize=address,undefined -fno-sanitize-recover=all \
              -fno-omit-frame-pointer -MMD -MP
FUZZ_CC := clang
FUZZ_SECONDS ?= 5
UNIT_SECONDS := 150 # more than any program takes on a busy machine: it hangs then

# Those lines of all tests, read by one awk into variables LINK-FILE and so on: a make forks once, not for each.
TEST_HEADERS := $(B)/test-headers.mk
$(shell mkdir -p $(B); awk 'FNR <= 12 && /^\/\* (LINK|CFLAGS|LIBS|FORK): .* \*\/$$/ { kind = substr($$2, 1, length($$2) - 1); \
	sub(/^\/\* [A-Z]+: /, ""); sub(/ \*\/$$/, ""); print kind "-" FILENAME " += " $$0 }' $(UNIT_SOURCES) $(FUZZ_SOURCES) \
	> $(TEST_HEADERS).$$$$ && mv $(TEST_HEADERS).$$$$ $(TEST_HEADERS))
include $(TEST_HEADERS)
header_words = $($(2)-$(1))

# Each program has objects of its own, so that its CFLAGS reach all of its sources.
# $(1): kind (unit, fuzz)  $(2): test without .c  $(3): compiler  $(4): extra flags  $(5): one source
define TEST_OBJECT_RULE
$(B)/$(1)/$(2).o/$(5:.c=.o): $(5) $(B)/flags.$(1)
	@mkdir -p $$(@D)
	$(3) $(TEST_FLAGS) $(4) $(call header_words,$(2).c,CFLAGS) -c -o $$@ $$<
-include $(B)/$(1)/$(2).o/$(5:.c=.d)
endef
# $(6): further sources  $(7): libraries
define TEST_PROGRAM_RULES
$(foreach s,$(2).c $(6) $(call header_words,$(2).c,LINK),$(eval $(call TEST_OBJECT_RULE,$(1),$(2),$(3),$(4),$(s))))
$(B)/$(1)/$(2): $(patsubst %.c,$(B)/$(1)/$(2).o/%.o,$(2).c $(6) $(call header_words,$(2).c,LINK))
	$(3) $(TEST_FLAGS) $(4) -o $$@ $$^ $(7) $(call header_words,$(2).c,LIBS)
endef
$(foreach t,$(UNIT_SOURCES:%.c=%),$(eval $(call TEST_PROGRAM_RULES,unit,$(t),gcc,,,hv/lib/test/check_main.c,-lcheck -lsubunit -lm -lrt -lpthread)))
$(foreach t,$(FUZZ_SOURCES:%.c=%),$(eval $(call TEST_PROGRAM_RULES,fuzz,$(t),$(FUZZ_CC),-fsanitize=fuzzer,,,)))

# A file that changes only when the flags do: objects depend on it, so changed flags rebuild exactly what they touch.
$(B)/flags.unit: FORCE
	@mkdir -p $(@D); echo 'gcc $(TEST_FLAGS)' | cmp -s - $@ || echo 'gcc $(TEST_FLAGS)' > $@
$(B)/flags.fuzz: FORCE
	@mkdir -p $(@D); echo '$(FUZZ_CC) $(TEST_FLAGS)' | cmp -s - $@ || echo '$(FUZZ_CC) $(TEST_FLAGS)' > $@
.PHONY: FORCE units fuzz-programs fuzz
FORCE:

units: $(UNIT_PROGRAMS:%=%.passed) ## the unit tests, under the sanitizers
$(B)/unit/%.passed: $(B)/unit/%
	@CK_FORK=$(if $(call header_words,$*.c,FORK),yes,no) CK_TIMEOUT_MULTIPLIER=10 CK_VERBOSITY=normal timeout $(UNIT_SECONDS) $< > $@.log 2>&1 && { tail -n 1 $@.log; mv $@.log $@; } || { cat $@.log; exit 1; }

fuzz-programs: $(FUZZ_PROGRAMS)
fuzz: $(FUZZ_PROGRAMS:%=%.ran) ## each fuzz target for FUZZ_SECONDS (default 5)
$(B)/fuzz/%.ran: $(B)/fuzz/% FORCE
	@tools/fuzz-run $< $(dir $*)corpus/$(notdir $*) $(FUZZ_SECONDS)
	@touch $@

.PHONY: check-includes
check-includes: ## who includes whom, after STYLE.md's table; and the checker's own test
	@tools/test/check-includes && tools/check-includes
