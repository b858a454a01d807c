"""What a check may use: everything here, and the standard library's own view of the world.

The names in :data:`TOOLS` are given to a check that has a parameter of that name; the rest is imported.
"""

from loopcheck.kit.bench import HEAVY, TOOLS, Bench, LoopFactory, Trace, perform, tool
from loopcheck.kit.foreign import ForeignTask, SilentForeignTask, StubTask
from loopcheck.kit.net import DatagramWatcher, PipeWatcher, StreamWatcher, SubprocessWatcher, Watcher
from loopcheck.kit.turns import pass_turns, run_coroutine, turn, turns
from loopcheck.kit.wait import forked, in_thread, refuses, soon, threaded

__all__ = [
    "HEAVY",
    "TOOLS",
    "Bench",
    "DatagramWatcher",
    "ForeignTask",
    "LoopFactory",
    "PipeWatcher",
    "SilentForeignTask",
    "StreamWatcher",
    "StubTask",
    "SubprocessWatcher",
    "Trace",
    "Watcher",
    "forked",
    "in_thread",
    "pass_turns",
    "perform",
    "refuses",
    "run_coroutine",
    "soon",
    "threaded",
    "tool",
    "turn",
    "turns",
]
