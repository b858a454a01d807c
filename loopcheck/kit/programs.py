"""Two small languages of programs that any loop can run: one of callbacks, one of tasks.

A program is a byte string. Every byte is an instruction, an instruction that opens a body is followed by what is in
it, and every byte string is a program: whoever generates and shortens them needs to know nothing about loops. Running
one gives its trace, a list of sentences; ``text()`` shows it to people.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Loop = asyncio.AbstractEventLoop

QUIET_TURNS = 10
"""Tasks that are still there after so many turns in which nothing happened wait for what never comes."""

END = "end"
"""The instruction that closes the innermost body."""


@dataclass(slots=True)
class Instruction:
    """One instruction, and for those that have a body what is in it."""

    word: str
    argument: int
    owner: int
    """The number of the callback or task that carries it out."""
    number: int = 0
    """The number of the callback or task that it makes."""
    target: int = 0
    """The number of the callback or task that it is about."""
    before: int = 0
    """How many callbacks or tasks stand before it in the program."""
    body: list[Instruction] = field(default_factory=list)


class Language(Protocol):
    """What programs are written in."""

    def read(self, data: bytes) -> Program:
        """The program that a byte string is."""


class Program(Protocol):
    """Something that any loop can run."""

    def run(self, loop: Loop) -> list[str]:
        """Run it on a fresh loop, close the loop, and tell what happened in order."""

    def text(self) -> str:
        """The program for people; what happens inside is indented."""


_LEAVING = frozenset({"fail"})
"""Instructions after which nothing in the same body is reached: they close it."""


def _read(data: bytes, words: tuple[str, ...], opening: frozenset[str], making: frozenset[str]) -> Instruction:
    """The tree of instructions; the root's body is the program.

    Args:
        data: the program.
        words: the instructions of the language; one that stands there twice is twice as frequent.
        opening: those that have a body.
        making: those that make a callback or task, which carries out their body.
    """
    root = Instruction("program", 0, 0)
    opened = [root]
    words += (END,) * max(1, len(words) // 5)
    made = 0
    for byte in data:
        argument, index = divmod(byte, len(words))
        word = words[index]
        if word == END:
            if len(opened) > 1:
                opened.pop()
            continue
        around = opened[-1]
        owner = around.number if around.word in making else around.owner
        instruction = Instruction(word, argument, owner, before=made)
        around.body.append(instruction)
        if word in making:
            made += 1
            instruction.number = made
        if word in opening:
            opened.append(instruction)
        elif word in _LEAVING and len(opened) > 1:
            opened.pop()
    return root


def _all(instruction: Instruction) -> Iterator[Instruction]:
    for one in instruction.body:
        yield one
        yield from _all(one)


def _depth(instruction: Instruction) -> int:
    return 1 + max(map(_depth, instruction.body), default=0)


def _text(instructions: list[Instruction], phrase: Callable[[Instruction], str], indent: str = "") -> Iterator[str]:
    for one in instructions:
        yield f"{indent}{phrase(one)}" + (":" if one.body else "")
        yield from _text(one.body, phrase, indent + "    ")


# callbacks

_CALLS = {
    "call_soon": "loop.call_soon({me})",
    "call_soon_threadsafe": "loop.call_soon_threadsafe({me})",
    "call_later(0)": "loop.call_later(0, {me})",
    "call_at(past)": "loop.call_at(start - {before}, {me})",
    "call_at(start)": "loop.call_at(start, {me})",
    "call_at(distant)": "loop.call_at(start + 1000, {me})",
}
_CALLBACK_WORDS = {
    "cancel": "c{target}.cancel()",
    "stop": "loop.stop()",
}
_SCHEDULING = frozenset(_CALLS)


@dataclass(frozen=True)
class Callbacks:
    """Programs of callbacks that schedule callbacks.

    Attributes:
        words: what the programs may do.
        compared: what the trace tells: the "turns" in which callbacks run, their "order" alone, or not even that but
            only that they run ("calls"). In the last case a callback is cancelled only by the one that made it,
            which is before it can have run.
    """

    words: tuple[str, ...]
    compared: Literal["turns", "order", "calls"] = "turns"

    def read(self, data: bytes) -> CallbackProgram:
        """The program that a byte string is."""
        root = _read(data, self.words, _SCHEDULING, _SCHEDULING)
        for one in _all(root):
            own = [
                two.number for two in _all(root) if two.number and two.owner == one.owner and two.number <= one.before
            ]
            some = own if self.compared == "calls" else range(1, one.before + 1)
            if one.word == "cancel" and some:
                one.target = some[-1 - one.argument % len(some)]
        return CallbackProgram(root, self.compared)


class CallbackProgram:
    """A program of callbacks, ``c1``, ``c2``, ...; the first instructions are carried out before the loop runs."""

    def __init__(self, root: Instruction, compared: str) -> None:
        self.root = root
        self.compared = compared
        self.stops = any(one.word == "stop" for one in _all(root))
        made = [one.word for one in _all(root) if one.word in _SCHEDULING]
        self.timers = bool(made) and not any(word.startswith("call_soon") for word in made)

    def text(self) -> str:
        """The program for people; what a callback does is indented."""

        def phrase(one: Instruction) -> str:
            if one.word not in _SCHEDULING:
                return _CALLBACK_WORDS[one.word].format(target=one.target)
            me = f"c{one.number}"
            return f"{me} = {_CALLS[one.word].format(me=me, before=f'{_before(one):.2f}')}"

        return "\n".join(_text(self.root.body, phrase))

    def run(self, loop: Loop) -> list[str]:
        """Run it on a fresh loop, close the loop, and tell in which turn each callback ran."""
        run = _CallbackRun(self, loop)
        with contextlib.closing(loop):
            try:
                run.drive()
            except Exception as error:
                run.trace.append(f"the loop raised {error!r}")
        return run.trace if self.compared != "calls" else sorted(run.trace)


def _before(instruction: Instruction) -> float:
    """How long before the start of the program a timer is due; no two are due at the same time."""
    return 100 + instruction.argument + instruction.number / 100


class _CallbackRun:
    def __init__(self, program: CallbackProgram, loop: Loop) -> None:
        self.program, self.loop = program, loop
        self.turns = _depth(program.root) + (QUIET_TURNS if program.compared == "calls" else 1)
        self.start = loop.time()
        self.turn = 0
        self.handles: dict[int, asyncio.Handle] = {}
        self.trace: list[str] = []

    def drive(self) -> None:
        """Run until the program has stopped the loop for the last time, and a few turns more.

        A callback of ours is the first of each turn and counts them: stop() is a matter of its own. Where there are
        timers only it is one too: a loop that lets callbacks starve timers is another matter.
        """
        self.again()
        self.carry_out(self.program.root)
        for _ in range(self.turns + 1):
            self.loop.run_forever()
            if self.program.stops:
                self.trace.append("run_forever() returns")
            if self.turn > self.turns:
                break

    def tick(self) -> None:
        self.turn += 1
        if self.turn > self.turns:
            self.loop.stop()
        else:
            self.again()

    def again(self) -> None:
        if self.program.timers:
            self.loop.call_later(0, self.tick)
        else:
            self.loop.call_soon(self.tick)

    def called(self, instruction: Instruction) -> None:
        when = f"turn {self.turn}: " if self.program.compared == "turns" else ""
        self.trace.append(f"{when}c{instruction.number} runs")
        self.carry_out(instruction)

    def carry_out(self, instruction: Instruction) -> None:
        for one in instruction.body:
            if one.word in _SCHEDULING:
                self.handles[one.number] = self.schedule(one)
            elif one.word == "stop":
                self.loop.stop()
            elif one.target in self.handles:
                self.handles[one.target].cancel()

    def schedule(self, one: Instruction) -> asyncio.Handle:
        call: dict[str, Callable[[], asyncio.Handle]] = {
            "call_soon": lambda: self.loop.call_soon(self.called, one),
            "call_soon_threadsafe": lambda: self.loop.call_soon_threadsafe(self.called, one),
            "call_later(0)": lambda: self.loop.call_later(0, self.called, one),
            "call_at(past)": lambda: self.loop.call_at(self.start - _before(one), self.called, one),
            "call_at(start)": lambda: self.loop.call_at(self.start, self.called, one),
            "call_at(distant)": lambda: self.loop.call_at(self.start + 1000, self.called, one),
        }
        return call[one.word]()


# tasks

_TASK_WORDS = {
    "sleep(0)": "await sleep(0)",
    "create_task": "t{number} = create_task()",
    "create_stubborn_task": "t{number} = create_task(), which goes on when cancelled",
    "create_task(empty context)": "t{number} = create_task(context=Context())",
    "create_task(shared context)": "t{number} = create_task(context=shared)",
    "await": "await t{target}",
    "cancel": "t{target}.cancel()",
    "uncancel": "t{target}.uncancel()",
    "fail": "raise ValueError",
    "shield": "await shield(t{target})",
    "gather": "await gather(t{target}, ...)",
    "gather(return_exceptions)": "await gather(t{target}, ..., return_exceptions=True)",
    "wait": "await wait([t{target}, ...])",
    "wait(FIRST_COMPLETED)": "await wait([t{target}, ...], return_when=FIRST_COMPLETED)",
    "wait(FIRST_EXCEPTION)": "await wait([t{target}, ...], return_when=FIRST_EXCEPTION)",
    "timeout(0)": "async with timeout(0)",
    "timeout(1000)": "async with timeout(1000)",
    "wait_for(0)": "await wait_for(t{target}, 0)",
    "wait_for(1000)": "await wait_for(t{target}, 1000)",
    "future.await": "await f{flag}",
    "future.set_result": "f{flag}.set_result()",
    "future.set_exception": "f{flag}.set_exception(ValueError)",
    "future.cancel": "f{flag}.cancel()",
    "set": "var.set({value})",
    "call_soon": "call_soon(look)",
    "call_soon(shared context)": "call_soon(look, context=shared)",
    "add_done_callback": "t{target}.add_done_callback(look)",
}
_CREATING = frozenset(word for word in _TASK_WORDS if word.startswith("create"))
_OPENING = _CREATING | {"timeout(0)", "timeout(1000)"}
_AWAITING = frozenset(word for word in _TASK_WORDS if word.startswith(("await", "shield", "gather", "wait")))
_FUTURES = 3


@dataclass(frozen=True)
class Tasks:
    """Programs of tasks that make, await and cancel tasks.

    A task awaits only tasks that were made after it: two that await each other cannot be cancelled.

    Attributes:
        words: what the programs may do.
        look: what a task looks at between any two instructions, as a phrase for the trace.
        messages: whether the trace tells the messages of cancellations.
    """

    words: tuple[str, ...]
    look: Callable[[TaskRun], str] | None = None
    messages: bool = False

    def read(self, data: bytes) -> TaskProgram:
        """The program that a byte string is."""
        root = _read(data, self.words, _OPENING, _CREATING)
        for one in _all(root):
            if one.owner == 0 and one.word in ("future.await", "fail"):
                one.word = "sleep(0)"  # else most programs would be over before they have begun
            elif (one.word in _AWAITING and one.before == one.owner) or (one.word == "cancel" and one.before == 0):
                one.word = "sleep(0)"
            first = one.owner + 1 if one.word in _AWAITING else 0
            one.target = one.before - one.argument % (one.before - first + 1) if one.before >= first else 0
        return TaskProgram(root, self.look, self.messages)


class TaskProgram:
    """A program of tasks; the outermost instructions are those of ``t0``."""

    def __init__(self, root: Instruction, look: Callable[[TaskRun], str] | None, messages: bool) -> None:
        self.root = root
        self.messages = messages
        self.look = look

    def text(self) -> str:
        """The program for people; what a task does is indented."""

        def phrase(one: Instruction) -> str:
            return _TASK_WORDS[one.word].format(
                number=one.number, target=one.target, flag=one.argument % _FUTURES, value=one.argument
            )

        return "\n".join(["t0 = create_task():", *_text(self.root.body, phrase, "    ")])

    def run(self, loop: Loop) -> list[str]:
        """Run it on a fresh loop, close the loop, and tell what happened."""
        run = TaskRun(self, loop)
        with contextlib.closing(loop):
            # What a program leaves unlooked at is reported when the objects go, which is no matter of order.
            loop.set_exception_handler(lambda *given: None)
            driver = run.drive()
            try:
                loop.run_until_complete(loop.create_task(driver, name="main"))
            except Exception as error:
                run.trace.append(f"the loop raised {error!r}")
            finally:
                driver.close()
                run.clear()
        return run.trace


class TaskRun:
    """One run of a program of tasks."""

    def __init__(self, program: TaskProgram, loop: Loop) -> None:
        self.program, self.loop = program, loop
        self.trace: list[str] = []
        self.tasks: dict[int, asyncio.Task[Any]] = {}
        self.futures: list[asyncio.Future[Any]] = []
        self.stubborn: set[int] = set()
        self.over = False
        self.variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
        self.shared = contextvars.Context()

    async def drive(self) -> None:
        """Make the first task, wait until nothing happens any more, then cancel what is left."""
        self.futures += [self.loop.create_future() for _ in range(_FUTURES)]
        self.create(self.program.root)
        await self.quiet()
        left = [number for number, task in sorted(self.tasks.items()) if not task.done()]
        if left:
            self.trace.append("waiting at the end: " + ", ".join(f"t{number}" for number in left))
            self.over = True
            for number in left:
                self.tasks[number].cancel("the end")
            await self.quiet()
        for number, task in sorted(self.tasks.items()):
            self.trace.append(f"t{number} {self.outcome_of(task)}")

    async def quiet(self) -> None:
        seen, calm = -1, 0
        while calm < QUIET_TURNS and not all(task.done() for task in self.tasks.values()):
            calm = calm + 1 if len(self.trace) == seen else 0
            seen = len(self.trace)
            await asyncio.sleep(0)

    def clear(self) -> None:
        """Look at what nobody has looked at, so that nobody complains."""
        for one in (*self.tasks.values(), *self.futures):
            if one.done() and not one.cancelled():
                one.exception()
        self.tasks.clear()
        self.futures.clear()

    def outcome_of(self, task: asyncio.Task[Any]) -> str:
        if not task.done():
            return "is not done"
        if task.cancelled():
            return "was cancelled"
        error = task.exception()
        return f"returned {task.result()!r}" if error is None else f"raised {self.phrase(error)}"

    def create(self, one: Instruction) -> None:
        number = one.number
        options: dict[str, Any] = {}
        if one.word == "create_task(empty context)":
            options["context"] = contextvars.Context()
        elif one.word == "create_task(shared context)":
            options["context"] = self.shared
        elif one.word == "create_stubborn_task":
            self.stubborn.add(number)
        self.tasks[number] = self.loop.create_task(self.task(one), name=f"t{number}", **options)

    async def task(self, one: Instruction) -> str:
        """The coroutine of a task."""
        me = one.number
        self.look(me, "begins")
        await self.carry_out(me, one.body)
        self.look(me, "ends")
        return f"t{me}"

    def look(self, me: int | str, what: str) -> None:
        name = f"t{me}" if isinstance(me, int) else me
        seen = f"; {self.program.look(self)}" if self.program.look else ""
        self.trace.append(f"{name}: {what}{seen}")

    async def carry_out(self, me: int, body: list[Instruction]) -> None:
        for one in body:
            await self.perform(me, one)

    async def perform(self, me: int, one: Instruction) -> None:
        word = one.word
        target = self.tasks.get(one.target)
        future = self.futures[one.argument % _FUTURES]
        if word in _CREATING:
            self.create(one)
        elif word == "sleep(0)":
            await self.awaited(me, "sleep(0)", asyncio.sleep(0))
        elif word == "future.await":
            await self.awaited(me, f"f{one.argument % _FUTURES}", future)
        elif word == "fail":
            raise ValueError(f"t{me}")
        elif word.startswith("timeout"):
            await self.awaited(me, word, self.in_time(me, one))
        elif word == "set":
            self.variable.set(str(one.argument))
        elif word.startswith("call_soon"):
            options = {"context": self.shared} if "shared" in word else {}
            self.loop.call_soon(self.look, f"callback of t{me}", "runs", **options)
        elif word.startswith("future."):
            if not future.done():
                give: Callable[[], Any] = {
                    "future.set_result": lambda: future.set_result(f"t{me}"),
                    "future.set_exception": lambda: future.set_exception(ValueError(f"t{me}")),
                    "future.cancel": lambda: future.cancel(f"t{me}"),
                }[word]
                give()
        elif target is None:
            return
        elif word == "cancel":
            self.look(me, f"t{one.target}.cancel() gives {target.cancel(f'by t{me}')}")
        elif word == "uncancel":
            self.look(me, f"t{one.target}.uncancel() gives {target.uncancel()}")
        elif word == "add_done_callback":
            target.add_done_callback(lambda task: self.look(f"done callback of t{one.target}", "runs"))
        else:
            some = [task for number, task in sorted(self.tasks.items()) if number >= one.target][:3]
            await self.awaited(me, _TASK_WORDS[word].format(target=one.target)[6:], self.waiting(word, target, some))

    def waiting(self, word: str, target: asyncio.Task[Any], some: list[asyncio.Task[Any]]) -> Awaitable[Any]:
        if word == "await":
            return target
        if word == "shield":
            return asyncio.shield(target)
        if word.startswith("gather"):
            return asyncio.gather(*some, return_exceptions="return_exceptions" in word)
        if word.startswith("wait_for"):
            return asyncio.wait_for(target, 0 if "(0)" in word else 1000)
        return self.waited(some, word[5:-1] or "ALL_COMPLETED")

    async def waited(self, some: list[asyncio.Task[Any]], return_when: str) -> list[str]:
        done, pending = await asyncio.wait(some, return_when=return_when)
        return [f"{len(done)} done", f"{len(pending)} pending"]

    async def in_time(self, me: int, one: Instruction) -> None:
        async with asyncio.timeout(0 if one.word == "timeout(0)" else 1000):
            await self.carry_out(me, one.body)

    async def awaited(self, me: int, what: str, awaitable: Awaitable[Any]) -> None:
        """Await something, and go on unless it was cancelled."""
        try:
            value = await awaitable
        except asyncio.CancelledError as error:
            self.look(me, f"{what} raises {self.phrase(error)}")
            if self.over or me not in self.stubborn:
                raise
        except Exception as error:
            self.look(me, f"{what} raises {self.phrase(error)}")
        else:
            self.look(me, f"{what} gives {self.phrase(value)}")

    def phrase(self, value: Any) -> str:
        """What was awaited, for the trace."""
        if isinstance(value, list):
            return "[" + ", ".join(self.phrase(one) for one in value) + "]"
        if not isinstance(value, BaseException):
            return str(value)
        if isinstance(value, asyncio.CancelledError) and not self.program.messages:
            return "CancelledError"
        # Our own messages name a task; asyncio's are longer, and may name addresses.
        return f"{type(value).__name__}({', '.join(one for one in map(str, value.args) if len(one) < 10)})"
