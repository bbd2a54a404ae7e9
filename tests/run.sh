#!/bin/sh
# Run every test: unit tests (cmocka programs), then tests/sys_* scripts, each
# with its own folder for what it writes. Ends in "N passed, N failed, N skipped".
#
# TEST_LANES=2 runs two at a time, but for those that change or measure what
# all share. What one run found out is not kept for the next: that is a test of
# its own. A script's exit status: 0 passed, 77 skipped (it says why), else
# failed. What a test that passed could not test here is printed.
set -u
cd "$(dirname "$0")/.."

# They change the pattern of cores, take huge pages, or fill the memory of
# cgroups and look how fast that is told.
ALONE='sys_crash sys_ranges sys_scale sys_low_memory'

# --- one test: run.sh --one FILE ---

# What the machine was like when a test failed.
say_state() {
	echo "load $(cut -d ' ' -f 1-3 /proc/loadavg)," \
		"$(df -Pk "$OUT" | awk 'END { print int($4 / 1024) }') MiB free in $OUT"
	dmesg 2>/dev/null | grep -iE 'out of memory|oom-kill|segfault' | tail -n 5
}

say() {		# NAME STATUS SECONDS
	case $2 in
	0)  echo "ok    $1 (${3}s)"
	    grep 'not tested' "$OUT/$1.log" | sed 's/^/      /' ;;
	77) echo "skip  $1: $(tail -n 1 "$OUT/$1.log")" ;;
	*)  echo "FAIL  $1 (status $2, ${3}s)"
	    { tail -n 100 "$OUT/$1.log"; say_state; } | sed 's/^/      /' ;;
	esac
}

one() {		# FILE
	name=$(basename "$1" | sed 's/\..*//')
	mkdir -p "$OUT/$name"
	start=$(date +%s)
	TEST_DIR="$OUT/$name" HOLDFAST="$PWD/$B/holdfast" BUILD="$PWD/$B" \
		timeout -k 10 900 "$1" >"$OUT/$name.log" 2>&1 </dev/null
	status=$?
	say "$name" $status $(($(date +%s) - start)) >"$OUT/$name.said"
	cat "$OUT/$name.said"
	echo $status >"$OUT/$name.status"
	rm -rf "${OUT:?}/$name"
}

if [ "${1-}" = --one ]; then
	one "$2"
	exit 0
fi

# --- all of them ---

B=${1:-build}
# Nothing depends on whose environment this is.
umask 022		# tests have users without rights
unset DEBUGINFOD_URLS GLIBC_TUNABLES LD_BIND_NOW LD_PRELOAD MALLOC_ARENA_MAX \
	MALLOC_PERTURB_ HOLDFAST_THREADS HOLDFAST_NO_CACHE PYTHONMALLOC
OUT=$(mktemp -d)
chmod 755 "$OUT"
trap 'rm -rf "$OUT"' EXIT
export B OUT LC_ALL=C.UTF-8 XDG_CACHE_HOME="$OUT/cache" HOLDFAST_INDEX=never

lanes() {	# NUMBER; the files on standard input
	xargs -r -n 1 -P "$1" tests/run.sh --one
}

# Long ones first, so that all lanes end at the same time.
for file in tests/sys_* "$B"/tests/test_* tests/check_layers.sh; do
	case $file in *.o|*.d) continue ;; esac
	[ -f "$file" ] && [ -x "$file" ] && echo "$file"
done >"$OUT/all"
# shellcheck disable=SC2086	# a pattern for each word
alone=$(printf '%s\n' $ALONE)
grep -vF "$alone" "$OUT/all" | lanes "${TEST_LANES:-1}"
grep -F "$alone" "$OUT/all" | lanes 1

count() {	# STATUS...
	cat "$OUT"/*.status | grep -cxE "$1"
}
failed=$(($(wc -l <"$OUT/all") - $(count '0|77')))
if [ "$failed" != 0 ]; then
	echo "failed:" $(while read -r file; do
		name=$(basename "$file" | sed 's/\..*//')
		grep -sqxE '0|77' "$OUT/$name.status" || echo "$name"
	done <"$OUT/all")
fi
echo "$(count 0) passed, $failed failed, $(count 77) skipped"
[ "$failed" = 0 ]
