"""Inside a process: who can tell what it is doing while its check does not end. The one who asks is ``hang.py``."""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import signal
from collections.abc import Callable


def question(stack: str) -> str:
    """The path of the pipe into which any byte is the question, by the path of the file that receives stacks."""
    return f"{stack}-question"


def answer(stack: str) -> str:
    """The path of the file that has the answer, once it is there."""
    return f"{stack}-answer"


class Witness:
    """Inside the process: a thread that waits to be asked, once, and answers in a file.

    It waits in C without the GIL and with every signal blocked, so that no check notices. It is none of the module
    ``threading``: that would show it to checks that count threads.

    Args:
        stack: the path of the file that receives the process's stacks: question and answer lie beside it.
        describe: called in the thread when it is asked.

    Raises:
        OSError: the pipe cannot be made.
    """

    def __init__(self, stack: str, describe: Callable[[], dict[str, list[str]]]) -> None:
        self._stack = stack
        self._describe = describe
        os.mkfifo(question(stack), 0o600)
        self._question = os.open(question(stack), os.O_RDWR)  # to write, too: else it would wait here for who asks
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            _thread.start_new_thread(self._wait, ())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _wait(self) -> None:
        # Whatever goes wrong, the check must not hear of it, and who asks gets no answer. A loop's repr() may panic.
        with contextlib.suppress(BaseException):
            os.read(self._question, 1)
            unfinished = f"{answer(self._stack)}-unfinished"
            with open(unfinished, "w", encoding="ascii") as file:
                json.dump(self._describe(), file)
            os.rename(unfinished, answer(self._stack))
