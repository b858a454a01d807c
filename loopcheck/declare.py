"""Writing what is declared of a loop: a new ``loopcheck.toml`` from reports, and an old one brought up to date.

What a person wrote stays as it is: comments, order, reasons. What the reports show is taken out, corrected or added,
and every change is told.
"""

from __future__ import annotations

import datetime
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopcheck import known
from loopcheck.check import Entry
from loopcheck.needs import NEEDS
from loopcheck.report import verdict
from loopcheck.report.reading import Record, Run

_HEAD = """\
# What is known of this loop. The gate: pytest --loop-config=loopcheck.toml
# What stands here must be so, and what is so must stand here; 'loopcheck update' keeps it up to date.

[subject]
factory = {factory}
"""

_SOMETIMES = datetime.timedelta(days=90)
"""How long an entry counts for what fails in one report, and passes in another of the same place."""

_MATCH = 80
"""How many characters of a message an entry asks for, at the most."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a run was, as far as an entry can say it."""

    platform: str
    python: str

    @classmethod
    def of(cls, run: Run) -> Place:
        """The place of a run."""
        environment = run.header["environment"]
        return cls(str(environment.get("system", "")).lower(), str(environment.get("python", "")))

    @property
    def version(self) -> tuple[int, ...]:
        """Python's version, to be compared: a pre-release counts as its release."""
        return tuple(int(part) for part in re.findall(r"\d+", re.match(r"[\d.]*", self.python)[0]))  # type: ignore[index]


Conditions = dict[str, str]


def conditions(here: Iterable[Place], elsewhere: Iterable[Place], *, exact: int = 0) -> list[Conditions] | None:
    """The fewest conditions under which something is so in some places, and not in others.

    Args:
        here: where it is so.
        elsewhere: where it is not; what is in neither does not matter.
        exact: to say nothing of places that are in neither, the parts of Python's version that count: 2 or 3.

    Returns:
        For each entry that it takes its conditions; None if a place is in both.
    """
    so, not_so = set(here), set(elsewhere)
    if exact:
        exactly = {(one.platform, ".".join(map(str, one.version[:exact]))) for one in so}
        if any((one.platform, ".".join(map(str, one.version[:exact]))) in exactly for one in not_so):
            return None
        star = ".*" if exact == 2 else ""
        return [{"platform": platform, "python": f"=={version}{star}"} for platform, version in sorted(exactly)]
    if so & not_so:
        return None
    if not not_so:
        return [{}]
    platforms = sorted({place.platform for place in so})
    found: list[list[Conditions]] = []
    if not set(platforms) & {place.platform for place in not_so}:
        found.append([{"platform": platform} for platform in platforms])
    if not {place.version for place in so} & {place.version for place in not_so}:
        found.append([{"python": _pythons(so, not_so)}])
    each = []
    for platform in platforms:
        that = {place for place in so if place.platform == platform}
        those = {place for place in not_so if place.platform == platform}
        each.append({"platform": platform} | ({"python": _pythons(that, those)} if those else {}))
    return min([*found, each], key=lambda entries: (len(entries), sum(map(len, entries))))


def _pythons(so: Iterable[Place], not_so: Iterable[Place]) -> str:
    """The specifier of the Pythons where it is so, as wide as what is known allows."""
    ins, outs = sorted({place.version for place in so}), sorted({place.version for place in not_so})
    parts = []
    if any(out < ins[0] for out in outs):
        parts.append(f">={_short(ins[0], outs)}")
    if above := [out for out in outs if out > ins[-1]]:
        parts.append(f"<{_short(above[0], ins)}")
    holes = dict.fromkeys(_short(out, ins) for out in outs if ins[0] < out < ins[-1])
    return ",".join(parts + [f"!={hole}.*" if hole.count(".") == 1 else f"!={hole}" for hole in holes])


def _short(version: tuple[int, ...], others: Iterable[tuple[int, ...]]) -> str:
    """A version, without its last part where none of the others shares the rest."""
    if all(other[:2] != version[:2] for other in others):
        version = version[:2]
    return ".".join(map(str, version))


