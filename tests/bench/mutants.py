"""What the battery does not see of the bundled loop: python tests/bench/mutants.py [FILE ...] [--sample=N]

Changes the loop in one place, has the battery judge it, and does so for place after place. A change that no check
sees, a *survivor*, is code that could as well be absent, or behaviour that lacks a check; or it changes nothing, and
then mutants.toml says why. Prints the survivors, and for each file how much of what it might do wrong is seen.

The first run finds out which lines each check reaches; a mutant is judged by those that reach it and by no others,
until one fails twice, and then passes on the unchanged loop. What was found is kept in ``build/mutants``: a run that
was interrupted goes on where it was, and one after a change of a file or of the checks asks again where it matters.

FILE is a module of loopcheck/baseline, such as ``streams``; without one, all of them. It needs the extra ``mutants``
and Python 3.12. How it is to be read: docs/mutation-testing.md.
"""

from __future__ import annotations

import argparse
import ast
import collections
import concurrent.futures
import functools
import hashlib
import itertools
import json
import os
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import libcst as cst
import libcst.matchers as m
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper
from mutmut.mutation.mutators import mutation_operators

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from loopcheck.check import Entry, area_names, catalogue  # noqa: E402  # from this tree
from loopcheck.runner.run import Options, Runner  # noqa: E402

BASELINE = ROOT / "loopcheck" / "baseline"
KEPT = ROOT / "build" / "mutants"
EXPLAINED = HERE / "mutants.toml"

LIMIT = 1.5
"""Seconds that a check may take on a mutant; what passes takes a hundredth."""

SLOW = 0.4
"""Seconds; checks that take longer on the unchanged loop judge last, and have four times the limit."""

MOST = 400
"""How many checks judge a mutant unless told otherwise, the likeliest to see it first. Lines that every check reaches
would else be judged by thousands."""

NEAR = {
    "childlife": ("subprocess",),
    "children": ("subprocess",),
    "contract": ("debug", "errors"),
    "datagrams": ("datagram",),
    "engine": ("tls", "start_tls"),
    "flow": ("transports", "datagram"),
    "lifetime": ("transports", "pipes"),
    "loop": ("lifecycle", "resources"),
    "pipes": ("pipes",),
    "polling": ("fd_watchers", "resources"),
    "processes": ("subprocess", "resources"),
    "scheduling": ("scheduling", "lifecycle", "debug", "context"),
    "securetransport": ("tls", "start_tls"),
    "sendfile": ("sendfile",),
    "serving": ("create_server", "unix_sockets"),
    "signals": ("signals",),
    "sockops": ("sock_ops", "unix_sockets"),
    "streams": ("transports", "sendfile", "buffered_protocol"),
    "tasks": ("tasks", "task_registration", "current_task"),
    "timers": ("scheduling", "resources"),
    "tls": ("tls", "start_tls", "buffered_protocol"),
    "transport": ("transports", "resources", "create_server"),
    "unix": ("unix_sockets",),
    "upgrading": ("start_tls",),
    "versions": ("datagram", "streams", "tasks", "unix_sockets", "create_server"),
    "watchers": ("fd_watchers", "threads", "lifecycle"),
}
"""The areas that a module is about: their checks judge first."""

OWN_TASKS = ("tasks", "versions")
"""Modules of which some only runs in ``SelectorLoopWithOwnTasks``."""

LEAST = 90
"""Percent that each file's score must reach."""

OUTCOMES = ("killed", "survived", "unreached", "equivalent", "may")
"""What becomes of a mutant; the last two do not count: nothing can see it, or a check of what may be otherwise does."""

# --- mutants


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    id: str
    """``module.function::before => after``, the same wherever in the file the function stands."""
    text: str = field(repr=False)
    """The whole module, changed."""
    lines: frozenset[int] = field(repr=False)
    """The lines that change."""
    statement: frozenset[int] = field(repr=False)
    """The lines that run when these do, should these be none that an interpreter tells of; empty at import."""
    constant: str = field(repr=False)
    """The name that is given a value here, at import."""

    @property
    def function(self) -> str:
        """Where it is, as ``module.class.function``."""
        return self.id.partition("::")[0]

    @property
    def loop(self) -> str:
        """The class that shows it."""
        return "SelectorLoopWithOwnTasks" if self.module in OWN_TASKS else "SelectorLoop"


