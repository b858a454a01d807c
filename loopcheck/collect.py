"""From the catalogue to pytest items: one per check and subject, without pytest's fixture machinery."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from loopcheck import check
from loopcheck.outcomes import LEVEL_MEANS

_ID = re.compile(
    r"(?:\.\./)*(?P<area>[a-z_]+)(?:::(?P<name>[a-z0-9_]+)(?:\[(?P<setting>[a-z0-9-]+)\])?(?:\[(?P<subject>.*:.*)\])?)?"
)
"""An id as pytest prints it, which may begin with the way from the current folder up to the root."""


def is_id(argument: str) -> bool:
    """Whether a command-line argument looks like the id of a check rather than like a path."""
    found = _ID.fullmatch(argument)
    areas = (*check.area_names(), *check.canary_names())
    return found is not None and (found["name"] is not None or found["area"] in areas)


def parse_id(id: str) -> tuple[str, str]:
    """The check's own id, and the subject or an empty string, of an id that an item has."""
    found = _ID.fullmatch(id)
    assert found is not None
    setting = f"[{found['setting']}]" if found["setting"] else ""
    return f"{found['area']}::{found['name']}{setting}", found["subject"] or ""


class Selection:
    """Which checks the command line names; all of them when it names none.

    Args:
        arguments: ids and areas.
        canaries: whether it is about the canaries and not about the battery.

    Raises:
        pytest.UsageError: there is no such area; the message says what is close.
    """

    def __init__(self, arguments: Sequence[str], *, canaries: bool = False) -> None:
        self._arguments = list(arguments)
        self._areas = check.canary_names() if canaries else check.area_names()
        self._wanted: list[tuple[str, str | None, str, str | None]] = []
        for argument in arguments:
            found = _ID.fullmatch(argument)
            assert found is not None
            area, name, setting = found["area"], found["name"], found["setting"] or ""
            if area in check.canary_names() and not canaries:
                raise pytest.UsageError(f"{argument!r} names canaries; they run with --loop-canaries {argument}")
            if area not in self._areas and canaries:
                raise pytest.UsageError(
                    f"{argument!r}: there are no canaries of {area!r}; there are of {', '.join(self._areas)}"
                )
            if area not in self._areas:
                raise pytest.UsageError(_unknown(argument, "area", area, self._areas))
            self._wanted.append((area, name, setting, found["subject"]))

    def validate(self, entries: Iterable[check.Entry]) -> None:
        """Compare the command line with what there is.

        Raises:
            pytest.UsageError: an id is in no catalogue; the message says what is close.
        """
        settings: dict[str, dict[str, list[str]]] = {}
        for entry in entries:
            settings.setdefault(entry.area, {}).setdefault(entry.name, []).append(entry.setting)
        for argument, (area, name, setting, _) in zip(self._arguments, self._wanted, strict=True):
            if name is not None and name not in settings[area]:
                raise pytest.UsageError(_unknown(argument, f"check in {area}", name, settings[area]))
            if name is not None and setting not in settings[area][name]:
                raise pytest.UsageError(_unknown(argument, "setting of this check", setting, settings[area][name]))

    @property
    def areas(self) -> list[str]:
        """The areas that hold anything that is wanted."""
        return [area for area in self._areas if not self._wanted or area in {one[0] for one in self._wanted}]

    def takes(self, entry: check.Entry, subject: str) -> bool:
        """Whether this check is wanted on this subject."""
        return not self._wanted or any(
            entry.area == area
            and (name is None or (name, setting) == (entry.name, entry.setting))
            and of in (None, subject)
            for area, name, setting, of in self._wanted
        )


def _unknown(argument: str, what: str, name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    near = f" (did you mean {close[0]!r}?)" if close else ""
    return f"{argument!r}: there is no {what} called {name!r}{near}; 'loopcheck list' shows all ids"


class Area(pytest.Collector):
    """One area of the battery."""

    def __init__(
        self, *, entries: Sequence[check.Entry], selection: Selection, subjects: Sequence[str], **rest: Any
    ) -> None:
        super().__init__(**rest)
        self._entries = entries
        self._selection = selection
        self._subjects = subjects

    def collect(self) -> Iterator[pytest.Item]:
        """An item for every check that applies to the running Python, for every subject."""
        for entry in self._entries:
            if not entry.tested or not entry.applies():
                continue
            for subject in self._subjects:
                if self._selection.takes(entry, subject):
                    name = entry.id.partition("::")[2] + (f"[{subject}]" if len(self._subjects) > 1 else "")
                    yield Check.from_parent(self, name=name, entry=entry, subject=subject)


class Check(pytest.Item):
    """One check on one subject."""

    def __init__(self, *, entry: check.Entry, subject: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.entry = entry
        self.subject = subject
        self.add_marker(entry.level)
        if self.config.pluginmanager.hasplugin("timeout"):
            # pytest-timeout would kill pytest; the runner holds the deadline.
            self.add_marker(pytest.mark.timeout(0))

    @property
    def location(self) -> tuple[str, int | None, str]:
        """Where pytest says that it is: by its id, not by a path into site-packages."""
        return self.entry.area, None, self.nodeid

    def reportinfo(self) -> tuple[str, int | None, str]:
        """The same for pytest's older way of asking."""
        return self.location

    def runtest(self) -> None:
        """Run in this process, for ``--pdb``; otherwise the runner does it in another."""
        from loopcheck import kit, subject

        factory = subject.resolve(self.subject)
        limit: float = self.config.getoption("loop_time_limit")
        kit.perform(self.entry, kit.Bench(factory, limit, self.entry.setting, self.subject))


def collect(
    session: pytest.Session, entries: Iterable[check.Entry], selection: Selection, subjects: Sequence[str]
) -> list[pytest.Item]:
    """All items, by area, with the hooks that pytest calls while it collects."""
    items: list[pytest.Item] = []
    for name, of_area in itertools.groupby(entries, key=lambda entry: entry.area):
        area = Area.from_parent(
            session, name=name, nodeid=name, entries=list(of_area), selection=selection, subjects=subjects
        )
        area.ihook.pytest_collectstart(collector=area)
        report = area.ihook.pytest_make_collect_report(collector=area)
        area.ihook.pytest_collectreport(report=report)
        for item in report.result:
            item.ihook.pytest_itemcollected(item=item)
            items.append(item)
    return items


def register_markers(config: pytest.Config) -> None:
    """Make ``-m must`` and the like known, also to --strict-markers."""
    for level, means in LEVEL_MEANS.items():
        config.addinivalue_line("markers", f"{level}: a check of this level: {means}")
