#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What man page, completion and Markdown say is what the program does."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import (  # noqa: E402
    BUILD, DIR, HOLDFAST, SOURCE, expect, failures)
import samples_check  # noqa: E402

FOLDERS = ('base', 'formats', 'dump', 'analyze', 'tui', 'cli', 'tests')
COMMON = 'Report options'
# Where an absolute path of a document may begin.
SYSTEM = ('bin', 'dev', 'etc', 'lib', 'proc', 'run', 'srv', 'sys', 'tmp',
          'usr', 'var')


def same(what, got, want):
    got, want = set(got), set(want)
    expect(got == want, f'{what}: too many {sorted(got - want)}, '
                        f'missing {sorted(want - got)}')


def read(path):
    with open(os.path.join(SOURCE, path), encoding='utf-8') as f:
        return f.read()


def run(*args):
    done = subprocess.run(args, text=True, timeout=600, cwd=SOURCE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(done.returncode == 0, f'{" ".join(args)}: status '
                                 f'{done.returncode} {done.stderr.strip()}')
    return done.stdout


# --- what the program says of itself ---

def commands_of_program():
    return re.findall(r'^  ([a-z]+) ', run(HOLDFAST, 'help'), re.M)


def options_in(usage):
    return re.findall(r'^  (-[\w-]+)', usage, re.M)


def sort_keys_in(usage):
    found = re.search(r'\(([a-z, ]+); default [a-z]+\)', usage)
    return found.group(1).split(', ') if found and '--sort' in usage else []


# --- what the documents say ---

def man_sections(man):
    """{command: text} of the sub-sections of COMMANDS."""
    text = re.search(r'^\.Sh COMMANDS\n(.*?)^\.Sh ', man, re.M | re.S).group(1)
    parts = re.split(r'^\.Ss (.*)\n', text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def man_options(sections, command):
    def own(text):
        return ['-' + o for o in re.findall(r'^\.It Fl ([\w-]+)', text, re.M)]

    text = sections[command]
    return own(text) + (own(sections[COMMON]) if f'.Sx {COMMON}' in text
                        else [])


def man_sort_keys(text):
    found = re.search(r'^\.It Fl -sort Ar KEY\n(.*?)(?=^\.(It|El))', text,
                      re.M | re.S)
    lines = re.findall(r'^\.Cm (.*)', found.group(1), re.M) if found else []
    return re.findall(r'[a-z]+', ' '.join(lines))


def complete(*words):
    """What the completion offers for the last of @words, in the scratch
    folder."""
    script = ('source "$1/docs/completion.bash"; cd "$2"; shift 2; '
              'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return run('bash', '-c', script, 'bash', SOURCE, DIR, 'holdfast',
               *words).split()


def check_man(man):
    if shutil.which('groff'):
        done = subprocess.run(['groff', '-ww', '-mandoc', '-Tutf8', '-z',
                               'docs/holdfast.1'], cwd=SOURCE, text=True,
                              stderr=subprocess.PIPE, timeout=600)
        expect(done.stderr == '', f'groff: {done.stderr}')
    if shutil.which('mandoc'):
        done = subprocess.run(['mandoc', '-Tlint', '-Wwarning',
                               'docs/holdfast.1'], cwd=SOURCE, text=True,
                              stdout=subprocess.PIPE, timeout=600)
        expect(done.stdout == '', f'mandoc: {done.stdout}')
    in_use = set()
    for folder in FOLDERS[:-1]:
        for path in glob.glob(f'{SOURCE}/{folder}/*.c'):
            in_use.update(re.findall(r'getenv\("(\w+)"\)', read(path)))
    known = set(re.findall(r'^\.It Ev (\w+)', man, re.M))
    expect(known <= in_use, f'environment not in use: {known - in_use}')
    contributing = read('CONTRIBUTING.md')
    for name in in_use - known - {'HOME'}:
        expect(name in contributing, f'{name} is documented nowhere')


def check_commands(man):
    commands = commands_of_program()
    sections = man_sections(man)
    same('commands in the man page', set(sections) - {COMMON}, commands)
    same('commands in the completion', complete(''), commands + ['help'])
    for command in set(commands) & set(sections):
        usage = run(HOLDFAST, command, '--help')
        options = options_in(usage)
        same(f'options of {command} in the man page',
             man_options(sections, command), options)
        same(f'options of {command} in the completion',
             complete(command, '-'), set(options) | {'--help'})
        keys = sort_keys_in(usage)
        same(f'sort keys of {command} in the man page',
             man_sort_keys(sections[command]), keys)
        if keys:
            same(f'sort keys of {command} in the completion',
                 complete(command, '--sort', ''), keys)


def check_completion():
    def offers(words, want):
        got = complete(*words)
        expect(got == want, f'completion of {words}: {got}')

    os.mkdir(f'{DIR}/symbols')
    for name in ('old.core.zst', 'summary.txt'):
        open(f'{DIR}/{name}', 'w').close()
    offers(['lea'], ['leaks'])
    offers(['old'], ['old.core.zst'])
    offers(['help', 'retain'], ['retainers'])
    offers(['leaks', 'o'], ['old.core.zst'])
    offers(['leaks', '--json', '--limit', '3', 'o'], ['old.core.zst'])
    offers(['leaks', 'old.core.zst', 'o'], [])
    offers(['retainers', 'old.core.zst', ''], [])
    offers(['crash', 'inst'], ['install'])
    offers(['crash', 'list', '--dir', 's'], ['symbols'])
    offers(['tui', 'a', 'o'], ['old.core.zst'])
    offers(['tui', 'a', 'b', 'o'], [])
    offers(['diff', 'a', 'b', 'c', 'o'], ['old.core.zst'])
    offers(['dump', '-o', 'o'], ['old.core.zst'])
    offers(['dump', '--sysroot', 's'], ['symbols'])
    offers(['types', '--sort', 'ret'], ['retained'])
    offers(['types', '--limit', ''], [])
    pid = str(os.getpid())
    expect(pid in complete('dump', pid), 'completion of a process id')


# --- Markdown ---

def anchors_of(text):
    heads = re.findall(r'^#+ (.*)', text, re.M)
    return {re.sub(r'[^\w\- ]', '', h.lower()).replace(' ', '-')
            for h in heads}


def check_links(name, text):
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if re.match(r'[a-z]+:', target):
            continue
        path, _, anchor = target.partition('#')
        full = os.path.normpath(os.path.join(SOURCE, os.path.dirname(name),
                                             path)) if path else \
            os.path.join(SOURCE, name)
        inside = full == SOURCE or full.startswith(SOURCE + os.sep)
        expect(inside and os.path.exists(full), f'{name}: link to {target}')
        if anchor and inside and os.path.isfile(full):
            expect(anchor in anchors_of(read(full)),
                   f'{name}: no such heading: {target}')


def check_paths(name, text, sources):
    """Files and functions that a document names are there."""
    for first in re.findall(r'(?<![\w.~$:/*>})\]-])/([a-z]\w*)/', text):
        expect(first in SYSTEM, f'{name}: path outside of the project: '
                                f'/{first}/...')
    for path in re.findall(r'\b(?:%s|docs|samples)/[\w.*/-]*\w\.\w+' %
                           '|'.join(FOLDERS), text):
        if 'NAME' not in path and not path.startswith('docs/holdfast.1.'):
            expect(glob.glob(os.path.join(SOURCE, path)),
                   f'{name}: there is no {path}')
    for function in re.findall(r'`(\w+)\(\)`', text):
        expect(re.search(rf'\b{function}\b', sources),
               f'{name}: there is no {function}()')


def check_markdown():
    sources = '\n'.join(read(p) for folder in FOLDERS for p in
                        glob.glob(f'{SOURCE}/{folder}/**/*.[ch]',
                                  recursive=True))
    files = glob.glob(f'{SOURCE}/*.md') + glob.glob(f'{SOURCE}/docs/*')
    for path in sorted(files):
        name, text = os.path.relpath(path, SOURCE), read(path)
        if name.endswith('.md'):
            check_links(name, text)
        check_paths(name, text, sources)
    for path in re.findall(r'\bdocs/[\w.-]+', read('Makefile')):
        expect(os.path.exists(f'{SOURCE}/{path}'), f'Makefile: no {path}')


# --- JSON ---

def keys_of(value):
    """All keys in @value, but for those that the kernel chose."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    if not isinstance(value, dict):
        return set()
    return set(value) | set().union(*(keys_of(v) for k, v in value.items()
                                      if k != 'cgroup'))


def documents_in(text):
    """The JSON documents one behind the other in @text."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def json_sections():
    """{command: (keys in excerpts, keys in excerpts and words)}"""
    parts = re.split(r'^## (\w+)\n', read('docs/json.md'), flags=re.M)
    found = {}
    for command, text in zip(parts[1::2], parts[2::2]):
        excerpts = set()
        for block in re.findall(r'```json\n(.*?)```', text, re.S):
            excerpts |= keys_of(documents_in(block))
        found[command] = excerpts, excerpts | set(re.findall(r'`(\w+)`', text))
    return found


def capture():
    """A snapshot, and the address of one of its blocks."""
    snapshot = os.path.join(DIR, 'server.core.zst')
    with samples_check.stopped(f'{BUILD}/samples/server') as (pid, _):
        run(HOLDFAST, 'dump', '-o', snapshot, str(pid))
    blocks = documents_in(run(HOLDFAST, 'blocks', '--json', snapshot))
    return snapshot, next(b['addr'] for b in blocks
                          if b['type'] == 'chat::LoginHandler')


def printed_by_crash():
    folder = os.path.join(DIR, 'crashes')
    os.mkdir(folder, 0o700)
    open(f'{folder}/server.4242.20261121T030405Z.core.zst', 'w').close()
    return [d for part in ('status', 'list') for d in documents_in(
        run(HOLDFAST, 'crash', part, '--json', '--dir', folder))]


def printed(command, snapshot, addr):
    if command == 'crash':
        return printed_by_crash()
    args = {'show': [snapshot, addr], 'retainers': [snapshot, addr],
            'diff': [snapshot] * 3, 'blocks': ['--free', snapshot]}
    return documents_in(run(HOLDFAST, command, '--json',
                            *args.get(command, [snapshot])))


def check_json(man):
    literals = '\n'.join(read(p) for p in glob.glob(f'{SOURCE}/cli/*.c'))
    in_man = dict(re.findall(r'^\.It Cm (\w+)\n(.*?)(?=^\.(?:It|El))',
                             re.search(r'^\.Sh JSON\n.*?^\.Sh ', man,
                                       re.M | re.S).group(0), re.M | re.S))
    sections = json_sections()
    with_json = [c for c in commands_of_program()
                 if '--json' in run(HOLDFAST, c, '--help')]
    same('commands in docs/json.md', sections, with_json)
    same('commands with JSON in the man page', in_man, with_json)
    snapshot, addr = capture()
    for command in set(with_json) & set(sections) & set(in_man):
        documents = printed(command, snapshot, addr)
        excerpts, words = sections[command]
        listed = set(re.findall(r'\w+', in_man[command])) - {'or'}
        missing = keys_of(documents) - words
        expect(not missing, f'docs/json.md, {command}: nothing about '
                            f'{sorted(missing)}')
        for key in excerpts | listed:
            expect(f'"{key}"' in literals, f'documents, {command}: there is '
                                           f'no key {key}')
        missing = set(documents[0]) - listed - {'notes'}
        expect(not missing, f'man page, JSON of {command}: nothing about '
                            f'{sorted(missing)}')


def main():
    man = read('docs/holdfast.1')
    check_man(man)
    check_commands(man)
    check_completion()
    check_markdown()
    check_json(man)
    print(f'{len(failures)} failures')
    return 1 if failures else 0


sys.exit(main())
