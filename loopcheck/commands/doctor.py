"""``loopcheck doctor``: what this machine offers, and what the battery misses on it."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import textwrap
from collections.abc import Iterator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Say what this machine and this Python offer, which checks will be unavailable here, and how to get what is "
        "missing."
    )


def run(options: argparse.Namespace) -> int:
    """Ask the machine, and print what it says."""
    from loopcheck import check
    from loopcheck.needs import NEEDS, is_met

    entries = [entry for entry in check.catalogue() if entry.tested and entry.applies()]
    for label, value in _surroundings(len(entries)):
        print(f"{label:<11} {value}")
    concerned = {name: [entry for entry in entries if name in entry.needs] for name in NEEDS}
    needed = [name for name in NEEDS if concerned[name]]
    missing = [name for name in needed if not is_met(name)]
    lost = {entry.id for name in missing for entry in concerned[name]}
    print("\nmet         " + ", ".join(f"{name} ({len(concerned[name])})" for name in needed if name not in missing))
    if not missing:
        print("\nthis machine lacks nothing: every check for this Python runs")
        return 0
    print(f"\n{len(lost)} of {len(entries)} checks will be 'unavailable', for want of")
    for name in missing:
        number = len(concerned[name])
        print(f"  {name} ({number} check{'' if number == 1 else 's'})")
        print(textwrap.indent(f"{NEEDS[name].sentence}\nto get it: {NEEDS[name].remedy}", "    "))
    return 0


def _surroundings(checks: int) -> Iterator[tuple[str, str]]:
    from importlib.metadata import version

    from loopcheck import __version__

    yield "Python", f"{platform.python_version()}, {platform.python_implementation()}, {sys.executable}"
    yield "platform", f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield "processors", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    yield "OpenSSL", _openssl()
    yield "pytest", f"{version('pytest')}, with pytest-xdist {version('pytest-xdist')}"
    yield "loopcheck", f"{__version__}, with {checks} checks for this Python"
    yield "canaries", _canaries()
    yield "hangs", _native_frames()


def _openssl() -> str:
    try:
        import ssl
    except ImportError:
        return "none: this Python was built without it"
    return ssl.OPENSSL_VERSION


def _canaries() -> str:
    from loopcheck.needs import LIBRARIES, is_met

    missing = [name for name in LIBRARIES if not is_met(name)]
    if not missing:
        return f"run on {', '.join(LIBRARIES)}"
    return f"lack {', '.join(missing)}: pip install 'loopcheck[canaries]'"


def _native_frames() -> str:
    from loopcheck.runner.hang import native_tool

    if tool := native_tool():
        return f"show native frames, by {tool[0]}"
    return "show Python frames only; for native ones: pip install py-spy, or pystack"
