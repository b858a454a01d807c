"""A generated program as a script that needs neither loopcheck nor pytest, tried out before anybody gets it."""

from __future__ import annotations

import ast
import contextlib
import itertools
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from loopcheck.compare.arena import Difference, has_ended
from loopcheck.compare.findings import Finding, first
from loopcheck.compare.language import NAME, WORDS, Step
from loopcheck.compare.shortening import laid_out, length, shortened
from loopcheck.compare.standalone_io import Author
from loopcheck.compare.trial import Stage, run
from loopcheck.compare.word import GENERATOR, MAIN, SCRIPT, TASK, THREAD
from loopcheck.subject import CONTROL

_LONGEST = 60
"""Lines of a script that are not empty: a longer one is read no sooner than the traces."""

_LIMIT = 10.0
"""Seconds that a script gets: it hangs on a loop on which the program does."""

_SECONDS = 20.0
"""How long a shorter script is looked for."""

MOST_SECONDS = 120.0
"""How long scripts are begun for all findings of a run together, the most frequent ones first."""

_QUICK_LIMIT = 2.0
"""Seconds that a script gets while a shorter one is looked for."""

_TURNS, _QUICK_TURNS = 20, 6
"""How often the loop runs until a step is over: in the script, and while a shorter one is looked for."""

_TRIES = 3
"""How often a shorter script is tried at last."""

_HEAD = '"""python THIS_FILE MODULE:NAME: it ends with 1 if that loop is not like asyncio\'s own."""'

_LOOP = ["module, _, name = sys.argv[1].partition(':')", "loop = getattr(importlib.import_module(module), name)()"]

_IO_MODULES = (
    *("asyncio", "contextlib", "contextvars", "functools", "importlib", "logging", "os", "select", "signal"),
    *("socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time"),
)

_HELPERS = {
    "Rude": ["class Rude(BaseException):", "    pass"],
    "Wrapped": [
        "class Wrapped:",
        "    def __init__(self, future):",
        "        self.future = future",
        "",
        "    def __await__(self):",
        "        return self.future.__await__()",
    ],
    "bare": ["class Bare:", "    def __await__(self):", "        yield", "", "", "bare = Bare()"],
    "held": [
        "class Held(concurrent.futures.Executor):",
        "    jobs = []",
        "",
        "    def submit(self, function, *arguments):",
        "        self.jobs.append((concurrent.futures.Future(), function, arguments))",
        "        return self.jobs[-1][0]",
        "",
        "    def work(self):",
        "        if not self.jobs:",
        '            return "over"',
        "        future, function, arguments = self.jobs.pop(0)",
        "        if not future.set_running_or_notify_cancel():",
        '            return "cancelled"',
        "        try:",
        "            future.set_result(function(*arguments))",
        "        except Exception as error:",
        "            future.set_exception(error)",
        '        return "done"',
        "",
        "",
        "held = Held()",
    ],
    "in_thread": [
        "def in_thread(function):",
        "    thread = threading.Thread(target=function)",
        "    thread.start()",
        "    thread.join()",
    ],
    "in_runner": [
        "def in_runner(work):",
        "    return asyncio.Runner(loop_factory=lambda: loop).run(work())",
    ],
    "interrupt": [
        "def interrupt():  # as Ctrl-C, for asyncio.Runner",
        "    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:",
        "        signal.raise_signal(signal.SIGINT)",
    ],
    "handler": [
        "def handler(loop, context):",
        "    note(f\"handler: {sorted(context)} {context.get('exception')!r}\")",
    ],
    "exit_handler": ["def exit_handler(loop, context):", "    handler(loop, context)", '    raise SystemExit("h")'],
    "bad_handler": ["def bad_handler(loop, context):", "    handler(loop, context)", '    raise ValueError("h")'],
    "factory": [
        "def factory(loop, coroutine, **options):",
        "    note(f\"factory: {options.get('context') is not None}\")",
        "    return asyncio.Task(coroutine, loop=loop, **options)",
    ],
    "bad_factory": [
        "def bad_factory(loop, coroutine, **options):",
        "    coroutine.close()",
        '    raise ValueError("f")',
    ],
}
"""What programs may use besides asyncio, by name."""

_NEEDED = {"exit_handler": "handler", "bad_handler": "handler"}

