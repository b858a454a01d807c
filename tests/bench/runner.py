"""What the runner costs: python tests/bench/runner.py [overhead|collection|startup|trouble|workers|interrupt ...]

Every figure is a ratio or a difference measured in one run, alternating, as a median of repetitions; a machine's
absolute speed cancels out. Without arguments all are measured. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "fixtures" / "vandals")]

CONTROL = "asyncio:SelectorEventLoop"

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as on a user's machine


def clock(function: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def pytest(*arguments: str, cwd: str, env: dict[str, str] | None = None) -> int:
    """Run pytest in a new process."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path[:2])} | (env or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ).returncode


def overhead() -> None:
    """The runner against the same checks called bare in one process, per check that passes."""
    from loopcheck import kit
    from loopcheck.check import area_names, catalogue
    from loopcheck.needs import is_met
    from loopcheck.runner.run import Options, Runner
    from loopcheck.subject import control

    # Those that do not wait: where a check sleeps, the difference drowns.
    quick = []
    runner = Runner(area_names(), Options())
    for entry in catalogue():
        if entry.function and entry.applies() and all(map(is_met, entry.needs)):
            seen = runner.run(entry, CONTROL)
            if seen["outcome"] == "passed" and seen["seconds"] < 0.003:
                quick.append(entry)
    differences = []
    for _ in range(9):
        bare = clock(lambda: [kit.perform(entry, kit.Bench(control, 4.0)) for entry in quick])
        through = clock(lambda: [runner.run(entry, CONTROL) for entry in quick])
        differences.append((through - bare) / len(quick) * 1000)
    runner.close()
    print(f"overhead: {statistics.median(differences):.2f} ms a check more than bare, over {len(quick)} checks")


def collection() -> None:
    """Collecting 1,000 checks against pytest's own start."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_one.py").write_text("def test_one(): pass\n")
        subjects = [f"--loop-factory={CONTROL}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *subjects, "--collect-only", "-q"],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        number = done.stdout.count("::")
        # The same factory under several names stands in for a larger battery.
        names = [
            "SelectorEventLoop",
            "selector_events.BaseSelectorEventLoop",
            "SelectorEventLoop.mro",
            "new_event_loop",
        ]
        count = -(-1000 // number)
        many = [f"--loop-factory=asyncio:{name}" for name in (names * count)[:count]]
        differences = []
        for _ in range(7):
            own = clock(lambda: pytest("--collect-only", "-q", cwd=folder))
            ours = clock(lambda: pytest(*many, "--collect-only", "-q", cwd=folder))
            differences.append(ours - own)
    print(f"collection: {statistics.median(differences):.2f} s more than pytest's own, for {number * len(many)} checks")


def startup() -> None:
    """pytest's start with loopcheck installed and without, as the time that importing the entry module takes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_one.py").write_text("def test_one(): pass\n")
        differences = []
        for _ in range(41):
            without = clock(lambda: pytest("-q", "-p", "no:loopcheck", "-p", "no:cacheprovider", cwd=folder))
            installed = clock(lambda: pytest("-q", "-p", "no:cacheprovider", cwd=folder))
            differences.append((installed - without) * 1000)
    print(f"startup: {statistics.median(differences):.1f} ms more with loopcheck installed")


def trouble() -> None:
    """What a crash and a hang cost beyond the deadlines they used, up to the end of the next check."""
    from loopcheck.check import find
    from loopcheck.runner.run import Options, Runner

    bystander, victim = find("scheduling::call_soon_not_synchronous"), find("scheduling::call_soon_fifo_order")
    for name in ("segfault", "exits_quietly", "hangs_in_poll", "holds_the_gil"):
        runner = Runner(["scheduling"], Options(limit=0.5))
        costs = []
        for _ in range(8):
            runner.run(bystander, f"{name}:Loop")
            started = time.perf_counter()
            seen = runner.run(victim, f"{name}:Loop")
            runner.run(bystander, f"{name}:Loop")
            deadlines = 2 * runner.limit if seen["outcome"] == "hang" else 0.0
            costs.append(time.perf_counter() - started - deadlines)
        runner.close()
        cost = statistics.median(costs[1:]) * 1000
        print(
            f"trouble: {name} ({seen['outcome']}): {cost:.0f} ms beyond its deadlines, run again and control included"
        )


def workers() -> None:
    """-n 2 against -n 0 on a battery of a thousand checks."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "copies.py").write_text(
            "import asyncio\n" + "".join(f"class L{n}(asyncio.SelectorEventLoop): pass\n" for n in range(20))
        )
        done = subprocess.run(
            [sys.executable, "-m", "pytest", f"--loop-factory={CONTROL}", "--collect-only", "-q"],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        number = done.stdout.count("::")
        many = [f"--loop-factory=copies:L{n}" for n in range(-(-1000 // number))]
        ratios = []
        for _ in range(3):
            one = clock(lambda: pytest("-q", *many, cwd=folder))
            two = clock(lambda: pytest("-q", "-n", "2", *many, cwd=folder))
            ratios.append(one / two)
            print(f"  {number * len(many)} checks: -n 0 {one:.2f} s, -n 2 {two:.2f} s")
    print(f"workers: -n 2 is {statistics.median(ratios):.2f} times as fast as -n 0")


def interrupt() -> None:
    """From Ctrl-C in a hang to the end of pytest."""
    took = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report.jsonl")
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "pytest",
                    "--loop-factory=hangs_in_poll:Loop",
                    "scheduling::call_soon_fifo_order",
                    f"--loop-report={report}",
                ],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path[:2])},
                stdout=subprocess.DEVNULL,
            )
            while not (report.exists() and report.read_text()):
                time.sleep(0.01)
            time.sleep(0.5)
            started = time.perf_counter()
            process.send_signal(signal.SIGINT)
            process.wait()
            took.append(time.perf_counter() - started)
            assert json.loads(report.read_text().splitlines()[-1])["complete"] is False
    print(f"interrupt: {statistics.median(took):.2f} s from Ctrl-C in a hang to the end")


ALL = (overhead, collection, startup, trouble, workers, interrupt)

if __name__ == "__main__":
    for function in ALL:
        if len(sys.argv) == 1 or function.__name__ in sys.argv[1:]:
            function()
