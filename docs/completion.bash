# SPDX-License-Identifier: MIT
# Completion of holdfast for bash: commands, options, sort keys, files, process
# ids. `source` it, or install it as share/bash-completion/completions/holdfast.

_holdfast_commands='dump run crash resolve info memory suspects types leaks cycles dominators
retainers threads show blocks waste refcounts diff tui help'

_holdfast_options() {	# COMMAND
	local report='--json --limit --bytes --color --no-index --help'

	case $1 in
	dump)
		echo '-o --force --level --core --exe --sysroot --debug-dir --debuginfod' \
			'--no-types --no-fork --content --exclude' \
			'--on-low-memory --help' ;;
	run)
		echo '-o --at-exit --on-signal --rss-above --every --max' \
			'--follow-forks --force --level --exe --sysroot' \
			'--debug-dir --debuginfod --no-types --no-fork' \
			'--content --exclude --on-low-memory --help' ;;
	resolve)
		echo '-o --debug-dir --sysroot --exe --debuginfod --force' \
			'--level --help' ;;
	crash)
		echo '--dir --max-size --max-count --max-total --keep-free' \
			'--limit-time --content --no-types --json --help' ;;
	info)
		echo "$report --timings" ;;
	memory | suspects | retainers | show | waste | refcounts)
		echo "$report" ;;
	threads)
		echo "$report --all" ;;
	types | leaks | cycles)
		echo "$report --filter --sort" ;;
	dominators)
		echo "$report --depth --of" ;;
	blocks)
		echo "$report --free --candidates --filter" ;;
	diff)
		echo "$report --filter --sort --exit-code" ;;
	tui)
		echo '--no-index --help' ;;
	esac
}

_holdfast_sort_keys() {	# COMMAND
	case $1 in
	types) echo 'bytes count retained leaked name' ;;
	leaks | cycles) echo 'retained bytes count' ;;
	diff) echo 'growth count bytes name' ;;
	esac
}

# How many FILEs a command takes; what follows them has no list.
_holdfast_files() {	# COMMAND
	case $1 in
	dump | run | crash | help) echo 0 ;;
	diff)        echo 99 ;;
	tui | suspects) echo 2 ;;
	*)           echo 1 ;;
	esac
}

_holdfast_takes_value() {	# OPTION
	case $1 in
	-o | --level | --core | --exe | --sysroot | --debug-dir | --limit | \
	--content | --exclude | --dir | --max-size | --max-count | --max-total | --keep-free | \
	--on-low-memory | --on-signal | --rss-above | --every | --max | \
	--limit-time | --filter | --sort | --depth | --of)
		return 0 ;;
	esac
	return 1
}

# Arguments between the command and the word at the cursor, options left out.
_holdfast_arguments() {
	local i n=0

	for ((i = 2; i < COMP_CWORD; i++)); do
		if _holdfast_takes_value "${COMP_WORDS[i]}"; then
			((i++))
		elif [[ ${COMP_WORDS[i]} != -?* ]]; then
			((n++))
		fi
	done
	echo "$n"
}

_holdfast_paths() {	# f or d
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -"$1" -- "$word")
}

_holdfast_words() {	# WORD...
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$word")
}

_holdfast_pids() {
	local dir

	for dir in /proc/[1-9]*; do
		echo "${dir#/proc/}"
	done
}

_holdfast_value() {	# COMMAND OPTION
	case $2 in
	-o | --core | --exe)       _holdfast_paths f ;;
	--sysroot | --debug-dir | --dir)   _holdfast_paths d ;;
	--content)                 _holdfast_words full pointers ;;
	--on-signal)               _holdfast_words $(compgen -A signal) ;;
	--sort)                    _holdfast_words $(_holdfast_sort_keys "$1") ;;
	esac
}

_holdfast() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]}

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		case $word in
		-*) _holdfast_words --help --version ;;
		*)  _holdfast_paths f
		    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY \
			< <(compgen -W "$_holdfast_commands" -- "$word") ;;
		esac
	elif _holdfast_takes_value "$before"; then
		_holdfast_value "$command" "$before"
	elif [[ $word == -* ]]; then
		_holdfast_words $(_holdfast_options "$command")
	elif [[ $command == help ]]; then
		_holdfast_words ${_holdfast_commands% help}
	elif [[ $command == crash ]]; then
		((COMP_CWORD > 2)) ||
			_holdfast_words install uninstall status list
	elif [[ $command == run ]]; then
		_holdfast_paths f
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY \
			< <(compgen -c -- "$word")
	elif [[ $command == dump ]]; then
		_holdfast_words $(_holdfast_pids)
	elif (($(_holdfast_arguments) < $(_holdfast_files "$command"))); then
		_holdfast_paths f
	fi
}

complete -F _holdfast holdfast
