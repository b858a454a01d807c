"""Child processes: starting, talking to, signalling, waiting for and forgetting them.

Children are tools that every POSIX machine has: ``cat`` waits for the end of its input, ``sh -c`` does the rest.
"""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import contextlib
import fcntl
import functools
import gc
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import loopcheck.kit.lives  # noqa: F401  # the tool "wrong_life"
from loopcheck.basics import STARTS_CHILDREN
from loopcheck.check import also_in, check, untested
from loopcheck.checks import transports
from loopcheck.kit import pass_turns, refuses, run_coroutine, soon, threaded
from loopcheck.kit.children import (
    FOREVER,
    Child,
    child,
    children_of_this_process,
    completed,
    completed_shell,
    held_by_grandchild,
    is_reaped,
    pipe,
    process,
    shell,
)
from loopcheck.kit.descriptors import open_descriptors
from loopcheck.kit.net import meanwhile
from loopcheck.kit.peers import AS_SENT, compared
from loopcheck.kit.surroundings import environment, warned
from loopcheck.kit.turns import turns_until
from loopcheck.kit.wait import Errand

NEEDS = ("posix", "posix-tools")
AFTER = STARTS_CHILDREN
PIPE, STDOUT, DEVNULL = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT, asyncio.subprocess.DEVNULL
NOTHING = {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": DEVNULL}
"""The options of a child that has no pipes."""
BROKEN = (BrokenPipeError, ConnectionResetError)

EXEC = "asyncio-eventloop#asyncio.loop.subprocess_exec"
SHELL = "asyncio-eventloop#asyncio.loop.subprocess_shell"
POPEN = "subprocess#subprocess.Popen"
TRANSPORT = "asyncio-protocol#asyncio.SubprocessTransport"
PROTOCOL = "asyncio-protocol#asyncio.SubprocessProtocol"
PROCESS = "asyncio-subprocess#asyncio.subprocess.Process"
BASE = "Lib/asyncio/base_events.py: subprocess_exec"
BASE_TRANSPORT = "Lib/asyncio/base_subprocess.py: BaseSubprocessTransport"
UNIX = "Lib/asyncio/unix_events.py: _make_subprocess_transport"

WAYS = ("subprocess_exec", "subprocess_shell", "create_subprocess_exec", "create_subprocess_shell")


def started(loop, patience, way, **options):
    """What starts a child that ends at once, in one of the four ways; enter it."""
    return {
        "subprocess_exec": lambda: child(loop, patience, "true", **options),
        "subprocess_shell": lambda: shell(loop, patience, "true", **options),
        "create_subprocess_exec": lambda: process(patience, "true", **options),
        "create_subprocess_shell": lambda: process(patience, line="true", **options),
    }[way]()


async def outcome(manager):
    """The name of what starting a child raises, or "started"."""
    try:
        async with manager:
            return "started"
    except AssertionError:
        raise
    except Exception as error:
        return type(error).__name__


async def outcomes(loop, patience, ways, options):
    """What becomes of each way of starting a child with each of the options alone."""
    return {
        f"{way}({name}={value!r})": await outcome(started(loop, patience, way, **{name: value}))
        for way in ways
        for name, value in options
    }


def every(seen, what):
    """The same keys, all with one value."""
    return dict.fromkeys(seen, what)


# arguments


@check(EXEC, level="should")
async def text_mode_rejected(loop, patience):
    """Options that ask for text instead of bytes raise ValueError, however a child is started."""
    options = (("universal_newlines", True), ("text", True), ("encoding", "utf-8"), ("errors", "strict"))
    seen = await outcomes(loop, patience, WAYS, options)

    assert seen == every(seen, "ValueError")


@check(EXEC, level="should")
async def bufsize_rejected(loop, patience):
    """A bufsize other than 0 raises ValueError: the pipes are the loop's."""
    seen = await outcomes(loop, patience, WAYS[:2], (("bufsize", 1), ("bufsize", -1), ("bufsize", 4096)))

    assert seen == every(seen, "ValueError")


@check(BASE, level="should")
async def shell_flag_rejected(loop, patience):
    """subprocess_exec(shell=True) and subprocess_shell(shell=False) raise ValueError."""
    seen = await outcomes(loop, patience, WAYS[:1], (("shell", True),))
    seen |= await outcomes(loop, patience, WAYS[1:2], (("shell", False),))

    assert seen == every(seen, "ValueError")


@check(BASE, level="should")
async def neutral_values_accepted(loop, patience):
    """The options that subprocess_exec() and subprocess_shell() reserve may be given with their neutral values."""
    neutral = {"universal_newlines": False, "text": False, "encoding": None, "errors": None, "bufsize": 0}
    first = await completed(loop, patience, "echo", "hello", shell=False, **neutral)
    second = await completed_shell(loop, patience, "echo hello", shell=True, **(neutral | {"text": None}))

    assert (first.output, second.output) == ({1: b"hello\n"}, {1: b"hello\n"})


@check(SHELL, level="should", after=())
async def shell_cmd_type(loop, patience):
    """subprocess_shell() refuses a command that is neither str nor bytes."""
    seen = {}
    for command in (["true"], ("true",), 1, None):
        seen[repr(command)] = await outcome(shell(loop, patience, command))

    assert {name: kind for name, kind in seen.items() if kind not in ("ValueError", "TypeError")} == {}


@check(SHELL, after=())
async def shell_command_may_be_bytes(loop, patience):
    """subprocess_shell() takes a command that is bytes."""
    assert (await completed_shell(loop, patience, b"exit 3")).status == 3


@check(EXEC)
async def exec_arg_types(loop, patience):
    """subprocess_exec() takes program and arguments that are str, bytes or path-like."""
    program = shutil.which("echo")
    ended = [
        await completed(loop, patience, kind(program), "text", b"bytes", pathlib.Path("path"))
        for kind in (str, os.fsencode, pathlib.Path)
    ]

    assert [one.output for one in ended] == [{1: b"text bytes path\n"}] * 3


@check(EXEC, level="should")
async def exec_refuses_other_arguments(loop, patience):
    """subprocess_exec() raises TypeError for an argument that is an int or None, and for no program at all."""
    seen = [await outcome(child(loop, patience, *command)) for command in (("echo", 1), ("echo", None), (1,), ())]

    assert seen == ["TypeError"] * 4


@check(POPEN, level="should")
async def exec_refuses_embedded_null(loop, patience):
    """subprocess_exec() raises ValueError for an argument with a null character, which no program could get."""
    assert await outcome(child(loop, patience, "echo", "a\0b")) == "ValueError"


@check(EXEC)
async def arguments_arrive_unchanged(loop, patience):
    """A child gets its arguments as they are: empty ones, blanks, quotes, line ends and letters of any language."""
    words = ["", "two words", "'\"$HOME`*", "line\nend", "naïve 🐍", "-x"]
    ended = await completed(loop, patience, "sh", "-c", 'for word; do echo "$word|"; done', "sh", *words)

    assert ended.output[1].decode() == "".join(f"{word}|\n" for word in words)


@check(EXEC, level="should")
async def unknown_kwarg(loop, patience):
    """An unknown keyword argument raises an exception and starts no child."""
    seen = [await outcome(started(loop, patience, way, no_such_option=1)) for way in WAYS]

    assert [kind in ("TypeError", "ValueError") for kind in seen] == [True] * 4, seen
    assert not children_of_this_process()


@check(POPEN, level="should")
async def options_of_windows_refused(loop, patience):
    """An option that only Windows has, creationflags, raises ValueError on other platforms."""
    assert await outcome(started(loop, patience, "subprocess_exec", creationflags=1)) == "ValueError"


@check(POPEN, level="should")
async def user_and_group_are_not_ignored(loop, patience):
    """The options user, group and extra_groups are not ignored: impossible ones raise ValueError.

    A service that drops its rights for a child must not find that it did not.
    """
    options = (("user", -1), ("group", -1), ("extra_groups", [-1]))
    seen = await outcomes(loop, patience, WAYS[:1], options)

    assert seen == every(seen, "ValueError")


@check(EXEC)
async def missing_program(loop, patience, folder):
    """A program that does not exist raises FileNotFoundError, and one that may not be executed PermissionError."""
    plain = pathlib.Path(folder, "plain")
    plain.write_text("#!/bin/sh\n")
    counts = []
    for _ in range(2):
        seen = [
            await outcome(child(loop, patience, f"{folder}/missing")),
            await outcome(child(loop, patience, "loopcheck-has-no-such-program")),
            await outcome(child(loop, patience, str(plain))),
            await outcome(process(patience, f"{folder}/missing", stdout=PIPE)),
        ]
        await pass_turns()
        counts.append(open_descriptors())

    assert seen == ["FileNotFoundError", "FileNotFoundError", "PermissionError", "FileNotFoundError"]
    # What a loop opens for good with its first child is in the first count.
    assert (counts[1] - counts[0], children_of_this_process()) == (0, False)


@check(EXEC)
async def missing_cwd(loop, patience, folder):
    """A working directory that does not exist raises FileNotFoundError."""
    assert await outcome(child(loop, patience, "true", cwd=f"{folder}/missing")) == "FileNotFoundError"
    assert not children_of_this_process()


@check(POPEN, level="should")
async def preexec_exception(loop, patience):
    """An exception in preexec_fn raises subprocess.SubprocessError where the child was to be started."""

    def fail():
        raise KeyError("in the child")

    assert await outcome(child(loop, patience, "true", preexec_fn=fail)) == "SubprocessError"


@check(SHELL, after=())
async def missing_program_via_shell(loop, patience, folder):
    """A command that the shell does not find gives the shell's exit status, 127."""
    ended = await completed_shell(loop, patience, f"{folder}/missing")

    assert ended.status == 127


@check(BASE, level="should")
async def protocol_factory_exception(loop, patience):
    """An exception of the protocol factory is raised, and no child is started."""

    def fail():
        raise ZeroDivisionError

    assert await outcome(child(loop, patience, "true", factory=fail)) == "ZeroDivisionError"
    assert not children_of_this_process()


# the protocol


@check(PROTOCOL + ".process_exited")
async def callbacks_lifecycle(loop, patience):
    """A child's protocol gets connection_made(), data and loss of each pipe and process_exited(), connection_lost().

    Only the first and the last place are fixed, and that a pipe is lost after its data.
    """
    async with child(loop, patience, "sh", "-c", "echo out; echo err >&2; exec cat") as (transport, protocol):
        await protocol.has_output(1, b"out\n", patience)
        await protocol.has_output(2, b"err\n", patience)
        transport.get_pipe_transport(0).close()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

    events = protocol.events
    assert (events[0], events[-1]) == ("connection_made", "connection_lost")
    assert sorted(events) == sorted(
        [
            *("connection_made", "process_exited", "connection_lost"),
            *("data of 1", "data of 2", "pipe 0 lost", "pipe 1 lost", "pipe 2 lost"),
        ]
    )
    assert [events.index(f"data of {fd}") < events.index(f"pipe {fd} lost") for fd in (1, 2)] == [True, True]
    assert (protocol.pipes_lost, protocol.lost_with) == ({0: None, 1: None, 2: None}, None)


@check(EXEC)
async def protocol_is_made_and_told_before_return(loop, patience, trace):
    """subprocess_exec() calls the factory once and connection_made() before it returns the transport and protocol."""

    def factory():
        trace("factory")
        return Child(connection_made=lambda protocol: trace("connection_made"))

    async with child(loop, patience, "cat", factory=factory) as (transport, protocol):
        trace("returned")
        same = transport is protocol.transport

    assert (trace, same) == (["factory", "connection_made", "returned"], True)


@check(PROTOCOL + ".process_exited")
async def returncode_is_known_in_process_exited(loop, patience, trace):
    """In process_exited() and connection_lost() get_returncode() is the exit status."""
    react = {
        name: lambda protocol: trace(protocol.transport.get_returncode())
        for name in ("connection_made", "process_exited", "connection_lost")
    }
    await completed(loop, patience, "sh", "-c", "cat; exit 6", factory=functools.partial(Child, **react))

    assert trace == [None, 6, 6]


@check(PROTOCOL + ".connection_lost", level="should")
async def output_comes_before_the_end(loop, patience):
    """All that a child wrote before it ended comes before connection_lost(), however much it is."""
    ended = await completed(loop, patience, "sh", "-c", "head -c 300000 /dev/zero; head -c 200000 /dev/zero >&2")

    assert ({fd: len(data) for fd, data in ended.output.items()}, ended.events[-1]) == (
        {1: 300000, 2: 200000},
        "connection_lost",
    )


@check("Lib/asyncio/base_subprocess.py: _try_finish", level="should")
async def connection_lost_comes_after_every_pipe(loop, patience):
    """connection_lost() comes after the loss of all pipes, also of a child that ends as soon as it has begun.

    Which of its ends a loop hears of first is a matter of luck: thirty children show it.
    """
    seen = set()
    for _ in range(30):
        ended = await completed(loop, patience, "true")
        await pass_turns(2)
        seen.add((ended.events[-1], tuple(sorted(ended.pipes_lost))))

    assert seen == {("connection_lost", (0, 1, 2))}


@check(PROCESS + ".stdin")
async def interactive(patience):
    """Data flows in both directions while a child runs, with all values that a byte can have."""
    lines = [bytes(value for value in range(256) if value != 10) + b"%d\n" % number for number in range(20)]
    answers = []
    async with process(patience, "cat", stdin=PIPE, stdout=PIPE) as cat:
        for line in lines:
            cat.stdin.write(line)
            answers.append(await soon(cat.stdout.readline(), patience, "cat answers"))

    assert answers == lines


@check(EXEC)
async def defaults_loop_pipe(loop, patience):
    """subprocess_exec() and subprocess_shell() make pipes for stdin, stdout and stderr unless told otherwise."""
    async with child(loop, patience, "cat") as (one, _), shell(loop, patience, "cat") as (two, _):
        piped = [[transport.get_pipe_transport(fd) is not None for fd in (0, 1, 2)] for transport in (one, two)]

    assert piped == [[True] * 3] * 2


@check("asyncio-subprocess#asyncio.create_subprocess_exec")
async def defaults_high_level_inherit(patience):
    """A process of create_subprocess_exec() and create_subprocess_shell() has no pipes unless they are asked for."""
    async with process(patience, "true") as one, process(patience, line="true") as two:
        streams = [(made.stdin, made.stdout, made.stderr) for made in (one, two)]

    assert streams == [(None, None, None)] * 2


@check(PROCESS)
async def high_level_types(patience):
    """create_subprocess_exec() returns a Process with streams for its pipes, a pid, and no return code yet."""
    async with process(patience, "cat", stdin=PIPE, stdout=PIPE, stderr=PIPE) as cat:
        made = (cat, cat.stdin, cat.stdout, cat.stderr, cat.pid)
        kinds = [type(one) for one in made]
        code = cat.returncode

    expected = [asyncio.subprocess.Process, asyncio.StreamWriter, asyncio.StreamReader, asyncio.StreamReader, int]
    assert [issubclass(kind, right) for kind, right in zip(kinds, expected, strict=True)] == [True] * 5, kinds
    assert code is None


# the transport


@check(TRANSPORT + ".get_pid")
async def get_pid_returncode(loop, patience):
    """get_pid() is the child's pid, also after its end; get_returncode() is None while it runs, then its status."""
    async with child(loop, patience, "sh", "-c", "echo $$; exec cat") as (transport, protocol):
        await protocol.has_output(1, b"1\n", patience)
        seen = [(transport.get_pid(), transport.get_returncode())]
        transport.get_pipe_transport(0).close()
        await protocol.until("connection_lost", patience)
        seen.append((transport.get_pid(), transport.get_returncode()))
    pid = int(protocol.output[1])

    assert seen == [(pid, None), (pid, 0)]


@check(PROCESS + ".pid", after=())
async def pid_of_shell(patience):
    """The pid of a process of create_subprocess_shell() is the shell's."""
    async with process(patience, line="echo $$", stdout=PIPE) as made:
        output, _ = await soon(made.communicate(), patience, "communicate() returns")

    assert int(output) == made.pid


@check(TRANSPORT + ".get_pipe_transport")
async def get_pipe_transport(loop, patience):
    """get_pipe_transport() gives what writes to pipe 0 and reads from 1 and 2, and None for what is no pipe."""
    async with child(loop, patience, "cat", stderr=DEVNULL) as (transport, _):
        pipes = [transport.get_pipe_transport(fd) for fd in (0, 1, 2, 3, 99)]

    assert [isinstance(pipes[0], asyncio.WriteTransport), isinstance(pipes[1], asyncio.ReadTransport)] == [True, True]
    assert pipes[2:] == [None] * 3


@check("asyncio-protocol#asyncio.BaseTransport.get_extra_info")
async def extra_info_popen(loop, patience):
    """get_extra_info("subprocess") is the subprocess.Popen object of the child, and unknown names give the default."""
    async with child(loop, patience, "cat") as (transport, _):
        popen = transport.get_extra_info("subprocess")
        seen = (type(popen), getattr(popen, "pid", None), transport.get_extra_info("no such name", "default"))
        pid = transport.get_pid()

    assert seen == (subprocess.Popen, pid, "default")


@check(TRANSPORT, level="should")
async def transport_isinstance(loop, patience):
    """The transport of a child is an asyncio.SubprocessTransport."""
    async with child(loop, patience, "cat") as (transport, _):
        seen = isinstance(transport, asyncio.SubprocessTransport)

    assert seen


@check("Lib/asyncio/base_subprocess.py: set_protocol", level="should")
async def set_protocol(loop, patience):
    """set_protocol() has a child's later callbacks go to the new protocol, which get_protocol() returns."""
    async with child(loop, patience, "cat") as (transport, old):
        new = Child()
        seen = [transport.get_protocol() is old]
        transport.set_protocol(new)
        seen.append(transport.get_protocol() is new)
        transport.get_pipe_transport(0).write(b"hello")
        await new.has_output(1, b"hello", patience)
        transport.set_protocol(old)

    assert (seen, new.events, "data of 1" in old.events) == ([True, True], ["data of 1"], False)


@check(BASE_TRANSPORT + ".__repr__", level="may")
async def repr_in_every_state(loop, patience):
    """The repr() of a child's transport tells its pid while the child runs, and also when it has ended."""
    async with child(loop, patience, "cat") as (transport, protocol):
        texts = [repr(transport)]
        transport.close()
        texts.append(repr(transport))
        await protocol.until("connection_lost", patience)
        texts.append(repr(transport))

    assert [str(transport.get_pid()) in text for text in texts] == [True] * 3, texts


# exit status and signals


@check(PROCESS + ".returncode")
async def exit_codes(loop, patience):
    """The exit status, and minus the number of a signal that ended a child, is what get_returncode() says."""
    endings = {f"exit {status}": status for status in (0, 1, 7, 127, 255)}
    endings |= {f"kill -{name[3:]} $$": -signal.Signals[name] for name in ("SIGKILL", "SIGTERM", "SIGUSR1", "SIGHUP")}
    seen = {how: (await completed(loop, patience, "sh", "-c", how, **NOTHING)).status for how in endings}

    assert seen == endings


@check(PROCESS + ".wait", after=())
async def wait_returns_the_exit_code(patience):
    """wait() returns the return code, and the attribute returncode is the same afterwards."""
    seen = []
    for ending in ("exit 0", "exit 201", "kill -TERM $$"):
        async with process(patience, line=ending) as made:
            seen.append((await soon(made.wait(), patience, "wait() returns"), made.returncode))

    assert seen == [(0, 0), (201, 201), (-15, -15)]


@check(SHELL, after=())
async def shell_uses_sh(loop, patience):
    """subprocess_shell() runs the command line in a shell: pipelines, quotes, redirections, and its exit status."""
    ended = await completed_shell(loop, patience, "printf '%s|' \"a b\" c | cat; echo err >&2; exit 42")

    assert (ended.output, ended.status) == ({1: b"a b|c|", 2: b"err\n"}, 42)


@check(TRANSPORT + ".kill")
async def signals_api(loop, patience):
    """kill(), terminate() and send_signal() of a transport return None and send the child SIGKILL, SIGTERM, any."""
    calls = {
        -signal.SIGKILL: lambda transport: transport.kill(),
        -signal.SIGTERM: lambda transport: transport.terminate(),
        -signal.SIGUSR2: lambda transport: transport.send_signal(signal.SIGUSR2),
        -signal.SIGALRM: lambda transport: transport.send_signal(int(signal.SIGALRM)),
    }
    seen = {}
    for status, call in calls.items():
        async with child(loop, patience, *FOREVER, **NOTHING) as (transport, protocol):
            returned = call(transport)
            await protocol.until("process_exited", patience)
            seen[status] = (returned, transport.get_returncode())

    assert seen == {status: (None, status) for status in calls}


@check(PROCESS + ".send_signal")
async def signals_of_process(patience):
    """kill(), terminate() and send_signal() of a Process return None and send the child SIGKILL, SIGTERM, any."""
    calls = {
        -signal.SIGKILL: lambda made: made.kill(),
        -signal.SIGTERM: lambda made: made.terminate(),
        -signal.SIGUSR2: lambda made: made.send_signal(signal.SIGUSR2),
    }
    seen = {}
    for status, call in calls.items():
        async with process(patience, *FOREVER, **NOTHING) as made:
            seen[status] = (call(made), await soon(made.wait(), patience, "wait() returns after the signal"))

    assert seen == {status: (None, status) for status in calls}


@check(PROCESS + ".send_signal")
async def child_may_ignore_a_signal(patience):
    """send_signal() sends the signal that it is given and no other: a child that ignores it goes on."""
    async with process(patience, "sh", "-c", "trap '' USR1; echo ready; exec cat", stdin=PIPE, stdout=PIPE) as made:
        lines = [await soon(made.stdout.readline(), patience, "the child is ready")]
        made.send_signal(signal.SIGUSR1)
        made.stdin.write(b"still here\n")
        lines.append(await soon(made.stdout.readline(), patience, "the child goes on"))
        code = made.returncode

    assert (lines, code) == ([b"ready\n", b"still here\n"], None)


SIGNALLING = {
    "kill()": lambda one: one.kill(),
    "terminate()": lambda one: one.terminate(),
    "send_signal()": lambda one: one.send_signal(signal.SIGTERM),
}


@check("Lib/asyncio/base_subprocess.py: _check_proc", level="should")
async def signal_after_exit(loop, patience):
    """After connection_lost() kill(), terminate() and send_signal() raise ProcessLookupError.

    The number of the child may be another process's by then.
    """
    async with child(loop, patience, "true", **NOTHING) as (transport, protocol):
        await protocol.until("connection_lost", patience)
        await pass_turns()
        for name, call in SIGNALLING.items():
            with refuses(ProcessLookupError, f"{name} after connection_lost()"):
                call(transport)


@check("Lib/asyncio/base_subprocess.py: send_signal", level="should")
async def signal_after_wait(patience):
    """After wait() has returned kill(), terminate() and send_signal() do nothing or raise ProcessLookupError."""
    seen = []
    for call in SIGNALLING.values():
        async with process(patience, "true") as made:
            await soon(made.wait(), patience, "wait() returns")
            with contextlib.suppress(ProcessLookupError):
                seen.append(call(made))
            seen.append(made.returncode)

    assert set(seen) <= {0, None}, seen


# closing


@check(TRANSPORT + ".close")
async def close_kills(loop, patience):
    """close() of a transport kills the child, closes the pipes, and connection_lost(None) comes last."""
    async with child(loop, patience, *FOREVER) as (transport, protocol):
        pipes = [transport.get_pipe_transport(fd) for fd in (0, 1, 2)]
        states = [transport.is_closing()]
        transport.close()
        states.append(transport.is_closing())
        transport.close()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)

    assert states == [False, True]
    assert (transport.get_returncode(), [one.is_closing() for one in pipes]) == (-signal.SIGKILL, [True] * 3)
    assert sorted(protocol.events[1:-1]) == ["pipe 0 lost", "pipe 1 lost", "pipe 2 lost", "process_exited"]
    assert (protocol.events[-1], protocol.lost_with) == ("connection_lost", None)