def drop_statement(node: cst.Expr | cst.AugAssign | cst.Raise) -> Iterator[cst.CSTNode]:
    """Do nothing instead."""
    yield cst.Pass()


def force_condition(node: cst.If) -> Iterator[cst.CSTNode]:
    """Always, or never, whatever else the condition does."""
    test = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    for operator, word in ((cst.And(), "False"), (cst.Or(), "True")):
        yield cst.BooleanOperation(left=test, operator=operator, right=cst.Name(word))


OPERATORS = [
    *mutation_operators,
    (cst.Expr, drop_statement),
    (cst.AugAssign, drop_statement),
    (cst.Raise, drop_statement),
    (cst.If, force_condition),
]
"""mutmut's, and two that leave out what is there."""

WORDS = re.compile(r"(self\.)?(logger\.\w+|warnings\.warn|_warn|_fatal(_error)?|_refuse|_check_callback)|TypeVar|cast")
"""Functions whose arguments are words for people, or for the type checker: how they read is no behaviour."""

DEBUGGING = m.SimpleStatementLine(
    [m.Expr(m.Call(m.Attribute(m.Name("logger"), m.OneOf(m.Name("debug"), m.Name("info")))))]
)
"""What only those read who debug the loop itself."""

OUTSIDE = m.OneOf(
    m.Annotation(),
    m.Decorator(),
    m.Assert(),
    m.Import(),
    m.ImportFrom(),
    m.If(test=m.Name("TYPE_CHECKING")),
    m.FunctionDef(name=m.Name("__repr__")),
    m.Expr(m.OneOf(m.SimpleString(), m.ConcatenatedString())),
    m.SimpleString(m.MatchRegex(".* .*")),
    m.Assign([m.AssignTarget(m.OneOf(m.Name("__slots__"), m.Name("__all__")))]),
    DEBUGGING,
    m.If(body=m.IndentedBlock([DEBUGGING]), orelse=None),
)
"""What is for a reader, or for the type checker."""

NAMES = m.Assign(value=m.OneOf(m.Subscript(), m.SimpleString(), m.BinaryOperation(operator=m.BitOr())))
"""Outside functions: another name of a type, or one of an enumeration, which nothing compares with."""


