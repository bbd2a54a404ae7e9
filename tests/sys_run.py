#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`holdfast run`: programs that crash, exit and go on, alone, in pipelines and
on a terminal, are captured when they should be, and notice nothing."""
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios

sys.dont_write_bytecode = True		# leave the source tree clean
from findings import (  # noqa: E402
    BUILD, DIR, HOLDFAST, SOURCE, expect, failures, same)
import samples_check  # noqa: E402

PROGRAM = f'{DIR}/crashing'
LIMIT = 600		# seconds that nothing here takes


class Folder:
    """A folder for one case, which is named in what fails in it."""

    def __init__(self, name):
        self.name = name
        self.path = f'{DIR}/{name.replace(" ", "_")}'
        os.mkdir(self.path)

    def command(self, *args, options=()):
        return [HOLDFAST, 'run', *options, '--', PROGRAM, *args]

    def start(self, *args, options=(), **kwargs):
        return subprocess.Popen(self.command(*args, options=options),
                                cwd=self.path, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **kwargs)

    def run(self, *args, options=(), stdin=''):
        """(status as of subprocess, stdout, stderr)"""
        child = self.start(*args, options=options)
        try:
            out, err = child.communicate(stdin, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        return child.returncode, out, err

    def snapshots(self):
        return sorted(f for f in os.listdir(self.path)
                      if f.endswith('.core.zst'))

    def one(self):
        """The only snapshot; "" when there is another number of them."""
        found = self.snapshots()
        if len(found) != 1:
            expect(False, f'{self.name}: snapshots {found}')
            return ''
        return f'{self.path}/{found[0]}'

    def same(self, what, got, want):
        same(f'{self.name}: {what}', got, want)

    def expect(self, ok, text):
        expect(ok, f'{self.name}: {text}')


def report(*args):
    done = subprocess.run([HOLDFAST, *args], text=True, timeout=LIMIT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise AssertionError(f'holdfast {" ".join(args)}: {done.stderr}')
    return done.stdout


def info(path):
    if not path:		# which was said before
        return {'process': {'pid': None, 'signal': None}}
    return json.loads(report('info', '--json', path))


def in_gdb(path, *commands):
    core = path.removesuffix('.zst')
    subprocess.run(['zstd', '-qdf', path, '-o', core], check=True)
    args = [part for c in commands for part in ('-ex', c)]
    done = subprocess.run(['gdb', '-nx', '-batch', *args, PROGRAM, core],
                          text=True, stdout=subprocess.PIPE, timeout=LIMIT,
                          stderr=subprocess.DEVNULL)
    os.unlink(core)
    return done.stdout


# --- deaths ---

DEATHS = [		# mode, signal, threads, function
    ('segv', 'SIGSEGV', 1, 'crash_segv'),
    ('thread_segv', 'SIGSEGV', 9, 'crash_segv'),
    ('abort', 'SIGABRT', 1, 'crash_abort'),
    ('throw', 'SIGABRT', 1, 'crash_throw'),
    ('overflow', 'SIGSEGV', 1, 'crash_overflow'),
    ('overflow_thread', 'SIGSEGV', 2, 'crash_overflow'),
    ('free', 'SIGABRT', 1, 'crash_free'),
    ('bad_alloc', 'SIGABRT', 1, 'crash_bad_alloc'),
    ('xmalloc', 'SIGABRT', 1, 'crash_xmalloc'),
    ('reraise', 'SIGSEGV', 1, 'crash_segv'),	# on return of its handler
    ('blocked', 'SIGSEGV', 1, 'crash_segv'),
    ('main_left', 'SIGSEGV', 1, 'crash_segv'),
]


def check_death(mode, name, n_threads, function):
    case = Folder(mode)
    status, out, err = case.run(mode)
    case.same('status', status, -getattr(signal, name))
    case.same('own output', out,
              'my own crash report\n' if mode == 'reraise' else '')
    path = case.one()
    if not path:
        print(err)
        return
    case.expect(f'{os.path.basename(path)}: ' in err, f'stderr {err!r}')
    facts = info(path)
    case.same('signal', facts['process']['signal'], name)
    if mode != 'main_left':	# its first thread is a zombie, or gone
        case.same('threads', facts['threads'], n_threads)
    case.same('notes', facts['diagnostics'], [])
    if not shutil.which('gdb') or not shutil.which('zstd'):
        return
    # Frames of an overflow are many.
    text = in_gdb(path, 'print $_siginfo.si_signo', 'thread',
                  'bt -1' if 'overflow' in mode else 'bt',
                  'bt 15')
    case.expect(f'$1 = {int(getattr(signal, name))}\n' in text,
                f'signal in gdb: {text}')
    case.expect(re.search(r'\[Current thread is 1 ', text),
                f'thread in gdb: {text}')
    case.expect(re.search(rf'\b{function} \(', text), f'stack in gdb: {text}')


def check_fault_address():
    case = Folder('fault address')
    case.run('thread_segv', options=['-o', 'x.core.zst'])
    if shutil.which('gdb') and shutil.which('zstd'):
        text = in_gdb(f'{case.path}/x.core.zst',
                      'print $_siginfo._sifields._sigfault.si_addr')
        case.expect('$1 = (void *) 0x10' in text, text)
    path = f'{case.path}/x.core.zst'
    case.same('address', info(path)['process']['fault_address'], '0x10')
    for command in 'info', 'threads':
        text = report(command, path)
        case.expect('SIGSEGV at address 0x10 (unmapped)' in text, text)
    threads = json.loads(report('threads', '--json',
                                f'{case.path}/x.core.zst'))
    names = [t.get('name') for t in threads['threads']]
    case.expect('culprit' in names, f'threads {names}')


MANY = """
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	for (int i = 0; i < 80; i++) {
		char path[32];

		snprintf(path, sizeof(path), "./part%d.so", i);
		if (!dlopen(path, RTLD_NOW))
			return 1;
	}
	abort();
}
"""


def check_all_modules():
    """A small process is copied sooner than its many modules are looked at."""
    case = Folder('many modules')
    subprocess.run(['cc', '-x', 'c', '-', '-o', f'{case.path}/many', '-ldl'],
                   input=MANY, text=True, check=True)
    subprocess.run(['cc', '-shared', '-fPIC', '-x', 'c', '-', '-o',
                    f'{case.path}/part0.so'], input='int part;', text=True,
                   check=True)
    for i in range(1, 80):
        shutil.copyfile(f'{case.path}/part0.so', f'{case.path}/part{i}.so')
    for i in range(12):
        done = subprocess.run([HOLDFAST, 'run', '-o', f'{i}.core.zst',
                               './many'], cwd=case.path, timeout=LIMIT,
                              stderr=subprocess.DEVNULL)
        case.same('status', done.returncode, -signal.SIGABRT)
        modules = info(f'{case.path}/{i}.core.zst')['modules']
        case.same('parts', sum('/part' in m['path'] for m in modules), 80)


# --- what is no death ---

def check_quiet():
    """Programs that only look as if they died, or do it on their own."""
    for args, status, out in [
            (('exit', '0'), 0, ''), (('exit', '3'), 3, ''),
            (('recover',), 0, 'caught 100\n'),
            (('signals',), 0, 'ticks 2000\n'),
            (('ignored',), 0, 'epoll_wait 1\n'),
            (('many_threads',), 0, '3000 threads\n'),
            (('thread_exec',), 5, ''), (('main_leaves',), 6, ''),
            (('children',), 0, '60 children\n'),
            (('kill', '9'), -9, '')]:
        for options in ((), ('--follow-forks',)):
            case = Folder(' '.join(args) + ' '.join(options))
            got = case.run(*args, options=options)
            case.same('status, output', got, (status, out, ''))
            case.same('snapshots', case.snapshots(), [])


def check_missing():
    case = Folder('missing')
    for name, status in [('./nosuch', 127), ('nosuch-program', 127),
                         ('/etc/passwd', 126), ('/', 126)]:
        done = subprocess.run([HOLDFAST, 'run', name], cwd=case.path,
                              text=True, stderr=subprocess.PIPE,
                              timeout=LIMIT)
        case.same(name, done.returncode, status)
        case.expect(done.stderr.startswith(f'holdfast: {name}: ') and
                    done.stderr.count('\n') == 1, done.stderr)
    for args in ([], ['--every', '0s', 'true'], ['--on-signal', 'KILL', 'true'],
                 ['--on-signal', 'NONE', 'true'],
                 ['--on-signal', 'SEGV', 'true'], ['--rss-above', 'x', 'true'],
                 ['-o', '-', 'true']):
        done = subprocess.run([HOLDFAST, 'run', *args], cwd=case.path,
                              text=True, stderr=subprocess.PIPE,
                              timeout=LIMIT)
        case.same(f'status of {args}', done.returncode, 2)
        case.expect(done.stderr.count('\n') == 1, f'{args}: {done.stderr}')
    # Nothing is started that could not be captured.
    open(f'{case.path}/there', 'w').close()
    done = subprocess.run([HOLDFAST, 'run', '-o', 'there', 'touch', 'started'],
                          cwd=case.path, stderr=subprocess.DEVNULL,
                          timeout=LIMIT)
    case.same('-o of a file that exists', done.returncode, 2)
    case.expect(not os.path.exists(f'{case.path}/started'), 'it was started')


def check_pipes():
    case = Folder('pipes')
    done = subprocess.run(['sh', '-c', 'printf "a\\nb\\n" | "$0" run cat | '
                           '"$0" run tr a-z A-Z; '
                           '"$0" run -o yes.core.zst yes | head -n 1',
                           HOLDFAST], cwd=case.path, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=LIMIT)
    case.same('output', done.stdout, 'A\nB\ny\n')
    # The program's SIGPIPE is as it was for holdfast, not ignored.
    # It ends by it, which is no crash.
    case.same('snapshots', case.snapshots(), [])
    text = subprocess.run([HOLDFAST, 'run', 'sh', '-c',
                           'grep -E "^(SigIgn|SigBlk|SigCgt)" '
                           '/proc/self/status; ulimit -n'],
                          text=True, stdout=subprocess.PIPE, timeout=LIMIT,
                          preexec_fn=lambda: signal.signal(signal.SIGUSR1,
                                                           signal.SIG_IGN))
    plain = subprocess.run(['sh', '-c', 'grep -E "^(SigIgn|SigBlk|SigCgt)" '
                            '/proc/self/status; ulimit -n'],
                           text=True, stdout=subprocess.PIPE, timeout=LIMIT,
                           preexec_fn=lambda: signal.signal(signal.SIGUSR1,
                                                            signal.SIG_IGN))
    case.same('signals and limit of files', text.stdout, plain.stdout)


# --- captures of programs that go on ---

class Obedient:
    """The program in the mode in which it does what it is told."""

    def __init__(self, case, *options):
        self.case = case
        self.child = case.start('obey', options=options)
        head = self.word(4)
        self.pid = int(re.match(r'pid (\d+) tracer', head).group(1))

    def word(self, n):
        """The next n words of output, which end in blanks."""
        text = ''
        while text.count(' ') + text.count('\n') < n - 1:
            c = self.child.stdout.read(1)
            if not c:
                break
            text += c
        return text

    def tell(self, line):
        self.child.stdin.write(line + '\n')
        self.child.stdin.flush()

    def do(self, line):
        self.tell(line)
        answer = self.child.stdout.readline().strip()
        self.case.same('answer', answer.split('did ')[-1], line)

    def written(self):
        """Wait until holdfast names a file; notes are passed over."""
        for line in self.child.stderr:
            if '.core.zst: ' in line:
                return line.split(': ')[0]
        self.case.expect(False, 'no file was written')
        return ''

    def end(self, status, line='quit'):
        self.tell(line)
        out, err = self.child.communicate(timeout=LIMIT)
        self.case.same('status', self.child.returncode, status)
        return err


def check_on_signal():
    case = Folder('on signal')
    program = Obedient(case, '--on-signal', 'usr2', '--max', '3')
    program.do('a')
    os.kill(program.pid, signal.SIGUSR2)
    case.same('first', program.written(), f'crashing.{program.pid}.1.core.zst')
    program.do('b')
    os.kill(program.child.pid, signal.SIGUSR2)	# is passed on
    case.same('second', program.written(),
              f'crashing.{program.pid}.2.core.zst')
    program.do('c')
    err = program.end(9)
    case.same('stderr', err, '')
    for name in case.snapshots():
        case.same('signal', info(f'{case.path}/{name}')['process']['signal'],
                  None)


def check_rss():
    case = Folder('rss')
    program = Obedient(case, '--rss-above', '40M', '-o', 'big.core.zst',
                       '--no-types')
    program.do('touch 10')
    # The next one is due at half as much again as there was at this one, which
    # may come in the midst of it.
    program.do('touch 35')
    case.same('first', program.written(), 'big.1.core.zst')
    program.do('touch 38')
    case.same('second', program.written(), 'big.2.core.zst')
    err = program.end(-11, 'crash')
    case.expect('big.core.zst: ' in err, f'stderr {err!r}')
    case.same('snapshots', case.snapshots(),
              ['big.1.core.zst', 'big.2.core.zst', 'big.core.zst'])


def check_every():
    case = Folder('every')
    program = Obedient(case, '--every', '50ms', '--max', '2', '--no-types')
    names = [program.written(), program.written()]
    case.same('names', names, [f'crashing.{program.pid}.{n}.core.zst'
                               for n in (1, 2)])
    program.do('a')
    program.end(9)
    case.same('snapshots', case.snapshots(), sorted(names))


def check_spawning():
    case = Folder('spawning')
    # On a busy machine few captures fall into one run.
    for _ in range(20):
        status, out, err = case.run('spawning', options=[
            '--every', '5ms', '--max', '60', '--no-types'])
        case.same('status', status, 0)
        case.same('output', out, '3000 threads\n' * 3)
        case.same('copies left', err.count('is left to the process'), 0)
        if len(case.snapshots()) > 5:
            return
    case.expect(False, f'{len(case.snapshots())} snapshots')


def check_at_exit():
    case = Folder('at exit')
    for args, status in [(('exit', '0'), 0), (('exit', '7'), 7),
                         (('thread_exec',), 5), (('main_leaves',), 6),
                         (('many_threads',), 0)]:
        name = f'{args[0]}{status}.core.zst'
        got = case.run(*args, options=['--at-exit', '-o', name])
        case.same(f'status of {args}', got[0], status)
        case.expect(f'{name}: ' in got[2], f'{args}: {got[2]}')
        case.same(f'signal of {args}',
                  info(f'{case.path}/{name}')['process']['signal'], None)
    got = case.run('segv', options=['--at-exit', '-o', 'dead.core.zst'])
    case.same('status', got[0], -11)
    case.same('lines of a crash', got[2].count('\n'), 1)


def check_leaks_at_exit(sample):
    """The sample stops itself, which stops holdfast as well, until both are
    let go; then it returns from main, and has lost what it says."""
    case = Folder(f'leaks of {sample}')
    child = subprocess.Popen([HOLDFAST, 'run', '--at-exit', '-o', 'x.core.zst',
                              f'{BUILD}/samples/{sample}'], cwd=case.path,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    truth = json.loads(child.stdout.readline())
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    case.expect(os.WIFSTOPPED(status) and
                os.WSTOPSIG(status) == signal.SIGSTOP, f'{status:#x}')
    os.kill(child.pid, signal.SIGCONT)
    child.communicate(timeout=LIMIT)
    case.same('status', child.returncode, 0)
    blocks = [json.loads(line) for line in
              report('blocks', '--json', f'{case.path}/x.core.zst')
              .splitlines()]
    lost = {int(b['addr'], 16) for b in blocks
            if b['state'] in ('leaked', 'stale')}
    stated = samples_check.addresses(truth['leaked'])
    case.expect(lost == stated, f'{len(lost - stated)} too many, '
                f'{len(stated - lost)} missing')


def check_forks():
    case = Folder('free children')
    status, out, err = case.run('fork_crash')
    case.same('status', status, 0)
    case.expect(re.fullmatch(r'child \d+ signal 11\n', out), out)
    case.same('snapshots', case.snapshots(), [])
    case = Folder('followed children')
    status, out, err = case.run('fork_crash',
                                options=['--follow-forks', '-o', 'x.core.zst'])
    case.same('status', status, 0)
    child = re.fullmatch(r'child (\d+) signal 11\n', out).group(1)
    case.same('snapshots', case.snapshots(), [f'x.{child}.core.zst'])
    case.same('pid', info(case.one())['process']['pid'], int(child))
    case = Folder('two followed children')
    done = subprocess.run([HOLDFAST, 'run', '--follow-forks', 'sh', '-c',
                           f'{PROGRAM} abort & {PROGRAM} thread_segv & wait'],
                          cwd=case.path, stderr=subprocess.DEVNULL,
                          timeout=LIMIT)
    case.same('status', done.returncode, 0)
    case.same('signals', sorted(info(f'{case.path}/{name}')['process']
                                ['signal'] for name in case.snapshots()),
              ['SIGABRT', 'SIGSEGV'])
    case = Folder('followed daemon')
    done = subprocess.run([HOLDFAST, 'run', '--follow-forks', 'sh', '-c',
                           f'{PROGRAM} segv & exit 4'], cwd=case.path,
                          stderr=subprocess.DEVNULL, timeout=LIMIT)
    case.same('status', done.returncode, 4)
    case.same('signal', info(case.one())['process']['signal'], 'SIGSEGV')


# --- signals to holdfast ---

def check_killed():
    """The program goes on, untraced, when holdfast is killed."""
    case = Folder('killed')
    for options in ((), ('--follow-forks', '--at-exit')):
        program = Obedient(case, *options)
        case.expect(tracer_of(program.pid) != 0, 'it is not traced')
        program.child.kill()
        program.child.wait()
        program.do('a')
        # The guardian hears of it at once, and then exits.
        while tracer_of(program.pid) != 0:
            program.do('again')
        program.tell('quit')
        case.same('rest', program.child.stdout.read(), '')
        program.child.stderr.close()
        program.child.stdin.close()
    case.same('snapshots', case.snapshots(), [])


def tracer_of(pid):
    with open(f'/proc/{pid}/status') as f:
        return int(re.search(r'TracerPid:\s+(\d+)', f.read()).group(1))


def check_terminated():
    case = Folder('terminated')
    program = Obedient(case)
    program.do('a')
    program.child.terminate()
    # The end of its input would end it as well.
    program.child.wait(timeout=LIMIT)
    program.child.communicate()
    case.same('status', program.child.returncode, -signal.SIGTERM)
    case.same('snapshots', case.snapshots(), [])


# --- on a terminal ---

class Terminal:
    """A shell with job control on a terminal of its own."""

    def __init__(self, case):
        self.case = case
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            mode = termios.tcgetattr(0)
            mode[3] &= ~termios.ECHO
            termios.tcsetattr(0, termios.TCSANOW, mode)
            os.chdir(case.path)
            os.environ.update(PS1='READY$ ', TERM='dumb')
            os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])
        self.seen = ''

    def until(self, pattern):
        """Read until the pattern has come; what came before it."""
        signal.alarm(LIMIT)
        while not re.search(pattern, self.seen):
            self.seen += os.read(self.fd, 4096).decode()
        signal.alarm(0)
        found = re.search(pattern, self.seen)
        before, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return before

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        self.type('exit\n')
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def check_terminal():
    if not shutil.which('bash'):
        return
    case = Folder('terminal')
    shell = Terminal(case)
    shell.until(r'READY\$ ')
    # ^Z stops both, fg lets both go on; bg is heard, too.
    shell.type(f'{HOLDFAST} run {PROGRAM} obey\n')
    shell.until(r'tracer ')
    shell.type('a\n')
    shell.until(r'did a')
    for _ in range(3):
        shell.type('\x1a')
        shell.until(r'Stopped[^\n]*\n(.|\n)*READY\$ ')
        shell.type('fg\n')
        shell.until('obey')
        shell.type('b\n')
        shell.until(r'did b')
    # It stops itself; somebody else lets it go on.
    shell.type('stop\n')
    shell.until(r'Stopped[^\n]*\n(.|\n)*READY\$ ')
    shell.type('fg\n')
    shell.until('did stop')
    # ^C ends a program that does not handle it: no crash. ^\ asks for a core.
    shell.type('\x03')
    shell.until(r'READY\$ ')
    shell.type('echo status=$?\n')
    shell.until(r'status=130')
    shell.until(r'READY\$ ')
    case.same('snapshots', case.snapshots(), [])
    shell.type(f'{HOLDFAST} run {PROGRAM} obey\n')
    shell.until(r'tracer ')
    shell.type('\x1c')
    shell.until(r'core.zst: (.|\n)*READY\$ ')
    case.same('signal', info(case.one())['process']['signal'], 'SIGQUIT')
    # One that handles it goes on.
    shell.type(f'{HOLDFAST} run bash -c "trap \'echo got it\' INT; '
               'echo now; read x; read x; echo read $x; exit 3"\n')
    shell.until(r'now\r?\n')
    shell.type('\x03')
    shell.until('got it')
    shell.type('one\ntwo\n')
    shell.until(r'READY\$ ')
    shell.type('echo status=$?\n')
    shell.until(r'status=3')
    # A pipeline is one job.
    shell.type(f'{HOLDFAST} run cat | {HOLDFAST} run cat\n')
    shell.type('x\n')
    shell.until(r'x\r?\n')
    shell.type('\x04')
    shell.until(r'READY\$ ')
    shell.close()
    case.same('snapshots', len(case.snapshots()), 1)


def main():
    subprocess.run(['c++', '-std=c++17', '-g', '-O1', '-pthread', '-o',
                    PROGRAM, f'{SOURCE}/tests/programs/crashing.cc'],
                   check=True)
    for death in DEATHS:
        check_death(*death)
    check_fault_address()
    check_all_modules()
    check_quiet()
    check_missing()
    check_pipes()
    check_on_signal()
    check_rss()
    check_every()
    check_spawning()
    check_at_exit()
    for sample in ('lost_list', 'ring', 'shared_cycle', 'shared_dag'):
        check_leaks_at_exit(sample)
    check_forks()
    check_killed()
    check_terminated()
    check_terminal()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
