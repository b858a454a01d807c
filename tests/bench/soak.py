"""The control and the baseline, again and again: python tests/bench/soak.py [RUNS] [--busy PROCESSES] [--workers N]
    [--areas AREA ...]

Runs the whole battery RUNS times (default 10), each time in another order, optionally with busy processes beside, and
prints every outcome other than "passed" and "unavailable", and what it ran. A single one is a bug of loopcheck. Exit
status 1 if there was any.
"""

from __future__ import annotations

import argparse
import collections
import json
import platform
import sys
import time

from loopcheck.soak import rounds

SUBJECTS = ("asyncio:SelectorEventLoop", "loopcheck.baseline:SelectorLoop")


def main() -> int:
    """Run, count, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="?", type=int, default=10)
    parser.add_argument("--busy", type=int, default=0, metavar="PROCESSES")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--areas", nargs="*", default=[], metavar="AREA")
    options = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    started = time.monotonic()
    wanted = ["--loop-level=may", *options.areas]
    for run in rounds(SUBJECTS, wanted, number=options.runs, workers=options.workers, busy=options.busy):
        counts.update(record["outcome"] for record in run.checks.values())
        for record in run.checks.values():
            if record["outcome"] not in ("passed", "unavailable"):
                print(json.dumps(record, indent=1))
    print(
        f"Python {platform.python_version()}, {options.runs} runs of {len(SUBJECTS)} subjects, "
        f"{options.busy} busy processes beside, {time.monotonic() - started:.0f} s: {dict(counts)}"
    )
    return int(bool(set(counts) - {"passed", "unavailable"}))


if __name__ == "__main__":
    sys.exit(main())