class Changing(cst.CSTVisitor):
    """Finds all the changes of a module."""

    METADATA_DEPENDENCIES = (ByteSpanPositionProvider,)

    def __init__(self, module: str, source: bytes) -> None:
        self.module = module
        self.source = source
        self.found: list[Mutant] = []
        self.names: list[str] = []
        self.statements: list[cst.CSTNode] = []
        self.times: collections.Counter[str] = collections.Counter()

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Change this one, and go on inside unless that is no behaviour."""
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            self.names.append(node.name.value)
        if isinstance(node, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
            self.statements.append(node)
        if self.is_outside(node):
            return False
        for kind, change in OPERATORS:
            if isinstance(node, kind):
                place = node.test if isinstance(node, cst.If) else node
                for changed in change(node):
                    self.note(place, changed)
        # Words of an error are for people, that it is raised is not.
        return not isinstance(node, cst.Raise)

    def on_leave(self, original_node: cst.CSTNode) -> None:
        """Leave a function, a class, a statement."""
        if isinstance(original_node, (cst.FunctionDef, cst.ClassDef)):
            self.names.pop()
        if self.statements and self.statements[-1] is original_node:
            self.statements.pop()

    def is_outside(self, node: cst.CSTNode) -> bool:
        """Whether it is none of the loop's behaviour."""
        if isinstance(node, cst.Call):
            return WORDS.fullmatch(self.code(node.func)) is not None
        return m.matches(node, OUTSIDE) or (m.matches(node, NAMES) and not self.is_in_function())

    def code(self, node: cst.CSTNode) -> str:
        """How a node reads."""
        start, end = self.span(node)
        return self.source[start:end].decode()

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Where it is in the file, without spaces around it."""
        span = self.get_metadata(ByteSpanPositionProvider, node)
        return span.start, span.start + span.length

    def note(self, node: cst.CSTNode, changed: cst.CSTNode) -> None:
        """Keep one change."""
        start, end = self.span(node)
        new = cst.Module([]).code_for_node(changed).strip().encode()
        if new == self.source[start:end]:
            return
        text = (self.source[:start] + new + self.source[end:]).decode()
        id = f"{'.'.join((self.module, *self.names))}::{difference(self.source.decode(), text)}"
        self.times[id] += 1
        if self.times[id] > 1:
            id += f" #{self.times[id]}"
        self.found.append(Mutant(self.module, id, text, self.lines(start, end), self.around(), self.constant()))

    def around(self) -> frozenset[int]:
        """The lines of the innermost statement, without its body; of a function, for its defaults, the body, too."""
        if not self.is_in_function():
            return frozenset()
        start, end = self.span(self.statements[-1])
        if not isinstance(self.statements[-1], (cst.BaseSmallStatement, cst.FunctionDef)):
            end = self.span(self.statements[-1].body)[0]
        return self.lines(start, end)

    def constant(self) -> str:
        """The name that a statement outside functions gives a value to; empty elsewhere."""
        match self.statements[-1]:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(name))]) if not self.is_in_function():
                return name
        return ""

    def is_in_function(self) -> bool:
        """Whether what is visited runs in a function, and not at import."""
        return any(isinstance(one, cst.FunctionDef) for one in self.statements)

    def lines(self, start: int, end: int) -> frozenset[int]:
        """The lines from one byte to another."""
        first = self.source.count(b"\n", 0, start) + 1
        return frozenset(range(first, first + self.source.count(b"\n", start, end) + 1))


def difference(before: str, after: str) -> str:
    """The lines that differ, as ``before => after``."""
    old, new = before.split("\n"), after.split("\n")
    ahead = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    old, new = old[ahead:], new[ahead:]
    behind = sum(
        1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(old[::-1], new[::-1], strict=False))
    )
    parts = (lines[: len(lines) - behind] for lines in (old, new))
    return " => ".join(" ".join(" ".join(part).split()) for part in parts)


def mutants_of(path: Path) -> list[Mutant]:
    """All the mutants of a file."""
    source = path.read_bytes()
    changing = Changing(path.stem, source)
    MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True).visit(changing)
    return changing.found


@functools.cache
def uses(name: str) -> frozenset[str]:
    """The lines of the loop in which a name stands, as ``module line``."""
    return frozenset(
        f"{path.stem} {node.lineno}"
        for path in BASELINE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    )


# --- judges


def is_judge(entry: Entry) -> bool:
    """Whether a check judges mutants: on this Python, and without a name server of its own."""
    return entry.function is not None and entry.applies() and "own-names" not in entry.needs


class Court:
    """The battery as judge: a nursery for all, and what each check reaches.

    Args:
        folder: where the mutants are, for the children to find them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        os.environ["MUTANTS_FOLDER"] = str(folder)
        self.judges = {entry.id: entry for entry in catalogue() if is_judge(entry)}
        self.host = Runner(area_names(), Options())
        # The limit is scaled by how slow the machine is just now; here it shall be what it says.
        self.limit = LIMIT / (self.host.limit / Options().limit)

    def close(self) -> None:
        """End the nursery."""
        self.host.close()

    def runner(self, times: float = 1.0) -> Runner:
        """A runner of its own, with so many times the limit."""
        options = Options(limit=self.limit * times, confirm=False, path=(str(HERE),), door=self.host.door)
        return Runner(area_names(), options)

    @cached_property
    def digest(self) -> str:
        """Changes with any check."""
        total = hashlib.sha256()
        for path in sorted((ROOT / "loopcheck").glob("[ck][hi]*/*.py")):
            total.update(path.read_bytes())
        return total.hexdigest()[:16]

    def reach(self, loop: str, jobs: int) -> dict[str, tuple[float, frozenset[str]]]:
        """For each check the seconds that it takes and the lines that it reaches; only those that pass."""
        path = KEPT / f"reached-{loop}.json"
        sources = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(BASELINE.glob("*.py")))).hexdigest()
        ages = {
            id: f"{sources[:16]} {hashlib.sha256(entry.source().encode()).hexdigest()[:16]}"
            for id, entry in self.judges.items()
        }
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        known = {id: one for id, one in known.items() if one["age"] == ages.get(id)}
        missing = [id for id in self.judges if id not in known]
        if missing:
            done = itertools.count(1)

            def follow(number: int) -> None:
                runner, file = self.runner(10), self.folder / f"reached{number}"
                for id in missing[number::jobs]:
                    file.write_bytes(b"")
                    seen = runner.run(self.judges[id], f"mutated:{file.name}.{loop}")
                    known[id] = {
                        "age": ages[id],
                        "passed": seen["outcome"] == "passed",
                        "seconds": seen["seconds"],
                        "lines": sorted(set(file.read_text().splitlines())),
                    }
                    progress(f"which lines of {loop} each check reaches: {next(done)} of {len(missing)}")
                runner.close()

            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                list(pool.map(follow, range(jobs)))
            write(path, json.dumps(known))
        return {id: (one["seconds"], frozenset(one["lines"])) for id, one in known.items() if one["passed"]}


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.replace(path)