@check(TRANSPORT + ".close", level="should")
async def close_after_exit(loop, patience):
    """close() after the child's end does nothing, and keeps the return code."""
    async with child(loop, patience, "sh", "-c", "exit 5", **NOTHING) as (transport, protocol):
        await protocol.until("connection_lost", patience)
        transport.close()
        transport.close()
        await pass_turns(2)

    assert (transport.get_returncode(), protocol.events) == (
        5,
        ["connection_made", "process_exited", "connection_lost"],
    )


@check(BASE_TRANSPORT + ".close", level="should")
async def close_after_unnoticed_exit(loop, patience):
    """close() of the transport of a child whose end the loop has not seen yet hides it from nobody.

    process_exited() and connection_lost() are called all the same; which status is given is not asked here.
    """
    async with child(loop, patience, *FOREVER, **NOTHING) as (transport, protocol):
        transport.kill()
        # Ended before the loop gets to it; one that reaps in a thread may have been quicker.
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, transport.get_pid(), os.WEXITED | os.WNOWAIT)
        transport.close()
        await protocol.until("connection_lost", patience)

    assert protocol.events == ["connection_made", "process_exited", "connection_lost"]


@check(BASE_TRANSPORT + ".close", level="should")
async def close_inside_a_callback(loop, patience):
    """close() may be called in any callback of the protocol."""
    seen = {}
    for callback in ("connection_made", "pipe_data_received", "pipe_connection_lost", "process_exited"):
        factory = functools.partial(Child, **{callback: lambda protocol: protocol.transport.close()})
        # The child itself closes a pipe: that the loop's end can be closed alone is for close_one_pipe.
        async with child(loop, patience, "sh", "-c", "echo out; exec cat 2>&-", factory=factory) as (_, protocol):
            if callback == "process_exited":
                protocol.transport.kill()
            await protocol.until("connection_lost", patience)
            seen[callback] = (protocol.events[-1], protocol.events.count("process_exited"))

    assert seen == dict.fromkeys(seen, ("connection_lost", 1))


