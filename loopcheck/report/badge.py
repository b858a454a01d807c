"""What a README shows, as the JSON of a shields.io endpoint: a profile, or a number of deviations; no percentage."""

from __future__ import annotations

import json
from collections.abc import Sequence

from loopcheck import profiles
from loopcheck.report.certificate import certify, number_of
from loopcheck.report.columns import Column, by_level

LABEL = "asyncio conformance"

_COLORS = {"good": "brightgreen", "open": "yellow", "bad": "red"}


def render(columns: Sequence[Column], profile: str | None = None) -> str:
    """The document, which shields.io fetches from wherever it is published.

    Args:
        columns: what it is about; the badge speaks of all of them together.
        profile: the profile whose certificate it shows; None to count the deviations that fail the runs.

    Raises:
        ProfileError: there is no such profile.
    """
    message, mood = say(columns, profile)
    return json.dumps({"schemaVersion": 1, "label": LABEL, "message": message, "color": _COLORS[mood]}) + "\n"


def say(columns: Sequence[Column], profile: str | None) -> tuple[str, str]:
    """The words of a badge, and whether they are good, bad, or neither (``open``)."""
    if any(not column.run.complete for column in columns):
        return "incomplete run", "bad"
    if profile is not None:
        certificates = [certify(column.run, profiles.load(profile), column.factory) for column in columns]
        if not certificates or not all(one.granted for one in certificates):
            return f"no {profile} certificate", "bad"
        # Of several runs the one with most to explain.
        known = max(len(one.known) for one in certificates)
        declined = max(len(one.declined) for one in certificates)
        but = [f"{known} known" if known else "", f"{declined} declined" if declined else ""]
        return ", ".join([profile, *filter(None, but)]), "open" if known or declined else "good"
    # Of several runs the worst: a check that fails in each of them is one deviation.
    worst = max(columns, key=lambda column: len(column.deviations), default=None)
    if worst is None:
        return "nothing checked", "bad"
    if number := len(worst.deviations):
        checks = number_of(len(worst.records), "check")
        return f"{by_level(worst.deviations)} deviation{'s' * (number > 1)} in {checks}", "bad"
    if any(column.failing for column in columns):
        return "no verdict: known failures or checks out of order", "open"
    # A run of a few checks must not look like one of the battery.
    fewest = min(len(column.records) for column in columns)
    if any(outcome in ("known", "declined") for column in columns for outcome, _ in column.tally):
        return f"no unexplained deviation in {number_of(fewest, 'check')}", "open"
    return f"no deviation in {number_of(fewest, 'check')}", "good" if fewest else "bad"
