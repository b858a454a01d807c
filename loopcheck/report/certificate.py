"""The certificate: what a report may claim about a profile. A function of a run and a profile, and of nothing else.

It is refused, with every reason, as long as anything that was planned is unexplained. What it rests on it names: the
files of the subject by their digests, the battery, the Python and the platform; and all that it does not claim: what
was declined, what is known to fail, what the machine could not show. It never is a bare number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from loopcheck.outcomes import ACCEPTABLE, LEVELS, OUTCOMES, Level
from loopcheck.profiles import Profile
from loopcheck.report import verdict
from loopcheck.report.reading import Run

LEVEL: Level = "should"
"""Failures of this level and above are held against every subject, whatever its author chose for the run."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What can be said of one subject, in one environment, about one profile."""

    profile: Profile
    run: Run
    subject: dict[str, Any]
    refused: list[str]
    """All reasons against it; it is granted when there are none."""
    planned: int
    """How many checks of the profile this Python has."""
    counts: dict[str, dict[str, dict[str, int]]]
    """How many checks of the profile ended how, by area, level and outcome."""
    declined: list[dict[str, Any]]
    """What the loop does not offer: ``need``, ``reason`` and how many ``checks`` were declined with it."""
    known: list[dict[str, Any]]
    """Failures that the author has declared: ``id``, ``was``, ``reason`` and, if there is one, ``issue``."""
    unavailable: list[dict[str, Any]]
    """What this machine could not show: ``reason`` and how many ``checks``."""
    advice: list[dict[str, Any]]
    """Failures of may checks, that refuse nothing: ``id`` and ``outcome``."""
    provisional: dict[str, list[str]] = field(default_factory=dict)
    """Checks that are newer than the profile, by outcome."""

    @property
    def granted(self) -> bool:
        """Whether the report may claim the profile."""
        return not self.refused

    @property
    def totals(self) -> dict[str, int]:
        """How many checks of the profile ended how."""
        total: Counter[str] = Counter()
        for levels in self.counts.values():
            for outcomes in levels.values():
                total.update(outcomes)
        return dict(total)

    @property
    def sentence(self) -> str:
        """What it claims, or that it claims nothing."""
        what = f"{name_of(self.subject)} on {place_of(self.run)}"
        if not self.granted:
            return f"No certificate of {self.profile.name} for {what}: {number_of(len(self.refused), 'reason')}."
        beside = f", apart from {self.apart_from}" if self.apart_from else ""
        return f"{what} behaves as the {number_of(self.planned, 'check')} of {self.profile.name} say{beside}."

    @property
    def apart_from(self) -> str:
        """What it does not claim, in numbers; empty if it claims all of the profile."""
        unshown = sum(one["checks"] for one in self.unavailable)
        but = [
            number_of(len(self.known), "known failure") if self.known else "",
            number_of(len(self.declined), "declined need") if self.declined else "",
            f"{number_of(unshown, 'check')} that this machine cannot show" if unshown else "",
        ]
        return ", ".join(filter(None, but))

    def to_json(self) -> dict[str, Any]:
        """All that it says, for programs."""
        head = self.run.header
        return {
            "certificate": 1,
            "granted": self.granted,
            "sentence": self.sentence,
            "refused": self.refused,
            "profile": {
                "name": self.profile.name,
                "digest": self.profile.digest,
                "frozen": self.profile.frozen.isoformat(),
                "checks": self.planned,
            },
            "subject": self.subject,
            "environment": head["environment"],
            "loopcheck": {"version": head["loopcheck"], "catalogue": head["catalogue"]},
            "started": head["started"],
            "declaration": head["declaration"],
            "counts": self.counts,
            "declined": self.declined,
            "known": self.known,
            "unavailable": self.unavailable,
            "advice": self.advice,
            "provisional": self.provisional,
        }


