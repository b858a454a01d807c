"""The control and the baseline, again and again: python tests/bench/soak.py [RUNS] [--busy PROCESSES] [--workers N]
    [--areas AREA ...]

Runs the whole battery RUNS times (default 10), optionally with busy processes beside, and prints every outcome other
than "passed" and "unavailable", and what it ran. A single one is a bug of loopcheck. Exit status 1 if there was any.
"""

from __future__ import annotations

import argparse
import collections
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUBJECTS = ("asyncio:SelectorEventLoop", "loopcheck.baseline:SelectorLoop")


def main() -> int:
    """Run, count, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="?", type=int, default=10)
    parser.add_argument("--busy", type=int, default=0, metavar="PROCESSES")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--areas", nargs="*", default=[], metavar="AREA")
    options = parser.parse_args()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.busy)]
    counts: collections.Counter[str] = collections.Counter()
    started = time.monotonic()
    try:
        for number in range(options.runs):
            with tempfile.TemporaryDirectory() as folder:
                report = Path(folder, "report.jsonl")
                command = [sys.executable, "-m", "pytest", *(f"--loop-factory={name}" for name in SUBJECTS)]
                command += [
                    f"--loop-report={report}",
                    "-n",
                    str(options.workers),
                    "-q",
                    "--loop-level=may",
                    *options.areas,
                ]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                records = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
            checks = [record for record in records if record["record"] == "check"]
            counts.update(record["outcome"] for record in checks)
            for record in checks:
                if record["outcome"] not in ("passed", "unavailable"):
                    print(f"run {number}:", json.dumps(record, indent=1))
            if not records or records[-1]["record"] != "footer" or (done.returncode and not counts["failed"]):
                counts["no report"] += 1
                print(f"run {number}: status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    finally:
        for process in busy:
            process.kill()
            process.wait()
    print(
        f"Python {platform.python_version()}, {options.runs} runs of {len(SUBJECTS)} subjects, "
        f"{options.busy} busy processes beside, {time.monotonic() - started:.0f} s: {dict(counts)}"
    )
    return int(bool(set(counts) - {"passed", "unavailable"}))


if __name__ == "__main__":
    sys.exit(main())