@dataclass(slots=True)
class _Seen:
    """One check in one run."""

    place: Place
    record: Record
    """Without what was declared then."""
    judged: Record
    """In the light of what is declared now."""
    here: known.Surroundings
    counts: bool
    """Whether its failure would fail the run that it is of."""
    because: str
    """The check whose failure explains its own, as far as the run knows."""

    @property
    def verdict(self) -> str:
        """What is to be declared of it: an outcome, or nothing for one that passes; empty if it says nothing."""
        outcome = str(self.record["outcome"])
        return outcome if outcome in known.KNOWN_OUTCOMES or outcome == "passed" else ""

    @property
    def how(self) -> tuple[str, str]:
        """The same, with the kind of the failure: what differs here cannot be one entry."""
        return self.verdict, known.kind(self.record)

    @property
    def wrong(self) -> bool:
        """Whether the file is not right about it."""
        if "declared" in self.judged:
            return self.judged["outcome"] in ("fixed", "changed")
        return self.judged["outcome"] in known.KNOWN_OUTCOMES and self.counts

    @property
    def declined(self) -> bool:
        """Whether it was judged by what the loop does not offer."""
        return ": [declined] " in self.judged.get("declared", {}).get("place", "")


@dataclass(slots=True)
class _New:
    """A failure that gets an entry, or a place in one."""

    id: str
    outcome: str
    records: list[Record]
    conditions: Conditions
    because: str
    """The check whose failure explains its own; its own id if none does."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What the entry says besides in which it stood before: reason, issue, and the like."""

    def with_what_stays(self, here: list[_Seen], stale: list[known.Known]) -> _New:
        """The same, with what is still so of the entry that it stood in."""
        for old in stale[:1]:
            self.kept = {
                key: value for key in ("reason", "issue", "sometimes", "expires") if (value := getattr(old, key))
            }
            if all(old.applies(one.here) for one in here):
                self.kept |= {key: value for key in ("version", "needs") if (value := getattr(old, key))}
                both = filter(None, (*old.python.split(","), *self.conditions.get("python", "").split(",")))
                before = {"platform": old.platform, "python": ",".join(dict.fromkeys(both))}
                self.conditions = self.conditions | {key: value for key, value in before.items() if value}
        return self

    def agrees_with(self, old: known.Known) -> bool:
        """Whether an entry that there is would be right about it if it named its id."""
        place, at_times = _known(self.conditions), (self.kept.get("sometimes", False), self.kept.get("expires", ""))
        return (
            all(getattr(old, key) == getattr(place, key) for key in known.CONDITIONS)
            and (old.sometimes, old.expires) == at_times
            and old.outcome == self.outcome
            and all(map(old.fits, self.records))
        )

    def as_known(self) -> known.Known:
        """What its entry will be to a reader."""
        return _known(self.conditions)

    @property
    def plain(self) -> str:
        """The id of the check, whatever the setting."""
        return self.id.partition("[")[0]

    @property
    def said(self) -> str:
        """The first line that it says, without what differs from run to run."""
        lines = str(self.records[0].get("message", "")).splitlines() or [""]
        return re.sub(r"0x[0-9a-f]+|\d+(\.\d+)*", "N", lines[0])

    @property
    def kind(self) -> str:
        """What the failure is, if it is none of an assertion."""
        return known.kind(self.records[0])

    @property
    def words(self) -> str:
        """Words that it will say again, as far as one can know; nothing for an assertion, whose values may differ."""
        record, kind = self.records[0], self.kind
        if len(set(map(known.kind, self.records))) > 1:
            return ""
        if not record.get("error") or not kind:
            return kind
        line = str(record.get("message", "")).partition("\n")[0]
        # What stands in brackets or is a number may be another one next time.
        piece = max(re.split(r"<[^<>]*>|0x[0-9a-f]+|\d+", line), key=len).strip()
        if len(piece) > _MATCH:
            piece = piece[:_MATCH].rpartition(" ")[0]
        words = piece if len(piece) > len(kind) else kind
        return words if all(words in known.words(one) for one in self.records) else kind


def new(factory: str, runs: Sequence[Run], entries: Mapping[str, Entry]) -> tuple[str, list[str]]:
    """The text of a new file, with an entry for each cause of what the reports show of a subject.

    Args:
        factory: the subject.
        runs: its reports.
        entries: the catalogue, by id.

    Returns:
        The text, and what it declares, line by line.
    """
    text = head(factory)
    if declined := _not_offered(factory, runs, entries):
        text += "\n[declined]\n" + "".join(f"{need} = {_as_toml(known.TODO)}\n" for need in declined)
    text, changes = update(text, runs, entries)
    return text, [f"declined: {need}" for need in declined] + changes


