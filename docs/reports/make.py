"""The certification report of published loops: python docs/reports/make.py FOLDER [--python COMMAND ...]

FOLDER holds the reports, each the report.jsonl of one loop on one Python. Each --python runs the battery over the
loops that are installed for it, and puts their reports there; a report that is there already is kept, if it is whole
and of this battery. Then all of FOLDER is rendered into the folder of this file.

COMMAND is what starts a Python that has loopcheck, such as .venv-3.13/bin/python; it may have several words.
"""

from __future__ import annotations

import argparse
import lzma
import os
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from loopcheck import profiles  # noqa: E402
from loopcheck.battery import report_of  # noqa: E402
from loopcheck.check import catalogue_digest  # noqa: E402
from loopcheck.commands import Ended, Mistake  # noqa: E402
from loopcheck.outcomes import OUTCOMES  # noqa: E402
from loopcheck.report import cards, html, markdown, merging, reading, svg  # noqa: E402
from loopcheck.report.certificate import certify, number_of  # noqa: E402
from loopcheck.report.columns import Column, columns, one_line  # noqa: E402
from loopcheck.report.writing import WritingError, write_whole  # noqa: E402

LOOPS = {
    "asyncio": "asyncio:SelectorEventLoop",
    "baseline": "loopcheck.baseline:SelectorLoop",
    "uvloop": "uvloop:new_event_loop",
    "rloop": "rloop:new_event_loop",
    "rsloop": "rsloop:new_event_loop",
}
"""What is run, by the name of its files; the first is what the others are compared with."""

DECLARATIONS = ROOT / "fixtures" / "subjects"
"""What is known of a loop, as ``NAME.toml``."""

_WHICH = """
import importlib.util, sys
print("%d.%d" % sys.version_info[:2], *(name for name in sys.argv[1:] if importlib.util.find_spec(name.split(".")[0])))
"""


# Running.


def run(python: Sequence[str], folder: Path, workers: str, only: Sequence[str]) -> None:
    """Run the battery over all loops that a Python has, and put the reports into a folder."""
    modules = {factory.partition(":")[0]: name for name, factory in LOOPS.items() if name in only}
    asked = subprocess.run([*python, "-c", _WHICH, *modules], capture_output=True, text=True)
    if asked.returncode:
        sys.exit(f"--python {shlex.join(python)!r} does not run:\n{asked.stderr}")
    version, *found = asked.stdout.split()
    for module, name in modules.items():
        path = folder / f"{name}-{version}.jsonl"
        if module not in found:
            print(f"{name} on {version}: it is not installed")
        elif is_done(path):
            print(f"{name} on {version}: {path} is kept")
        else:
            print(f"{name} on {version}", flush=True)
            write_whole(
                path, merging.content([report_of([LOOPS[name]], declared(name), workers=workers, python=python)])
            )


def declared(name: str) -> list[str]:
    """The option for what is known of a loop, if anything is."""
    path = DECLARATIONS / f"{name}.toml"
    return [f"--loop-config={path.relative_to(ROOT)}"] if path.exists() else []


def is_done(path: Path) -> bool:
    """Whether there is a whole report of this battery."""
    try:
        report = reading.read(path)
    except reading.ReportError:
        return False
    return report.complete and report.header["catalogue"] == catalogue_digest()


# Rendering.


def render(folder: Path, to: Path) -> None:
    """Make the pages, badges and compressed records of the reports in a folder, and the text that leads to them."""
    runs = [run for path in sorted(folder.glob("*.jsonl")) for run in reading.read_all(path)]
    made: dict[str, list[Column]] = {}
    for name, factory in LOOPS.items():
        mine = sorted((run for run in runs if factory in run.subjects), key=python_of)
        if not mine:
            continue
        merged = merging.merge(mine)
        made[name] = columns(merged)
        write(to / f"{name}.html", html.render(made[name]).encode())
        write(to / f"{name}.svg", svg.render(made[name]).encode())
        write(to / f"{name}.jsonl.xz", lzma.compress(merging.content(merged), preset=9))
    write(to / "comparison.html", html.render(side_by_side(made)).encode())
    prose = (HERE / "README.md").read_text(encoding="utf-8").partition(_BEGINS)[0]
    write(to / "README.md", (prose + _BEGINS + "\n".join(text(made))).encode())


def write(path: Path, content: bytes) -> None:
    """Write a file, and say how long it is."""
    write_whole(path, content)
    print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}: {len(content):,} bytes")


def python_of(run: reading.Run) -> tuple[int, ...]:
    """The running Python's version, to sort by."""
    major, minor = run.header["environment"]["python"].split(".")[:2]
    return int(major), int(minor)