@check(TRANSPORT + ".get_pipe_transport", level="should")
async def close_one_pipe(loop, patience):
    """Closing one pipe's transport gives its pipe_connection_lost() and leaves the others working."""
    async with child(loop, patience, "cat") as (transport, protocol):
        transport.get_pipe_transport(2).close()
        await protocol.has_lost(2, patience)
        transport.get_pipe_transport(0).write(b"hello")
        await protocol.has_output(1, b"hello", patience)
        events = protocol.events[:]

    assert events == ["connection_made", "pipe 2 lost", "data of 1"]


@check("Lib/asyncio/unix_events.py: _UnixWritePipeTransport._read_ready", level="should")
async def child_closes_stdin_early(loop, patience):
    """A child that closes its stdin and runs on makes pipe_connection_lost(0, ...) come right away."""
    async with child(loop, patience, "sh", "-c", "exec sleep 600 0<&-") as (_, protocol):
        await protocol.has_lost(0, patience)
        events = protocol.events[:]

    assert events == ["connection_made", "pipe 0 lost"]


@check(PROTOCOL + ".pipe_connection_lost")
async def child_closes_output_early(loop, patience):
    """A child that closes its output and runs on makes pipe_connection_lost() come right away."""
    async with child(loop, patience, "sh", "-c", "echo out; exec sleep 600 >&- 2>&-") as (_, protocol):
        await protocol.has_lost(1, patience)
        await protocol.has_lost(2, patience)
        seen = (protocol.output, "process_exited" in protocol.events)

    assert seen == ({1: b"out\n"}, False)


