#!/bin/sh
# SPDX-License-Identifier: MIT
# The laboratory: the course's workloads give what the page says, pictures are well-formed, and mistakes are named with their line.
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) && trap 'rm -r "$work"' EXIT
failed=0
check() { # what, expression, text
	if ! printf '%s\n' "$3" | grep -Eq -- "$2"; then
		echo "sched-lab: $1: no '$2' in:"; printf '%s\n' "$3"; failed=1
	fi
}
check 'shares 1 : 3' '^one/0 +2[45]\.' "$(tools/sched-lab docs/course/lab/shares.sched)"
check 'a machine counts, not its vCPUs' '^single/4 +(49|50)\.' "$(tools/sched-lab docs/course/lab/groups.sched)"
check 'three on two CPUs' '^a/0 +6[67]\.' "$(tools/sched-lab docs/course/lab/rotation.sched)"
check 'a cap' '^capped/0 +30\.0' "$(tools/sched-lab docs/course/lab/cap.sched)"
check 'latency' '^shell .* [0-5]\.[0-9]+ ms' "$(tools/sched-lab docs/course/lab/latency.sched)"
tools/sched-lab --svg "$work/a.svg" docs/course/lab/rotation.sched >"$work/out" || failed=1
python3 -c 'import sys, xml.dom.minidom as m; n = len(m.parse(sys.argv[1]).getElementsByTagName("rect")); sys.exit(n < 20)' "$work/a.svg" ||
	{ echo 'sched-lab: the picture is not well-formed, or empty'; failed=1; }
bad() { # the workload, the words
	printf '%b' "$1" >"$work/bad"
	check "$1" "$2" "$(tools/sched-lab "$work/bad" 2>&1)"
}
bad 'vcpu spin\n' 'line 1: a vcpu belongs to the machine above it'
bad 'cpus 65\n' 'line 1: .*1 to 64'
bad 'cpus 1\nmachine a shares 1\n' 'line 2: shares are 2 to 262144'
bad 'cpus 1\nhost x burst 1\n' "line 2: '1' has no unit"
bad 'cpus 1\nhost x cpus 1\n' 'line 2: none of CPUs 1 is there: there are 0 to 0'
bad 'cpus 1\n' 'has no tasks'
[ $failed = 0 ] && echo 'sched-lab: all is well'
exit $failed
