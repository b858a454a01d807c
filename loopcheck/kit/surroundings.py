"""What surrounds a loop in its process: policy and current loops, environment, warnings, and the interpreter itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from loopcheck.kit.bench import Bench, tool


@contextlib.contextmanager
def warned(*categories: type[Warning]) -> Iterator[list[str]]:
    """The texts of the warnings of these categories that the block issues, each as "Category: text".

    No filter hides any, no other warning gets out of the block, and all filters are as before afterwards.
    """
    texts: list[str] = []

    def keep(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, categories):
            texts.append(f"{category.__name__}: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = keep
        yield texts


@contextlib.contextmanager
def environment(name: str, value: str | None) -> Iterator[None]:
    """An environment variable of this process has the value in the block; None is for a variable that is not set."""
    before = os.environ.pop(name, None)
    try:
        if value is not None:
            os.environ[name] = value
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def current_loop() -> Any:
    """What get_event_loop() returns, or "RuntimeError" if it raises that."""
    try:
        return asyncio.get_event_loop()
    except RuntimeError:
        return "RuntimeError"


@contextlib.contextmanager
def installed(policy: Any) -> Iterator[None]:
    """In the block this is the process's event loop policy; None is for asyncio's own, with no current loop yet.

    The former policy, and with it each thread's current loop, is back afterwards.
    """
    with _quiet():
        before = asyncio.get_event_loop_policy()
        asyncio.set_event_loop_policy(policy)
    try:
        yield
    finally:
        with _quiet():
            asyncio.set_event_loop_policy(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # The policy system is deprecated from 3.14 on, and nobody can look after what he changes without it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@tool
def no_current_loop(bench: Bench) -> Iterator[None]:
    """In the check no thread has a current loop, until the check sets one; afterwards it is all as before."""
    with installed(None):
        asyncio.set_event_loop(None)  # or 3.13 makes one when asked
        yield None


def _policy_base() -> Any:
    with _quiet():
        return asyncio.DefaultEventLoopPolicy


def policy_making(factory: Callable[[], asyncio.AbstractEventLoop]) -> Any:
    """An instance of a policy class derived from asyncio's default one, whose new_event_loop() calls the factory."""

    class Policy(_policy_base()):  # type: ignore[misc]  # its base is asked for while the program runs
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return factory()

    return Policy()


@tool
def policy_calls(bench: Bench) -> Iterator[list[str]]:
    """The names of the policy's methods that are called in the check; none of them knows a loop."""
    calls: list[str] = []

    class Policy(_policy_base()):  # type: ignore[misc]  # its base is asked for while the program runs
        def get_event_loop(self) -> asyncio.AbstractEventLoop:
            calls.append("get_event_loop")
            raise RuntimeError("no current event loop: this policy has none")

        def set_event_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
            calls.append("set_event_loop")

        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            calls.append("new_event_loop")
            raise RuntimeError("no new event loop: this policy makes none")

    with installed(Policy()):
        yield calls


_PROGRAM = """\
import json, sys
sys.path[:], module, names = json.loads(sys.argv[1])
{before}
import importlib, functools
factory = functools.reduce(getattr, names.split("."), importlib.import_module(module))
{program}
"""


@tool
def new_python(bench: Bench) -> Iterator[Callable[..., str]]:
    """A function that runs a program in a new interpreter, and returns what it printed, without the last newline.

    In the program, a text, ``factory`` is the subject's. Options of the interpreter follow as further arguments;
    ``before`` is a text to run before the subject is imported, and ``variables`` are for the environment.

    Takes a tenth of a second and more: an interpreter and asyncio must start.
    """

    def run(program: str, *options: str, before: str = "", **variables: str) -> str:
        __tracebackhide__ = True
        module, _, names = bench.spec.partition(":")
        kept = {name: value for name, value in os.environ.items() if name not in _SWITCHES}
        done = subprocess.run(
            [
                sys.executable,
                *options,
                "-c",
                _PROGRAM.format(before=before, program=program),
                json.dumps([sys.path, module, names]),
            ],
            env=kept | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=10 * bench.patience,
        )
        if done.returncode:
            raise AssertionError(f"a new interpreter with this loop ended with status {done.returncode}: {done.stderr}")
        return done.stdout.rstrip("\n")

    yield run


@tool
def in_new_python(bench: Bench) -> Iterator[Callable[..., Any]]:
    """A function that calls a function of the check's module in a new interpreter, and returns what it returned.

    The function gets the subject's factory and the arguments that follow it; arguments and result are what JSON knows.
    For what would damage the process that it happens in; the new one ends at once, without putting anything away.
    Not in a fork: a loop in C or Rust may have left native threads, which a fork has not, and for which it would wait.

    Takes two tenths of a second and more: an interpreter must start, and import the area.
    """
    run: Callable[..., str] = bench.tool("new_python")

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        __tracebackhide__ = True
        said = run(
            f"import os, {function.__module__} as area\n"
            f"arguments = json.loads({json.dumps(arguments)!r})\n"
            f"print(json.dumps(area.{function.__name__}(factory, *arguments)), flush=True)\n"
            "os._exit(0)"
        )
        return json.loads(said.rpartition("\n")[2])  # whatever the subject printed before

    yield call


@tool
def background_python(bench: Bench) -> Iterator[Callable[..., contextlib.AbstractContextManager[Any]]]:
    """A function that runs a program in a new interpreter beside the block, which gets the process.

    Its input and output are text pipes. After the block its input ends; what has not ended then is killed.
    """

    @contextlib.contextmanager
    def run(program: str, *options: str) -> Iterator[Any]:
        module, _, names = bench.spec.partition(":")
        with subprocess.Popen(
            [
                sys.executable,
                *options,
                "-c",
                _PROGRAM.format(before="", program=program),
                json.dumps([sys.path, module, names]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                yield process
                process.communicate(timeout=bench.patience)
            except subprocess.TimeoutExpired:
                process.kill()
                raise AssertionError("a process with this loop did not end when its input did") from None
            except BaseException:
                process.kill()
                raise

    yield run


_SWITCHES = {"PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONWARNINGS"}
"""Variables that are about what is checked in new interpreters."""
