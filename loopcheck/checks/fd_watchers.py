"""Watching descriptors: add_reader(), add_writer(), remove_reader() and remove_writer()."""

import asyncio
import contextlib
import errno
import os
import socket
import tempfile
import threading

import loopcheck.kit.channels  # noqa: F401  # the tool "channel"
from loopcheck.basics import WATCHES_READERS, WATCHES_WRITERS
from loopcheck.check import also_in, check, untested
from loopcheck.kit import pass_turns, refuses, run_coroutine, soon, turns
from loopcheck.kit.contexts import Lookout
from loopcheck.kit.names import error_of
from loopcheck.kit.watching import closed_number, drain, duplicate, fill, fill_pipe, many_allowed, noticed
from loopcheck.kit.workers import Slumber

AFTER = WATCHES_READERS

POSIX = ("posix",)

MANY = 300
"""Descriptors; more than a loop asks the kernel for at once."""


class WithFileno:
    """An object that has a fileno() method, and nothing else."""

    def __init__(self, number):
        self.number = number

    def fileno(self):
        return self.number


def methods(loop):
    """The four methods, the two that add with a callback of their own, by name."""
    return {
        "add_reader": lambda fd: loop.add_reader(fd, int),
        "add_writer": lambda fd: loop.add_writer(fd, int),
        "remove_reader": loop.remove_reader,
        "remove_writer": loop.remove_writer,
    }


def answer(method, *arguments):
    """What the method returns, or what it raises as error_of() has it."""
    try:
        return method(*arguments)
    except Exception as error:
        return error_of(error)


def reading(sock, calls, *marks):
    """A callback that reads what there is, and keeps it after its marks."""
    return lambda *ignored: calls(*marks, sock.recv(2**16))


def once(remove, fd, calls, *marks):
    """A callback that removes its own watcher, and keeps its marks."""

    def call():
        remove(fd)
        calls(*marks)

    return call


def connecting(address):
    """A non-blocking socket that is connecting to the address."""
    sock = socket.socket()
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        sock.connect(address)
    return sock


# what is called, and when


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def add_reader_calls_back(loop, descriptors, calls, patience):
    """add_reader() has the callback called with its arguments when the descriptor is readable, and not before."""
    near, far = descriptors.pair()
    loop.add_reader(near.fileno(), lambda *given: calls(*given, near.recv(100)), "one", 2)
    await noticed(patience)
    before = list(calls)
    far.send(b"x")
    await calls.after(1, patience)
    await noticed(patience)

    assert (before, calls) == ([], [("one", 2, b"x")])


@check("asyncio-eventloop#asyncio.loop.add_writer", needs=POSIX, after=())
async def add_writer_calls_back(loop, descriptors, calls, patience):
    """add_writer() has the callback called with its arguments when the descriptor is writable: at once, if it is."""
    near, _ = descriptors.pair()

    def writable(*given):
        loop.remove_writer(near.fileno())
        calls(*given)

    loop.add_writer(near.fileno(), writable, "one", 2)

    assert await calls.after(1, patience) == [("one", 2)]


@check("asyncio-eventloop#asyncio.loop.add_writer", needs=POSIX)
async def add_writer_waits_for_room(loop, descriptors, calls, patience):
    """A callback of add_writer() is not called while the descriptor takes nothing, and is once it has been drained."""
    near, far = descriptors.pair()
    fill(near)
    loop.add_writer(near.fileno(), once(loop.remove_writer, near.fileno(), calls, "writable"))
    await noticed(patience)
    before = list(calls)
    drain(far)
    await calls.after(1, patience)

    assert (before, calls) == ([], ["writable"])


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def data_that_waits_is_noticed(loop, descriptors, calls, patience):
    """add_reader() has the callback called for data that was there before, too."""
    near, far = descriptors.pair()
    far.send(b"x")
    await pass_turns(2)
    loop.add_reader(near.fileno(), reading(near, calls))

    assert await calls.after(1, patience) == [b"x"]


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
def reader_wakes_idle_loop(loop, descriptors, patience):
    """A loop that has nothing else to do is woken up when a watched descriptor becomes readable."""
    near, far = descriptors.pair()
    slumber = Slumber(loop, patience)
    loop.add_reader(near.fileno(), slumber.wake)

    assert slumber.ends_by(lambda: far.send(b"x")), "the loop slept on although the descriptor was readable"


@check("asyncio-eventloop#asyncio.loop.add_writer", needs=POSIX, after=WATCHES_WRITERS)
def writer_wakes_idle_loop(loop, descriptors, patience):
    """A loop that has nothing else to do is woken up when a watched descriptor becomes writable."""
    near, far = descriptors.pair()
    fill(near)
    slumber = Slumber(loop, patience)
    loop.add_writer(near.fileno(), slumber.wake)

    assert slumber.ends_by(lambda: drain(far)), "the loop slept on although the descriptor was writable"


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._process_events", level="should", needs=POSIX)
async def reading_byte_by_byte_gets_all(loop, descriptors, calls, patience):
    """A reader is called again and again while data stays unread, and one that reads a byte each time gets them all.

    A loop that tells of every arrival once leaves programs hanging that do not read until nothing is there.
    """
    near, far = descriptors.pair()
    far.send(b"three")
    loop.add_reader(near.fileno(), calls.then("unread"))
    await pass_turns(1)
    loop.add_reader(near.fileno(), lambda: calls(near.recv(1)))
    await calls.after(5, patience)
    await noticed(patience)

    assert b"".join(call for call in calls if call != "unread") == b"three"


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._process_events", level="should", needs=POSIX)
async def level_triggered(loop, descriptors, calls, patience):
    """A reader that does not read is called again each time the loop looks at its descriptors."""
    near, far = descriptors.pair()
    far.send(b"x")
    loop.add_reader(near.fileno(), calls, "readable")

    assert (await calls.after(3, patience))[:3] == ["readable"] * 3


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._process_events",
    level="should",
    needs=POSIX,
    after=WATCHES_WRITERS,
)
async def writable_calls_again(loop, descriptors, calls, patience):
    """A writer is called again and again while the descriptor is writable."""
    near, _ = descriptors.pair()
    loop.add_writer(near.fileno(), calls, "writable")

    assert (await calls.after(3, patience))[:3] == ["writable"] * 3


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def ready_descriptor_starves_nobody(loop, descriptors, calls, patience):
    """A descriptor that is always ready keeps neither timers nor other descriptors from being noticed."""
    busy, never_read = descriptors.pair()
    near, far = descriptors.pair()
    never_read.send(b"x")
    far.send(b"x")
    loop.add_reader(busy.fileno(), int)
    loop.add_writer(busy.fileno(), int)
    loop.add_reader(near.fileno(), reading(near, calls, "reader"))
    loop.call_later(0.001, calls, "timer")

    assert sorted(map(str, await calls.after(2, patience))) == ["('reader', b'x')", "timer"]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop.add_reader", level="should", needs=POSIX)