def progress(text: str) -> None:
    """One line that is overwritten, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text[:110]}", end="", file=sys.stderr, flush=True)


class Trial:
    """Judges mutants, by the checks that reach them.

    Args:
        court: has the checks.
        most: how many of them, at most, judge one mutant.
    """

    def __init__(self, court: Court, most: int) -> None:
        self.court = court
        self.most = most
        self.reach: dict[str, dict[str, tuple[float, frozenset[str]]]] = {}
        self.killers: collections.defaultdict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        """How often a check killed another mutant of the same function, and of the same module."""
        self.numbers = itertools.count(1)

    def prepare(self, loops: Iterable[str], jobs: int) -> None:
        """Find out what the checks reach."""
        for loop in loops:
            self.reach[loop] = self.court.reach(loop, jobs)

    def order(self, mutant: Mutant) -> list[str]:
        """The checks that judge a mutant, those first that are likely to see it."""
        reach = self.reach[mutant.loop]

        def reaching(lines: Iterable[int], places: Iterable[str] = ()) -> list[str]:
            wanted = {f"{mutant.module} {line}" for line in lines} | set(places)
            return [id for id, (_, lines) in reach.items() if not wanted.isdisjoint(lines)]

        found = reaching(mutant.lines) or reaching(mutant.statement)
        if not mutant.statement:
            # What runs at import is reached by no check. A constant matters to those that reach where it is used,
            # anything else to those that reach the module, if any can.
            found = reaching((), uses(mutant.constant)) or reaching(range(1, 1000)) or list(reach)
        # From the areas that are near in turn, then from the others; in each the plain ones first, that reach little.
        areas: collections.defaultdict[str, list[str]] = collections.defaultdict(list)
        for id in sorted(found, key=lambda id: (bool(self.court.judges[id].setting), len(reach[id][1]))):
            areas[id.partition("::")[0]].append(id)
        near = [areas.pop(area, []) for area in NEAR[mutant.module]]
        turns = [id for some in (near, areas.values()) for turn in itertools.zip_longest(*some) for id in turn if id]
        known = [*self.killers[mutant.function].most_common(10), *self.killers[mutant.module].most_common(100)]
        killers = dict.fromkeys(id for id, _ in known if id in set(found))
        # What may be otherwise is asked last: a mutant that only such a check sees is no wrong loop.
        return sorted(
            dict.fromkeys([*killers, *turns]),
            key=lambda id: (self.court.judges[id].level == "may", id not in killers and self.is_slow(mutant, id)),
        )

    def note_killer(self, function: str, id: str) -> None:
        """A check that killed one of a function's mutants may see others."""
        self.killers[function][id] += 1
        self.killers[function.partition(".")[0]][id] += 1

    def is_slow(self, mutant: Mutant, id: str) -> bool:
        """Whether a check takes long even where nothing is wrong."""
        return id in self.reach[mutant.loop] and self.reach[mutant.loop][id][0] > SLOW

    def judge(self, mutant: Mutant, first: str = "") -> dict[str, Any]:
        """What became of a mutant; ``first`` has killed it before."""
        name = f"m{next(self.numbers)}"
        path = self.court.folder / f"{name}.json"
        path.write_text(json.dumps({"module": mutant.module, "text": mutant.text}))
        order = self.order(mutant)
        if first in self.court.judges and self.court.judges[first].level != "may":
            order = [first, *(id for id in order if id != first)]
        chosen = {*order[: self.most], *(id for id in order if self.court.judges[id].level == "may")}
        quick, slow = self.court.runner(), self.court.runner(4)
        try:
            for entry in (self.court.judges[id] for id in order if id in chosen):
                runner = slow if self.is_slow(mutant, entry.id) else quick
                seen = runner.run(entry, f"mutated:{name}.{mutant.loop}")
                if seen["outcome"] == "passed":
                    continue
                # Twice, and not on what is right in as short a time: under load a short limit passes by chance.
                again = runner.run(entry, f"mutated:{name}.{mutant.loop}")
                if (
                    again["outcome"] != "passed"
                    and runner.run(entry, f"loopcheck.baseline:{mutant.loop}")["outcome"] == "passed"
                ):
                    self.note_killer(mutant.function, entry.id)
                    outcome = "may" if entry.level == "may" else "killed"
                    return {
                        "outcome": outcome,
                        "by": entry.id,
                        "how": f"{again['outcome']}: {again.get('message', '')[:100]}",
                    }
            return {"outcome": "survived" if order else "unreached", "judges": len(chosen), "of": len(order)}
        finally:
            for runner in (quick, slow):
                runner.close()
            path.unlink()