_MODULES = ("concurrent.futures", "contextvars", "functools", "signal", "threading")


def with_scripts(findings: Sequence[Finding], subject: str, path: Sequence[str] = ()) -> Iterator[Finding]:
    """The findings, each as soon as it has a script, or none can be made in the time that there is for all.

    Args:
        findings: what was found; those come first for which a script is most wanted.
        subject: the loop, MODULE:NAME.
        path: folders that go before sys.path when the subject is imported.
    """
    until = time.monotonic() + MOST_SECONDS

    def made(one: Finding) -> Finding:
        return with_script(one, subject, path) if one.again and time.monotonic() < until else one

    # gh-106905: up to 3.12.1 threads that parse at once share a depth, which then does not match.
    with ThreadPoolExecutor(os.cpu_count() if sys.version_info >= (3, 13) else 1) as pool:
        yield from pool.map(made, findings)


def with_script(finding: Finding, subject: str, path: Sequence[str] = ()) -> Finding:
    """A finding with a script that shows it: status 1 on the subject and 0 on asyncio's own loop; as it is if none can.

    Args:
        finding: what was found.
        subject: the loop, MODULE:NAME.
        path: folders that go before sys.path when the subject is imported.
    """
    with contextlib.closing(Stage(subject, path)) as stage, contextlib.closing(Stage(CONTROL, path)) as control:
        for looking in (False, True):
            text = draft(finding.difference, looking=looking)
            if text is None:
                break
            text = _shortest(text, finding.difference, stage, control)
            if text and length(text) <= _LONGEST and _is_true(text, subject, path):
                return replace(finding, script=text)
    return finding


def _is_true(text: str, subject: str, path: Sequence[str]) -> bool:
    """Whether a script shows a difference, in processes of its own."""
    return run(text, CONTROL, path, _LIMIT).status == 0 and run(text, subject, path, _LIMIT).status not in (0, None)


def _shortest(text: str, difference: Difference, stage: Stage, control: Stage) -> str:
    """The shortest script that shows what a draft does, with what is expected; nothing if that does not show it."""

    def seen(of: Stage, text: str, turns: int) -> list[str] | None:
        trial = of.run(_with_turns(text, turns), _QUICK_LIMIT if turns < _TURNS else _LIMIT)
        found = re.findall(r"^observed (\[.*\])$", trial.output, re.M)
        return ast.literal_eval(found[0]) if trial.status == 0 and len(found) == 1 else None

    def differs(text: str, turns: int = _QUICK_TURNS) -> Any:
        """The first that is different, and None for a side where nothing is; the end of a process is that, too."""
        expected = seen(control, text, turns)
        observed = seen(stage, text, turns) if expected is not None else None
        if expected is None or (observed is None and not has_ended(difference.observed)):
            return None
        pairs = itertools.zip_longest(observed or [], expected)
        return next((pair for pair in pairs if pair[0] != pair[1]), None)

    wanted = differs(text, _TURNS)
    sides = _sides(wanted, difference) if wanted is not None else []
    if wanted is None or not sides:
        return ""

    def shows(text: str, turns: int = _QUICK_TURNS) -> bool:
        pair = differs(text, turns)
        return pair is not None and all(pair[side] == wanted[side] for side in sides)

    def reached(text: str) -> frozenset[int]:
        trials = (of.run(_with_turns(text, _QUICK_TURNS), _LIMIT, watched=True) for of in (stage, control))
        return frozenset().union(*(trial.lines for trial in trials))

    text = shortened(text, shows, _SECONDS, reached=reached)
    if not all(shows(text, _TURNS) for _ in range(_TRIES)):
        return ""
    expected = seen(control, text, _TURNS)
    end = [
        "print('observed', seen)",
        f"expected = {expected}",
        "print('expected', expected)",
        "sys.exit(seen != expected)",
    ]
    lines = _with_turns(text, _TURNS).strip().splitlines()
    return laid_out(ast.parse("\n".join([*lines[:-1], *end])))


def _sides(pair: tuple[str | None, str | None], difference: Difference) -> list[int]:
    """On which sides a script has to tell what it does, for that is what differs; none if it differs otherwise.

    Where the other side tells of something else, that is only the next thing that happens there.
    """
    if difference.program.place != SCRIPT or has_ended(difference.observed):
        return [0, 1]
    events = first(difference)
    alike = [side for side in (0, 1) if pair[side] == _as_told(events[side])]
    if events[0][0] == events[1][0]:
        return alike if len(alike) == 2 else []
    others = [set(map(_as_told, trace)) for trace in (difference.expected, difference.observed)]
    return [side for side in alike if pair[side] not in others[side]] or alike