async def add_returns_none(loop, descriptors):
    """add_reader() and add_writer() return None."""
    near, _ = descriptors.pair()

    assert (loop.add_reader(near.fileno(), int), loop.add_writer(near.fileno(), int)) == (None, None)


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
def watching_begins_before_the_run(loop, descriptors, calls):
    """What add_reader() was given before the loop runs is called when it runs."""
    near, far = descriptors.pair()
    loop.add_reader(near.fileno(), reading(near, calls))
    far.send(b"x")
    turns(loop, 3)

    assert calls == [b"x"]


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
def watching_outlives_the_run(loop, descriptors, calls):
    """A watcher stays when the run of its loop ends: it is called in the next run."""
    near, far = descriptors.pair()
    loop.add_reader(near.fileno(), reading(near, calls))
    for data in (b"first", b"second"):
        far.send(data)
        turns(loop, 3)

    assert calls == [b"first", b"second"]


# removing


@check("asyncio-eventloop#asyncio.loop.remove_reader", needs=POSIX)
async def remove_returns_true(loop, descriptors):
    """remove_reader() and remove_writer() return True for a descriptor that was watched.

    Libraries learn from it whether they have to clear up.
    """
    near, _ = descriptors.pair()
    loop.add_reader(near.fileno(), int)
    loop.add_writer(near.fileno(), int)

    assert (loop.remove_reader(near.fileno()), loop.remove_writer(near.fileno())) == (True, True)


@check("asyncio-eventloop#asyncio.loop.remove_reader", needs=POSIX)
async def remove_returns_false(loop, descriptors):
    """remove_reader() and remove_writer() return False for a descriptor that was never watched, or is no longer."""
    near, _ = descriptors.pair()
    fd = near.fileno()
    never = loop.remove_reader(fd), loop.remove_writer(fd)
    loop.add_reader(fd, int)
    loop.add_writer(fd, int)
    loop.remove_reader(fd)
    loop.remove_writer(fd)

    assert (never, (loop.remove_reader(fd), loop.remove_writer(fd))) == ((False, False), (False, False))


@check("asyncio-eventloop#asyncio.loop.remove_reader", needs=POSIX)
async def remove_of_the_other_event_returns_false(loop, descriptors):
    """remove_reader() returns False for a descriptor with a writer alone, remove_writer() for one with a reader."""
    near, far = descriptors.pair()
    loop.add_reader(near.fileno(), int)
    loop.add_writer(far.fileno(), int)

    assert (loop.remove_writer(near.fileno()), loop.remove_reader(far.fileno())) == (False, False)
    assert (loop.remove_reader(near.fileno()), loop.remove_writer(far.fileno())) == (True, True)


@check("asyncio-eventloop#asyncio.loop.remove_reader", needs=POSIX, after=())
async def remove_unknown_number_returns_false(loop):
    """remove_reader() and remove_writer() return False for a number that is no open descriptor."""
    number = closed_number()

    assert (loop.remove_reader(number), loop.remove_writer(number)) == (False, False)


@check("asyncio-eventloop#asyncio.loop.remove_reader", needs=POSIX)
async def remove_stops(loop, descriptors, calls, patience):
    """After remove_reader() and remove_writer() the callbacks are not called again, though there is much to tell."""
    near, far = descriptors.pair()
    loop.add_reader(near.fileno(), calls, "reader")
    loop.add_writer(far.fileno(), calls, "writer")
    await calls.after(1, patience)
    loop.remove_reader(near.fileno())
    loop.remove_writer(far.fileno())
    before = list(calls)
    far.send(b"x")
    await noticed(patience)

    assert calls == before


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._remove_reader", level="should", needs=POSIX)
async def remove_cancels_ready(loop, descriptors, calls, patience):
    """A callback that removes another watcher is in time even if that one's descriptor is ready in the same turn.

    Else a program is called back with what it has put away.
    """
    (one, far_one), (two, far_two) = descriptors.pair(), descriptors.pair()

    def readable(name):
        loop.remove_reader(one.fileno())
        loop.remove_reader(two.fileno())
        calls(name)

    far_one.send(b"x")
    far_two.send(b"x")
    loop.add_reader(one.fileno(), readable, "one of them")
    loop.add_reader(two.fileno(), readable, "one of them")
    await calls.after(1, patience)
    await noticed(patience)

    assert calls == ["one of them"]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._remove_reader", level="should", needs=POSIX)
async def remove_cancels_ready_of_same_descriptor(loop, descriptors, calls, patience):
    """Of a reader and a writer of one descriptor that are ready at once, the first can remove the second."""
    near, far = descriptors.pair()

    def ready(name):
        loop.remove_reader(near.fileno())
        loop.remove_writer(near.fileno())
        calls(name)

    far.send(b"x")
    loop.add_reader(near.fileno(), ready, "one of them")
    loop.add_writer(near.fileno(), ready, "one of them")
    await calls.after(1, patience)
    await noticed(patience)

    assert calls == ["one of them"]