def side_by_side(made: dict[str, list[Column]]) -> list[Column]:
    """A column for each loop: on the newest of the Pythons that most of them ran on."""
    pythons = Counter(python_of(column.run) for mine in made.values() for column in mine)
    best = max(pythons, key=lambda python: (pythons[python], python))
    return [column for mine in made.values() for column in mine if python_of(column.run) == best]


# The text that leads to all that.

_BEGINS = "## Outcomes\n"
"""The line of README.md from which on it is made; what is before stays."""


def text(made: dict[str, list[Column]]) -> Iterator[str]:
    """What README.md says of the runs: outcomes, certificates, and what is known or to be mended."""
    everything = [column for mine in made.values() for column in mine]
    occurring = [outcome for outcome in OUTCOMES if any(outcome in dict(column.tally) for column in everything)]
    yield f"\n| loop | Python | {' | '.join(occurring)} | certificates |"
    yield f"| --- | --- |{' ---: |' * len(occurring)} --- |"
    for name, mine in made.items():
        for column in mine:
            tally = dict(column.tally)
            cells = [str(tally.get(outcome, "")) for outcome in occurring]
            yield f"| [{name}]({name}.html) | {' | '.join([python_in_words(column), *cells, certificates(column)])} |"
    yield ""
    for name, mine in made.items():
        yield f"## {name}\n"
        yield f"![{name}]({name}.svg) [{name}.html]({name}.html), [{name}.jsonl.xz]({name}.jsonl.xz)\n"
        head = mine[-1].run.header
        yield (
            f"{mine[-1].name}, on Python {python_in_words(mine[-1])}: {mine[-1].says} "
            f"Run on {head['started'][:10]} with loopcheck {head['loopcheck']}, battery `{head['catalogue'][:12]}`.\n"
        )
        yield from known(mine[-1])
        yield from causes(mine[-1])


def python_in_words(column: Column) -> str:
    """The running Python's whole version."""
    return one_line(column.run.header["environment"]["python"])


def certificates(column: Column) -> str:
    """The profiles whose certificate is granted, and how many are refused."""
    found = [certify(column.run, profiles.load(name), column.factory) for name in profiles.latest()]
    granted = [one.profile.name for one in found if one.granted]
    refused = [one.profile.name for one in found if not one.granted]
    # Each apart from the same, as far as it is about that: the one with the most to say says it.
    apart = max((one.apart_from for one in found if one.granted), key=len, default="")
    said = [", ".join(granted) + (f", apart from {apart}" if apart else "")] if granted else []
    return "; ".join([*said, *([f"refused: {', '.join(refused)}"] if refused else [])])


def known(column: Column) -> Iterator[str]:
    """The reasons of the known failures, those of the most checks first."""
    reasons = Counter(
        record["declared"]["reason"] for record in column.records.values() if record["outcome"] == "known"
    )
    if reasons:
        yield f"Known failures, {number_of(len(reasons), 'reason')}; those of the most checks:\n"
        for reason, number in reasons.most_common(_LISTED):
            yield f"- {number_of(number, 'check')}: {markdown.plain(reason)}"
        yield ""


def causes(column: Column) -> Iterator[str]:
    """What explains most failures of other checks."""
    because = {id: record["because"] for id, record in column.run.checks.items() if "because" in record}
    lines = cards.fix_first(list(column.records.values()), because)
    if lines:
        yield "```\n" + "\n".join(lines[: _LISTED + 1]) + "\n```\n"


_LISTED = 15
"""How many reasons or causes of a loop the text has; its page has all."""


def main() -> None:
    """Run what is asked for, and render."""
    parser = argparse.ArgumentParser(usage=(__doc__ or "").partition("\n")[0].partition(": ")[2])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the reports are")
    parser.add_argument(
        "--python", action="append", default=[], metavar="COMMAND", help="run the battery with this one"
    )
    parser.add_argument("--only", action="append", metavar="LOOP", choices=LOOPS, help="run these (default: all)")
    parser.add_argument("-n", dest="workers", default="auto", metavar="N", help="processes to use (default: auto)")
    parser.add_argument("--to", type=Path, default=HERE, metavar="FOLDER", help="where to render (default: here)")
    options = parser.parse_args()
    folder, to = options.folder.resolve(), options.to.resolve()
    for one in (folder, to):
        one.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    try:
        for python in options.python:
            run(shlex.split(python), folder, options.workers, options.only or list(LOOPS))
        render(folder, to)
    except (Mistake, reading.ReportError, merging.MergeError, WritingError) as error:
        sys.exit(str(error))
    except Ended as end:
        sys.exit(end.status)


if __name__ == "__main__":
    main()