def _as_told(event: Sequence[str]) -> str:
    """An event as a script tells of it."""
    text = f"{event[0]}: {event[1]}{f': {event[2]}' if event[2] else ''}"
    text = text.replace("ConnectionError without a number", "ConnectionError")
    text = re.sub(r"\b(\w*(?:Error|Exit|Interrupt|Exception|StopIteration)\b)\([^()]*\)", r"\1", text)
    return re.sub(r"(\d+ bytes), \d+", r"\1", text)


def _with_turns(text: str, turns: int) -> str:
    return re.sub(r"\bTURNS\b", str(turns), text)


def draft(difference: Difference, *, looking: bool) -> str | None:
    """The script of a difference, which only tells what it has seen; None for what a script cannot show.

    Args:
        looking: whether each note tells the current task and the context, too.
    """
    if difference.program.place != SCRIPT:
        return _Author(difference, looking).script()
    if looking:
        return None
    body = Author(difference, first(difference)).body()
    imports = [f"import {name}" for name in _IO_MODULES]
    return laid_out(ast.parse("\n".join([_HEAD, *imports, *_LOOP, *body, "print('observed', seen)"])))


class _Author:
    def __init__(self, difference: Difference, looking: bool) -> None:
        self.difference = difference
        self.looking = looking
        self.one, self.other = first(difference)
        events = [*difference.observed, *difference.expected]
        self.raising = {(event[0], event[1]) for event in events if event[2].startswith("raises ")}
        self.functions: list[str] = []

    def script(self) -> str | None:
        program = self.difference.program
        code = "\n".join(step.code for step in program)
        if re.search(r"\b(alone|drop)\(", code) or any(one[0] == "python" for one in (self.one, self.other)):
            return None  # what is alone takes real time; and what Python says of garbage has no order
        closes = any(step.word == "close" for step in program.steps)
        body = [line for step in program.steps for line in self.step("main", MAIN, step)]
        logs = "log" in (self.one[0], self.other[0])
        helpers = [name for name in _HELPERS if re.search(rf"\b{name}\b", code)]
        helpers = [name for name in _HELPERS if name in {*helpers, *(_NEEDED.get(one, "") for one in helpers)}]
        return "\n".join(
            [
                _HEAD,
                *self.imports(code, helpers, logs),
                "",
                *_LOOP,
                *(["var = contextvars.ContextVar('var', default=None)"] if self.looking or "var." in code else []),
                *(["start = loop.time()"] if "start" in code else []),
                "seen = []",
                *self.note(),
                *([] if closes else self.quiet()),
                *(line for name in helpers for line in ("", "", *_HELPERS[name])),
                *self.functions,
                *(["", "", *self.logging()] if logs else []),
                "",
                "",
                *body,
                *([] if closes else self.end()),
                "",
                "print('observed', seen)",
                "",
            ]
        )

    def imports(self, code: str, helpers: list[str], logs: bool) -> list[str]:
        needed = "\n".join([code, *(line for name in helpers for line in _HELPERS[name])])
        used = [name for name in _MODULES if f"{name}." in needed]
        if self.looking or "var." in code:
            used.append("contextvars")
        used += ["logging"] if logs else []
        return [f"import {name}" for name in sorted({"asyncio", "importlib", "sys", *used})]

    def note(self) -> list[str]:
        if not self.looking:
            return ["note = seen.append"]
        return [
            "",
            "",
            "def note(what):",
            "    task = asyncio.current_task(loop) if loop.is_running() else None",
            "    seen.append(f'{what} [{task and task.get_name()}, {var.get()}]')",
        ]

    def quiet(self) -> list[str]:
        return [
            "",
            "",
            "def quiet(turns=30):  # stop the loop when nothing goes on any more",
            "    loop.call_soon(quiet, turns - 1) if turns else loop.stop()",
        ]

    def logging(self) -> list[str]:
        return [
            "class Log(logging.Handler):",
            "    def emit(self, record):",
            '        note(f"log: {record.levelname} {record.exc_info and record.exc_info[0].__name__}")',
            "",
            "",
            "logging.getLogger('asyncio').addHandler(Log())",
        ]

    def end(self) -> list[str]:
        raising = any(what == "the last run" for _, what in self.raising)
        lines = ["loop.call_soon(quiet)"]
        if not raising:
            return [*lines, "loop.run_forever()", "loop.close()"]
        return [
            *lines,
            "for _ in range(5):",
            "    try:",
            "        loop.run_forever()",
            "        break",
            "    except BaseException as error:",
            "        note(f'run_forever(): {type(error).__name__}')",
            "loop.close()",
        ]

    def step(self, who: str, place: str, step: Step) -> Iterator[str]:
        """The lines of a step; its body becomes a function of its own, if it is not a block."""
        word = WORDS[step.word]
        if word.body and word.body != "block":
            self.function(step, word.body)
        if word.where == (MAIN,):
            yield "loop.call_soon(quiet)"
        if word.form == "try":
            yield "try:"
            yield from self.body(who, place, step.body)
            yield "except (asyncio.CancelledError, Exception) as error:"
            yield f"    note(f'{who} except {{type(error).__name__}}')"
        elif word.form in ("async with", "async for"):
            yield from self.caught(who, f"{step.line} block", step, [step.line, *self.body(who, place, step.body)])
        elif word.form in ("raise", "yield"):
            yield f"{word.form} {step.code}"
        else:
            waits = "await " if word.form == "await" else ""
            key = step.line if waits else step.code
            name = f"{step.me} = " if step.me and word.makes != "c" else ""
            mine = [one for one in (self.one, self.other) if one[:2] == [who, key]]
            simple = mine and re.fullmatch(r"None|True|False|-?[\d.]+|'.*'", mine[0][2])
            line = f"{name}{waits}{step.code}"
            if simple and not name:
                line = f"note({key!r} + f': {{{waits}{step.code}!r}}')" if "'" not in step.code else line
            passed = [f"note({f'{who}: {key}'!r})"] if mine and not simple else []
            yield from self.caught(who, key, step, [line, *passed])

    def caught(self, who: str, what: str, step: Step, lines: list[str]) -> Iterator[str]:
        """Some lines, with the exception noted that one of the loops raises there."""
        if (who, what) not in self.raising:
            yield from lines
            return
        yield "try:"
        yield from (f"    {line}" for line in lines)
        every = who == "main" or WORDS[step.word].form == "call"
        yield f"except {'BaseException' if every else 'Exception'} as error:"
        yield f"    note({f'{what}: '!r} + type(error).__name__)"

    def body(self, who: str, place: str, steps: Sequence[Step]) -> Iterator[str]:
        lines = [line for step in steps for line in self.step(who, place, step)]
        return (f"    {line}" for line in lines or ["pass"])

    def function(self, step: Step, place: str) -> None:
        """Write the function that has the body of a step."""
        waits = place in (TASK, GENERATOR)
        who = {TASK: "t", GENERATOR: "g"}[place] + step.me[1:] if waits else step.function
        made = [one.me for one in _own(step.body) if one.me and WORDS[one.word].makes != "c"]
        lines = [f"async def {step.function}():" if waits else f"def {step.function}(*args):"]
        lines += [f"    global {', '.join(made)}"] if made else []
        if self.arguments_differ(who):
            lines.append(f"    note({f'{who} runs '!r} + repr(args))")
        elif place != THREAD:
            lines.append(f"    note({f'{who} begins' if waits else f'{who} runs'!r})")
        lines += self.body(who, place, step.body) if step.body else []
        lines += [f"    note('{who} ends')"] if place == TASK and step.body else []
        lines += ["    if False:", "        yield"] if place == GENERATOR else []
        self.functions += ["", "", *lines, *(["    pass"] if len(lines) == 1 else [])]

    def arguments_differ(self, who: str) -> bool:
        """Whether what a callback is given is what differs, and can be shown."""
        given = [one[2] for one in (self.one, self.other) if one[:2] == [who, "runs"]]
        return len(set(given)) == 2 and not NAME.search("".join(given))


def _own(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps of a body and of its blocks, not of the functions that it makes."""
    for step in steps:
        yield step
        if WORDS[step.word].body == "block":
            yield from _own(step.body)