@check("asyncio-eventloop#asyncio.loop.remove_reader", needs=POSIX)
async def callback_removes_itself(loop, descriptors, calls, patience):
    """A callback may remove its own watcher: it is called once, though its descriptor stays ready."""
    near, far = descriptors.pair()
    far.send(b"x")
    loop.add_reader(near.fileno(), once(loop.remove_reader, near.fileno(), calls, "reader"))
    loop.add_writer(near.fileno(), once(loop.remove_writer, near.fileno(), calls, "writer"))
    await calls.after(2, patience)
    await noticed(patience)

    assert sorted(calls) == ["reader", "writer"]


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def added_again_after_removal(loop, descriptors, calls, patience):
    """A descriptor whose watcher was removed in a callback can be watched anew in the same callback."""
    near, far = descriptors.pair()

    def first():
        loop.remove_reader(near.fileno())
        loop.add_reader(near.fileno(), reading(near, calls, "second"))
        calls("first")

    loop.add_reader(near.fileno(), first)
    far.send(b"x")
    await calls.after(2, patience)
    await noticed(patience)

    assert calls == ["first", ("second", b"x")]


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def callback_adds_others(loop, descriptors, calls, patience):
    """A callback may watch other descriptors, which are ready already or will be."""
    (one, far_one), (two, far_two) = descriptors.pair(), descriptors.pair()

    def first():
        one.recv(100)
        loop.add_reader(two.fileno(), reading(two, calls, "second"))
        loop.add_writer(two.fileno(), once(loop.remove_writer, two.fileno(), calls, "third"))
        calls("first")

    loop.add_reader(one.fileno(), first)
    far_two.send(b"x")
    far_one.send(b"x")
    await calls.after(3, patience)

    assert (calls[0], sorted(map(str, calls[1:]))) == ("first", ["('second', b'x')", "third"])


# replacing


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def replace_reader(loop, descriptors, calls, patience):
    """A second add_reader() for a descriptor replaces the callback: only the new one is called."""
    near, far = descriptors.pair()
    loop.add_reader(near.fileno(), reading(near, calls, "old"))
    loop.add_reader(near.fileno(), reading(near, calls, "new"))
    far.send(b"x")
    await calls.after(1, patience)
    await noticed(patience)

    assert calls == [("new", b"x")]


@check("asyncio-eventloop#asyncio.loop.add_writer", needs=POSIX, after=WATCHES_WRITERS)
async def replace_writer(loop, descriptors, calls, patience):
    """A second add_writer() for a descriptor replaces the callback: only the new one is called."""
    near, _ = descriptors.pair()
    loop.add_writer(near.fileno(), calls, "old")
    loop.add_writer(near.fileno(), calls, "new")
    await calls.after(2, patience)

    assert set(calls) == {"new"}


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def replaced_watcher_is_removed_at_once(loop, descriptors, calls, patience):
    """A watcher that has replaced another is removed by one remove_reader() or remove_writer(): none is left."""
    near, far = descriptors.pair()
    far.send(b"x")
    for name in ("old", "new"):
        loop.add_reader(near.fileno(), calls, name)
        loop.add_writer(near.fileno(), calls, name)
    loop.remove_reader(near.fileno())
    loop.remove_writer(near.fileno())
    await noticed(patience)

    assert calls == []


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader", level="should", needs=POSIX)
async def replace_cancels_ready(loop, descriptors, calls, patience):
    """A callback that replaces another watcher is in time even if that one's descriptor is ready in the same turn."""
    (one, far_one), (two, far_two) = descriptors.pair(), descriptors.pair()

    def readable(mine, other):
        mine.recv(100)
        loop.add_reader(other.fileno(), reading(other, calls, "replacement"))
        calls("one of them")

    far_one.send(b"x")
    far_two.send(b"x")
    loop.add_reader(one.fileno(), readable, one, two)
    loop.add_reader(two.fileno(), readable, two, one)
    await calls.after(2, patience)
    await noticed(patience)

    assert calls == ["one of them", ("replacement", b"x")]


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def callback_replaces_itself(loop, descriptors, calls, patience):
    """A callback may replace its own watcher: from then on the new callback is called."""
    near, far = descriptors.pair()

    def first():
        loop.add_reader(near.fileno(), reading(near, calls, "second"))
        calls("first", near.recv(1))

    loop.add_reader(near.fileno(), first)
    far.send(b"xyz")
    await calls.after(2, patience)

    assert calls == [("first", b"x"), ("second", b"yz")]


# reader and writer of one descriptor


@check("asyncio-eventloop#asyncio.loop.add_writer", needs=POSIX)
async def reader_and_writer_independent(loop, descriptors, calls, patience):
    """A descriptor may have a reader and a writer, and each is called when its own time has come."""
    near, far = descriptors.pair()
    fill(near)
    loop.add_writer(near.fileno(), once(loop.remove_writer, near.fileno(), calls, "writer"))
    loop.add_reader(near.fileno(), reading(near, calls, "reader"))
    far.send(b"x")
    await calls.after(1, patience)
    await noticed(patience)
    early = list(calls)
    drain(far)
    await calls.after(2, patience)
    far.send(b"y")
    await calls.after(3, patience)

    assert (early, calls) == ([("reader", b"x")], [("reader", b"x"), "writer", ("reader", b"y")])


@check("asyncio-eventloop#asyncio.loop.remove_writer", needs=POSIX)
async def removing_writer_leaves_reader(loop, descriptors, calls, patience):
    """remove_writer() leaves the reader of the same descriptor as it was."""
    near, far = descriptors.pair()
    loop.add_reader(near.fileno(), reading(near, calls, "reader"))
    loop.add_writer(near.fileno(), calls, "writer")
    loop.remove_writer(near.fileno())
    far.send(b"x")
    await calls.after(1, patience)

    assert calls == [("reader", b"x")]


@check("asyncio-eventloop#asyncio.loop.remove_reader", needs=POSIX)
async def removing_reader_leaves_writer(loop, descriptors, calls, patience):
    """remove_reader() leaves the writer of the same descriptor as it was."""
    near, far = descriptors.pair()
    far.send(b"x")
    loop.add_writer(near.fileno(), calls, "writer")
    loop.add_reader(near.fileno(), calls, "reader")
    loop.remove_reader(near.fileno())
    await calls.after(2, patience)

    assert set(calls) == {"writer"}


