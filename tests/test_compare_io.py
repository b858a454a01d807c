"""Generated programs with input and output: scripts, what is told of them, and what they find."""

from __future__ import annotations

import asyncio
import socket
import sys
from random import Random
from typing import Any

import pytest
from support import FIXTURES

from loopcheck.baseline import SelectorLoop
from loopcheck.compare import promised, standalone, tracer
from loopcheck.compare.arena import Arena, Difference
from loopcheck.compare.findings import Finding, kind_of
from loopcheck.compare.language import WORDS, Program, Step
from loopcheck.compare.reducing import reductions, smallest
from loopcheck.compare.script import Script
from loopcheck.compare.standalone import with_script
from loopcheck.compare.strategy import SHARES, written
from loopcheck.compare.trial import run
from loopcheck.compare.word import MAIN, SCRIPT
from loopcheck.compare.words_io import CHILD_THEMES, THEMES, TLS_THEMES
from loopcheck.runner.run import Options
from loopcheck.subject import CONTROL

sys.path.append(str(FIXTURES / "loops"))


def drawn(seed: int, themes: tuple[tuple[str, ...], ...] = THEMES, theme: int | None = None) -> Program:
    """A program with input and output, as hypothesis draws them, without hypothesis."""
    random = Random(seed)
    about = random.randrange(len(themes)) if theme is None else theme
    return written(bytes([SHARES.index((SCRIPT, themes)), about]) + random.randbytes(3 * random.randint(4, 40)))


CONNECTION = Step("connection", "i1", ("'plain'", "'data_received'"))

CLIENT = ("'client'", "'plain'", "'data_received'", "{}")
"""What fills the holes of secured()."""


def test_a_script_is_a_script() -> None:
    assert {drawn(seed).place for seed in range(30)} <= {SCRIPT, MAIN}
    assert Program((CONNECTION,)).place == SCRIPT
    assert written(bytes(12)).place == MAIN


def test_the_control_is_like_itself() -> None:
    for seed in range(150):
        program = drawn(seed)
        assert Program.from_json(program.to_json()) == program
        observed, expected = (tracer.run(program, asyncio.SelectorEventLoop) for _ in range(2))
        assert observed == expected, program.text()


def test_the_control_is_like_itself_with_tls_and_children() -> None:
    for program in [drawn(seed, TLS_THEMES) for seed in range(25)] + [drawn(seed, CHILD_THEMES) for seed in range(15)]:
        observed, expected = (tracer.run(program, asyncio.SelectorEventLoop) for _ in range(2))
        assert observed == expected, program.text()


def test_what_is_costly_is_drawn_where_it_belongs() -> None:
    def costly(themes: tuple[tuple[str, ...], ...]) -> list[bool]:
        return [any(WORDS[step.word].costly for step in drawn(seed, themes)) for seed in range(100)]

    assert not any(costly(THEMES))
    assert min(sum(costly(TLS_THEMES)), sum(costly(CHILD_THEMES))) > 50


def test_what_is_smaller_runs() -> None:
    for program in list(reductions(drawn(3)))[:20]:
        assert bool(tracer.run(program, asyncio.SelectorEventLoop)) == bool(program.steps)


def test_what_a_connection_tells() -> None:
    program = Program(
        (
            Step("connection", "i1", ("'plain'", "'data_received'"), (Step("connection_write", "", ("i1", "b'x'")),)),
            Step("connection_peer_sends", "", ("i1", "b'a'")),
            Step("connection_peer_reads", "", ("i1",)),
            Step("connection_peer_closes", "", ("i1",)),
        )
    )
    assert [event[:3] for event in tracer.run(program, asyncio.SelectorEventLoop)] == [
        ["main", "connection('i1', 'plain', 'data_received', c1)", "something"],
        ["i1", "connection_made", ""],
        ["main", "i1.peer.send(b'a')", "None"],
        ["i1", "data_received", "b'a'"],
        ["i1", "i1.transport.write(b'x')", "None"],
        ["main", "i1.peer.read()", "[b'x', True]"],
        ["main", "i1.peer.close()", "None"],
        ["i1", "eof_received", ""],
        ["i1", "connection_lost", "None"],
    ]


def test_how_data_is_cut_is_not_told() -> None:
    loop = asyncio.SelectorEventLoop()
    try:
        script = Script(Program(()), loop)
        for data in (b"a", b"b"):
            script.arrives("i1", "data_received", data)
        script.note("i1", "eof_received", "")
        script.arrives("i1", "data_received", b"c")
        assert [event[1:3] for event in script.events] == [
            ("data_received", "b'ab'"),
            ("eof_received", ""),
            ("data_received", "b'c'"),
        ]
    finally:
        loop.close()


def test_which_exception_says_it_is_not_told() -> None:
    class Loop(asyncio.SelectorEventLoop):
        def add_signal_handler(self, *args: Any) -> None:
            raise ValueError("only in the main thread")

        async def create_connection(self, *args: Any, **options: Any) -> Any:
            raise socket.gaierror(socket.EAI_SERVICE, "no such service")

    program = Program(
        (
            Step("add_elsewhere", "", ("signal.SIGURG",)),
            Step("try_connect", "t1", ("'127.0.0.1'", "-1", "{}")),
        )
    )
    assert tracer.run(program, Loop) == tracer.run(program, asyncio.SelectorEventLoop)


