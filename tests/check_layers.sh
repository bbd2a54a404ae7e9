#!/bin/sh
# SPDX-License-Identifier: MIT
# The architecture as a test: which folder may include which, and which file
# alone may include an outside library.
set -eu
cd "$(dirname "$0")/.."
status=0

complain() {
	echo "layers: $*" >&2
	status=1
}

may_include() {
	case "$1" in
	base)    echo "base" ;;
	formats) echo "base formats" ;;
	dump)    echo "base formats dump" ;;
	analyze) echo "base formats analyze" ;;
	tui)     echo "base analyze tui" ;;
	cli)     echo "base formats dump analyze tui cli" ;;
	esac
}

for dir in base formats dump analyze tui cli; do
	ok=" $(may_include "$dir") "
	for file in "$dir"/*.[ch]; do
		[ -e "$file" ] || continue
		for to in $(sed -n 's,^#include "\([^"/]*\)/.*,\1,p' "$file" | sort -u); do
			case "$ok" in
			*" $to "*) ;;
			*) complain "$file may not include $to/" ;;
			esac
		done
		if grep -q '^#include "[^/"]*"' "$file"; then
			complain "$file: include as \"folder/name.h\""
		fi
	done
done

# only LIBRARY-HEADER-PATTERN FILE...: who else includes it is wrong
only() {
	pattern=$1
	shift
	for file in $(grep -lE "^#include <($pattern)" base/*.[ch] formats/*.[ch] \
			dump/*.[ch] analyze/*.[ch] tui/*.[ch] cli/*.[ch] 2>/dev/null); do
		case " $* " in
		*" $file "*) ;;
		*) complain "$file may not include <$pattern>; only $*" ;;
		esac
	done
}

only 'n?curses|ncursesw/|term.h' tui/term_curses.c
only 'zstd' formats/seekable.c
only 'libelf|gelf' formats/elf_file.c
only 'libdwarf|dwarf.h' formats/dwarf.h $(ls formats/dwarf_*.c 2>/dev/null)
only 'jansson' cli/json.c
only 'sqlite3' analyze/sql.c
only 'libiberty|demangle' analyze/demangle.c

# One idea, one name: file names are unique in the tree.
dup=$(ls base/*.[ch] formats/*.[ch] dump/*.[ch] analyze/*.[ch] tui/*.[ch] \
	cli/*.[ch] 2>/dev/null | sed 's,.*/,,' | sort | uniq -d)
[ -z "$dup" ] || complain "file names used twice: $dup"

exit $status
