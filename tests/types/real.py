# SPDX-License-Identifier: MIT
"""Programs of other people, built by their sources under TYPES_SOURCES.

    TYPES_SOURCES/redis/src/redis-server
"""
import os


def judge_all(holdfast, so):
    """Yield (name, judge.Result) of each program that is there."""
    folder = os.environ.get("TYPES_SOURCES")
    return [] if not folder else []