# children that leave grandchildren


@check(PROTOCOL + ".process_exited", after=())
async def exit_seen_while_pipe_held(loop, patience):
    """process_exited() is called when a child ends though a grandchild holds its pipes; connection_lost() waits."""
    with held_by_grandchild("exit 4") as (line, stdin, let_go):
        async with shell(loop, patience, line, stdin=stdin) as (transport, protocol):
            await protocol.until("process_exited", patience)
            await pass_turns(2)
            seen = (protocol.events[:], transport.get_returncode())
            let_go()
            await protocol.until("connection_lost", patience)

    assert seen == (["connection_made", "process_exited"], 4)
    assert protocol.pipes_lost == {1: None, 2: None}


@check("Lib/asyncio/base_subprocess.py: _process_exited", level="should", python=">=3.14")
async def wait_returns_while_pipe_held(patience):
    """wait() returns as soon as the child has ended, though a grandchild holds its pipes."""
    with held_by_grandchild("exit 4") as (line, stdin, let_go):
        async with process(patience, line=line, stdin=stdin, stdout=PIPE) as made:
            code = await soon(made.wait(), patience, "wait() returns while a grandchild holds the pipe")
            let_go()

    assert code == 4


@check(TRANSPORT + ".close", level="should", after=())
async def close_does_not_wait_for_grandchildren(loop, patience):
    """close() of a transport leads to connection_lost() though a grandchild holds the child's pipes."""
    with held_by_grandchild("exit 4") as (line, stdin, _):
        async with shell(loop, patience, line, stdin=stdin) as (transport, protocol):
            await protocol.until("process_exited", patience)
            transport.close()
            await protocol.until("connection_lost", patience)

    assert protocol.events[-1] == "connection_lost"


# waiting


@check(PROCESS + ".wait", after=())
async def many_waiters(patience):
    """Any number of wait() calls get the return code, at the same time or afterwards."""
    async with process(patience, line="cat; exit 8", stdin=PIPE) as made:
        waiters = [asyncio.ensure_future(made.wait()) for _ in range(20)]
        await pass_turns()
        made.stdin.close()
        codes = await soon(asyncio.gather(*waiters), patience, "all of 20 wait() calls return")
        later = await soon(made.wait(), patience, "a later wait() returns")

    assert (codes, later) == ([8] * 20, 8)


@check("Lib/asyncio/base_subprocess.py: _wait", level="should")
async def cancel_wait(patience):
    """Cancelling one wait() neither ends the child nor disturbs another wait()."""
    async with process(patience, "cat", stdin=PIPE) as made:
        one, other = (asyncio.ensure_future(made.wait()) for _ in range(2))
        await pass_turns()
        one.cancel()
        await asyncio.wait([one])
        code = made.returncode
        made.stdin.close()
        seen = (one.cancelled(), code, await soon(other, patience, "the other wait() returns"))

    assert seen == (True, None, 0)


@check(PROCESS)
async def wait_for_timeout_then_wait(patience):
    """wait() may time out in wait_for() and be called again."""
    async with process(patience, *FOREVER) as made:
        try:
            first = await asyncio.wait_for(made.wait(), 0.005)
        except TimeoutError:
            first = "timed out"
        made.terminate()
        second = await soon(made.wait(), patience, "wait() returns after terminate()")

    assert (first, second) == ("timed out", -signal.SIGTERM)


@check(PROCESS + ".wait")
async def read_after_wait(patience):
    """What an ended child has written can still be read after wait() has returned."""
    async with process(patience, "echo", "hello", stdout=PIPE) as made:
        await soon(made.wait(), patience, "wait() returns")
        output = await soon(made.stdout.read(), patience, "read() returns")

    assert output == b"hello\n"


@check(PROCESS + ".wait")
async def nonblocking_spawn_wait(patience, trace):
    """The loop goes on while a child is waited for."""

    async def others():
        for number in range(3):
            trace(number)
            await pass_turns()
        made.stdin.close()

    async with process(patience, "cat", stdin=PIPE) as made:
        task = asyncio.ensure_future(others())
        trace(await soon(made.wait(), patience, "wait() returns after another task has closed stdin"))
        await task

    assert trace == [0, 1, 2, 0]


# communicate()


async def communicated(patience, line, input=None, **options):
    """What communicate() with a shell returns, and the return code."""
    async with process(patience, line=line, **options) as made:
        result = await soon(made.communicate(input), patience, "communicate() returns")
        return (*result, made.returncode)


@check(PROCESS + ".communicate", after=())
async def communicate_basic(patience):
    """communicate() writes the input, closes stdin, reads all output, waits, and returns None for what is no pipe."""
    both = {"stdin": PIPE, "stdout": PIPE}
    seen = [
        await communicated(patience, "cat; echo err >&2; exit 3", b"input", **both, stderr=PIPE),
        await communicated(patience, "cat", b"input", **both),
        await communicated(patience, "cat; echo out", b"", **both),
        await communicated(patience, "echo err >&2", stderr=PIPE),
        await communicated(patience, "exit 2"),
    ]

    assert seen == [
        (b"input", b"err\n", 3),
        (b"input", None, 0),
        (b"out\n", None, 0),
        (None, b"err\n", 0),
        (None, None, 2),
    ]


@check(PROCESS + ".communicate", python=">=3.12", after=())
async def communicate_none_closes_stdin(patience):
    """communicate() without input closes stdin."""
    assert await communicated(patience, "cat; echo end", stdin=PIPE, stdout=PIPE) == (b"end\n", None, 0)


@check(PROCESS + ".communicate", after=())
async def communicate_large(patience):
    """communicate() passes megabytes through stdin, stdout and stderr at once without getting stuck."""
    data = os.urandom(1000) * 1000
    line = f"head -c {len(data)} /dev/zero >&2 & cat; wait"
    out, err, code = await communicated(patience, line, data, stdin=PIPE, stdout=PIPE, stderr=PIPE)

    assert (compared(out, data), compared(err, bytes(len(data))), code) == (AS_SENT, AS_SENT, 0)


