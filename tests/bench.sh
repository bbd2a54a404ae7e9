#!/bin/sh
# What capture and analysis cost, beside other programs in the same run.
# Machines are noisy: read the ratios. BENCH_BLOCKS sets the sizes.
#
#   usage: tests/bench.sh BUILD_DIR
set -eu
cd "$(dirname "$0")/.."
B=${1:-build}
HOLDFAST=$PWD/$B/holdfast
dir=$(mktemp -d)
target=
cleanup() {
	[ -z "$target" ] || kill -KILL "$target" 2>/dev/null || true
	rm -rf "$dir"
}
trap cleanup EXIT
export XDG_CACHE_HOME="$dir/cache"
${CC:-cc} -O2 -g -o "$dir/many_blocks" tests/programs/many_blocks.c

# timed COMMAND...: sets $wall (seconds) and $peak (KiB)
timed() {
	python3 - "$dir/time" "$@" <<'PY'
import os, resource, subprocess, sys, time
start = time.monotonic()
status = subprocess.call(sys.argv[2:], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
wall = time.monotonic() - start
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
with open(sys.argv[1], 'w') as out:
    print(f'{wall:.3f} {peak}', file=out)
sys.exit(status)
PY
	read -r wall peak <"$dir/time"
}

calc() { awk "BEGIN { printf \"%.$2f\", $1 }"; }
size() { stat -c %s "$1"; }
field() { python3 -c "import json, sys
v = json.load(sys.stdin)
for k in sys.argv[1].split('.'): v = v[k]
print(v)" "$1"; }

start_target() {	# BLOCKS: sets $target, a process that has stopped itself
	"$dir/many_blocks" "$1" >"$dir/pid" &
	target=$!
	until grep -q '^State:	T' "/proc/$target/status"; do sleep 0.1; done
}

stop_target() {
	kill -KILL "$target"
	wait "$target" 2>/dev/null || true
	target=
}

# capture FILE: without types, three times; sets $wall and $pause (ms) to the
# medians
capture() {
	for _ in 1 2 3; do
		timed "$HOLDFAST" dump --force --no-types -o "$1" "$target"
		"$HOLDFAST" info --no-index --json "$1" | field process.pause_ms >"$dir/pause"
		echo "$wall $(cat "$dir/pause")"
	done >"$dir/captures"
	wall=$(awk '{ print $1 }' "$dir/captures" | sort -n | sed -n 2p)
	pause=$(awk '{ print $2 }' "$dir/captures" | sort -n | sed -n 2p)
}

for blocks in ${BENCH_BLOCKS:-1000000 14000000}; do
	echo "== $blocks blocks"
	start_target "$blocks"
	rss=$(awk '/VmRSS/ { print $2 * 1024 }' "/proc/$target/status")
	snap=$dir/snap.core.zst
	timed "$HOLDFAST" dump --force -o "$snap" "$target"
	dump=$wall
	capture "$dir/plain.core.zst"
	echo "capture            $(calc "$dump" 2) s with types, $wall s without;" \
	     "$(calc "$(size "$snap") / 1048576" 1) MiB of $(calc "$rss / 1048576" 0) MiB RSS"
	echo "pause              $(calc "$pause" 1) ms"
	zstd -q -d -f -o "$dir/bytes" "$dir/plain.core.zst"
	plain_wall=$wall
	timed zstd -q -f -1 -T2 -o "$dir/one.zst" "$dir/bytes"
	echo "zstd -1 -T2        $wall s on the same bytes; capture takes" \
	     "$(calc "$plain_wall / $wall" 2) x as long"
	zstd -q -f -3 -T2 -o "$dir/three.zst" "$dir/bytes"
	echo "snapshot size      $(calc "$(size "$snap") / $(size "$dir/three.zst")" 2) x zstd -3 of the same bytes"
	rm -f "$dir/bytes"
	if command -v gcore >/dev/null; then
		timed gcore -o "$dir/core" "$target"
		echo "gcore              $wall s, $(calc "$(size "$dir/core.$target") / 1048576" 1) MiB;" \
		     "the pause is $(calc "$pause / $wall / 10" 2) % of that"
	fi
	stop_target
	"$HOLDFAST" info --no-index --json "$snap" >"$dir/info"
	live=$(field heap.live_blocks <"$dir/info")
	timed zstd -q -d -f -o "$dir/plain" "$snap"
	echo "zstd -d            $wall s: the limit of any reader"
	for threads in 1 2; do
		export HOLDFAST_THREADS=$threads
		timed "$HOLDFAST" info --no-index "$snap"
		echo "analysis, $threads thread$([ $threads = 1 ] || echo s) $wall s:" \
		     "$(calc "$wall * 1e9 / $live" 0) ns and" \
		     "$(calc "$peak * 1024 / $live" 0) bytes of peak RSS a block"
	done
	unset HOLDFAST_THREADS
	anew=$wall
	timed "$HOLDFAST" info "$snap"
	kept=$wall
	timed "$HOLDFAST" info "$snap"
	echo "index              $(calc "$kept / $anew" 2) x the analysis to make it," \
	     "$(calc "$(cat "$XDG_CACHE_HOME"/holdfast/index/* | wc -c) / $live" 0) bytes a block"
	echo "reopen             $wall s, $(calc "100 * $wall / $anew" 1) % of the analysis;" \
	     "$(calc "$peak / 1024" 0) MiB of peak RSS"
	rm -rf "$XDG_CACHE_HOME/holdfast/index"
	rm -f "$dir"/*core* "$dir"/*.zst "$dir/plain"
done
# Debug information of packages that are there, and of this program.
for file in $(ls -S /usr/lib/debug/.build-id/*/*.debug 2>/dev/null | head -n 1) \
		$(ls /usr/lib/*/debug/libstdc++.so.*.*.* 2>/dev/null | head -n 1) \
		"$HOLDFAST"; do
	echo "== types of $(basename "$file")"
	"$B/tests/test_dwarf" --time "$file" >"$dir/types"
	read -r mb cpu seconds <"$dir/types"
	timed readelf --debug-dump=info --debug-dump=no-follow-links "$file"
	echo "types              $mb MB of .debug_info in $seconds s:" \
	     "$(calc "$mb / $cpu" 0) MB a second of processor time;" \
	     "readelf prints $(calc "$mb / $wall" 1)"
done
for program in "$B"/tests/bench_*; do
	case $program in *.o|*.d) continue ;; esac
	[ -x "$program" ] || continue
	echo "== $(basename "$program")"
	"$program"
done
