#!/bin/sh
# SPDX-License-Identifier: MIT
# Install the Debian packages that building and testing need, when one is
# missing. Only root can; everybody else is told the command.
set -eu
want="gcc g++ make pkg-config libelf-dev libdwarf-dev libncurses-dev libzstd-dev
zlib1g-dev liblzma-dev libiberty-dev libxxhash-dev libjansson-dev libcmocka-dev
libvterm-dev gdb binutils dwz zstd python3 redis-server
libc6-dbg libstdc++6-12-dbg libbinutils-dbg
libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 musl-tools"
missing=
for package in $want; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
		grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "Packages are missing. Please run:" >&2
	echo "    sudo apt-get install$missing" >&2
	exit 1
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Servers that Debian starts on installation are wanted as programs only.
if ! { apt-get update -qq &&
       RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing; } \
		>"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