@check(PROCESS + ".communicate", after=())
async def communicate_ignores_epipe(patience, errors):
    """communicate() does not mind a child that ends before it has read all of its input."""
    # It reads a line, so that it does not end before there is any.
    seen = await communicated(patience, "read line; echo out", b"\n" + bytes(500_000), stdin=PIPE, stdout=PIPE)

    assert (seen, errors) == ((b"out\n", None, 0), [])


@check(PROCESS + ".communicate", after=())
async def communicate_after_the_end(patience):
    """communicate() with input for a child that has ended does not mind either, and returns what the child wrote."""
    async with process(patience, line="echo out", stdin=PIPE, stdout=PIPE) as made:
        await soon(made.wait(), patience, "wait() returns")
        await pass_turns(5)

        assert await soon(made.communicate(b"input"), patience, "communicate() returns") == (b"out\n", None)


@check("Lib/asyncio/subprocess.py: Process.communicate", level="should")
async def cancel_communicate(patience):
    """Cancelling communicate() leaves the child running, and wait() still works."""
    async with process(patience, *FOREVER, stdout=PIPE) as made:
        task = asyncio.ensure_future(made.communicate())
        await pass_turns(3)
        task.cancel()
        await asyncio.wait([task])
        code = made.returncode
        made.kill()
        seen = (task.cancelled(), code, await soon(made.wait(), patience, "wait() returns after kill()"))

    assert seen == (True, None, -signal.SIGKILL)


# stdin


@check(PROCESS + ".communicate")
async def stdin_epipe(patience, errors):
    """Writing to the stdin of a child that has ended makes drain() raise BrokenPipeError or ConnectionResetError."""

    async def feed():
        while True:
            made.stdin.write(b"x" * 1000)
            await made.stdin.drain()
            await asyncio.sleep(0)

    async with process(patience, "true", stdin=PIPE) as made:
        await soon(made.wait(), patience, "wait() returns")
        with refuses(BROKEN, "drain() of the stdin of a child that has ended"):
            await soon(feed(), patience, "drain() raises")

    assert errors == []


@check(PROCESS + ".stdin")
async def stdin_close_gives_eof(patience):
    """Closing stdin, or write_eof(), sends what was written and then the end of input."""
    seen = []
    for end in ("close", "write_eof"):
        async with process(patience, "cat", stdin=PIPE, stdout=PIPE) as made:
            made.stdin.write(b"last words")
            able, before = made.stdin.can_write_eof(), made.stdin.is_closing()
            getattr(made.stdin, end)()
            output = await soon(made.stdout.read(), patience, "the child sees the end of its input")
            made.stdin.close()
            after = made.stdin.is_closing()
            await soon(made.stdin.wait_closed(), patience, "wait_closed() of stdin returns")
            seen.append((able, before, after, output))

    assert seen == [(True, False, True, b"last words")] * 2


@check("Lib/asyncio/unix_events.py: _UnixWritePipeTransport._read_ready", level="should")
async def stdin_pending_lost_exc(loop, patience):
    """If a child dies before it has read its input, pipe_connection_lost(0, ...) gets BrokenPipeError, or a reset."""
    async with child(loop, patience, *FOREVER) as (transport, protocol):
        transport.get_pipe_transport(0).write(bytes(1_000_000))
        transport.kill()
        await protocol.until("connection_lost", patience)

    assert isinstance(protocol.pipes_lost[0], BROKEN), protocol.pipes_lost
    assert protocol.lost_with is None


@check("Lib/asyncio/subprocess.py: SubprocessStreamProtocol", level="should")
async def stdin_pending_wait_closed(patience):
    """If a child dies before it has read its input, wait_closed() of its stdin raises BrokenPipeError, or a reset."""
    async with process(patience, *FOREVER, stdin=PIPE) as made:
        made.stdin.write(bytes(1_000_000))
        made.kill()
        with refuses(BROKEN, "stdin.wait_closed() with data that the child never read"):
            await soon(made.stdin.wait_closed(), patience, "wait_closed() of stdin returns")


@check("Lib/asyncio/base_subprocess.py: WriteSubprocessPipeProto", level="should")
async def stdin_flow_control(loop, patience):
    """The protocol's pause_writing() is called when a child does not read its input, and resume_writing() later."""
    with pipe() as (reading, writing):
        async with child(loop, patience, "cat", stdout=writing) as (transport, protocol):
            writing.close()
            stdin = transport.get_pipe_transport(0)
            stdin.write(bytes(600_000))
            paused = protocol.events[:]
            stdin.write_eof()
            with meanwhile(lambda: sum(iter(lambda: len(reading.read(2**16)), 0)), patience=patience) as errand:
                await protocol.until("connection_lost", patience)
                number = errand.result(patience)

    assert (paused, number) == (["connection_made", "pause_writing"], 600_000)
    assert "resume_writing" in protocol.events


@check("Lib/asyncio/subprocess.py: SubprocessStreamProtocol", level="should")
async def drain_waits_for_the_child(patience):
    """drain() of a child's stdin waits while the child does not read, and returns when it does."""
    with pipe() as (reading, writing):
        async with process(patience, "cat", stdin=PIPE, stdout=writing) as made:
            writing.close()
            made.stdin.write(bytes(600_000))
            draining = asyncio.ensure_future(made.stdin.drain())
            await pass_turns(3)
            early = draining.done()
            with meanwhile(lambda: sum(iter(lambda: len(reading.read(2**16)), 0)), patience=patience) as errand:
                await soon(draining, patience, "drain() returns when the child has read")
                made.stdin.close()
                await soon(made.wait(), patience, "wait() returns")
                number = errand.result(patience)

    assert (early, number) == (False, 600_000)


# stdout and stderr

WORDY = "head -c 1000000 /dev/zero; echo written >&2"


@check("Lib/asyncio/subprocess.py: SubprocessStreamProtocol", level="should", after=())
async def stdout_backpressure(patience):
    """Output that is not read stops the child, and all of it comes when it is read."""
    options = {"stdout": PIPE, "stderr": PIPE, "limit": 1000}
    async with process(patience, line=WORDY, **options) as made:
        marker = asyncio.ensure_future(made.stderr.readline())
        # For as long as it takes another one, whose output is read.
        other = await communicated(patience, WORDY, **options)
        early = marker.done()
        output = await soon(made.stdout.read(), patience, "read() returns")
        late = await soon(marker, patience, "the child ends once its output is read")

    assert (early, len(output), late) == (False, 1_000_000, b"written\n")
    assert (len(other[0]), other[1:]) == (1_000_000, (b"written\n", 0))


@check("asyncio-protocol#asyncio.ReadTransport.pause_reading")
async def pipe_pause_reading(loop, patience):
    """pause_reading() and resume_reading() of a child's stdout work."""
    async with child(loop, patience, "sh", "-c", "cat; echo end >&2") as (transport, protocol):
        stdout = transport.get_pipe_transport(1)
        stdout.pause_reading()
        transport.get_pipe_transport(0).write(b"hello")
        transport.get_pipe_transport(0).close()
        await protocol.has_output(2, b"end\n", patience)  # now the output is in the pipe
        await pass_turns(2)
        early = protocol.output.get(1, b"")
        stdout.resume_reading()
        await protocol.has_output(1, b"hello", patience)

    assert (early, protocol.output[1]) == (b"", b"hello")


@check("asyncio-subprocess#asyncio.create_subprocess_exec", after=())
async def limit_argument(patience):
    """limit is that of the StreamReaders of stdout and stderr."""
    for line, name in (("head -c 5000 /dev/zero; echo", "stdout"), ("head -c 5000 /dev/zero >&2; echo >&2", "stderr")):
        async with process(patience, line=line, limit=100, **{name: PIPE}) as made:
            with refuses(ValueError, f"{name}.readline() of a line longer than limit"):
                await soon(getattr(made, name).readline(), patience, "readline() ends")