def head(factory: str) -> str:
    """The text of a file that declares nothing of a subject."""
    return _HEAD.format(factory=_as_toml(factory))


def _not_offered(factory: str, runs: Sequence[Run], entries: Mapping[str, Entry]) -> list[str]:
    """What a loop refuses, by NotImplementedError, wherever it is asked for."""
    refused: dict[str, set[bool]] = {}
    for run in runs:
        for record in run.checks.values():
            entry = entries.get(record["check"])
            outcome = record.get("was", record["outcome"])
            if entry is None or record["subject"] != factory or outcome not in ("passed", *known.KNOWN_OUTCOMES):
                continue
            for need in entry.needs:
                if NEEDS[need].offered:
                    refuses = outcome == "failed" and "NotImplementedError" in known.words(record)
                    refused.setdefault(need, set()).add(refuses)
    return [need for need, answers in refused.items() if answers == {True}]


def update(
    text: str, runs: Sequence[Run], entries: Mapping[str, Entry], shown: str = known.FILE
) -> tuple[str, list[str]]:
    """A file brought up to date with what reports show of its subject.

    Ids that passed wherever they are declared to fail are taken out; those that failed otherwise are corrected; what
    fails and is not declared is added; what fails in one report and passes in another of the same place, or passed when
    it was run again alone, or fails in another way, fails ``sometimes``. Where the reports are of several Pythons or
    platforms that do not agree, the fewest conditions that tell them apart are written. Ids that were renamed get their
    new names, and those that there are no more go.

    Args:
        text: the file.
        runs: reports of its subject.
        entries: the catalogue, by id.
        shown: how messages name the file.

    Returns:
        The new text, and each change, a line for each.

    Raises:
        DeclarationError: the file is wrong in another way.
    """
    editing = _Editing(text, shown, entries)
    editing.drop_what_there_is_not()
    for id, seen in editing.observe(runs).items():
        editing.settle(id, seen)
    return editing.text(), editing.changes


def doubtful(text: str, runs: Sequence[Run], entries: Mapping[str, Entry], shown: str = known.FILE) -> list[str]:
    """The checks of which a file and what reports show do not agree: those to run again before the file is changed.

    Raises:
        DeclarationError: the file is wrong.
    """
    seen = _Editing(text, shown, entries).observe(runs)
    return [id for id, those in seen.items() if any(one.wrong for one in those)]