# --- the whole


class Results:
    """What became of which mutant, kept in a file."""

    def __init__(self, court: Court, most: int) -> None:
        self.court = court
        self.most = most
        self.path = KEPT / "results.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.known: dict[str, dict[str, Any]] = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            one = json.loads(line)
            self.known[one["id"]] = one

    def age(self, mutant: Mutant) -> str:
        """What a result is about: the whole text."""
        return hashlib.sha256(mutant.text.encode()).hexdigest()[:16]

    def of(self, mutant: Mutant) -> dict[str, Any] | None:
        """What is known of it and still true."""
        one = self.known.get(mutant.id)
        if one is None or one["age"] != self.age(mutant):
            return None
        if one["outcome"] in ("killed", "may"):
            return one
        return one if one["checks"] == self.court.digest and one["judges"] >= min(self.most, one["of"]) else None

    def killer(self, mutant: Mutant) -> str:
        """The check that killed it once, perhaps in another state of the file."""
        return str(self.known.get(mutant.id, {}).get("by", ""))

    def add(self, mutant: Mutant, result: dict[str, Any]) -> None:
        """Keep a result."""
        one = {"id": mutant.id, "age": self.age(mutant), "checks": self.court.digest, **result}
        self.known[mutant.id] = one
        with self.path.open("a") as file:
            file.write(json.dumps(one) + "\n")


def sample(mutants: list[Mutant], size: int | None) -> list[Mutant]:
    """Some of them, always the same, in an order that has nothing to do with where they are."""
    mixed = sorted(mutants, key=lambda one: hashlib.sha256(one.id.encode()).digest())
    return list(itertools.islice(filter(is_program, mixed), size))


def is_program(mutant: Mutant) -> bool:
    """Whether Python takes it."""
    try:
        ast.parse(mutant.text)
    except SyntaxError:
        return False
    return True


def explained() -> dict[str, dict[str, str]]:
    """What mutants.toml says: by ``equivalent`` and ``elsewhere``, the beginnings of ids, each with its reason."""
    said = tomllib.loads(EXPLAINED.read_text())
    return {
        kind: {one: entry["reason"] for entry in entries for one in entry["mutants"]} for kind, entries in said.items()
    }


def judge_all(chosen: list[Mutant], results: Results, trial: Trial, jobs: int) -> None:
    """Judge what is not known yet, *jobs* at a time."""
    missing = [mutant for mutant in chosen if results.of(mutant) is None]
    if not missing:
        return
    trial.prepare(sorted({mutant.loop for mutant in missing}), jobs)
    for one in results.known.values():
        if one["outcome"] == "killed":
            trial.note_killer(one["id"].partition("::")[0], one["by"])
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(trial.judge, mutant, results.killer(mutant)): mutant for mutant in missing}
        for done, future in enumerate(concurrent.futures.as_completed(futures), 1):
            results.add(futures[future], future.result())
            left = (time.monotonic() - started) / done * (len(missing) - done)
            progress(f"{done} of {len(missing)} mutants, {left / 60:.0f} min left: {futures[future].id}")
    progress("")


