#!/bin/sh
# Run every test: unit tests (cmocka programs), then tests/sys_* scripts, each
# with its own folder for what it writes. Ends in "N passed, N failed, N skipped".
#
# What one run found out is not kept for the next: that is a test of its own.
# A script's exit status: 0 passed, 77 skipped (it says why), else failed. What
# a test that passed could not test here is printed, too.
set -u
cd "$(dirname "$0")/.."
B=${1:-build}
passed=0 failed=0 skipped=0 names=

# Nothing depends on whose environment this is.
umask 022		# tests have users without rights
export LC_ALL=C.UTF-8 XDG_CACHE_HOME HOLDFAST_INDEX=never
unset DEBUGINFOD_URLS GLIBC_TUNABLES LD_BIND_NOW LD_PRELOAD MALLOC_ARENA_MAX \
	MALLOC_PERTURB_ HOLDFAST_THREADS HOLDFAST_NO_CACHE PYTHONMALLOC
out=$(mktemp -d)
XDG_CACHE_HOME=$out/cache
chmod 755 "$out"
trap 'rm -rf "$out"' EXIT

# What the machine was like when a test failed.
say_state() {
	echo "load $(cut -d ' ' -f 1-3 /proc/loadavg)," \
		"$(df -Pk "$out" | awk 'END { print int($4 / 1024) }') MiB free in $out"
	dmesg 2>/dev/null | grep -iE 'out of memory|oom-kill|segfault' | tail -n 5
}

finish() {	# NAME STATUS SECONDS
	case $2 in
	0)  passed=$((passed + 1)); echo "ok    $1 (${3}s)"
	    grep 'not tested' "$out/log" | sed 's/^/      /' ;;
	77) skipped=$((skipped + 1)); echo "skip  $1: $(tail -n 1 "$out/log")" ;;
	*)  failed=$((failed + 1)); names="$names $1"
	    echo "FAIL  $1 (status $2, ${3}s)"
	    { tail -n 100 "$out/log"; say_state; } | sed 's/^/      /' ;;
	esac
}

run() {		# NAME COMMAND...
	name=$1; shift
	mkdir -p "$out/$name"
	start=$(date +%s)
	TEST_DIR="$out/$name" HOLDFAST="$PWD/$B/holdfast" BUILD="$PWD/$B" \
		timeout -k 10 900 "$@" >"$out/log" 2>&1 </dev/null
	finish "$name" $? $(($(date +%s) - start))
	rm -rf "${out:?}/$name"
}

run layers tests/check_layers.sh
for program in "$B"/tests/test_*; do
	case $program in *.o|*.d) continue ;; esac
	[ -x "$program" ] && run "$(basename "$program")" "$program"
done
for script in tests/sys_*; do
	[ -x "$script" ] && run "$(basename "$script" | sed 's/\..*//')" "$script"
done
[ -z "$names" ] || echo "failed:$names"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
