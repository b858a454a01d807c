"""Canaries: real libraries on the subject; without its library a canary is unavailable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import FIXTURES, PytestRunner

from loopcheck import check
from loopcheck.cli import main
from loopcheck.collect import Selection, is_id
from loopcheck.needs import LIBRARIES, NEEDS, is_met
from loopcheck.runner.run import Options, Runner

CANARIES = check.catalogue(*check.canary_names())

SEEN_TO_FAIL = {
    "aiohttp::client_times_out": "wants_float_deadlines",
    "aiohttp::server_answers_client": "garbles_long_pieces",
    "aiohttp::server_answers_client_over_tls": "serves_without_encryption",
    "aiohttp::websocket_echoes": "garbles_long_pieces",
    "anyio::cancel_scopes_time_out": "cancels_again_after_uncancel",
    "anyio::processes_run": "rewrites_returncodes",
    "anyio::runs_on_the_loop": "shuts_nothing_down_at_rest",
    "anyio::signals_are_received": "has_one_handler_for_all",
    "anyio::sockets_talk": "garbles_long_pieces",
    "anyio::task_group_cancels": "cuts_cleanups_short",
    "anyio::threads_call_back": "runs_threadsafe_calls_in_the_calling_thread",
    "asyncssh::command_is_cancelled": "tasks_deny_their_cancellation",
    "asyncssh::commands_run": "garbles_long_pieces",
    "uvicorn::answers_requests": "garbles_long_pieces",
    "uvicorn::shuts_down_gracefully": "closed_servers_claim_to_serve",
    "websockets::closes_from_both_sides": "aborts_no_closed_transports",
    "websockets::echoes": "garbles_long_pieces",
    "websockets::server_closes_its_connections": "close_of_servers_closes_connections",
}
"""A liar for each canary."""


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """A runner of canaries that finds the liars."""
    made = Runner(check.canary_names(), Options(confirm=False, path=(str(FIXTURES / "loops"),)))
    yield made
    made.close()


@pytest.mark.parametrize("factory", ["asyncio:SelectorEventLoop", "loopcheck.baseline:SelectorLoop"])
def test_control_and_baseline_pass(runner: Runner, factory: str) -> None:
    seen = {entry.id: runner.run(entry, factory) for entry in CANARIES}
    here = {entry.id for entry in CANARIES if all(map(is_met, entry.needs))}

    assert {id: one for id, one in seen.items() if id in here and one["outcome"] != "passed"} == {}
    assert {one["outcome"] for id, one in seen.items() if id not in here} <= {"unavailable"}
    assert any(id.startswith("anyio::") for id in here)


def test_what_is_not_installed_is_told_with_the_command(runner: Runner) -> None:
    missing = [entry for entry in CANARIES if not all(map(is_met, entry.needs))]
    if not missing:
        pytest.skip("all libraries are installed")
    seen = runner.run(missing[0], "asyncio:SelectorEventLoop")
    library = next(name for name in missing[0].needs if not is_met(name))

    assert seen["message"] == f"not so here: {library} is installed (pip install {library})."
    assert NEEDS[library].remedy == f"pip install {library}"


def test_each_canary_is_seen_to_fail() -> None:
    assert set(SEEN_TO_FAIL) == {entry.id for entry in CANARIES}


@pytest.mark.parametrize("id", sorted(SEEN_TO_FAIL))
def test_canary_is_seen_to_fail(runner: Runner, id: str) -> None:
    entry = check.find(id)
    if not all(map(is_met, entry.needs)):
        pytest.skip("its library is not installed")

    assert runner.run(entry, f"{SEEN_TO_FAIL[id]}:Loop")["outcome"] != "passed"


def test_they_are_no_part_of_the_battery() -> None:
    assert not {entry.id for entry in CANARIES} & {entry.id for entry in check.catalogue()}
    assert {entry.level for entry in CANARIES} == {"should"}
    assert {need for entry in CANARIES for need in entry.needs} >= set(LIBRARIES)


def test_selecting_canaries() -> None:
    assert is_id("anyio") and is_id("anyio::sockets_talk")
    assert Selection([], canaries=True).areas == list(check.canary_names())
    assert Selection(["anyio"], canaries=True).areas == ["anyio"]
    with pytest.raises(pytest.UsageError, match=r"'anyio' names canaries; they run with --loop-canaries anyio$"):
        Selection(["anyio"])
    with pytest.raises(pytest.UsageError, match="there are no canaries of 'scheduling'; there are of aiohttp, anyio, "):
        Selection(["scheduling"], canaries=True)


def test_as_a_user_runs_them(run_pytest: PytestRunner) -> None:
    run = run_pytest(
        "--loop-factory=shuts_nothing_down_at_rest:Loop",
        "--loop-canaries",
        "anyio::runs_on_the_loop",
        "anyio::task_group_cancels",
    )

    assert run.outcomes == {"anyio::runs_on_the_loop": "failed", "anyio::task_group_cancels": "passed"}
    assert run.status == 1
    assert (
        "rerun      pytest --loop-factory=shuts_nothing_down_at_rest:Loop --loop-canaries anyio::runs_on_the_loop"
        in run.output
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--loop-canaries"], "there is no loop to run them on; name one with --loop-factory=MODULE:NAME"),
        (
            ["--loop-canaries", "--loop-factory=asyncio:SelectorEventLoop", "tests/some"],
            "--loop-canaries with the path 'tests/some'",
        ),
    ],
)
def test_mistakes(run_pytest: PytestRunner, arguments: list[str], message: str) -> None:
    run = run_pytest(*arguments, report=False)

    assert run.status == 4
    assert message in run.output


def test_the_command_line_knows_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "anyio::sockets_talk"]) == 0
    assert (
        "run        pytest --loop-factory=MODULE:NAME --loop-canaries anyio::sockets_talk\n" in capsys.readouterr().out
    )
    assert main(["list", "anyio"]) == 0
    assert "anyio::sockets_talk" in capsys.readouterr().out
    assert main(["run", "anyio", "--subject", "a:B"]) == 4
    assert "which run in place of the battery: loopcheck run -- --loop-canaries anyio\n" in capsys.readouterr().err
    assert main(["list"]) == 0
    assert "anyio::sockets_talk" not in capsys.readouterr().out
