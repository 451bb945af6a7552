#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tools/sched-timeline: a small trace, with a console's noise around it, becomes a well-formed picture with the right spans; what is
# no trace is refused in words.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) && trap 'rm -r "$work"' EXIT
fail() { echo "sched-timeline: $*"; exit 1; }

printf '%s\r\n' 'solera # sched-trace 10' '# sched-trace 1: seconds, CPU, event, thread, detail, name' \
	'0.000000000 0 runs 12 - red/vcpu0' '0.000000100 1 runs 0 - idle' '[    1.000000] a log line' \
	'0.002000000 0 wake 15 0 blue/vcpu0' '0.002000500 1 migrate 15 0 blue/vcpu0' '0.002001000 1 switch 15 0:asleep blue/vcpu0' \
	'0.004000000 0 switch 9 12:ready console log' '0.005000000 0 switch 12 9:asleep red/vcpu0' \
	'0.006000000 1 throttle 15 - blue/vcpu0' '0.006000100 1 switch 0 15:ready idle' '0.008000000 1 release 15 - blue/vcpu0' \
	'0.008000100 1 switch 15 0:asleep blue/vcpu0' '# end 0.010000000 lost 3' 'solera # ' >"$work/trace"
tools/sched-timeline "$work/trace" >"$work/a.svg" || fail 'it refuses a good trace'
tools/sched-timeline <"$work/trace" | cmp - "$work/a.svg" || fail 'standard input gives something else'
python3 - "$work/a.svg" <<'P' || exit 1
import sys
import xml.dom.minidom
titles = [t.firstChild.data for t in xml.dom.minidom.parse(sys.argv[1]).getElementsByTagName('title')]
wanted = ['red/vcpu0: 4.000 ms', 'red/vcpu0: 5.000 ms', 'blue/vcpu0: 3.999 ms', 'console log: 1.000 ms', 'red/vcpu0 run: 4.000 ms',
          'red/vcpu0 ready: 1.000 ms', 'blue/vcpu0 ready: 0.001 ms', 'blue/vcpu0 run: 3.999 ms', 'blue/vcpu0 capped: 2.000 ms',
          'console log run: 1.000 ms']
missing = [title for title in wanted if title not in titles]
if missing:
    sys.exit(f'sched-timeline: not drawn: {missing}; drawn: {titles}')
P
grep -q '3 events were lost' "$work/a.svg" || fail 'lost events are not told'
grep -q 'console log run' <(tools/sched-timeline --only vcpu "$work/trace") && fail '--only shows others, too'
tools/sched-timeline --from 0.004 --to 0.005 "$work/trace" | grep -q 'capped: ' && fail '--from and --to draw what lies outside'
refused() { # WORDS, then the command's input on stdin
	local said
	said=$(tools/sched-timeline 2>&1 >/dev/null) && fail "no refusal: $1"
	case $said in *"$1"*) ;; *) fail "'$said' in place of '$1'" ;; esac
}
echo 'nothing here' | refused 'no line that begins with'
head -5 "$work/trace" | refused 'the trace has no end'
[ "$(tools/sched-timeline --from 5 "$work/trace" 2>&1)" = 'sched-timeline: nothing to draw: the trace is 0.01 s long' ] || fail '--from beyond the end'
echo 'sched-timeline: all is well'
