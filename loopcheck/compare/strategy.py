"""Generates programs: any that the language has, and more of those that meet corners.

hypothesis draws bytes, three for each step, and a step is written from its number and what there is already. That takes
a thirtieth of the time that drawing every choice would take, and whatever step is left away, the rest is a program.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from hypothesis import strategies as st

from loopcheck.compare import words_io
from loopcheck.compare.language import KINDS, VALUES, WORDS, Program, Step
from loopcheck.compare.word import GENERATOR, MAIN, MOMENT, SCRIPT, TASK, THREAD, TIMER, TURN, Word

_LONGEST = 40
"""Steps of a program."""

_BYTES = 3
"""Bytes of a step: enough for its word, its end and what fills its holes."""

_AT_ONCE = "tph"
"""The letters of what its own body may speak of."""

_SPECIAL = 3
"""How many times more often a word is drawn that may not stand outside of the running loop."""

_DEEPEST = 4
"""Bodies inside of bodies."""

_NO_THEME: tuple[str, ...] = ()

_THEMES: tuple[tuple[str, ...], ...] = tuple(
    tuple(theme.split())
    for theme in (
        "call_soon call_soon_threadsafe cancel_handle handle_cancelled stop run_forever raise call_past",
        "call_distant cancel_distant distant_cancelled distant_when distant_equal call_at_past past_cancelled time",
        "create_task cancel cancel_message sleep await try uncancel cancelling shield task_done",
        "create_task gather gather_all wait cancel raise_error sleep",
        "create_task timeout_zero timeout_long wait_for_zero wait_for_long cancel sleep cancelling",
        "future await_future set_result set_exception cancel_future future_callback remove_callback create_task",
        "future future_result future_exception future_done set_exception same_exception shield_future cancel_future",
        "create_task task_callback task_result task_exception same_outcome task_stack cancel raise_exit set_name await",
        "held_job held_work concurrent concurrent_set concurrent_fail concurrent_done concurrent_cancel wrap_future "
        "create_task cancel cancel_future await_future thread",
        "context copy_context set call_soon_context create_task_context call_soon future_callback_context task_context "
        "same_context",
        "create_task lock lock_with queue queue_get queue_put event event_wait event_set",
        "create_task generator anext async_for drop aclose athrow shutdown_asyncgens shutdown_inside yield hooks",
        "create_task executor job solo_sleep solo_timers thread_wakes to_thread solo_wait_for shutdown_executor "
        "own_executor",
        "thread call_soon_threadsafe run_coroutine_threadsafe call_soon call_distant create_task set_debug",
        "set_handler raise call_handler default_handler raise_error call_soon create_task future_callback get_handler",
        "close stop run_forever run_task run_future run_coroutine create_task call_soon is_closed run_elsewhere "
        "close_elsewhere",
        "set_debug call_soon create_task raise_error generator anext cancel call_soon_nothing call_soon_coroutine",
        "eager_task eager_tasks create_task current_task all_tasks cancel sleep set_factory unnamed_task task_class",
        "runner interrupt create_task sleep await try cancel uncancel raise_error raise_exit call_soon",
        "group group_task create_task raise_error cancel sleep try",
    )
)
"""Words that get into each other's way; most programs are mostly about one theme."""

SHARES: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    *([(MAIN, (_NO_THEME, *_THEMES))] * 7),
    *([(SCRIPT, words_io.THEMES)] * 3),
    (SCRIPT, words_io.TLS_THEMES),
    (SCRIPT, words_io.CHILD_THEMES),
)
"""Of so many programs, what each is about: where it begins, and its possible themes. What is costly is drawn less."""

_DEBUG = 6
"""One in so many of the others is in debug mode from the start."""


