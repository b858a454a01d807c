"""One pytest session over the battery, in the order in which it happens: collect, run, report.

Registered only when there is a subject. Under pytest-xdist the workers run and the controller reports; a record
travels from one to the other on pytest's own reports.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import shlex
import types
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from loopcheck import __version__, check, known
from loopcheck.collect import Check, Selection, collect, is_id, parse_id, register_markers
from loopcheck.outcomes import ACCEPTABLE
from loopcheck.report import cards, records, verdict
from loopcheck.runner.run import Options, Runner
from loopcheck.subject import SubjectError, distribution_of

_DOOR = "loopcheck_door"


def activate(config: pytest.Config, subjects: list[str]) -> None:
    """Decide what this session is about, and register what it takes.

    Raises:
        pytest.UsageError: the command line contradicts itself.
    """
    if os.name != "posix":
        raise pytest.UsageError(f"loopcheck runs on POSIX platforms only; this one is {os.name!r}")
    declaration = _declaration(config, subjects)
    subjects = list(dict.fromkeys(subjects or [declaration.factory] if declaration else subjects))
    canaries: bool = config.getoption("loop_canaries")
    fuzz: int = config.getoption("loop_fuzz")
    if not subjects:
        raise pytest.UsageError(
            f"{'--loop-fuzz' if fuzz else '--loop-canaries'}: there is no loop to run them on; "
            "name one with --loop-factory=MODULE:NAME"
        )
    here = str(config.invocation_params.dir)
    given = [one for one in config.getoption("file_or_dir") or [] if one in config.invocation_params.args]
    ids = [one for one in given if is_id(one) and not os.path.exists(os.path.join(here, one))]
    if ids and len(ids) < len(given):
        path = next(one for one in given if one not in ids)
        raise pytest.UsageError(f"{path!r} is a path and {ids[0]!r} an id of the battery: name either paths or ids")
    if given and not ids and canaries:
        raise pytest.UsageError(
            f"--loop-canaries with the path {given[0]!r}: canaries are named by library or id, as in "
            f"--loop-canaries {check.canary_names()[0]}"
        )
    if fuzz:
        refused = {
            "--loop-canaries": canaries,
            "--loop-report": config.getoption("loop_report"),
            repr(given[:1]): given,
        }
        for other in (name for name, value in refused.items() if value):
            raise pytest.UsageError(f"--loop-fuzz runs programs of its own: leave {other} away, or --loop-fuzz")
    if given and not ids:
        config.pluginmanager.register(_fixture(subjects, here), "loopcheck-fixture")
        return

    register_markers(config)
    # The project's conftest files have added their options; their hooks and fixtures must not reach the battery.
    for plugin in config.pluginmanager.get_plugins():
        if isinstance(plugin, types.ModuleType) and os.path.basename(plugin.__file__ or "") == "conftest.py":
            config.pluginmanager.unregister(plugin)
    # At the end of every session hypothesis's plugin imports hypothesis, for tests that are not here.
    if config.pluginmanager.hasplugin("hypothesispytest"):
        config.pluginmanager.unregister(name="hypothesispytest")
    if fuzz:
        from loopcheck.compare.session import FuzzSession

        config.pluginmanager.register(FuzzSession(config, subjects), "loopcheck-session")
        return
    session = BatterySession(config, subjects, Selection(ids, canaries=canaries), declaration)
    config.pluginmanager.register(session, "loopcheck-session")


def _declaration(config: pytest.Config, subjects: list[str]) -> known.Declaration | None:
    """What is declared of one of the subjects, if anything is.

    Raises:
        pytest.UsageError: the file is wrong, or about another subject.
    """
    given = config.getoption("loop_config")
    path = known.find(config.rootpath) if given is None else config.invocation_params.dir / given
    if path is None:
        return None
    try:
        declaration = known.read(path, given or "")
    except known.DeclarationError as error:
        raise pytest.UsageError(str(error)) from None
    if not subjects or declaration.factory in subjects:
        return declaration
    if given is None:
        return None
    raise pytest.UsageError(
        f"--loop-config={given!r} is about {declaration.factory!r}, and --loop-factory names {subjects[0]!r}; "
        "leave --loop-factory away, or name the same"
    )


def _fixture(subjects: list[str], here: str) -> object:
    class WithPaths:
        @pytest.fixture(params=subjects)
        def loop_factory(self, request: pytest.FixtureRequest) -> Any:
            """The subject's factory, as named by --loop-factory."""
            import sys

            from loopcheck.subject import resolve

            if here not in sys.path:
                sys.path.insert(0, here)
            try:
                return resolve(request.param)
            except SubjectError as error:
                raise pytest.UsageError(_with_detail(error)) from None

    return WithPaths()