def test_nothing_is_sent_to_tls_that_was_closed() -> None:
    for sends, moment in (("'plain'", "'eof_received'"), ("'early'", "'connection_made'")):
        close = Step("connection_close", "", ("i1",))
        program = Program(
            (
                Step("secured", "i1", ("'client'", sends, moment, "{}"), (close,)),
                close,
                Step("connection_peer_sends", "", ("i1", "b'a'")),
            )
        )
        told = [event[1:3] for event in tracer.run(program, asyncio.SelectorEventLoop) if event[0] == "i1"]
        assert ["connection_lost", "None"] in told, told
        assert ["i1.transport.close()", "None"] not in told


def test_what_is_open_about_tls_is_not_told() -> None:
    made, ends, stream = (
        Step("secured", "i1", CLIENT),
        Step("peer_truncates", "", ("i1",)),
        Step("secured_stream", "y1"),
    )
    plain = Step("connection", "i1", CLIENT[1:3])
    server, dial = Step("secure_server", "z2", ("True",)), Step("dial", "i1", ("z2", *CLIENT[1:3]))
    much = Step("connection_write_much", "", ("i1",))
    turn = (Step("drain", "t3", ("y1",)), Step("stream_abort", "", ("y1",)))
    for steps in (
        (made, Step("connection_close", "", ("i1",)), ends),
        (made, much, ends, Step("connection_write", "", ("i1", "b'a'"))),
        (stream, Step("turn", "h2", (), turn)),
        (server, dial, much, Step("close_clients", "", ("z2",)), Step("connection_close", "", ("i1",))),
        (plain, Step("connection_peer_is_deaf", "", ("i1",)), Step("upgrade", "t2", ("i1", "'client'"))),
        (made, Step("connection_peer_closes", "", ("i1",)), Step("connection_is_closing", "", ("i1",))),
    ):
        program = Program(tuple(step for step in steps if step.word in WORDS))  # older Pythons have fewer
        assert tracer.run(program, SelectorLoop) == tracer.run(program, asyncio.SelectorEventLoop), program.text()


def test_what_follows_is_told_by_connection() -> None:
    events = [("i2", "b", "", ""), ("main", "step", "", ""), ("i1", "z", "", ""), ("i2", "a", "", "")]
    assert [event[0] + event[1] for event in sorted(events, key=promised.by_whom)] == ["mainstep", "i1z", "i2b", "i2a"]


@pytest.fixture
def arena(request: pytest.FixtureRequest) -> Arena:
    made = Arena(request.param, Options(limit=10, path=(str(FIXTURES / "loops"),)))
    request.addfinalizer(made.close)
    return made


@pytest.mark.parametrize("arena", ["delivers_bytearrays:Loop"], indirect=True)
def test_a_flaw_is_found_and_made_small_and_has_a_script(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    slices = ([drawn(seed, theme=0) for seed in range(start, start + 50)] for start in range(0, 400, 50))
    found = next(filter(None, map(arena.differences, slices)), [])
    assert found
    kind = kind_of(found[0])
    wanted = lambda some: next((one.program for one in arena.differences(some[:25]) if kind_of(one) == kind), None)  # noqa: E731
    program = smallest(found[0].program, wanted)
    assert len(list(program)) <= 5

    monkeypatch.setattr(standalone, "_SECONDS", 0.0)
    monkeypatch.setattr(standalone, "_LONGEST", 1000)
    script = with_script(Finding(kind, arena.differences([program])[0], 1, True), arena.subject, arena.path).script
    assert ": data_received: " in script and "loopcheck" not in script


@pytest.mark.parametrize(
    "steps",
    [
        (
            Step("secured", "i1", CLIENT, (Step("connection_write", "", ("i1", "b'x'")),)),
            Step("connection_peer_sends", "", ("i1", "b'a'")),
            Step("connection_peer_reads", "", ("i1",)),
            Step("connection_peer_drops", "", ("i1",)),
        ),
        (
            Step("connection", "i1", ("'plain'", "'data_received'")),
            Step("upgrade", "t2", ("i1", "'server'")),
            Step("connection_peer_closes", "", ("i1",)),
        ),
        (
            Step("child", "j1", ("'exec'", "'says'", "'connection_lost'", "{}")),
            Step("process", "v2", ("'shell'", "'echo'", "{}")),
            Step("communicate", "t3", ("v2", "b'a\\nb'")),
        ),
        (
            Step("try_serve", "t1", ("'127.0.0.1'", "0", "{}")),
            Step("try_connect", "t2", ("5", "0", "{}")),
            Step("add_signal", "c3", ("signal.SIGURG",)),
            Step("raise_signal", "", ("signal.SIGURG",)),
        ),
    ],
    ids=["TLS", "start_tls", "children", "arguments and signals"],
)
def test_a_script_does_what_its_program_does(steps: tuple[Step, ...]) -> None:
    program = Program(steps)
    trace = tracer.run(program, asyncio.SelectorEventLoop)
    text = standalone.draft(Difference(program, trace[:-1], trace), looking=False)
    assert text is not None
    trial = run(text.replace("TURNS)", "20)"), CONTROL, [], 20)
    told = [standalone._as_told(event) for event in trace if event[0] != "main" and event[2] not in ("None", "")]
    told = [one for one in told if "arrived in the end" not in one]
    assert told
    assert [one for one in told if repr(one) not in trial.output] == [], trial


def test_a_method_that_is_missing_is_one_finding() -> None:
    from loopcheck.compare.arena import Difference

    kinds = {
        kind_of(
            Difference(
                Program(()),
                [["main", f"i1.transport.write({data})", "raises NotImplementedError()", ""]],
                [["main", f"i1.transport.write({data})", "None", ""]],
            )
        )
        for data in ("b'a'", "much")
    }
    assert kinds == {"not offered: transport.write()"}
