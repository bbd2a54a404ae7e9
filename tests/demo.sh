#!/bin/sh
# SPDX-License-Identifier: MIT
# What holdfast does, shown on a small server with four memory bugs.
# Usage: tests/demo.sh BUILD_DIR
set -eu
B=$(cd "${1:-build}" && pwd)
PATH="$B:$PATH"
work=$(mktemp -d)
pid=
finish() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || :
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

run() {
	printf '\n$ holdfast %s\n' "$*"
	holdfast "$@"
}

has() {
	holdfast help | grep -q "^ *$1 "
}

# The server stops itself when its busy night is over.
wait_for_stop() {
	until grep -q '^State:[[:space:]]*T' "/proc/$pid/status"; do
		sleep 0.05
	done
}

cat <<'TEXT'
A small chat server (samples/server.cc) ran for a night. Its bugs: sessions
that log out are lost, closed rooms and their members keep each other alive,
the avatar cache has no limit, and requests that time out are forgotten.
It was not recompiled or restarted for what follows.
TEXT

"$B/samples/server" >"$work/truth.json" &
pid=$!
wait_for_stop
cd "$work"
run dump "$pid" -o server.core.zst
kill -CONT "$pid"
wait "$pid"
pid=

run info server.core.zst
run memory server.core.zst
run leaks server.core.zst
run types --limit 12 server.core.zst
if has dominators; then
	run dominators --depth 1 --limit 8 server.core.zst
fi

# The biggest holder is no leak: the avatars in the cache, if their type was
# found, else the handlers.
for type in chat::Avatar chat::LoginHandler; do
	block=$(holdfast blocks --json server.core.zst |
		sed -n "/\"$type\"/s/.*\"addr\": *\"\(0x[0-9a-f]*\)\".*/\1/p" |
		sed -n 1p)
	[ -z "$block" ] || break
done
run retainers server.core.zst "$type"
run show server.core.zst "$block"

if [ -t 0 ] && [ -t 1 ] && has tui; then
	printf '\n$ holdfast server.core.zst      (q leaves, ? helps)\nEnter: '
	read -r _
	holdfast server.core.zst
fi