@check("asyncio-subprocess#asyncio.subprocess.STDOUT", after=())
async def stderr_to_stdout(loop, patience):
    """stderr=STDOUT gives both on descriptor 1, in the order in which they were written, and no pipe for 2."""
    line = "echo a; echo b >&2; echo c"
    async with shell(loop, patience, line, stderr=STDOUT) as (transport, protocol):
        second = transport.get_pipe_transport(2)
        transport.get_pipe_transport(0).close()
        await protocol.until("connection_lost", patience)
    async with process(patience, line=line, stdout=PIPE, stderr=STDOUT) as made:
        streams = made.stderr
        output, _ = await soon(made.communicate(), patience, "communicate() returns")

    assert (protocol.output, second, sorted(protocol.pipes_lost)) == ({1: b"a\nb\nc\n"}, None, [0, 1])
    assert (output, streams) == (b"a\nb\nc\n", None)


@check("asyncio-subprocess#asyncio.subprocess.DEVNULL")
async def devnull(loop, patience):
    """DEVNULL is for a stream that leads nowhere, without a pipe."""
    async with child(loop, patience, "sh", "-c", "cat; echo out; echo err >&2", **NOTHING) as (transport, protocol):
        pipes = [transport.get_pipe_transport(fd) for fd in (0, 1, 2)]
        await protocol.until("connection_lost", patience)

    assert (pipes, transport.get_returncode()) == ([None] * 3, 0)
    assert protocol.events == ["connection_made", "process_exited", "connection_lost"]


@check(EXEC)
async def stdio_as_fd(loop, patience):
    """stdin, stdout and stderr may be descriptors, which stay open in the parent and have no pipe transport."""
    with pipe() as (near, to_child), pipe() as (from_child, far):
        to_child.write(b"hello")
        to_child.close()
        options = {"stdin": near.fileno(), "stdout": far.fileno(), "stderr": far.fileno()}
        async with child(loop, patience, "sh", "-c", "cat; echo err >&2", **options) as (transport, protocol):
            pipes = [transport.get_pipe_transport(fd) for fd in (0, 1, 2)]
            await protocol.until("connection_lost", patience)
        kinds = [os.fstat(one.fileno()).st_size for one in (near, far)]  # which raises for what is closed
        output = from_child.read(100)

    assert (pipes, kinds, output) == ([None] * 3, [0, 0], b"helloerr\n")


@check(EXEC)
async def stdio_as_socket(loop, patience):
    """stdin and stdout may be an object with fileno(), such as a socket, which stays open in the parent."""
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(patience)
        async with child(loop, patience, "cat", stdin=far, stdout=far, stderr=None) as (_, protocol):
            near.sendall(b"hello")
            answer = await threaded(near.recv, 100, patience=patience)
            near.shutdown(socket.SHUT_WR)
            await protocol.until("connection_lost", patience)
        kind = far.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)

    assert (answer, kind) == (b"hello", socket.SOCK_STREAM)


@check(EXEC, after=())
async def stdio_as_file(loop, patience):
    """stdin, stdout and stderr may be files, which stay open in the parent."""
    with tempfile.TemporaryFile() as one, tempfile.TemporaryFile() as two, tempfile.TemporaryFile() as three:
        one.write(b"hello")
        one.seek(0)
        line = "cat; echo err >&2"
        async with shell(loop, patience, line, stdin=one, stdout=two, stderr=three) as (_, protocol):
            await protocol.until("connection_lost", patience)
        written = [(file.seek(0), file.read())[1] for file in (two, three)]

    assert written == [b"hello", b"err\n"]


@check(EXEC)
async def none_inherits(loop, patience):
    """None lets a child have the stream of its parent."""
    with pipe() as (reading, writing):
        before = os.dup(1)
        os.dup2(writing.fileno(), 1)
        try:
            options = {"stdin": DEVNULL, "stdout": None, "stderr": None}
            ended = await completed(loop, patience, "echo", "inherited", **options)
        finally:
            os.dup2(before, 1)
            os.close(before)
        writing.close()
        output = reading.read(100)

    assert (output, ended.pipes_lost) == (b"inherited\n", {})


@check(POPEN, level="should")
async def invalid_fd(loop, patience):
    """A descriptor that is not open raises OSError, and leaves nothing behind."""
    before = open_descriptors()
    with refuses(OSError, "subprocess_exec() with a stdin that is not open"):
        async with child(loop, patience, "true", stdin=9999):
            pass

    assert (open_descriptors() - before, children_of_this_process()) == (0, False)


# options for Popen


@check(EXEC)
async def env(loop, patience):
    """env is the whole environment of a child; without it the child has that of its parent, as it is by then."""
    with environment("LOOPCHECK_VARIABLE", "inherited"):
        given = await completed(loop, patience, shutil.which("env"), env={"ONLY": "this"})
        inherited = await completed_shell(loop, patience, "echo $LOOPCHECK_VARIABLE")

    assert (given.output[1], inherited.output[1]) == (b"ONLY=this\n", b"inherited\n")


@check(EXEC, after=())
async def cwd(loop, patience, folder):
    """cwd is the working directory of a child, as str, bytes or path-like."""
    forms = (folder, os.fsencode(folder), pathlib.Path(folder))
    seen = [(await completed_shell(loop, patience, "pwd -P", cwd=form)).output for form in forms]

    assert seen == [{1: os.fsencode(os.path.realpath(folder)) + b"\n"}] * 3


@check(EXEC)
async def executable(loop, patience):
    """executable is the file to run instead of the first argument, which stays the name that the child is given."""
    ended = await completed(loop, patience, "myname", "-c", "echo $0", executable=shutil.which("sh"))

    assert ended.output == {1: b"myname\n"}


def openness(*files):
    """A command line that says of each file's descriptor, from the child's view, whether it is open."""
    return "; ".join(f"[ -e /dev/fd/{file.fileno()} ] && echo open || echo closed" for file in files)


@check(POPEN, needs=("proc",), after=())
async def pass_fds(loop, patience):
    """pass_fds keeps the named descriptors open in the child, and leaves them as they are in the parent."""
    with pipe() as (passed, other):
        flags = [os.get_inheritable(file.fileno()) for file in (passed, other)]
        ended = await completed_shell(loop, patience, openness(passed, other), pass_fds=(passed.fileno(),))
        after = [os.get_inheritable(file.fileno()) for file in (passed, other)]

    assert (ended.output, after) == ({1: b"open\nclosed\n"}, flags)


@check(POPEN, needs=("proc",), after=())
async def close_fds_default(loop, patience):
    """A child has no descriptors of its parent, unless close_fds=False lets it have those that are inheritable."""
    with pipe() as (inheritable, other):
        os.set_inheritable(inheritable.fileno(), True)
        line = openness(inheritable, other)
        seen = [
            (await completed_shell(loop, patience, line, **options)).output[1]
            for options in ({}, {"close_fds": True}, {"close_fds": False})
        ]

    assert seen == [b"closed\nclosed\n", b"closed\nclosed\n", b"open\nclosed\n"]


@check(POPEN, level="should", needs=("proc",))
async def only_std_fds_in_child(loop, patience):
    """A child has no descriptors but 0, 1 and 2: none of the loop, of connections, or of other children."""
    script = "n=3; while [ $n -lt 100 ]; do [ -e /dev/fd/$n ] && echo $n; n=$((n+1)); done; echo end"
    async with child(loop, patience, "cat"):
        ended = await completed(loop, patience, "sh", "-c", script)

    assert ended.output == {1: b"end\n"}


@check("Lib/asyncio/unix_events.py: _UnixSubprocessTransport", level="should")
async def stdin_not_inherited_by_sibling(loop, patience):
    """Another child, even with close_fds=False, does not hold the stdin of a child open."""
    async with (
        child(loop, patience, "cat") as (transport, first),
        child(loop, patience, *FOREVER, close_fds=False, **NOTHING) as (_, second),
    ):
        transport.get_pipe_transport(0).close()
        await first.until("process_exited", patience)
        events = second.events[:]

    assert (transport.get_returncode(), events) == (0, ["connection_made"])


@check(POPEN)
async def start_new_session(loop, patience):
    """start_new_session=True makes a child the leader of a session."""
    async with child(loop, patience, "cat", start_new_session=True) as (transport, _):
        pid = transport.get_pid()
        session = os.getsid(pid)

    assert session == pid


@check(POPEN)
async def process_group(loop, patience):
    """process_group=0 puts a child into a process group of its own, in the same session."""
    async with child(loop, patience, "cat", process_group=0) as (transport, _):
        pid = transport.get_pid()
        seen = (os.getpgid(pid), os.getsid(pid))

    assert seen == (pid, os.getsid(0))


