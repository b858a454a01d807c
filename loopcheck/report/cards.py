"""What a terminal shows: a card for each failure, and a table of areas and outcomes."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from loopcheck.compare.alignment import side_by_side
from loopcheck.outcomes import ACCEPTABLE, LEVEL_MEANS, LEVELS, OUTCOMES
from loopcheck.report import verdict
from loopcheck.report.records import Report
from loopcheck.settings import SETTINGS

_WIDEST = 2000
"""How many characters of one field a card shows; the record has more."""

_LABEL = 10

_SHOWN = 8
"""How many ids are listed of those that never ran, or of those that one failure explains."""

_BRIEF = 70
"""How many characters the summary takes to say what is wrong with one."""

_CAUSES = 20
"""How many causes the summary lists."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def clean(text: str) -> str:
    """A subject's text without what would take over a terminal: escapes, control and format characters."""
    text = _ESCAPES.sub("", text)
    kept = (
        character if character in "\n\t" or unicodedata.category(character)[0] != "C" else "�" for character in text
    )
    return "".join(kept)


def card(record: dict[str, Any], rerun: str) -> str:
    """One failure, for the author of the loop: what was expected, what was seen, and how to see it again."""
    compared = "expected" in record
    message = record.get("message", "")
    if message in record.get("observed", "") or message.startswith("assert "):
        message = ""
    rows = [
        ("level", f"{record['level']}: {LEVEL_MEANS[record['level']]}"),
        ("setting", f"{record['setting']}: {SETTINGS[record['setting']].sentence}" if record["setting"] else ""),
        ("outcome", _outcome(record)),
        ("declared", _declared(record)),
        ("advice", record.get("advice", "")),
        ("expected", record.get("expected", "")),
        ("observed", record.get("observed", "")),
        ("differs", "\n".join(side_by_side(record))),
        ("message", message if record["outcome"] in ("failed", "broken", "changed", "fixed") else ""),
        ("assertion", "" if compared else record.get("explanation", "")),
        ("at", _place(record)),
        (
            "left",
            "" if record.get("observed", "").startswith("left behind") else "; ".join(record.get("left_behind", ())),
        ),
        ("alone", alone(record)),
        ("recorded", "\n".join(record.get("recorded", ()))),
        ("pending", "\n".join(record.get("tasks", ()))),
        ("open", "\n".join(record.get("descriptors", ()))),
        ("stack", record.get("stack", "")),
        ("native", record.get("native_stack", "")),
        ("printed", record.get("printed", "").strip()),
        ("reference", f"{record['reference']}  {record['link']}"),
        ("rerun", rerun),
    ]
    return "\n".join([record["sentence"], *_lines(rows)])


def _lines(rows: Sequence[tuple[str, str]]) -> list[str]:
    """The rows of a card that are not empty, each with its label before its first line."""
    lines = []
    for label, value in rows:
        text = clean(value)
        if len(text) > _WIDEST:
            text = f"{text[:_WIDEST]} [... {len(text) - _WIDEST} more characters]"
        first, *more = text.splitlines() or [""]
        if first or more:
            lines.append(f"{label:<{_LABEL}} {first}")
            lines += [f"{'':<{_LABEL}} {line}" for line in more]
    return lines


def fold(failed: Sequence[Any], report: Report, *, every: bool) -> list[Any]:
    """pytest's reports of failures without those that others explain: these are named in the cards of the others.

    Args:
        every: whether to keep all; each of them then says what explains it.
    """
    explained: dict[str, list[dict[str, Any]]] = {}
    for record in report.outcomes():
        if cause := report.because.get(record["id"]):
            explained.setdefault(cause, []).append(record)
    kept = []
    for one in failed:
        cause = report.because.get(one.nodeid, "")
        rows = [
            ("because", f"{cause} fails, too: fix that first" if cause else ""),
            ("script", _script(report, one.nodeid)),
            ("explains", _explained(explained.get(one.nodeid, []), report.checks.get(one.nodeid, {}))),
        ]
        if isinstance(one.longrepr, str) and (lines := _lines(rows)):
            one.longrepr = "\n".join([one.longrepr, *lines])
        if every or not cause:
            kept.append(one)
    # In the order of the plan: workers end in any.
    order = {record["id"]: number for number, record in enumerate(report.outcomes())}
    return sorted(kept, key=lambda one: order.get(one.nodeid, -1))


