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

TEST_FLAGS := -std=gnu11 -g -O1 -I. -DSOLERA_HOSTED -DSTRING_NO_LIBC_NAMES $(WARNINGS) -fsanitize=address,undefined -fno-sanitize-recover=all \
              -fno-omit-frame-pointer -MMD -MP
FUZZ_CC := clang
FUZZ_SECONDS ?= 3
UNIT_SECONDS := 150 # more than any program takes on a busy machine: it hangs then

# Those lines of all tests, read by one awk into variables LINK-FILE and so on: a make forks once, not for each.
TEST_HEADERS := $(B)/test-headers.mk
$(shell mkdir -p $(B); awk 'FNR <= 12 && /^\/\* (LINK|CFLAGS|LIBS|FORK): .* \*\/$$/ { kind = substr($$2, 1, length($$2) - 1); \
	sub(/^\/\* [A-Z]+: /, ""); sub(/ \*\/$$/, ""); print kind "-" FILENAME " += " $$0 }' $(UNIT_SOURCES) $(FUZZ_SOURCES) \
	> $(TEST_HEADERS).$$$$ && mv $(TEST_HEADERS).$$$$ $(TEST_HEADERS))
include $(TEST_HEADERS)
header_words = $($(2)-$(1))

# Programs share the objects that are compiled alike: a folder for each set of extra flags, an object for each source in it.
# $(1): kind (unit, fuzz)  $(2): test without .c
comma := ,
flag_folder = $(or $(subst $(comma),_,$(subst /,_,$(subst =,_,$(subst $() ,,$(call header_words,$(2).c,CFLAGS))))),plain)
test_object = $(B)/$(1)/objects/$(flag_folder)/$(3:.c=.o)
# $(1), $(2) as above  $(3): one source  $(4): compiler  $(5): extra flags
define TEST_OBJECT_RULE
$(test_object)-has-rule := yes
$(test_object): $(3) $(B)/flags.$(1)
	@mkdir -p $$(@D)
	$(4) $(TEST_FLAGS) $(5) $(call header_words,$(2).c,CFLAGS) -c -o $$@ $$<
-include $(patsubst %.o,%.d,$(test_object))
endef
# $(1), $(2) as above  $(3): further sources  $(4): compiler  $(5): extra flags  $(6): libraries
define TEST_PROGRAM_RULES
$(foreach s,$(2).c $(3) $(call header_words,$(2).c,LINK),$(if $($(call test_object,$(1),$(2),$(s))-has-rule),,$(eval $(call TEST_OBJECT_RULE,$(1),$(2),$(s),$(4),$(5)))))
$(B)/$(1)/$(2): $(foreach s,$(2).c $(3) $(call header_words,$(2).c,LINK),$(call test_object,$(1),$(2),$(s)))
	@mkdir -p $$(@D)
	$(4) $(TEST_FLAGS) $(5) -o $$@ $$^ $(6) $(call header_words,$(2).c,LIBS)
endef
$(foreach t,$(UNIT_SOURCES:%.c=%),$(eval $(call TEST_PROGRAM_RULES,unit,$(t),hv/lib/test/check_main.c,gcc,,-lcheck -lsubunit -lm -lrt -lpthread)))
$(foreach t,$(FUZZ_SOURCES:%.c=%),$(eval $(call TEST_PROGRAM_RULES,fuzz,$(t),,$(FUZZ_CC),-fsanitize=fuzzer,)))

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
fuzz: $(FUZZ_PROGRAMS:%=%.ran) ## each fuzz target for FUZZ_SECONDS (default 3)
$(B)/fuzz/%.ran: $(B)/fuzz/% FORCE
	@tools/fuzz-run $< $(dir $*)corpus/$(notdir $*) $(FUZZ_SECONDS)
	@touch $@

.PHONY: check-includes
check-includes: ## who includes whom, after STYLE.md's table; and the checker's own test
	@tools/test/check-includes && tools/check-includes