@check(POPEN, after=())
async def umask(loop, patience):
    """umask is that of the child."""
    seen = [int((await completed_shell(loop, patience, "umask", umask=mask)).output[1], 8) for mask in (0o027, 0o111)]

    assert seen == [0o027, 0o111]


@check(POPEN, after=())
async def preexec_fn(loop, patience, folder):
    """preexec_fn is called in the child, before the program runs."""
    ended = await completed_shell(loop, patience, "pwd -P", preexec_fn=lambda: os.chdir(folder))

    assert ended.output == {1: os.fsencode(os.path.realpath(folder)) + b"\n"}


@check(POPEN, after=())
async def restore_signals(loop, patience):
    """A child gets the signals that Python ignores with their default action, unless restore_signals=False."""
    script = "kill -PIPE $$; echo survived"
    seen = [
        (ended.status, ended.output)
        for options in ({}, {"restore_signals": False})
        for ended in [await completed_shell(loop, patience, script, **options)]
    ]

    assert seen == [(-signal.SIGPIPE, {}), (0, {1: b"survived\n"})]


@check(POPEN, level="may", needs=("proc",))
async def pipesize(loop, patience):
    """pipesize is the size of the pipe between a child and its parent."""
    async with process(patience, "cat", stdin=PIPE, stdout=PIPE, pipesize=8192) as made:
        pipe_of_loop = made.stdin.get_extra_info("pipe")
        size = fcntl.fcntl(pipe_of_loop.fileno(), fcntl.F_GETPIPE_SZ)

    assert size == 8192


@check("signal#signal.pthread_sigmask", level="should", needs=("signals",))
async def child_has_no_blocked_signals(loop, patience):
    """A child does not start with signals blocked: SIGTERM ends it."""
    async with child(loop, patience, *FOREVER, **NOTHING) as (transport, protocol):
        transport.terminate()
        await protocol.until("process_exited", patience)

    assert transport.get_returncode() == -signal.SIGTERM


# the end of children


@check(UNIX, level="should")
async def cancel_spawn(loop, patience):
    """Cancelling subprocess_exec() raises CancelledError, and a child that was started is killed and waited for."""
    spawning = asyncio.ensure_future(loop.subprocess_exec(Child, *FOREVER))
    await pass_turns()
    spawning.cancel()
    await soon(asyncio.wait([spawning]), patience, "a cancelled subprocess_exec() ends")

    assert spawning.cancelled()
    await turns_until(lambda: not children_of_this_process(), patience, "the child is killed and waited for")


@check("Lib/asyncio/unix_events.py: _PidfdChildWatcher")
async def reaped(loop, patience):
    """A child that has ended is waited for: it is no zombie when process_exited() is called."""
    async with child(loop, patience, "true", **NOTHING) as (transport, protocol):
        await protocol.until("process_exited", patience)
        seen = is_reaped(transport.get_pid())

    assert seen


@check(EXEC)
async def fast_exit(loop, patience):
    """Children that end at once are never missed, even many at a time, and each has its own status."""
    statuses = []
    for _ in range(2):
        made = [completed(loop, patience, "sh", "-c", f"exit {status}", **NOTHING) for status in range(10)]
        statuses += [one.status for one in await asyncio.gather(*made)]

    assert statuses == [*range(10)] * 2


@check(EXEC)
async def exit_before_watched(loop, patience):
    """A child that has ended before subprocess_exec() gets on is not missed."""
    spawning = asyncio.ensure_future(loop.subprocess_exec(Child, "sh", "-c", "exit 3", **NOTHING))
    await pass_turns()
    # Busy until the child has ended; a loop that reaped it already has seen its end.
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    transport, protocol = await soon(spawning, patience, "subprocess_exec() returns")
    await protocol.until("connection_lost", patience)

    assert (transport.get_returncode(), protocol.events) == (
        3,
        ["connection_made", "process_exited", "connection_lost"],
    )


@check("Lib/asyncio/unix_events.py: _PidfdChildWatcher", level="should")
async def foreign_children_left_alone(loop, patience):
    """The loop waits for its own children only: another's child keeps its status for who started it."""
    with subprocess.Popen(["sh", "-c", "exit 9"]) as foreign:
        os.waitid(os.P_PID, foreign.pid, os.WEXITED | os.WNOWAIT)
        own = await completed(loop, patience, "sh", "-c", "exit 4", **NOTHING)
        await pass_turns(2)
        status = foreign.wait()

    assert (own.status, status) == (4, 9)


@check("Lib/asyncio/unix_events.py: _PidfdChildWatcher", level="should", needs=("signals",))
def sigchld_untouched(new_loop, patience, trace):
    """Running children does not change what SIGCHLD does: nothing, or calling the program's own handler."""

    def run():
        loop = new_loop()
        with contextlib.closing(loop):
            status = run_coroutine(loop, completed(loop, patience, "sh", "-c", "exit 4", **NOTHING)).status
        return status, signal.getsignal(signal.SIGCHLD)

    def handler(number, frame):
        trace("handler")

    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        seen = [run()]
        signal.signal(signal.SIGCHLD, handler)
        seen.append(run())
    finally:
        signal.signal(signal.SIGCHLD, before)

    assert (seen, trace) == ([(4, signal.SIG_DFL), (4, handler)], ["handler"])


@check("Lib/asyncio/unix_events.py: _PidfdChildWatcher._do_wait", level="may", python=">=3.12")
async def reaped_elsewhere(loop, patience, logged):
    """If other code has waited for a child, its status is lost, and 255 is given instead.

    A loop that waits in a thread may be quicker, and has the status.
    """
    status = 255
    async with child(loop, patience, *FOREVER, **NOTHING) as (transport, protocol):
        transport.kill()
        try:
            os.waitpid(transport.get_pid(), 0)
        except ChildProcessError:
            status = -signal.SIGKILL
        await protocol.until("process_exited", patience)

    assert transport.get_returncode() == status


@check("Lib/asyncio/unix_events.py: _PidfdChildWatcher._do_wait", level="may", python=">=3.12")
async def lost_status_is_logged(loop, patience, logged):
    """If other code has waited for a child, the loop says in the log that its status is lost: 255 alone tells nobody.

    A loop that waits in a thread may be quicker, and has nothing to say.
    """
    lost = 1
    async with child(loop, patience, *FOREVER, **NOTHING) as (transport, protocol):
        transport.kill()
        try:
            os.waitpid(transport.get_pid(), 0)
        except ChildProcessError:
            lost = 0
        await protocol.until("process_exited", patience)

    said = [record.getMessage() for record in logged if record.levelname == "WARNING"]
    assert len(said) == lost, f"the warnings are {said!r}"


@check("Lib/asyncio/unix_events.py: _ThreadedChildWatcher", level="should")
async def stopped_child(loop, patience):
    """A child that is stopped, and goes on, is not taken for one that has ended."""
    async with child(loop, patience, "cat") as (transport, protocol):
        transport.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, transport.get_pid(), os.WSTOPPED | os.WNOWAIT)
        await pass_turns(2)
        transport.send_signal(signal.SIGCONT)
        transport.get_pipe_transport(0).write(b"still here")
        await protocol.has_output(1, b"still here", patience)
        events = protocol.events[:]

    assert events == ["connection_made", "data of 1"]


@check("asyncio-subprocess#subprocess-and-threads", level="should")
def in_thread_of_its_own(new_loop, patience):
    """Children work on loops that run in other threads than the main one, several at once."""

    def run(status):
        loop = new_loop()
        with contextlib.closing(loop):
            return loop.run_until_complete(completed(loop, patience, "sh", "-c", f"cat; exit {status}")).status

    errands = [Errand(run, status) for status in (1, 2, 3)]
    for errand in errands:
        errand.start()

    assert [errand.result(2 * patience) for errand in errands] == [1, 2, 3]


@check("asyncio-subprocess#subprocess-and-threads", level="should")
def loop_of_another_thread_leaves_children_alone(new_loop, patience):
    """A child's end is told to its own loop while another loop runs children in another thread."""
    loop = new_loop()

    async def body():
        async with child(loop, patience, "cat") as (transport, protocol):
            other = new_loop()
            with contextlib.closing(other):
                run = completed(other, patience, "sh", "-c", "exit 3", **NOTHING)
                status = await threaded(other.run_until_complete, run, patience=patience)
            transport.get_pipe_transport(0).close()
            await protocol.until("connection_lost", patience)
            return status.status, transport.get_returncode()

    assert run_coroutine(loop, body()) == (3, 0)