def number_of(count: int, thing: str) -> str:
    """A count with its word: ``1 check``, ``2 checks``."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def name_of(subject: dict[str, Any]) -> str:
    """A subject with its distribution and version, as a reader knows it."""
    version = " ".join(filter(None, (subject["distribution"], subject["version"])))
    return f"{subject['factory']} ({version or 'of no distribution'})"


def place_of(run: Run) -> str:
    """Python and platform, in a few words."""
    here = run.header["environment"]
    threads = ", free-threaded" if here["free_threaded"] else ""
    return f"{here['implementation']} {here['python']}{threads}, {here['system']} {here['machine']}"


def certify(run: Run, profile: Profile, factory: str) -> Certificate:
    """What the report of a run may claim about a profile for one of its subjects.

    Raises:
        KeyError: the run has no such subject.
    """
    subject = run.subjects[factory]
    mine = {record["check"]: record for record in run.checks.values() if record["subject"] == factory}
    former = {old: record for record in mine.values() for old in record.get("formerly", ())}
    wanted = profile.on(run.header["environment"]["python"])
    found = {id: mine.get(id) or former.get(id) for id in wanted}
    records = [record for record in found.values() if record is not None]
    counted = {record["id"] for record in records}
    provisional: dict[str, list[str]] = {}
    for record in mine.values():
        if record["id"] not in counted and profile.covers(record["check"]):
            provisional.setdefault(record["outcome"], []).append(record["check"])
    return Certificate(
        profile,
        run,
        subject,
        refused=_reasons(run, subject, found, records),
        planned=len(wanted),
        counts=_count(records),
        declined=_declined(run, factory, records),
        known=[
            {"id": record["check"], "was": record.get("was", "failed")}
            | {key: record.get("declared", {}).get(key, "") for key in ("reason", "issue")}
            for record in records
            if record["outcome"] == "known"
        ],
        unavailable=[
            {"reason": reason, "checks": number}
            for reason, number in Counter(
                record.get("message", "") for record in records if record["outcome"] == "unavailable"
            ).most_common()
        ],
        advice=[
            {"id": record["check"], "outcome": record["outcome"]}
            for record in records
            if record["outcome"] not in ACCEPTABLE and not verdict.fails(record, LEVEL)
        ],
        provisional=provisional,
    )


def _reasons(
    run: Run, subject: dict[str, Any], found: dict[str, dict[str, Any] | None], records: list[dict[str, Any]]
) -> list[str]:
    reasons = []
    if not run.complete:
        reasons.append(f"the report is incomplete: {run.why_incomplete}")
    if not subject.get("files"):
        reasons.append("the report does not say which files were tested: the subject has no digests")
    if not any(record["outcome"] == "passed" for record in records):
        reasons.append("no check of the profile passed")
    reasons += [f"{id}: not planned" for id, record in found.items() if record is None]
    reasons += [
        f"{record['check']}: {record['outcome']} ({record['level']})"
        for record in records
        if verdict.fails(record, LEVEL)
    ]
    return reasons


def _count(records: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, int]]]:
    seen = Counter((record["area"], record["level"], record["outcome"]) for record in records)
    counts: dict[str, dict[str, dict[str, int]]] = {}
    # In the order of the words, whatever was planned first.
    for area in sorted({area for area, _, _ in seen}):
        for level in LEVELS:
            outcomes: dict[str, int] = {
                outcome: number for outcome in OUTCOMES if (number := seen[area, level, outcome])
            }
            if outcomes:
                counts.setdefault(area, {})[level] = outcomes
    return counts


def _declined(run: Run, factory: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    declaration = run.header["declaration"]
    if declaration is None or declaration["subject"] != factory:
        return []
    places = Counter(
        record.get("declared", {}).get("place", "") for record in records if record["outcome"] == "declined"
    )
    return [
        {
            "need": need,
            "reason": reason,
            "checks": sum(number for place, number in places.items() if place.endswith(f"[declined] {need}")),
        }
        for need, reason in declaration["declined"].items()
    ]
