#!/bin/sh
# SPDX-License-Identifier: MIT
# The interface of libdwarf changed after the version of Debian 12. Build with
# that of Debian 13 and run the tests that read DWARF. The packages are only
# unpacked, into the build folder; needs apt-get and the network.
set -eu
cd "$(dirname "$0")/.."
B=build/libdwarf
apt=$PWD/$B/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/files"

apt_get() {
	(cd "$apt/files" && apt-get -qq \
		-o Dir::Etc::sourcelist="$apt/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State="$apt" -o Dir::State::lists="$apt/lists" \
		-o Dir::State::status=/var/lib/dpkg/status \
		-o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root "$@")
}

usr=$apt/root/usr
if [ ! -e "$usr/include/libdwarf/libdwarf.h" ]; then
	echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]' \
		'http://deb.debian.org/debian trixie main' >"$apt/sources.list"
	apt_get update
	apt_get download libdwarf-dev/trixie libdwarf1/trixie
	for package in "$apt"/files/*.deb; do
		dpkg-deb -x "$package" "$apt/root"
	done
fi
lib=$(dirname "$(find "$usr/lib" -name libdwarf.so)")

tests=$(for t in dwarf module unwind types; do ls tests/test_$t*.c; done |
	sed "s,^,$B/,; s,\.c\$,,")
flags=$(pkg-config --cflags libelf libzstd ncursesw jansson libxxhash zlib liblzma)
make -s WERROR=1 B=$B PKG_CFLAGS="-isystem $usr/include/libdwarf $flags" \
	LDFLAGS="-L$lib -Wl,-rpath,$lib" all samples $tests

status=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for test in $tests tests/sys_dwarf.py tests/sys_debug_files.py \
		tests/sys_samples.py; do
	mkdir -p "$out/scratch"
	if TEST_DIR="$out/scratch" HOLDFAST="$PWD/$B/holdfast" \
			BUILD="$PWD/$B" XDG_CACHE_HOME="$out/cache" \
			"$test" >"$out/log" 2>&1; then
		echo "ok    $(basename "$test")"
	else
		echo "FAIL  $(basename "$test")"
		tail -n 30 "$out/log"
		status=1
	fi
	rm -rf "$out/scratch"
done
ldd "$B/holdfast" | grep libdwarf
exit $status