def report(everything: dict[str, list[Mutant]], chosen: list[Mutant], results: Results) -> int:
    """Print the survivors and the table; the exit status."""
    reasons = tuple(explained()["equivalent"])
    status = 0
    rows: list[list[Any]] = []
    for module, mutants in everything.items():
        outcomes: collections.defaultdict[str, list[Mutant]] = collections.defaultdict(list)
        for mutant in chosen:
            if mutant.module == module:
                result = results.of(mutant) or {"outcome": "not judged"}
                survived = result["outcome"] in ("survived", "unreached")
                outcomes["equivalent" if survived and mutant.id.startswith(reasons) else result["outcome"]].append(
                    mutant
                )
        for outcome in ("survived", "unreached"):
            for mutant in outcomes[outcome]:
                judged = results.known[mutant.id]
                by = (
                    f"judged by {judged['judges']} of {judged['of']} checks"
                    if judged["judges"]
                    else "no check reaches it"
                )
                print(f"{mutant.id}\n    {outcome}, {by}; line {min(mutant.lines)}")
        counts = {outcome: len(found) for outcome, found in outcomes.items()}
        judged_all = sum(counts.values())
        counted = judged_all - counts.get("equivalent", 0) - counts.get("may", 0)
        score = 100 * counts.get("killed", 0) / counted if counted else 100.0
        status |= score < LEAST
        size = "all" if judged_all == len(mutants) else f"sampled {judged_all}"
        columns = [
            module,
            f"{size} of {len(mutants)}",
            *(counts.get(outcome, 0) for outcome in OUTCOMES),
            f"{score:.1f} %",
        ]
        rows.append(columns)
    print()
    for columns in [["file", "mutants", *OUTCOMES, "score"], *rows]:
        print(f"{columns[0]:16}{columns[1]:>20}" + "".join(f"{column:>12}" for column in columns[2:]))
    ids = [mutant.id for mutants in everything.values() for mutant in mutants]
    for reason in reasons:
        if reason.startswith(tuple(everything)) and not any(id.startswith(reason) for id in ids):
            print(f"{EXPLAINED.name} explains a mutant that there is not: {reason}")
            status = 1
    for mutant in chosen:
        if mutant.id in reasons and (results.of(mutant) or {}).get("outcome") == "killed":
            print(
                f"{EXPLAINED.name} says that nothing sees this, and {results.known[mutant.id]['by']} does: {mutant.id}"
            )
            status = 1
    return int(status)


def main() -> int:
    """Judge what was asked for and print what was found."""
    names = sorted(path.stem for path in BASELINE.glob("*.py") if path.stem != "__init__")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"Of {', '.join(names)}; without, all of them")
    parser.add_argument("--sample", type=int, metavar="N", help="Judge so many of each file, always the same")
    parser.add_argument(
        "--most", type=int, metavar="N", default=MOST, help=f"Let so many checks judge a mutant; {MOST}"
    )
    parser.add_argument("--jobs", type=int, metavar="N", default=2, help="Judge so many at once; 2")
    parser.add_argument("--list", action="store_true", help="Print the mutants' ids, and judge none")
    options = parser.parse_args()
    asked = [Path(name).stem for name in options.files] or names
    if unknown := set(asked) - set(names):
        parser.error(f"there is no {', '.join(sorted(unknown))} in loopcheck/baseline; there are {', '.join(names)}")
    elsewhere = tuple(explained()["elsewhere"])
    everything = {
        name: [mutant for mutant in mutants_of(BASELINE / f"{name}.py") if not mutant.id.startswith(elsewhere)]
        for name in asked
    }
    chosen = [mutant for mutants in everything.values() for mutant in sample(mutants, options.sample)]
    if options.list:
        print("\n".join(mutant.id for mutant in chosen))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        court = Court(Path(folder))
        try:
            results = Results(court, options.most)
            judge_all(chosen, results, Trial(court, options.most), options.jobs)
            return report(everything, chosen, results)
        except KeyboardInterrupt:
            print("\ninterrupted; what was found is kept, and the same command goes on", file=sys.stderr)
            return 130
        finally:
            court.close()


if __name__ == "__main__":
    sys.exit(main())
