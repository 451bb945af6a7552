# SPDX-License-Identifier: MIT
# The scheduling laboratory: the policy and its simulator as a program of the build machine.

LAB_SOURCES := tools/sched_lab.c hv/test/sched_sim.c hv/test/sched_fluid.c hv/sched_policy.c hv/sched_balance.c hv/sched_queue.c \
               hv/sched_cap.c hv/lib/heap.c hv/manage/cpu_list.c hv/lib/format.c hv/lib/string.c
$(B)/sched-lab: $(LAB_SOURCES) $(wildcard hv/sched_*.h hv/test/sched_sim.h)
	@mkdir -p $(@D)
	gcc -std=gnu11 -O2 -g -I. -DSOLERA_HOSTED -DSTRING_NO_LIBC_NAMES $(WARNINGS) -o $@ $(LAB_SOURCES) -lm

# The policy's random workloads, twenty times as many as in `make units`.
CHECK_FULL_STAGES += sched-long=900
.PHONY: check-sched-long
check-sched-long: $(B)/unit/hv/test/test_sched_policy
	@SOLERA_SCHED_ROUNDS=20 CK_VERBOSITY=normal CK_TIMEOUT_MULTIPLIER=2 $<