def _script(report: Report, id: str) -> str:
    """What runs the reproducer of a failure, or why there is none; nothing where nobody has asked."""
    made = report.reproducers.get(id, {})
    if "path" in made:
        return f"python {shlex.quote(made['path'])} {shlex.quote(report.checks[id]['subject'])}"
    return f"none: {made['why_not']}" if made else ""


def _explained(records: Sequence[dict[str, Any]], cause: dict[str, Any]) -> str:
    """The failures that one explains: its own in settings, and the others one a line, or by area if they are many."""
    own = [record["setting"] for record in records if _same_check(record, cause)]
    others = [record for record in records if not _same_check(record, cause)]
    lines = [f"the same in the settings {', '.join(own)}"] if own else []
    if len(others) <= _SHOWN:
        return "\n".join([*lines, *(f"{record['id']}: {record['outcome']}" for record in others)])
    areas = Counter(record["area"] for record in others).most_common()
    return "\n".join([*lines, f"{len(others)} other failures: {', '.join(f'{area} {n}' for area, n in areas)}"])


def why_not_failed(record: dict[str, Any]) -> str:
    """Why what did not pass does not fail the run, in one line."""
    message = record.get("message", "")
    if record["outcome"] in ("known", "declined"):
        return f"{record['outcome']}: {_declared(record)}"
    return str(message) if record["outcome"] == "unavailable" else f"advice ({record['level']}): {message}"


def _outcome(record: dict[str, Any]) -> str:
    outcome = record["outcome"]
    if outcome in ("hang", "crash", "exited"):
        return f"{outcome}: {record['message']}"
    if outcome == "broken":
        on_subject = f"({record['on_subject']} on the subject)"
        return f"broken: it fails on asyncio's own loop too, here and now, so it says nothing {on_subject}"
    return f"changed: {record['was']} now" if outcome == "changed" else str(outcome)


def _declared(record: dict[str, Any]) -> str:
    declared = record.get("declared")
    if declared is None:
        return ""
    issue = f" ({declared['issue']})" if "issue" in declared else ""
    return f"{declared['place']}: {declared['reason']}{issue}"


def alone(record: dict[str, Any]) -> str:
    """What became of a check that was run again, alone; empty if it was not."""
    if "alone" not in record:
        return ""
    if record["alone"] == "passed":
        return f"passes alone: it needs what ran before it, last of all {record.get('after', 'nothing')}"
    if record["alone"] == record["outcome"]:
        return "the same alone, in a fresh process"
    return f"{record['alone']} when run alone, in a fresh process"


def _place(record: dict[str, Any]) -> str:
    frames = record.get("traceback", [])
    ours = [frame for frame in frames if "/checks/" in frame["file"]]
    if not ours:
        return ""
    last = frames[-1]
    where = f"{ours[-1]['file']}:{ours[-1]['line']}: {ours[-1]['code']}"
    if last is not ours[-1]:
        where += f"\n{last['file']}:{last['line']} in {last['function']}: {last['code']}"
    return where


def summary(terminal: Any, report: Report, subjects: list[dict[str, Any]], level: Any, *, folded: int = 0) -> None:
    """Write the closing tables with pytest's terminal writer: by subject, areas and outcomes.

    Args:
        folded: how many failures have no card, because another explains them.
    """
    records = report.outcomes()
    if not records:
        return
    unheard = [record for record in records if record["outcome"] == "not-run"]
    if unheard:
        terminal.section("planned, but not run", sep="-", yellow=True)
        for record in unheard[:_SHOWN]:
            terminal.write_line(f"{record['id']}: {record['message']}")
        if len(unheard) > _SHOWN:
            terminal.write_line(f"... and {len(unheard) - _SHOWN} more")
    for subject in subjects:
        mine = [record for record in records if record["subject"] == subject["factory"]]
        if not mine:
            continue
        version = " ".join(filter(None, (subject["distribution"], subject["version"])))
        terminal.section(f"{subject['factory']} ({version or 'no distribution'})", sep="=")
        for line in table(mine):
            terminal.write_line(line)
        for line in (*only_in_settings(mine), *fix_first(mine, report.because)):
            terminal.write_line(line)
        _verdict_line(terminal, mine, level)
    if folded:
        terminal.write_line(f"{folded} failures that others explain have no card; --loop-cards=all shows them")
    footer = report.head.get("footer", {})
    if not footer.get("complete", True):
        terminal.write_line(f"incomplete: {footer['why']}", red=True)


