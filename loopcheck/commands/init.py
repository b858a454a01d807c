"""``loopcheck init``: the first ``loopcheck.toml``, and the workflow that keeps to it."""

from __future__ import annotations

import argparse
import importlib.resources
from pathlib import Path

from loopcheck import known
from loopcheck.commands import Mistake, runs_pytest, subject

WORKFLOW = Path(".github", "workflows", "loopcheck.yml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Run the battery on a loop, and write what fails today into loopcheck.toml, grouped by likely cause: from then "
        "on 'pytest --loop-config=loopcheck.toml' is green, and only gets better. What stands after -- goes to pytest."
    )
    parser.add_argument(
        "subject", type=subject, metavar="MODULE:NAME", help="your loop's class, or a callable that makes a loop"
    )
    parser.add_argument("--workflow", action="store_true", help=f"write {WORKFLOW} too, a workflow for GitHub")
    parser.add_argument("--force", action="store_true", help="write over files that exist")
    runs_pytest(parser)


def run(options: argparse.Namespace) -> int:
    """Run the battery, write the files, say what to do next."""
    from loopcheck import declare
    from loopcheck.battery import report_of
    from loopcheck.check import catalogue
    from loopcheck.commands._files import write
    from loopcheck.commands.update import again

    target = Path(known.FILE)
    found = known.find(Path.cwd())
    if found and found.name != known.FILE:
        raise Mistake(f"{found.name} has a [tool.loopcheck]; 'loopcheck update' brings it up to date")
    for path in (target, WORKFLOW) if options.workflow else (target,):
        if path.exists() and not options.force:
            raise Mistake(f"there is a {path} already; --force writes it anew, 'loopcheck update' brings it up to date")
    entries = {entry.id: entry for entry in catalogue()}
    runs = [report_of([options.subject], options.pytest, workers=options.workers)]
    failing = declare.doubtful(declare.head(options.subject), runs, entries)
    runs += again(options.subject, options.pytest, failing, workers=options.workers)
    text, changes = declare.new(options.subject, runs, entries)
    write(target, text)
    print(f"\n{target}: {_counted(text, len(changes))}")
    if options.workflow:
        write(WORKFLOW, workflow())
        print(f"{WORKFLOW}: runs the gate on every push")
    print(f"next: pytest --loop-config={target} is green; then write a reason where it says {known.TODO}")
    return 0


def workflow() -> str:
    """The workflow that runs the gate on GitHub."""
    return importlib.resources.files("loopcheck").joinpath("workflow.yml").read_text(encoding="utf-8")


def _counted(text: str, failures: int) -> str:
    declared = known.parse(text)
    causes = len({one.entry for one in declared.known})
    said = f"{len(declared.known)} known failures in {causes} entries, by likely cause"
    return said + (f"; not offered: {', '.join(declared.declined)}" if declared.declined else "")