class _Editing:
    """One file on its way from what it says to what it has to say."""

    def __init__(self, text: str, shown: str, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._shown = shown
        self._header = f"[[{known.prefix_of(shown)}known]]"
        self.changes: list[str] = []
        self._text = self._renamed(text, known.parse(text, shown))
        self._declaration = known.parse(self._text, shown)
        self._ids: dict[int, list[str]] = {}
        for one in self._declaration.known:
            self._ids.setdefault(one.entry, []).append(one.id)
        self._before = {number: list(ids) for number, ids in self._ids.items()}
        self._keys: dict[int, dict[str, str]] = {}
        self._new: list[_New] = []

    def _renamed(self, text: str, declaration: known.Declaration) -> str:
        """The text with the names that checks have now."""
        former = {old: entry.id for entry in self._entries.values() for old in entry.former_ids}
        for one in declaration.known:
            if one.id in former and one.id not in self._entries:
                text = re.sub(rf"""(["']){re.escape(one.id)}\1""", rf"\g<1>{former[one.id]}\g<1>", text)
                self.changes.append(f"renamed: {one.id} is {former[one.id]} now")
        return text

    def drop_what_there_is_not(self) -> None:
        """Take out what names no check."""
        for one in self._declaration.known:
            if not any(self._entries[id].tested for id in one.named_of(self._entries)):
                self._ids[one.entry].remove(one.id)
                self.changes.append(f"deleted: {one.id}: there is no such check")

    def observe(self, runs: Sequence[Run]) -> dict[str, list[_Seen]]:
        """What the reports show of each check, in the light of the file as it is now."""
        found: dict[str, list[_Seen]] = {}
        factory = self._declaration.factory
        for run in runs:
            place = Place.of(run)
            causes = (run.footer or {}).get("because", {})
            version = run.subjects.get(factory, {}).get("version") or None
            for record in run.checks.values():
                entry = self._entries.get(record["check"])
                if record["subject"] != factory or entry is None:
                    continue
                was = "declared" in record
                # Which needs that machine met nobody wrote down; an entry that counted there knew.
                here = known.Surroundings(place.python, place.platform, version, _always if was else _never)
                bare = {key: value for key, value in record.items() if key not in ("was", "declared", "advice")}
                bare["outcome"] = record.get("was", record["outcome"])
                judged = self._declaration.judge(entry, bare, here)
                counts = verdict.fails(bare, run.header.get("level", "should"))
                because = run.checks.get(causes.get(record["id"], ""), {}).get("check", "")
                found.setdefault(entry.id, []).append(_Seen(place, bare, judged, here, counts, because))
        # In the order of the catalogue: that of a run may be any.
        return {id: found[id] for id in self._entries if id in found}

    def settle(self, id: str, seen: list[_Seen]) -> None:
        """Make the file right about one check."""
        for one in seen:
            if one.declined and one.wrong:
                self.changes.append(f"left: {id}: {one.judged.get('advice') or one.judged['message']}")
                return
            if "declared" in one.judged and one.judged["outcome"] in known.KNOWN_OUTCOMES:
                self.changes.append(f"left: {id}: {one.judged['advice']}")
                return
        if not any(one.wrong for one in seen):
            return
        mine = [one for one in self._declaration.known if one.names(id)]
        stale = [old for old in mine if any(one.wrong and old.applies(one.here) for one in seen)]
        standing = [old for old in mine if old not in stale]
        wanted = self._wanted(id, seen, stale, standing)
        if wanted is None:
            places = " and ".join(sorted({f"{one.place.platform} Python {one.place.python}" for one in seen}))
            self.changes.append(
                f"left: {id}: it does not fail the same way each time ({places}); give it an entry that says sometimes "
                "for each, 'loopcheck run --soak' shows them"
            )
            return
        if len(stale) == 1 and wanted and "sometimes" not in wanted[0].kept and self._ids[stale[0].entry] == [id]:
            self._correct(stale[0], wanted[0])
            wanted = wanted[1:]
        else:
            for old in stale:
                self._take_out(old, id)
            if not wanted:
                passes = sum(one.verdict == "passed" for one in seen)
                times = "" if passes == 1 else f" in {passes} reports"
                self.changes.append(f"deleted: {id}: it passes{times}")
        for new in wanted:
            often = ("sometimes",) if "sometimes" in new.kept else ()
            how = ", ".join((new.outcome, *often, *(f"{key} {value}" for key, value in new.conditions.items())))
            self.changes.append(f"{'corrected' if stale else 'added'}: {id}: {how}")
            if stale or not self._joins(new):
                self._new.append(new)

    def _joins(self, new: _New) -> bool:
        """Whether a new failure has its place in an entry that there is: that of the same failure in another setting.

        One that differs in more than the id gets an entry of its own, with the same reason.
        """
        if new.because == new.id or new.because.partition("[")[0] != new.plain:
            return False
        for old in self._declaration.known:
            if not old.names(new.because) or not self._ids[old.entry]:
                continue
            new.kept = {"reason": old.reason} | ({"issue": old.issue} if old.issue else {}) | new.kept
            if new.agrees_with(old):
                self._ids[old.entry].append(new.id)
                return True
        return False

    @staticmethod
    def _wanted(id: str, seen: list[_Seen], stale: list[known.Known], standing: list[known.Known]) -> list[_New] | None:
        """The entries that a check needs, as the reports show it; None if they contradict each other.

        Args:
            id: the check.
            seen: what the reports show of it.
            stale: the entries about it that are not right any more.
            standing: those that are, or that are about other places.
        """
        by_outcome: dict[tuple[str, str], list[_Seen]] = {}
        settled, passed = ("settled", ""), ("passed", "")
        for one in seen:
            if any(old.applies(one.here) for old in standing):
                by_outcome.setdefault(settled, []).append(one)
            elif one.verdict and (one.verdict == "passed" or one.counts or stale):
                by_outcome.setdefault(one.how, []).append(one)
        failing = [how for how in by_outcome if how not in (settled, passed)]
        places = [{one.place for one in by_outcome[how]} for how in (*failing, passed) if how in by_outcome]
        at_one_place = sum(map(len, places)) > len(set().union(*places))
        # One that was run again, alone, has been there twice.
        alone = any(one.record.get("alone") == "passed" for how in failing for one in by_outcome[how])
        sometimes = (at_one_place or alone) and len({outcome for outcome, _ in failing}) == 1
        if sometimes:
            # Chance decides whether it fails, or in which way: one entry stands for all of that.
            by_outcome = {failing[0]: [one for how in failing for one in by_outcome[how]]} | {
                settled: by_outcome.get(settled, [])
            }
            failing = failing[:1]
        # The conditions that say least, unless those would hold where another entry does, in a place yet unseen.
        for exact in (0, 2, 3):
            wanted = []
            for failure in failing:
                these = by_outcome[failure]
                others = [one.place for other, those in by_outcome.items() if other != failure for one in those]
                found = conditions([one.place for one in these], others, exact=exact)
                if found is None:
                    break
                for more in found:
                    here = [one for one in these if _known(more).applies(one.here)]
                    because = next((one.because for one in here if one.because), id)
                    new = _New(id, failure[0], [one.record for one in here], more, because)
                    wanted.append(new.with_what_stays(here, stale))
                    if sometimes:
                        until = datetime.date.today() + _SOMETIMES
                        new.kept = {"sometimes": True, "expires": until.isoformat()} | new.kept
            else:
                if not _collide([*standing, *(new.as_known() for new in wanted)]):
                    return wanted
        return None

    def _correct(self, old: known.Known, new: _New) -> None:
        """Change the entry of one id where it stands."""
        wanted = (
            {"outcome": new.outcome, "match": old.match} | dict.fromkeys(("python", "platform"), "") | new.conditions
        )
        if not all(map(old.fits, new.records)):
            wanted["match"] = new.words
        wanted = {key: value for key, value in wanted.items() if value != getattr(old, key)}
        self._keys[old.entry] = wanted
        for key, value in wanted.items():
            self.changes.append(f"corrected: {new.id}: {key} is {value!r}, was {getattr(old, key)!r}")

    def _take_out(self, old: known.Known, id: str) -> None:
        ids = self._ids[old.entry]
        if id in ids:
            ids.remove(id)
        elif old.id in ids:
            named = [name for name in old.named_of(self._entries) if self._entries[name].tested and name != id]
            at = ids.index(old.id)
            ids[at : at + 1] = [name for name in named if name not in ids]
            self.changes.append(f"corrected: the pattern {old.id} is the list of what it names, without what changed")

    def text(self) -> str:
        """The file with all that was changed."""
        blocks = _blocks(self._text.splitlines(keepends=True), self._header)
        lines = self._text.splitlines(keepends=True)
        for number in sorted(self._ids, reverse=True):
            ids, keys = self._ids[number], self._keys.get(number, {})
            if ids == self._before[number] and not keys:
                continue
            begin, end = blocks[number]
            if ids:
                lines[begin:end] = _edited("".join(lines[begin:end]), self._header, ids, self._before[number], keys)
            else:
                lines[slice(*_with_its_comment(lines, begin, end))] = []
        left = [number for number in self._ids if self._ids[number]]
        at = _blocks(lines, self._header)[-1][1] if left else len(lines)
        fresh = [line for entry in self._grouped() for line in entry]
        if fresh and lines and not lines[at - 1].endswith("\n"):
            lines[at - 1] += "\n"
        lines[at:at] = fresh
        text = "".join(lines)
        known.parse(text, self._shown)  # a mistake of ours must not reach the file
        return text

    def _grouped(self) -> Iterator[list[str]]:
        """The new entries as lines: one for each cause, as far as a machine can tell."""
        for group in _by_cause(self._new):
            said = Counter(one.said for one in group).most_common(1)[0][0]
            cause = next((one for one in group if one.because == one.id), group[0])
            entry = self._entries[cause.plain if cause.plain in self._entries else cause.id]
            if len({one.plain for one in group}) == 1:
                about = entry.sentence
            elif any(one.because != one.id for one in group):
                about = f"fix first: {entry.sentence}"
            else:
                about = f"{entry.area}: {said}"
            yield ["\n", f"# {_printable(about)[:_WIDTH]}\n", f"{self._header}\n", *_entry(group)]


_WIDTH = 117


def _entry(group: list[_New]) -> Iterator[str]:
    first = group[0]
    words = {one.words for one in group}
    ids = [one.id for one in group]
    yield (
        f"id = {_as_toml(ids[0])}\n"
        if len(ids) == 1
        else f"id = [\n{''.join(f'    {_as_toml(id)},{chr(10)}' for id in ids)}]\n"
    )
    keys: dict[str, Any] = {"outcome": first.outcome}
    if match := words.pop() if len(words) == 1 else first.kind:
        keys["match"] = match
    keys |= {"reason": known.TODO} | first.kept | first.conditions
    yield from (f"{key} = {_as_toml(value)}\n" for key, value in keys.items())


def _by_cause(found: list[_New]) -> list[list[_New]]:
    """What is likely to have one cause, together.

    That is what a run has found to be explained by one failure, the same check in several settings, and checks of one
    area that say the same.
    """
    groups: dict[tuple[Any, ...], list[_New]] = {}
    leaders: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for one in found:
        rest = (one.outcome, one.kind, tuple(sorted(one.conditions.items())), tuple(sorted(one.kept.items())))
        by_check = (one.because.partition("[")[0], *rest)
        by_words = (one.id.partition("::")[0], one.said, *rest)
        explained = one.because != one.id
        leader = leaders.get(by_check) or (not explained and leaders.get(by_words)) or by_check
        leaders.setdefault(by_check, leader)
        if not explained:
            leaders.setdefault(by_words, leader)
        groups.setdefault(leader, []).append(one)
    return list(groups.values())


def _always(need: str) -> bool:
    return True


def _never(need: str) -> bool:
    return False


def _known(conditions: Conditions) -> known.Known:
    """An entry with nothing but conditions."""
    return known.Known("", "", "", python=conditions.get("python", ""), platform=conditions.get("platform", ""))


def _collide(entries: Sequence[known.Known]) -> bool:
    """Whether two entries about a check would count in the same place, in any that there may be."""
    # What depends on more than the place nobody can tell from here.
    entries = [one for one in entries if not one.version and not one.needs]
    platforms = sorted({one.platform for one in entries if one.platform} | {"linux"})
    places = [
        known.Surroundings(f"3.{minor}.{micro}", platform)
        for minor in range(11, 17)
        for micro in range(20)
        for platform in platforms
    ]
    return any(
        one.applies(place) and other.applies(place)
        for one, other in itertools.combinations(entries, 2)
        for place in places
    )


def _blocks(lines: Sequence[str], header: str) -> list[tuple[int, int]]:
    """Where each entry stands: from its header to its last line that is more than a comment."""
    heads = [at for at, line in enumerate(lines) if re.fullmatch(r"\s*\[\[?[^\[\]=]*\]\]?\s*(#.*)?", line.rstrip("\n"))]
    found = []
    for at, after in zip(heads, [*heads[1:], len(lines)], strict=True):
        if lines[at].partition("#")[0].replace(" ", "").strip() == header:
            end = after
            while end > at + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
                end -= 1
            found.append((at, end))
    return found


def _with_its_comment(lines: Sequence[str], begin: int, end: int) -> tuple[int, int]:
    """The lines of an entry, with the comment right above it and the empty lines below."""
    while begin and lines[begin - 1].lstrip().startswith("#"):
        begin -= 1
    while end < len(lines) and not lines[end].strip():
        end += 1
    if end == len(lines):
        while begin and not lines[begin - 1].strip():
            begin -= 1
    return begin, end


def _edited(block: str, header: str, ids: list[str], before: list[str], keys: Mapping[str, str]) -> list[str]:
    """The lines of an entry with other ids, and other values of some keys; an empty value takes the key out."""
    import tomlkit

    document = tomlkit.parse(block.replace(header, "[known]", 1))
    table: Any = document["known"]
    if ids == before:
        pass
    elif set(ids) <= set(before):
        for id in before:
            if id not in ids:
                table["id"].remove(id)
    elif set(before) <= set(ids) and not isinstance(table["id"], str):
        for id in ids:
            if id not in before:
                table["id"].append(id)
    else:
        table["id"] = tomlkit.array()
        table["id"].extend(ids)
        table["id"].multiline(True)
    for key, value in keys.items():
        if value:
            table[key] = value
        else:
            table.remove(key)
    return tomlkit.dumps(document).replace("[known]", header, 1).splitlines(keepends=True)


def _as_toml(value: Any) -> str:
    import tomlkit

    return str(tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string())


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