def programs(longest: int = _LONGEST) -> st.SearchStrategy[Program]:
    """Programs of any length up to ``longest`` steps."""
    size = _BYTES * longest
    return st.one_of(
        st.binary(min_size=size // 10, max_size=size // 2), st.binary(min_size=size // 2, max_size=size)
    ).map(written)


def written(data: bytes) -> Program:
    """The program that a byte string is: a byte for its kind and one for its theme, then a number for each step."""
    kind, number = data[:2].ljust(2, b"\0")
    debug, share = divmod(kind, len(SHARES))
    place, themes = SHARES[share]
    writer = _Writer(place, themes[number % len(themes)])
    if place == MAIN and debug % _DEBUG == _DEBUG - 1:
        writer.begin_in_debug_mode()
    for start in range(2, len(data) - _BYTES + 1, _BYTES):
        writer.write(int.from_bytes(data[start : start + _BYTES], "big"))
    return writer.program()


@functools.cache
def _words(place: str, theme: tuple[str, ...]) -> tuple[Word, ...]:
    """The words that may stand in a place, each as often as it is to be drawn.

    Half of them are about the theme, with input and output more; what only a few places have is drawn more often there.
    """
    found = [
        word
        for word in WORDS.values()
        if place in word.where and (not word.costly or word.name in theme)
        for _ in range(word.weight * (1 if MAIN in word.where else _SPECIAL))
    ]
    about = [word for word in found if word.name in theme]
    share = 3 if place in (SCRIPT, TURN, MOMENT) else 1  # kinds of descriptors have nothing to do with each other
    return tuple(about * (share * -(-len(found) // len(about)) if about else 0) + found)


@functools.cache
def _makers(place: str, theme: tuple[str, ...]) -> dict[str, Word]:
    """The first word of each letter that makes such a thing, of those that are drawn; one of the theme if there is."""
    words = [word for word in dict.fromkeys(_words(place, theme)) if word.makes]
    plain = [word for word in words if all(kind in VALUES for kind in word.holes)]
    return {word.makes: word for word in reversed(plain)}


@dataclass(slots=True)
class _Open:
    """A body that is being written."""

    place: str
    word: Word | None = None
    me: str = ""
    holes: tuple[str, ...] = ()
    steps: list[Step] = field(default_factory=list)


class _Writer:
    """Writes one program, step by step, and knows what there is already."""

    def __init__(self, place: str, theme: tuple[str, ...]) -> None:
        self.theme = theme
        self.opened = [_Open(place)]
        self.made: dict[str, list[str]] = {}
        self.unborn: set[str] = set()
        """What is made once the loop runs, of which nobody outside need speak before."""
        self.count = 0

    def program(self) -> Program:
        while len(self.opened) > 1:
            self.close()
        return Program(tuple(self.opened[0].steps))

    def begin_in_debug_mode(self) -> None:
        """Write the step that is the first, in some programs."""
        self.opened[0].steps.append(Step("set_debug", holes=("True",)))

    def write(self, number: int) -> None:
        """Write the step that a number is, after what it needs, and close the bodies that end with it."""
        place = self.opened[-1].place
        words = _words(place, self.theme)
        number, index = divmod(number, len(words))
        number, closing = divmod(number, 8)
        word = words[index]
        for kind in word.holes:
            if kind not in VALUES and not self.there(kind):
                maker = _makers(place, self.theme).get(KINDS[kind])
                if maker is None:
                    return
                if maker.body:
                    word = maker  # perhaps the next step says what was meant
                    break
                number = self.add(maker, number)
        if word.body and len(self.opened) > _DEEPEST:
            return
        self.add(word, number)
        if word.form == "raise":
            closing += 2  # nothing behind it would be reached
        elif word.body == TURN:
            closing = 0  # a turn in which nothing is done is nothing
        for _ in range((0, 0, 0, 0, 1, 1, 2, 3, 3, 3)[closing]):
            if len(self.opened) > 1:
                self.close()

    def add(self, word: Word, number: int) -> int:
        """Write a word, and open its body; what is left of the number when its holes are filled."""
        place = self.opened[-1].place
        holes = []
        for kind in word.holes:
            number, filled = self.fill(kind, number)
            holes.append(filled)
        me = ""
        if word.makes:
            self.count += 1
            me = f"{word.makes}{self.count}"
        if word.name == "group_task":
            # Of several tasks of a group asyncio cancels any first: there is never more than one.
            self.made["p"].remove(holes[0])
        if word.makes in _AT_ONCE:  # what its own body may speak of
            self.make(word.makes, me)
        inside = {"block": TASK if place == GENERATOR else place}.get(word.body, word.body)
        self.opened.append(_Open(inside, word, me, tuple(holes)))
        if not word.body or word.body == TIMER:
            self.close()
        return number

    def close(self) -> None:
        one = self.opened.pop()
        assert one.word is not None
        if one.word.makes == "p" and one.me in self.made["p"]:
            self.made["p"].remove(one.me)
        elif one.me and one.word.makes not in _AT_ONCE:
            self.make(one.word.makes, one.me)
        if one.word.name.startswith("run_") and one.word.where == (MAIN,):
            self.unborn.clear()
        self.opened[-1].steps.append(Step(one.word.name, one.me, one.holes, tuple(one.steps)))

    def make(self, letter: str, me: str) -> None:
        """Have something from now on."""
        self.made.setdefault(letter, []).append(me)
        if self.opened[0].place == MAIN and any(one.place not in (MAIN, THREAD) for one in self.opened):
            self.unborn.add(me)

    def there(self, kind: str) -> list[str]:
        """What can fill a hole of this kind."""
        around = self.opened[-1]
        if around.place == MOMENT:  # it is about one thing, and speaks of no other
            owner = around.me if around.me[0] in words_io.KINDS.values() else around.holes[0]
            return [owner] if owner[0] == KINDS[kind] else []
        found = self.made.get(KINDS[kind], [])
        if around.place == MAIN:
            found = [name for name in found if name not in self.unborn]
        if kind in ("awaited", "tasks"):
            # Tasks that wait for each other in a circle cannot be cancelled.
            outside = {one.me for one in self.opened}
            return [name for name in found if name not in outside]
        return found

    def fill(self, kind: str, number: int) -> tuple[int, str]:
        """What fills a hole, and what is left of the number; the last that was made is the smallest choice."""
        some = VALUES.get(kind) or self.there(kind)[::-1]
        number, index = divmod(number, len(some))
        if kind != "tasks":
            return number, some[index]
        number, more = divmod(number, 3)
        return number, ", ".join(some[index : index + 1 + more])
