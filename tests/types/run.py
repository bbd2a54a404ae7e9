#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How often the type of a block is right: every zoo, every compiler.

    run.py [--verbose] BUILD_DIR

Builds the zoos with each compiler that is installed, at -O0 and -O2, judges
them (judge.py), and prints a table, the precision of every confidence level,
and how many references out of typed blocks have the name of a field. With
TYPES_SOURCES=DIR, real programs that were built there are judged as well
(real.py). Exit status 1 when a floor is missed.

"ambiguous" has no type, but the truth is among the candidates.
"""
import concurrent.futures
import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import judge
import real
import zoos

# Of the blocks with a truth: at least so many percent right, at most so many
# wrong, in all zoos of the language together.
FLOORS = {"C++": (98.0, 0.1), "Rust": (97.0, 0.3), "C": (80.0, 2.0)}
FLOOR_NAMED = 95.0
ENOUGH = 100        # blocks whose types say something about a confidence

HEAD = "%-34s %7s  %8s %10s %7s %8s   %8s %7s   %6s"
LINE = "%-34s %7d  %8.2f %10.2f %7.2f %8.2f   %8.2f %7.2f   %6.1f"


def print_row(name, r):
    print(LINE % (name, r.total(), *(r.percent(v) for v in judge.VERDICTS),
                  r.percent("correct", r.bytes), r.percent("wrong", r.bytes),
                  100.0 * r.named / max(r.words, 1)), flush=True)


def runs():
    for zoo, (language, _, _) in zoos.ZOOS.items():
        for compiler in zoos.COMPILERS[language]:
            for level in (0, 2):
                yield zoo, language, compiler, level


def missed(language, result):
    least, most = FLOORS[language]
    bad = []
    if result.percent("correct") < least:
        bad.append("%s: %.2f %% correct, at least %g wanted" % (
            language, result.percent("correct"), least))
    if result.percent("wrong") > most:
        bad.append("%s: %.2f %% wrong, at most %g wanted" % (
            language, result.percent("wrong"), most))
    return bad


def overconfident(result):
    """Levels of confidence that promise more than was kept."""
    for level, counts in sorted(result.levels.items()):
        kept = 100.0 * counts["correct"] / sum(counts.values())
        if sum(counts.values()) >= ENOUGH and kept < level:
            yield "confidence %d: only %.2f %% right" % (level, kept)


def main():
    verbose = sys.argv[1:2] == ["--verbose"]
    holdfast = os.path.abspath(sys.argv[1 + verbose] + "/holdfast")
    usable = {c: zoos.works(c) for cs in zoos.COMPILERS.values() for c in cs}
    for compiler in (c for c, ok in usable.items() if not ok):
        print("%s is not installed: left out" % compiler)
    by_language = {language: judge.Result() for language in FLOORS}
    print(HEAD % ("percent of blocks", "blocks", "correct", "ambiguous", "wrong", "untyped",
                  "correct", "wrong", "named"))
    with tempfile.TemporaryDirectory() as folder:
        so = zoos.build_log(folder)

        def one(run):
            zoo, _, compiler, level = run
            return judge.judge(holdfast, so, [zoos.build(zoo, compiler, level, folder)])

        todo = [run for run in runs() if usable[run[2]]]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for (zoo, language, compiler, level), result in zip(todo, pool.map(one, todo)):
                print_row("%s, %s -O%d" % (zoo, compiler, level), result)
                if verbose:
                    judge.print_detail(result, 12)
                by_language[language].add(result)
        print()
        everything = judge.Result()
        bad = []
        for language, result in by_language.items():
            if result.total() == 0:
                continue
            print_row("all of " + language, result)
            everything.add(result)
            bad += missed(language, result)
        for name, result in real.judge_all(holdfast, so):
            print_row(name, result)
            bad += (name + ": " + text for text in overconfident(result))
            if verbose:
                judge.print_detail(result, 30)
    print()
    judge.print_precision("confidence", everything.levels)
    judge.print_precision("evidence", everything.rules)
    bad += overconfident(everything)
    named = 100.0 * everything.named / max(everything.words, 1)
    print("References out of typed blocks with the name of a field: %d of %d (%.1f %%), "
          "in a sample" % (everything.named, everything.words, named))
    if named < FLOOR_NAMED:
        bad.append("%.1f %% of references have a name, at least %g wanted" % (
            named, FLOOR_NAMED))
    for text in bad:
        print("MISSED: " + text)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
