"""A pytest session of programs, ``--loop-fuzz=N``, in the order in which it happens: draw, run, report.

An item is a slice of programs with a seed of its own, so that pytest-xdist's workers share the work.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from loopcheck import __version__
from loopcheck.compare.arena import Arena
from loopcheck.compare.findings import Finding, card, merged
from loopcheck.runner.run import Options, Runner
from loopcheck.subject import SubjectError

if TYPE_CHECKING:  # it imports hypothesis, which takes a while and wants no plugin to do so when pytest starts
    from loopcheck.compare.search import Harvest, Search

AREA = "programs"

SLICE = 100
"""Programs that are drawn by one seed, and go to a child in one message."""


class Slice(pytest.Item):
    """Some programs on one subject."""

    subject = ""
    number = 0
    """The number of the slice; 0 for what differed in earlier runs."""
    size = 0
    """How many programs it draws."""

    def runtest(self) -> None:
        """Never called: the session's protocol hook replaces it."""

    def reportinfo(self) -> tuple[str, None, str]:
        """Where it is: nowhere in a file."""
        return AREA, None, self.name


class FuzzSession:
    """Programs on the subjects, for one process of pytest."""

    def __init__(self, config: pytest.Config, subjects: list[str]) -> None:
        self.config = config
        self.subjects = subjects
        self.number: int = config.getoption("loop_fuzz")
        self.seed: int = config.getoption("loop_fuzz_seed")
        self.is_worker = hasattr(config, "workerinput")
        self.searches: dict[str, Search] = {}
        self.tried = 0
        self.findings: list[tuple[str, Finding]] = []

    @property
    def is_controller(self) -> bool:
        """Whether pytest-xdist's workers run the programs; not known before all plugins are configured."""
        return self.config.pluginmanager.hasplugin("dsession")

    @property
    def _options(self) -> Options:
        return Options(
            limit=self.config.getoption("loop_time_limit"),
            fork=hasattr(os, "fork") and not self.config.getoption("loop_spawn"),
            path=(str(self.config.invocation_params.dir),),
        )

    # Draw.

    @pytest.hookimpl(tryfirst=True)  # before pytest-xdist's controller, which ends this hook
    def pytest_collection(self, session: pytest.Session) -> bool | None:
        """Put slices of programs in the place of what pytest would collect."""
        if not self.is_worker:
            self._identify()
        if self.is_controller:
            return None
        items: list[pytest.Item] = []
        for subject in self.subjects:
            for number in range(-(-self.number // SLICE) + 1):
                name = f"{AREA}::{number}" if number else f"{AREA}::remembered"
                more = f"[{subject}]" if len(self.subjects) > 1 else ""
                item = Slice.from_parent(session, name=name + more, nodeid=name + more)
                item.subject, item.number = subject, number
                item.size = min(SLICE, self.number - (number - 1) * SLICE)
                items.append(item)
        session.items = items
        session.testscollected = len(items)
        self.config.hook.pytest_collection_finish(session=session)
        return True

    def _identify(self) -> None:
        runner = Runner([], self._options)
        try:
            for subject in self.subjects:
                runner.identify(subject, files=False)
        except SubjectError as error:
            raise pytest.UsageError(str(error)) from None
        finally:
            runner.close()

    # Run.

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Run the programs of one slice in child processes."""
        if not isinstance(item, Slice):
            return None
        hook = self.config.hook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        search = self._search(item.subject)
        harvest = search.slice(item.number, item.size) if item.number else search.again()
        hook.pytest_runtest_logreport(report=self._report_of(item, harvest))
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _search(self, subject: str) -> Search:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hypothesis says that it is early; the user's filter may make it an error
            from loopcheck.compare.search import Search

        if subject not in self.searches:
            self.searches[subject] = Search(Arena(subject, self._options), self.seed, self._remembered())
        return self.searches[subject]

    def _remembered(self) -> Any:
        cache = getattr(self.config, "cache", None)
        if cache is None:  # -p no:cacheprovider
            return None
        from hypothesis.database import DirectoryBasedExampleDatabase

        return DirectoryBasedExampleDatabase(cache.mkdir("loopcheck-programs"))

    @staticmethod
    def _report_of(item: Slice, harvest: Harvest) -> pytest.TestReport:
        kinds = "\n".join(finding.kind for finding in harvest.findings)
        report = pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords={item.name: 1},
            outcome="failed" if harvest.findings else "passed",
            longrepr=kinds or None,
            when="call",
        )
        # As text: execnet refuses what a hostile subject's strings may hold, JSON in ASCII never does.
        found = [finding.to_json() for finding in harvest.findings]
        report.loopcheck_programs = json.dumps([item.subject, harvest.tried, found])  # type: ignore[attr-defined]
        return report

    # Report.

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what was found, in the one process that reports."""
        if not self.is_worker and hasattr(report, "loopcheck_programs"):
            subject, tried, found = json.loads(report.loopcheck_programs)
            self.tried += tried
            self.findings += [(subject, Finding.from_json(data)) for data in found]

    def pytest_unconfigure(self) -> None:
        """Leave no process behind, however the session ended."""
        for search in self.searches.values():
            search.arena.close()
        self.searches.clear()

    def pytest_report_header(self) -> list[str]:
        """Which subjects this is about, and which programs."""
        return [
            f"loopcheck {__version__}: {', '.join(self.subjects)}",
            f"{self.number} programs, --loop-fuzz-seed={self.seed}",
        ]

    def _with_scripts(self, found: list[Finding], subject: str, terminal: Any) -> list[Finding]:
        """The findings with their scripts, if there are; meanwhile the terminal shows how far that is."""
        if not found:
            return found
        from loopcheck.compare.standalone import MOST_SECONDS, with_scripts

        most = f"{MOST_SECONDS:.0f} s and a little more at the most"
        terminal.write_line(f"{subject}: looking for scripts of {len(found)} kinds of differences, for {most}")
        made: list[Finding] = []
        for finding in with_scripts(found, subject, self._options.path):
            made.append(finding)
            if terminal.isatty:
                terminal.rewrite(f"{len(made)} of {len(found)}" if len(made) < len(found) else "", erase=True)
        return made

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)  # around all that pytest says of failures
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """In the place of what pytest says of failures: a card for each kind of finding."""
        failed = terminalreporter.stats.pop("failed", [])
        yield
        if failed:
            terminalreporter.stats["failed"] = failed  # for pytest's last line
        for subject in self.subjects:
            found = merged([finding for of, finding in self.findings if of == subject])
            found = self._with_scripts(found, subject, terminalreporter)
            for number, finding in enumerate(found, 1):
                terminalreporter.section(f"{subject}: {number} of {len(found)} kinds of differences", sep="_", red=True)
                for line in card(finding):
                    terminalreporter.write_line(line)
            said = f"{len(found)} kinds of differences" if found else "no difference"
            terminalreporter.section(f"{subject}", sep="=")
            terminalreporter.write_line(
                f"{self.tried} programs, --loop-fuzz-seed={self.seed}: {said} from asyncio's own loop",
                red=bool(found),
                green=not found,
            )
