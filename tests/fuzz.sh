#!/bin/sh
# SPDX-License-Identifier: MIT
# Run every fuzz target for some time; a finding is kept and fails the run.
#
#   usage: tests/fuzz.sh BUILD_DIR SECONDS
set -eu
B=$1
seconds=$2
status=0
for target in "$B"/tests/fuzz/fuzz_*; do
	case $target in *.o|*.d|*.d/*) continue ;; esac
	[ -x "$target" ] || continue
	name=$(basename "$target")
	corpus=$B/corpus/$name
	mkdir -p "$corpus"
	echo "== $name, $seconds s"
	"$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
		-artifact_prefix="$B/$name." -print_final_stats=1 "$corpus" \
		>"$B/$name.log" 2>&1 || status=1
	grep -E 'stat::number_of_executed_units|ERROR|SUMMARY' "$B/$name.log" || true
done
exit $status