def _verdict_line(terminal: Any, records: list[dict[str, Any]], level: Any) -> None:
    records = [record for record in records if record["outcome"] != "not-run"]
    fatal = Counter(record["level"] for record in records if verdict.fails(record, level))
    advice = sum(record["outcome"] not in ACCEPTABLE and not verdict.fails(record, level) for record in records)
    parts = [f"{number} {name}" for name in ("must", "should", "may") if (number := fatal[name])]
    said = f"deviations that fail the run: {', '.join(parts)}" if parts else "no deviation that fails the run"
    if advice:
        said += f"; advice: {advice}"
    terminal.write_line(said, red=bool(parts), green=not parts)


def only_in_settings(records: list[dict[str, Any]]) -> list[str]:
    """The checks that hold in the plain run and not in a setting, as lines of text: where to look for the cause."""
    passed = {record["check"] for record in records if record["outcome"] == "passed"}
    settings: dict[str, list[str]] = {}
    for record in records:
        plain = record["check"].partition("[")[0]
        if record["setting"] and record["outcome"] not in (*ACCEPTABLE, "not-run") and plain in passed:
            settings.setdefault(plain, []).append(record["setting"])
    lines = [f"  {plain}: {', '.join(names)}" for plain, names in settings.items()]
    return ["hold in the plain run, but not in a setting:", *lines] if lines else []


def fix_first(records: Sequence[dict[str, Any]], because: Mapping[str, str]) -> list[str]:
    """The failures that explain those of other checks, as lines of text: by level, and by how many they explain."""
    found = {record["id"]: record for record in records}
    explained = Counter(
        cause for id, cause in because.items() if id in found and not _same_check(found[id], found[cause])
    )
    if not explained:
        return []
    causes = sorted(explained, key=lambda id: (LEVELS.index(found[id]["level"]), -explained[id]))
    shown, more = causes[:_CAUSES], len(causes) - _CAUSES
    width = len(str(max(explained.values())))
    return [
        f"fix these first, for they explain {explained.total()} failures of other checks:",
        *(f"  {found[id]['level']:<6} {explained[id]:>{width}}  {id}: {_briefly(found[id])}" for id in shown),
        *([f"  ... and {more} more"] if more > 0 else []),
    ]


def _same_check(record: dict[str, Any], plain: dict[str, Any]) -> bool:
    """Whether one is a run of the other's check in a setting: by its name, for there it may be of another area."""
    names = [one["check"].partition("::")[2].partition("[")[0] for one in (record, plain)]
    return bool(record["setting"]) and names[0] == names[1]


def _briefly(record: dict[str, Any]) -> str:
    """What is wrong, in a few words."""
    outcome = record.get("was", record["outcome"])
    said = record.get("message", "") if "error" in record or outcome != "failed" else record.get("observed", "")
    return clean(said).partition("\n")[0][:_BRIEF] or outcome


def table(records: list[dict[str, Any]]) -> list[str]:
    """Areas by outcomes, as lines of text; outcomes that did not occur have no column."""
    counts = Counter((record["area"], record["outcome"]) for record in records)
    columns = [outcome for outcome in OUTCOMES if any(key[1] == outcome for key in counts)]
    areas = sorted({record["area"] for record in records})
    width = max([len(area) for area in areas] + [len("total")])
    lines = [f"{'area':<{width}}" + "".join(f"{column:>{len(column) + 2}}" for column in columns)]
    for area in [*areas, "total"]:
        cells = [
            sum(number for (of, outcome), number in counts.items() if outcome == column and area in (of, "total"))
            for column in columns
        ]
        lines.append(
            f"{area:<{width}}"
            + "".join(f"{cell or '.':>{len(column) + 2}}" for cell, column in zip(cells, columns, strict=True))
        )
    return lines
