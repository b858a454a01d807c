"""What a README shows, as the JSON of a shields.io endpoint: a profile, or a number of deviations; no percentage."""

from __future__ import annotations

import json
from collections.abc import Sequence

from loopcheck import profiles
from loopcheck.report.certificate import certify
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
        return f"{by_level(worst.deviations)} deviation{'s' * (number > 1)}", "bad"
    if any(column.failing for column in columns):
        return "no verdict: known failures or checks out of order", "open"
    explained = max(
        (number for column in columns for outcome, number in column.tally if outcome in ("known", "declined")),
        default=0,
    )
    return ("no unexplained deviation", "open") if explained else ("no deviation", "good")
