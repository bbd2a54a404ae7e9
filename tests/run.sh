#!/bin/sh
# Run every test: unit tests (cmocka programs), then tests/sys_* scripts, each
# with its own folder for what it writes. Ends in "N passed, N failed, N skipped".
#
# What one run found out is not kept for the next: that is a test of its own.
# A script's exit status: 0 passed, 77 skipped (it says why), else failed.
set -u
cd "$(dirname "$0")/.."
B=${1:-build}
passed=0 failed=0 skipped=0 names=
out=$(mktemp -d)
chmod 755 "$out"	# tests have users without rights
trap 'rm -rf "$out"' EXIT

finish() {	# NAME STATUS SECONDS
	case $2 in
	0)  passed=$((passed + 1)); echo "ok    $1 (${3}s)" ;;
	77) skipped=$((skipped + 1)); echo "skip  $1: $(tail -n 1 "$out/log")" ;;
	*)  failed=$((failed + 1)); names="$names $1"
	    echo "FAIL  $1 (status $2)"; sed 's/^/      /' "$out/log" | tail -n 60 ;;
	esac
}

run() {		# NAME COMMAND...
	name=$1; shift
	mkdir -p "$out/$name"
	start=$(date +%s)
	TEST_DIR="$out/$name" HOLDFAST="$PWD/$B/holdfast" BUILD="$PWD/$B" \
	XDG_CACHE_HOME="$out/cache" HOLDFAST_INDEX=never timeout 900 "$@" >"$out/log" 2>&1 </dev/null
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