@check("asyncio-runner#asyncio.Runner", level="should")
def no_current_loop_needed(new_loop, patience, no_current_loop):
    """Children work on a loop that is nobody's current loop, and after other loops that ran children were closed."""
    seen = []
    for status in (1, 2, 3):
        loop = new_loop()
        with contextlib.closing(loop):
            seen.append(run_coroutine(loop, completed(loop, patience, "sh", "-c", f"exit {status}")).status)

    assert seen == [1, 2, 3]


@check("Lib/asyncio/base_subprocess.py: _call", level="should")
async def callback_exception(loop, patience, errors):
    """An exception in pipe_data_received() is told to the exception handler, and the rest goes on."""

    def fail(protocol):
        raise ZeroDivisionError

    factory = functools.partial(Child, pipe_data_received=fail)
    ended = await completed(loop, patience, "echo", "hello", factory=factory)

    assert [type(context.get("exception")) for context in errors] == [ZeroDivisionError]
    assert (ended.events[-1], ended.status) == ("connection_lost", 0)


@check("Lib/asyncio/base_subprocess.py: BaseSubprocessTransport._connect_pipes", level="may")
async def made_error_is_reported(loop, patience, errors):
    """An exception in a child's connection_made() is told to the exception handler, and the rest goes on."""

    def fail(protocol):
        raise ZeroDivisionError

    factory = functools.partial(Child, connection_made=fail)
    ended = await completed(loop, patience, "echo", "hello", factory=factory)

    assert [type(context.get("exception")) for context in errors] == [ZeroDivisionError]
    assert (ended.events[-1], ended.status) == ("connection_lost", 0)


@check("Lib/asyncio/base_subprocess.py: _call_connection_lost", level="should")
async def threads_and_fds_released(loop, patience):
    """Children that have ended leave no descriptors and no threads."""

    async def run(number):
        for _ in range(number):
            await completed(loop, patience, "cat", input=b"hello")

    await run(1)
    before = open_descriptors(), threading.active_count()
    await run(8)
    await turns_until(
        lambda: (open_descriptors(), threading.active_count()) <= before,
        patience,
        "as many descriptors and threads are left after nine children as after one",
    )
    assert (open_descriptors(), threading.active_count()) <= before


def drop_open_child(factory, patience):
    """Close a loop that has a child, drop the child's transport; the warnings that this makes."""

    async def start(loop):
        transport, _ = await soon(loop.subprocess_exec(Child, *FOREVER, **NOTHING), patience, "a child starts")
        return transport

    def leave():
        loop = factory()
        transport = run_coroutine(loop, start(loop))
        loop.close()
        return transport.get_pid()

    with warned(ResourceWarning) as texts:
        pid = leave()
        gc.collect()
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return texts


class Keeper(Child):
    """A protocol that keeps each piece of output as it came."""

    def __init__(self):
        super().__init__()
        self.pieces = []

    def pipe_data_received(self, fd, data):
        self.pieces.append(data)
        super().pipe_data_received(fd, data)


@check(BASE_TRANSPORT, level="should")
async def output_is_not_kept(loop, patience):
    """While a child goes on, the loop keeps nothing of what it has written.

    The output of a server's worker has no end.
    """
    sent = b""
    async with child(loop, patience, "cat", factory=Keeper, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as (
        transport,
        protocol,
    ):
        for number in range(5):
            piece = f"piece {number}".encode()
            transport.get_pipe_transport(0).write(piece)
            sent += piece
            await protocol.has_output(1, sent, patience)
        await pass_turns(3)
        # An object that only a list holds is the measure.
        unused = [bytes(number) for number in range(10, 20)]
        alone = max(sys.getrefcount(one) for one in unused)
        kept = sum(sys.getrefcount(one) > alone for one in protocol.pieces)

    assert protocol.output == {1: sent}
    assert kept == 0, f"of {len(protocol.pieces)} pieces of output so many are still referred to from elsewhere"


@check("Lib/asyncio/base_subprocess.py: __del__", level="should", python=">=3.12")
def unclosed_transport_warns(in_new_python, patience):
    """A child's transport that is open when its loop is closed, and is dropped, makes a ResourceWarning.

    How a loop words it is its own affair. In a new process, where what the loop was still watching ends with it.
    """
    texts = in_new_python(drop_open_child, patience)

    assert ["unclosed" in text for text in texts].count(True) == 1, f"the warnings are {texts!r}"


@check("asyncio-dev#asyncio-debug-mode", after=())
async def debug_mode_works(loop, patience, errors, logged):
    """Children work in debug mode, and nothing is told to the exception handler."""
    loop.set_debug(True)
    ended = await completed_shell(loop, patience, "cat; exit 3", input=b"hello")
    seen = await communicated(patience, "cat", b"input", stdin=PIPE, stdout=PIPE)

    assert (ended.output, ended.status, seen, errors) == ({1: b"hello"}, 3, (b"input", None, 0), [])


@check("Lib/asyncio/unix_events.py: _UnixSelectorEventLoop", level="may")
async def starting_warns_of_nothing(loop, patience):
    """Starting a child does not make a DeprecationWarning: the loop does not lean on what asyncio gives up."""
    with warned(DeprecationWarning) as texts:
        await completed(loop, patience, "true", **NOTHING)

    assert texts == []


@check(EXEC, level="should")
async def many_children_with_pipes(loop, patience):
    """Many children at once each get their own input and give their own output."""
    words = [b"child %d" % number for number in range(12)]
    ended = await asyncio.gather(*(completed(loop, patience, "cat", input=word) for word in words))

    assert [one.output for one in ended] == [{1: word} for word in words]


untested(
    "windows_selector_loop_unsupported",
    "asyncio-platforms#subprocess-support-on-windows",
    "On Windows a loop without subprocesses raises NotImplementedError from subprocess_exec() and subprocess_shell().",
    because="the children of this area are tools of POSIX",
)


# any life


@check(PROTOCOL, after=())
def any_life_is_told_in_order(wrong_life):
    """Whatever is written to a child and however it ends, its protocol is told all of it once, in order, and rightly.

    Generated lives of children that copy, ignore, end by themselves or ignore a signal: writes of all sizes, the end of
    input, pauses, signals, the end of output, close(). The callbacks are connection_made(), data and then the loss of
    each pipe, process_exited() anywhere between, and connection_lost() when all of these have been; what came is what
    the child was sent, or a beginning if it was ended; and the exit status is one that has a cause.
    """
    assert wrong_life() == []


also_in(
    {
        "debug": (callbacks_lifecycle, close_kills, fast_exit, cancel_spawn, communicate_large, stdin_pending_lost_exc),
        "other-thread": (
            callbacks_lifecycle,
            exit_codes,
            communicate_basic,
            fast_exit,
            close_kills,
            exit_seen_while_pipe_held,
            many_waiters,
        ),
        "runner": (callbacks_lifecycle, communicate_basic, fast_exit),
        "eager-tasks": (callbacks_lifecycle, communicate_basic, close_kills, cancel_wait),
        "python-tasks": (callbacks_lifecycle, communicate_basic, cancel_wait),
        "first-loop": (callbacks_lifecycle, fast_exit),
        "second-loop": (callbacks_lifecycle, fast_exit, sigchld_untouched),
        "child-stdin": (
            transports.write_order,
            transports.write_after_abort_no_raise,
            transports.writelines_large_partial,
            transports.write_eof_idempotent,
            transports.write_eof_then_close,
            transports.close_ends_connection,
            transports.abort_immediate,
            transports.abort_after_close,
            transports.buffer_size_counts,
            transports.pause_writing_over_high,
            transports.pause_writing_once,
            transports.high_zero_pauses,
            transports.lower_limits_pauses_now,
            transports.resume_before_lost_on_close,
            transports.no_resume_on_abort,
            transports.resume_may_write,
            transports.pause_writing_error_is_reported,
        ),
        "child-stdout": (
            transports.close_returns_at_once,
            transports.eof_after_data,
            transports.pause_in_connection_made,
            transports.pause_resume_idempotent,
            transports.pause_in_data_received,
            transports.resume_not_synchronous,
            transports.data_is_bytes,
            transports.data_in_order,
            transports.reading_is_fair,
        ),
    },
    but={
        "child-stdin": {
            transports.pause_writing_error_is_reported: "The report names the pipe's protocol, not the program's.",
        },
        "child-stdout": {
            transports.eof_after_data: "The protocol of a child is not told of the end, but of pipe_connection_lost().",
        },
    },
)