@check("asyncio-eventloop#asyncio.loop.add_writer", needs=POSIX)
async def replacing_writer_leaves_reader(loop, descriptors, calls, patience):
    """Replacing one watcher of a descriptor leaves the other one as it was."""
    near, far = descriptors.pair()
    loop.add_reader(near.fileno(), reading(near, calls, "reader"))
    for name in ("old", "new"):
        loop.add_writer(near.fileno(), once(loop.remove_writer, near.fileno(), calls, name))
    far.send(b"x")
    await calls.after(2, patience)

    assert sorted(map(str, calls)) == ["('reader', b'x')", "new"]


# what may stand for a descriptor


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport", level="should", needs=POSIX)
async def fileobj_forms(loop, descriptors, calls, patience):
    """A descriptor may be given as a number, a socket, or any object with a fileno() method, to all four methods.

    anyio and database drivers give sockets.
    """
    for number, kind in enumerate((socket.socket.fileno, lambda sock: sock, lambda sock: WithFileno(sock.fileno()))):
        near, far = descriptors.pair()
        far.send(b"x")
        given = kind(near)
        loop.add_reader(given, once(loop.remove_reader, given, calls, "reader"))
        loop.add_writer(given, once(loop.remove_writer, given, calls, "writer"))
        await calls.after(2 * number + 2, patience)

    assert sorted(calls) == ["reader"] * 3 + ["writer"] * 3


@check("selectors#selectors.BaseSelector.register", level="should", needs=POSIX)
async def fileobj_forms_mix(loop, descriptors, calls, patience):
    """What was added as an object can be removed by its number, and the other way round."""
    for added, removed in (
        (lambda sock: sock, socket.socket.fileno),
        (socket.socket.fileno, lambda sock: sock),
        (lambda sock: sock, lambda sock: WithFileno(sock.fileno())),
    ):
        near, far = descriptors.pair()
        far.send(b"x")
        loop.add_reader(added(near), calls, "reader")
        loop.add_writer(added(near), calls, "writer")
        loop.remove_reader(removed(near))
        loop.remove_writer(removed(near))
    await noticed(patience)

    assert calls == []


@check("selectors#selectors.BaseSelector.register", level="should", needs=POSIX)
async def fileobj_forms_replace(loop, descriptors, calls, patience):
    """A socket and its number are one descriptor: a watcher that was added as the one is replaced as the other."""
    near, far = descriptors.pair()
    loop.add_reader(near, reading(near, calls, "old"))
    loop.add_reader(near.fileno(), reading(near, calls, "new"))
    far.send(b"x")
    await calls.after(1, patience)
    await noticed(patience)

    assert calls == [("new", b"x")]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport", level="should", needs=POSIX)
async def bad_fileobj(loop):
    """What is neither a number nor has a fileno() raises ValueError or TypeError in all four methods."""
    for name, method in methods(loop).items():
        for wrong in (None, "1", 1.5, object(), WithFileno(None)):
            with refuses((ValueError, TypeError), f"{name}({wrong!r})"):
                method(wrong)


@check("selectors#selectors.BaseSelector.register", level="should", needs=POSIX)
async def negative_fd(loop):
    """A negative number, and a socket that is closed, raise ValueError in all four methods."""
    closed = socket.socket()
    closed.close()
    for name, method in methods(loop).items():
        for wrong in (-1, closed):
            with refuses(ValueError, f"{name}({wrong!r})"):
                method(wrong)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader", level="should", needs=("epoll",))
async def closed_fd_number(loop):
    """add_reader() and add_writer() raise OSError EBADF at once for a number that is no open descriptor.

    A loop that accepts it leaves the program waiting for ever.
    """
    number = closed_number()
    answers = [answer(add, number, int) for add in (loop.add_reader, loop.add_writer)]
    loop.remove_reader(number)
    loop.remove_writer(number)

    assert answers == [("OSError", "EBADF")] * 2


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader", level="should", needs=("epoll",))
async def refused_descriptor_is_not_watched(loop, descriptors, calls, patience):
    """What add_reader() has refused leaves no trace: the number can be watched once it is a descriptor."""
    near, far = descriptors.pair()
    number = closed_number()
    with contextlib.suppress(OSError):
        loop.add_reader(number, calls, "refused")
    again = descriptors.another(near, number)
    far.send(b"x")
    loop.add_reader(number, reading(again, calls, "accepted"))
    await calls.after(1, patience)

    assert calls == [("accepted", b"x")]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader", level="may", needs=("epoll",))
async def regular_file(loop):
    """add_reader() and add_writer() raise PermissionError for a regular file, which cannot be watched on Linux."""
    with tempfile.TemporaryFile() as file:
        answers = [answer(add, file, int) for add in (loop.add_reader, loop.add_writer)]
        loop.remove_reader(file)
        loop.remove_writer(file)

    assert answers == [("PermissionError", "EPERM")] * 2


# what is called


@check("asyncio-eventloop#asyncio.loop.add_writer", needs=POSIX)
async def callback_args(loop, descriptors, calls, patience):
    """add_reader() and add_writer() pass on any number of positional arguments."""
    near, far = descriptors.pair()
    far.send(b"x")
    fd = near.fileno()
    for arguments in ((), (1,), (1, "two"), tuple(range(20))):
        for add, remove in ((loop.add_reader, loop.remove_reader), (loop.add_writer, loop.remove_writer)):
            add(fd, lambda *given, remove=remove: (remove(fd), calls(list(given))), *arguments)
            await calls.after(len(calls) + 1, patience)

    assert calls == [[]] * 2 + [[1]] * 2 + [[1, "two"]] * 2 + [list(range(20))] * 2