class BatterySession:
    """The battery over its subjects, for one process of pytest."""

    def __init__(
        self,
        config: pytest.Config,
        subjects: list[str],
        selection: Selection,
        declaration: known.Declaration | None = None,
    ) -> None:
        self.config = config
        self.subjects = subjects
        self.selection = selection
        self.declaration = declaration
        self.is_worker = hasattr(config, "workerinput")
        self.in_process: bool = config.getoption("usepdb") or config.getoption("trace", False)
        self.runner: Runner | None = None
        self.identities: list[dict[str, Any]] = []
        self.report: records.Report | None = None
        self.listing: bool = config.getoption("collectonly")

    @property
    def is_controller(self) -> bool:
        """Whether pytest-xdist's workers run the checks; not known before all plugins are configured."""
        return self.config.pluginmanager.hasplugin("dsession")

    # Collect.

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Start the runner's processes, which get ready while pytest collects."""
        if not self.listing:
            options = Options(
                limit=self.config.getoption("loop_time_limit"),
                fork=hasattr(os, "fork") and not self.config.getoption("loop_spawn"),
                path=(str(self.config.invocation_params.dir),),
                door=self.config.workerinput.get(_DOOR) if self.is_worker else None,  # type: ignore[attr-defined]
            )
            # A controller asks who the subjects are, and runs nothing; its workers may come to use its processes.
            areas = self.selection.areas if not self.is_controller or self._shares else []
            self.runner = Runner(areas, options)

    @property
    def _shares(self) -> bool:
        """Whether all workers are what the controller is: the same Python in the same environment on this machine."""
        return set(self.config.getoption("tx", None) or ()) == {"popen"}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """On the controller: tell a worker where the nursery is that it may use."""
        if self.runner is not None:
            node.workerinput[_DOOR] = self.runner.door

    @pytest.hookimpl(tryfirst=True)  # before pytest-xdist's controller, which ends this hook
    def pytest_collection(self, session: pytest.Session) -> bool | None:
        """Put the battery in the place of what pytest would collect."""
        if not self.listing and not self.is_worker:
            self._identify()
        if not self.is_worker:
            self.selection.validate(self._catalogue())
            self._validate_declaration()
        if self.is_controller:
            return None
        items = collect(session, self._catalogue(), self.selection, self.subjects)
        self.config.hook.pytest_collection_modifyitems(session=session, config=self.config, items=items)
        session.items = items
        session.testscollected = len(items)
        self.config.hook.pytest_collection_finish(session=session)
        if not self.listing and not self.is_worker:
            self.plan([item.nodeid for item in items])
        return True

    def _identify(self) -> None:
        assert self.runner is not None
        path = self.config.getoption("loop_report")
        try:
            for subject in self.subjects:
                self.identities.append(self.runner.identify(subject, files=path is not None))
        except SubjectError as error:
            raise pytest.UsageError(_with_detail(error)) from None
        if path is not None:
            self._check_report_path(self._report_path())
        folder = self.config.getoption("loop_reproducers")
        if folder is not None and Path(self.config.invocation_params.dir, folder).is_file():
            raise pytest.UsageError(f"--loop-reproducers={folder!r}: that is a file; name a folder")

    def _validate_declaration(self) -> None:
        if self.declaration is not None:
            try:
                self.declaration.validate(self._catalogue(), self._here)
            except known.DeclarationError as error:
                raise pytest.UsageError(str(error)) from None

    @functools.cached_property
    def _here(self) -> known.Surroundings:
        """What conditions of a declaration are compared with."""
        assert self.declaration is not None
        return known.Surroundings(
            python=platform.python_version(), version=distribution_of(self.declaration.factory)[1]
        )

    def _judge(self, item: Check, seen: dict[str, Any]) -> dict[str, Any]:
        if self.declaration is None or item.subject != self.declaration.factory:
            return seen
        return self.declaration.judge(item.entry, seen, self._here)

    def _report_path(self) -> Path:
        return Path(self.config.invocation_params.dir, self.config.getoption("loop_report"))

    @staticmethod
    def _check_report_path(path: Path) -> None:
        asked = f"--loop-report={str(path)!r}"
        if path.is_dir():
            raise pytest.UsageError(f"{asked}: that is a folder; name a file")
        if not path.parent.is_dir():
            raise pytest.UsageError(f"{asked}: there is no folder {str(path.parent)!r}; make it first")

    def plan(self, ids: list[str]) -> None:
        """Begin the report: from here on, every id gets one outcome."""
        path = self._report_path() if self.config.getoption("loop_report") is not None else None
        header = records.header(
            ids,
            self.identities,
            loopcheck=__version__,
            level=self.config.getoption("loop_level"),
            declaration=self.declaration,
        )
        copies = len(self.config.getoption("tx", None) or ()) if self.config.getoption("dist", "no") == "each" else 1
        try:
            self.report = records.Report(path, header, self._planned(ids), copies=copies)
        except OSError as error:
            raise pytest.UsageError(f"--loop-report={str(path)!r}: cannot write it: {error.strerror}") from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """On the controller: the first worker's list is the plan, they all have the same."""
        if self.report is None:
            self.plan(list(ids))

    def _planned(self, ids: list[str]) -> dict[str, tuple[check.Entry, str]]:
        entries = {entry.id: entry for entry in self._catalogue()}
        planned = {}
        for id in ids:
            name, subject = parse_id(id)
            planned[id] = (entries[name], subject or self.subjects[0])
        return planned

    @functools.cache  # noqa: B019  # there is one session in a process
    def _catalogue(self) -> list[check.Entry]:
        """What the areas that are wanted declare."""
        # To run a check here takes its function; nobody has been asked to import anything if nothing is to run.
        if self.runner is None or self.in_process:
            return check.catalogue(*self.selection.areas)
        return self.runner.catalogue(self.selection.areas)

    # Run.

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Run one check in a child process; with --pdb, leave it to pytest."""
        if not isinstance(item, Check) or self.in_process:
            return None
        assert self.runner is not None
        hook = self.config.hook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        seen = self.runner.run(
            item.entry, item.subject, lambda seen: self._judge(item, seen)["outcome"] in ("known", "declined")
        )
        seen = self._judge(item, seen)
        hook.pytest_runtest_logreport(report=self._report_of(item, seen))
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _report_of(self, item: Check, seen: dict[str, Any]) -> pytest.TestReport:
        record = records.check_record(item.nodeid, item.entry, item.subject, seen)
        fails = verdict.fails(record, self.config.getoption("loop_level"))
        outcome: Any = "passed" if record["outcome"] == "passed" else "failed" if fails else "skipped"
        text: Any = None
        if outcome == "failed":
            text = cards.card(record, self._rerun(item.subject, item.entry.id))
        elif outcome == "skipped":
            text = (item.entry.area, 0, cards.clean(cards.why_not_failed(record))[:300])
        report = pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords=dict.fromkeys(item.keywords, 1),
            outcome=outcome,
            longrepr=text,
            when="call",
            duration=record["seconds"],
        )
        # As text: execnet refuses what a hostile subject's strings may hold, JSON in ASCII never does.
        # And what was seen alone: what the check claims, the process that reports knows itself.
        report.loopcheck = json.dumps(seen)  # type: ignore[attr-defined]
        return report

    def _rerun(self, subject: str, id: str) -> str:
        return f"pytest --loop-factory={shlex.quote(subject)} {check.selecting(id)}"

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """With --pdb: a record of what pytest itself has run."""
        result: Any = yield
        if isinstance(item, Check) and call.when == "call":
            seen: dict[str, Any] = {"outcome": "passed", "seconds": round(call.duration, 6)}
            if call.excinfo is not None:
                seen |= {"outcome": "failed", "message": call.excinfo.exconly()[:4000]}
            result.get_result().loopcheck = json.dumps(seen)

    # Report.

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write each record as it comes, in the one process that reports."""
        if self.report is not None and not self.is_worker and hasattr(report, "loopcheck"):
            self.report.add(report.nodeid, json.loads(report.loopcheck))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> Any:
        """Say a loopcheck outcome in its own word."""
        if report.outcome == "passed" or getattr(report, "when", "") != "call" or not hasattr(report, "loopcheck"):
            return None
        word = json.loads(report.loopcheck)["outcome"]
        if report.outcome == "failed":
            return "failed", {"hang": "H", "crash": "C", "exited": "E"}.get(word, "F"), word.upper()
        if word in ACCEPTABLE:
            return word, word[0], (word.upper(), {"yellow": True})
        return "advice", "a", ("ADVICE", {"yellow": True})

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the processes, complete the report and set the exit status."""
        self._close()
        if self.report is not None and not self.is_worker:
            why = {2: "interrupted", 3: "an error in pytest or loopcheck"}.get(int(exitstatus), "the run stopped early")
            wanted = self.config.getoption("loop_reproducers") is not None and exitstatus != pytest.ExitCode.INTERRUPTED
            self.report.finish(why, self._reproduce if wanted else None)
            if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
                session.exitstatus = verdict.exit_status(self.report.outcomes(), self.config.getoption("loop_level"))
            if self.report.trouble:
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _reproduce(self, failures: list[records.Record]) -> dict[str, records.Record]:
        """Write a script for each of these failures, where one can be made."""
        from loopcheck.compare import reproducers

        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None and failures:
            terminal.ensure_newline()
            terminal.write_line(f"making reproducers of {len(failures)} failures")

        def progress(done: int) -> None:
            if terminal is not None and terminal.isatty:
                terminal.rewrite(f"{done} of {len(failures)}" if done < len(failures) else "", erase=True)

        folder = Path(self.config.getoption("loop_reproducers"))
        return reproducers.write(failures, folder, self.config.invocation_params.dir, progress)

    def pytest_unconfigure(self) -> None:
        """Leave no process behind, however the session ended."""
        self._close()

    def _close(self) -> None:
        if self.runner is not None:
            self.runner.close()
            self.runner = None

    def pytest_report_header(self) -> list[str]:
        """Which subjects this is about."""
        return [f"loopcheck {__version__}: {', '.join(self.subjects)}"]

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)  # around all that pytest says of failures
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Fold the failures that others explain; after the rest: what never ran, and areas by outcomes."""
        if self.report is None:
            yield
            return
        every = self.config.getoption("loop_cards") == "all" or self.config.getoption("verbose") > 0
        failed = terminalreporter.stats.get("failed", [])
        kept = cards.fold(failed, self.report, every=every)
        terminalreporter.stats["failed"] = kept
        yield
        terminalreporter.stats["failed"] = failed  # all of them count in pytest's last line
        level, folded = self.config.getoption("loop_level"), len(failed) - len(kept)
        cards.summary(terminalreporter, self.report, self.identities, level, folded=folded)
        self._remind(terminalreporter)
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from loopcheck.report.annotations import marks

            for line in marks(self.report.outcomes(), level):
                terminalreporter.write_line(line)
        if self.report.trouble:
            path = self.config.getoption("loop_report")
            terminalreporter.write_line(
                f"--loop-report={path!r}: cannot write it to its end: {self.report.trouble}", red=True
            )

    def _remind(self, terminal: Any) -> None:
        """Say how many entries of the declaration wait for a reason."""
        if self.declaration is None:
            return
        path, reasons = self.declaration.path, self.declaration.reasons
        if waiting := sum(reason.startswith(known.TODO) for reason in reasons):
            terminal.write_line(f"{path}: {waiting} of {len(reasons)} entries wait for a reason ({known.TODO})")


def _with_detail(error: SubjectError) -> str:
    return f"{error}\n{cards.clean(error.detail)}" if error.detail else str(error)