@check("asyncio-eventloop#asyncio.loop.add_writer", needs=POSIX)
async def callback_keywords_refused(loop, descriptors):
    """add_reader() and add_writer() take no keyword arguments for the callback: they raise TypeError."""
    near, _ = descriptors.pair()
    for add in (loop.add_reader, loop.add_writer):
        with refuses(TypeError, f"{add.__name__}(fd, callback, x=1)"):
            add(near.fileno(), int, x=1)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader", level="should", needs=POSIX)
async def callback_in_running_loop(loop, descriptors, patience):
    """The callbacks run in the loop's thread, with the loop as the running one."""
    near, far = descriptors.pair()
    lookout = Lookout(lambda: (asyncio.get_running_loop() is loop, threading.get_ident()))
    far.send(b"x")
    loop.add_reader(near.fileno(), once(loop.remove_reader, near.fileno(), lookout, "reader"))
    loop.add_writer(near.fileno(), once(loop.remove_writer, near.fileno(), lookout, "writer"))
    await lookout.after(2, patience)

    here = (True, threading.get_ident())
    assert lookout.seen == {"reader": here, "writer": here}


@check("Lib/asyncio/events.py: Handle._run", level="should", needs=POSIX)
async def callback_exception_leaves_others(loop, errors, descriptors, calls, patience):
    """An exception of a callback keeps no other callback that is due in the same turn from being called."""
    failing, good = [descriptors.pair() for _ in range(3)], [descriptors.pair() for _ in range(3)]

    def fail(fd):
        loop.remove_reader(fd)
        raise ZeroDivisionError

    for (bad, far_bad), (near, far) in zip(failing, good, strict=True):
        far_bad.send(b"x")
        far.send(b"x")
        loop.add_reader(bad.fileno(), fail, bad.fileno())
        loop.add_reader(near.fileno(), reading(near, calls))
    await calls.after(3, patience)
    await noticed(patience)

    assert (calls, [type(context.get("exception")) for context in errors]) == ([b"x"] * 3, [ZeroDivisionError] * 3)


@check("Lib/asyncio/events.py: Handle._run", level="should", needs=POSIX, after=WATCHES_WRITERS)
async def writer_stays_after_exception(loop, errors, descriptors, calls, patience):
    """A writer that has raised an exception stays registered: it is called again."""
    near, _ = descriptors.pair()

    def write():
        calls("writer")
        raise ZeroDivisionError

    loop.add_writer(near.fileno(), write)
    await calls.after(2, patience)

    assert calls[:2] == ["writer", "writer"]


# what becomes ready how


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def eof_is_readable(loop, descriptors, calls, patience):
    """The end of what a peer sends makes the descriptor readable: half closed, and closed."""
    (one, far_one), (two, far_two) = descriptors.pair(), descriptors.pair()
    loop.add_reader(one.fileno(), once(loop.remove_reader, one.fileno(), calls, "half closed"))
    far_one.shutdown(socket.SHUT_WR)
    await calls.after(1, patience)
    loop.add_reader(two.fileno(), once(loop.remove_reader, two.fileno(), calls, "closed"))
    far_two.close()
    await calls.after(2, patience)

    assert (calls, one.recv(1), two.recv(1)) == (["half closed", "closed"], b"", b"")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._process_events", level="should", needs=POSIX)
async def reset_is_readable(loop, listener, descriptors, calls, patience):
    """A reset connection makes the descriptor readable, so that the reader gets ConnectionResetError."""
    near = descriptors.keep(socket.create_connection(listener.getsockname()))
    near.setblocking(False)
    peer, _ = listener.accept()
    near.send(b"x")
    loop.add_reader(near.fileno(), lambda: calls(answer(near.recv, 1)))
    peer.close()  # with a byte that it has not read
    await calls.after(1, patience)
    loop.remove_reader(near.fileno())

    assert calls[0] == ("ConnectionResetError", "ECONNRESET")


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._process_events", level="should", needs=POSIX)
async def error_is_writable(loop, descriptors, calls, patience):
    """A full pipe whose reader has gone makes the descriptor writable, so that the writer gets BrokenPipeError."""
    reader, writer = descriptors.pipe()
    fill_pipe(writer)
    loop.add_writer(writer, once(loop.remove_writer, writer, calls, "writable"))
    await noticed(patience)
    before = list(calls)
    descriptors.close(reader)
    await calls.after(1, patience)

    assert (before, answer(os.write, writer, b"x")) == ([], ("BrokenPipeError", "EPIPE"))


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._process_events",
    level="should",
    needs=POSIX,
    after=WATCHES_WRITERS,
)
async def failed_connect_is_writable(loop, descriptors, calls, patience):
    """A connect that fails makes the descriptor writable, and SO_ERROR says why it failed."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # but it does not listen
        near = descriptors.keep(connecting(closed.getsockname()))
        loop.add_writer(near.fileno(), once(loop.remove_writer, near.fileno(), calls, "writable"))
        await calls.after(1, patience)

        assert errno.errorcode.get(near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) == "ECONNREFUSED"


@check("asyncio-eventloop#asyncio.loop.add_writer", needs=POSIX, after=WATCHES_WRITERS)
async def connect_idiom(loop, listener, descriptors, calls, patience):
    """A non-blocking connect makes the descriptor writable once it is connected, and SO_ERROR is 0 then."""
    near = descriptors.keep(connecting(listener.getsockname()))
    loop.add_writer(near.fileno(), once(loop.remove_writer, near.fileno(), calls, "writable"))
    await calls.after(1, patience)

    assert (near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), near.getpeername()) == (0, listener.getsockname())


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def listener_readable(loop, listener, calls, patience):
    """A listening socket becomes readable when a connection waits to be accepted."""
    loop.add_reader(listener.fileno(), lambda: calls(listener.accept()[0]))
    try:
        await noticed(patience)
        before = list(calls)
        with socket.create_connection(listener.getsockname()) as client:
            (accepted,) = await calls.after(1, patience)
            with accepted:
                names = accepted.getpeername(), client.getsockname()
    finally:
        loop.remove_reader(listener.fileno())

    assert (before, names[0]) == ([], names[1])


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def pipes(loop, descriptors, calls, patience):
    """The ends of a pipe can be watched: readable when it holds something, writable when it has room."""
    reader, writer = descriptors.pipe()
    loop.add_reader(reader, lambda: calls(os.read(reader, 100)))
    await noticed(patience)
    before = list(calls)
    loop.add_writer(writer, once(loop.remove_writer, writer, os.write, writer, b"through the pipe"))
    await calls.after(1, patience)

    assert (before, calls) == ([], [b"through the pipe"])


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def full_pipe_is_not_writable(loop, descriptors, calls, patience):
    """A full pipe is not writable until somebody has read from it."""
    reader, writer = descriptors.pipe()
    number = fill_pipe(writer)
    loop.add_writer(writer, once(loop.remove_writer, writer, calls, "writable"))
    await noticed(patience)
    before = list(calls)
    while number:
        number -= len(os.read(reader, number))
    await calls.after(1, patience)

    assert (before, calls) == ([], ["writable"])


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._process_events", level="should", needs=POSIX)
async def pipe_hang_up_is_readable(loop, descriptors, calls, patience):
    """A pipe whose writer has gone is readable: what it still holds, then its end."""
    reader, writer = descriptors.pipe()
    loop.add_reader(reader, lambda: calls(os.read(reader, 100)))
    await noticed(patience)
    os.write(writer, b"last")
    descriptors.close(writer)
    await calls.after(2, patience)
    loop.remove_reader(reader)

    assert calls[:2] == [b"last", b""]


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=("posix", "terminals"))
async def terminals(loop, descriptors, calls, patience):
    """A terminal can be watched: it is readable after a line was entered, and writable.

    Shells and line editors watch standard input.
    """
    controller, terminal = descriptors.terminal()
    loop.add_reader(terminal, lambda: calls(os.read(terminal, 100)))
    loop.add_writer(terminal, once(loop.remove_writer, terminal, calls, "writable"))
    await calls.after(1, patience)
    await noticed(patience)
    before = list(calls)
    os.write(controller, b"a line\n")
    await calls.after(2, patience)

    assert (before, calls) == (["writable"], ["writable", b"a line\n"])


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._process_events",
    level="should",
    needs=("epoll", "terminals"),
)
async def terminal_hang_up_is_readable(loop, descriptors, calls, patience):
    """The controlling side of a terminal becomes readable when the terminal is closed, and reading gives EIO on Linux.

    Programs that run others in a terminal learn that way that they have ended.
    """
    controller, terminal = descriptors.terminal()
    loop.add_reader(controller, lambda: calls(answer(os.read, controller, 100)))
    await noticed(patience)
    before = list(calls)
    descriptors.close(terminal)
    await calls.after(1, patience)
    loop.remove_reader(controller)

    assert (before, calls[0]) == ([], ("OSError", "EIO"))


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def datagram_sockets(loop, descriptors, calls, patience):
    """A UDP socket can be watched: it is readable when a datagram waits, also an empty one, and writable."""
    near, far = descriptors.udp(), descriptors.udp()
    loop.add_reader(near.fileno(), lambda: calls(near.recv(100)))
    loop.add_writer(near.fileno(), once(loop.remove_writer, near.fileno(), calls, "writable"))
    await calls.after(1, patience)
    for number, data in enumerate((b"datagram", b""), 2):
        far.sendto(data, near.getsockname())
        await calls.after(number, patience)

    assert calls == ["writable", b"datagram", b""]


# many, and large numbers


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader", level="should", needs=POSIX)
async def dup_descriptors(loop, descriptors, calls, patience):
    """Two descriptors of one socket are watched independently: both are ready, and removing one leaves the other."""
    near, far = descriptors.pair()
    same = descriptors.keep(near.dup())
    far.send(b"x")
    loop.add_reader(near.fileno(), once(loop.remove_reader, near.fileno(), calls, "first"))
    loop.add_reader(same.fileno(), once(loop.remove_reader, same.fileno(), calls, "second"))
    await calls.after(2, patience)
    loop.add_reader(near.fileno(), calls, "removed")
    loop.add_reader(same.fileno(), once(loop.remove_reader, same.fileno(), calls, "left"))
    loop.remove_reader(near.fileno())
    await calls.after(3, patience)
    await noticed(patience)

    assert (sorted(calls[:2]), calls[2:]) == (["first", "second"], ["left"])


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader",
    level="should",
    needs=("posix", "many-descriptors"),
)
async def many_descriptors(loop, descriptors, calls, patience):
    """Hundreds of descriptors can be watched at once, and each is reported."""
    near, far = descriptors.pair()
    with many_allowed(2048):
        for number in range(MANY):
            fd = descriptors.keep(near.dup()).fileno()
            loop.add_reader(fd, once(loop.remove_reader, fd, calls, number))
        far.send(b"x")
        await calls.after(MANY, patience)

    assert sorted(calls) == list(range(MANY))


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader",
    level="should",
    needs=("posix", "many-descriptors"),
)
async def high_descriptors(loop, descriptors, calls, patience):
    """Descriptors of a number over 1023 can be watched.

    select(), unlike all that came later, has no room for them.
    """
    near, far = descriptors.pair()
    with many_allowed(2048):
        number = duplicate(near, 1500)
        try:
            far.send(b"x")
            loop.add_reader(number, once(loop.remove_reader, number, calls, "reader"))
            loop.add_writer(number, once(loop.remove_writer, number, calls, "writer"))
            await calls.after(2, patience)
        finally:
            loop.remove_reader(number)
            loop.remove_writer(number)
            os.close(number)

    assert sorted(calls) == ["reader", "writer"]


# descriptors that are closed, and numbers that are used again


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._remove_reader", level="should", needs=POSIX)
async def close_then_remove_number(loop, descriptors, patience):
    """The watcher of a descriptor that was closed can be removed by its number, even twice, and the loop goes on."""
    (one, _), (two, _) = descriptors.pair(), descriptors.pair()
    reader, writer = one.fileno(), two.fileno()
    loop.add_reader(reader, int)
    loop.add_writer(writer, int)
    one.close()
    two.close()
    removed = [(answer(loop.remove_reader, reader), answer(loop.remove_writer, writer)) for _ in range(2)]
    await noticed(patience)

    assert [outcome for outcome in sum(removed, ()) if isinstance(outcome, tuple)] == []


@check("Lib/selectors.py: _BaseSelectorImpl._fileobj_lookup", level="should", needs=POSIX)
async def close_then_remove_object(loop, descriptors, patience):
    """The watcher of a socket that was given itself can be removed with it after it was closed; the loop goes on."""
    (one, _), (two, _) = descriptors.pair(), descriptors.pair()
    loop.add_reader(one, int)
    loop.add_writer(two, int)
    one.close()
    two.close()
    removed = answer(loop.remove_reader, one), answer(loop.remove_writer, two)
    await noticed(patience)

    assert [outcome for outcome in removed if isinstance(outcome, tuple)] == []


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._remove_reader", level="should", needs=POSIX)
async def remove_after_close_returns_true(loop, descriptors):
    """remove_reader() and remove_writer() return True for a descriptor that was closed while it was watched."""
    (one, _), (two, _) = descriptors.pair(), descriptors.pair()
    loop.add_reader(one.fileno(), int)
    loop.add_writer(two, int)
    number = one.fileno()
    one.close()
    two.close()

    assert (loop.remove_reader(number), loop.remove_writer(two)) == (True, True)


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._process_events", level="should", needs=POSIX)
async def closed_descriptor_is_silent(loop, descriptors, calls, patience):
    """A watched descriptor that is closed is not called back for any more, and the loop goes on."""
    near, far = descriptors.pair()
    fd = near.fileno()
    loop.add_reader(fd, calls, "readable")
    far.send(b"x")
    await calls.after(1, patience)
    near.close()
    await pass_turns(2)  # what was found before
    before = len(calls)
    await pass_turns(2)
    loop.remove_reader(fd)

    assert len(calls) == before


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def number_used_again(loop, descriptors, calls, patience):
    """A number whose watcher was removed before it was closed can be watched anew when it is another descriptor."""
    (near, _), (other, far) = descriptors.pair(), descriptors.pair()
    number = near.fileno()
    loop.add_reader(number, calls, "old")
    loop.remove_reader(number)
    near.close()
    again = descriptors.another(other, number)
    loop.add_reader(number, reading(again, calls, "new"))
    far.send(b"x")
    await calls.after(1, patience)
    await noticed(patience)

    assert calls == [("new", b"x")]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._remove_reader", level="should", needs=POSIX)
async def number_used_again_after_late_removal(loop, descriptors, calls, patience):
    """A number whose watcher was removed only after it had been closed can be watched anew, too."""
    (near, _), (other, far) = descriptors.pair(), descriptors.pair()
    number = near.fileno()
    loop.add_reader(number, calls, "old")
    await pass_turns(1)
    near.close()
    loop.remove_reader(number)
    again = descriptors.another(other, number)
    loop.add_reader(number, reading(again, calls, "new"))
    far.send(b"x")
    await calls.after(1, patience)
    await noticed(patience)

    assert calls == [("new", b"x")]


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_writer", level="may", needs=("epoll",), after=())
async def closed_number_of_the_other_event(loop, descriptors):
    """Of a number that was closed while it had one watcher add_reader() or add_writer() raises OSError EBADF, too.

    The mistake was made before, a watcher is removed first, and it is epoll that finds it: asyncio's own loop over
    poll() or select() takes the number. A loop that says it spares the program a wait that never ends.
    """
    answers = []
    for first, second in ((loop.add_reader, loop.add_writer), (loop.add_writer, loop.add_reader)):
        near, _ = descriptors.pair()
        number = near.fileno()
        first(number, int)
        near.close()
        answers.append(answer(second, number, int))
        loop.remove_reader(number)
        loop.remove_writer(number)

    assert answers == [("OSError", "EBADF")] * 2


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_writer", level="should", needs=("epoll",))
async def number_used_again_after_refusal(loop, descriptors, calls, patience):
    """A number that was closed while it had a reader, and refused as a writer, can be watched as another descriptor."""
    (near, _), (other, far) = descriptors.pair(), descriptors.pair()
    number = near.fileno()
    loop.add_reader(number, calls, "old")
    near.close()
    with contextlib.suppress(OSError):
        loop.add_writer(number, int)
    again = descriptors.another(other, number)
    loop.add_reader(number, reading(again, calls, "new"))
    far.send(b"x")
    await calls.after(1, patience)

    assert calls == [("new", b"x")]


@check("Lib/selectors.py: EpollSelector.select", level="should", needs=POSIX)
async def copy_of_closed_descriptor_is_no_matter(loop, descriptors, calls, patience):
    """When a descriptor is closed before its watcher is removed, and a copy of it stays open, the loop goes on.

    A child process that inherited the descriptor has such a copy, and the system goes on watching it.
    """
    (near, far), (other, end) = descriptors.pair(), descriptors.pair()
    number = near.fileno()
    descriptors.keep(near.dup())
    loop.add_reader(number, calls, "closed")
    near.close()
    loop.remove_reader(number)
    loop.add_reader(other.fileno(), reading(other, calls, "other"))
    far.send(b"x")
    end.send(b"y")
    await calls.after(1, patience)
    await pass_turns(3)

    assert calls == [("other", b"y")]


# whose descriptors they are


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport",
    level="should",
    needs=POSIX,
    after=(),
)
async def transport_owned_rejected(channel, loop):
    """All four methods raise RuntimeError for the descriptor of an open transport, by number.

    Two who wait for one descriptor steal each other's events.
    """
    async with channel.open() as (transport, _, peer):
        number = transport.get_extra_info("socket").fileno()
        for name, method in methods(loop).items():
            with refuses(RuntimeError, f"{name}() on the descriptor of an open transport"):
                method(number)
        transport.write(b"goes on")

        assert await peer.read(7) == b"goes on"


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport",
    level="should",
    needs=POSIX,
    after=(),
)
async def transport_socket_rejected(channel, loop):
    """All four methods raise RuntimeError for the socket of an open transport, as get_extra_info() gives it."""
    async with channel.open() as (transport, _, peer):
        for name, method in methods(loop).items():
            with refuses(RuntimeError, f"{name}() on the socket of an open transport"):
                method(transport.get_extra_info("socket"))
        transport.write(b"goes on")

        assert await peer.read(7) == b"goes on"


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport",
    level="should",
    needs=POSIX,
    after=(),
)
async def transport_reads_on_after_rejection(channel, loop, patience):
    """A transport whose descriptor somebody tried to watch, or not to watch, goes on reading."""
    async with channel.open() as (transport, protocol, peer):
        for method in methods(loop).values():
            with contextlib.suppress(RuntimeError):
                method(transport.get_extra_info("socket").fileno())
        peer.send(b"hello")

        assert await protocol.has_received(5, patience) == b"hello"


@check(
    "Lib/asyncio/selector_events.py: BaseSelectorEventLoop._ensure_fd_no_transport",
    level="should",
    needs=POSIX,
    after=(),
)
async def closing_transport_released(channel, loop):
    """remove_reader() and remove_writer() return False for the descriptor of a transport that is closing."""
    async with channel.open() as (transport, _, _):
        number = transport.get_extra_info("socket").fileno()
        transport.close()

        assert (loop.remove_reader(number), loop.remove_writer(number)) == (False, False)


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
async def number_of_ended_transport_is_free(channel, loop, descriptors, calls, patience):
    """The number of a transport that has ended can be watched, when it is another descriptor."""
    async with channel.open() as (transport, protocol, _):
        near, far = descriptors.pair()
        number = transport.get_extra_info("socket").fileno()
        transport.close()
        await protocol.until("connection_lost", patience)
        await pass_turns(2)
        again = descriptors.keep(socket.socket(fileno=duplicate(near, number)))
        far.send(b"x")
        loop.add_reader(again.fileno(), reading(again, calls))

        assert await calls.after(1, patience) == [b"x"]


# the loop's end


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._remove_reader", level="should", needs=POSIX)
def remove_on_closed_loop(loop, descriptors):
    """remove_reader() and remove_writer() on a closed loop return False, also for what was watched.

    Objects that clear up late, in __del__, must not fail for it.
    """
    near, _ = descriptors.pair()
    loop.add_reader(near.fileno(), int)
    loop.close()

    assert (loop.remove_reader(near.fileno()), loop.remove_writer(near.fileno())) == (False, False)


@check("asyncio-eventloop#asyncio.loop.close", needs=POSIX)
def closing_leaves_descriptors_open(loop, new_loop, descriptors, calls):
    """Closing a loop leaves what it watched open, and another loop can watch it."""
    near, far = descriptors.pair()
    loop.add_reader(near.fileno(), calls, "old")
    loop.add_writer(near.fileno(), calls, "old")
    loop.close()
    other = new_loop()
    far.send(b"x")
    other.add_reader(near.fileno(), reading(near, calls, "new"))
    turns(other, 3)
    other.remove_reader(near.fileno())

    assert calls == [("new", b"x")]


@check("asyncio-eventloop#asyncio.loop.add_reader", level="should", needs=POSIX)
def two_loops_watch_one_descriptor(loop, new_loop, descriptors, calls):
    """Two loops may watch one descriptor, one for reading and one for writing."""
    near, far = descriptors.pair()
    other = new_loop()
    far.send(b"x")
    loop.add_reader(near.fileno(), reading(near, calls, "reader"))
    other.add_writer(near.fileno(), once(other.remove_writer, near.fileno(), calls, "writer"))
    turns(loop, 3)
    turns(other, 3)

    assert calls == [("reader", b"x"), "writer"]


# idioms


@check("Lib/asyncio/selector_events.py: BaseSelectorEventLoop._add_reader", level="should", needs=POSIX)
async def future_set_result_idiom(loop, errors, descriptors, patience):
    """A reader that is set_result of a future, and removed in the future's done callback, is called once.

    The data stays unread until the task runs again: what is due then must run before a descriptor is reported anew,
    or set_result raises InvalidStateError. anyio waits so.
    """
    near, far = descriptors.pair()
    far.send(b"x")
    for add, remove in ((loop.add_reader, loop.remove_reader), (loop.add_writer, loop.remove_writer)):
        future = loop.create_future()
        add(near.fileno(), future.set_result, None)
        future.add_done_callback(lambda _, remove=remove: remove(near.fileno()))
        await soon(future, patience, "a future whose set_result is watcher of a ready descriptor is done")
        await noticed(patience)

    assert [context.get("exception") for context in errors] == []


@check("asyncio-eventloop#asyncio.loop.add_reader", needs=POSIX)
def waiting_coroutine_is_resumed(loop, descriptors, patience):
    """A coroutine that awaits a future which a watcher completes is resumed, in a loop that has nothing else to do."""
    near, far = descriptors.pair()

    async def ping_pong():
        got = []
        for number in range(20):
            readable = loop.create_future()
            readable.add_done_callback(lambda _: loop.remove_reader(near.fileno()))
            loop.add_reader(near.fileno(), readable.set_result, None)
            far.send(bytes([number]))
            await soon(readable, patience, "the reader is called")
            got += near.recv(100)
        return got

    assert run_coroutine(loop, ping_pong()) == list(range(20))


untested(
    "windows_selector_sockets_only",
    "asyncio-platforms#windows",
    "On Windows a selector loop watches sockets only, and a proactor loop watches nothing.",
    because="The battery runs on POSIX; there a subject declares that it does not watch descriptors.",
)


also_in(
    {
        "debug": (add_reader_calls_back, add_writer_calls_back, remove_cancels_ready, replace_cancels_ready),
        "other-thread": (add_reader_calls_back, reader_wakes_idle_loop, remove_stops),
        "runner": (add_reader_calls_back,),
        "eager-tasks": (future_set_result_idiom,),
        "second-loop": (add_reader_calls_back, remove_returns_true),
        "server-side": (transport_owned_rejected,),
    }
)
