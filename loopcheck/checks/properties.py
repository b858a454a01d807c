"""Programs that nobody wrote: generated callbacks, tasks and talks run as on asyncio's own loop.

Each check makes programs of a small language, runs every one on the subject and on the control, and compares what
happened. The programs are the same at each run. A failure shows the shortest program that was found to differ.
What asyncio leaves open, such as the order of timers that are due at the same time, no check here compares.
"""

import asyncio

import loopcheck.kit.properties  # the tool "compare"
import loopcheck.kit.talks  # noqa: F401  # the tool "unlike"
from loopcheck.check import also_in, check
from loopcheck.kit.programs import Callbacks, Tasks

# callbacks


@check("asyncio-eventloop#asyncio.loop.call_soon")
def programs_of_call_soon_run_in_order(compare):
    """Callbacks that schedule each other with call_soon() run in the order and iterations in which asyncio runs them.

    Promised are the order of registration, and that what a callback schedules waits for the next iteration.
    """
    program = compare(Callbacks(("call_soon",)))

    assert program.observed == program.expected, program.story


@check("asyncio-eventloop#asyncio.Handle.cancel")
def programs_of_cancelled_callbacks_run_the_others(compare):
    """Callbacks that schedule and cancel each other, and themselves, run as on asyncio's loop."""
    program = compare(Callbacks(("call_soon", "call_soon", "cancel")))

    assert program.observed == program.expected, program.story


@check("Lib/asyncio/base_events.py: BaseEventLoop.call_soon_threadsafe", level="should")
def programs_of_call_soon_threadsafe_run_in_order(compare):
    """In the loop's own thread call_soon() and call_soon_threadsafe() share one queue, in the order of the calls.

    Libraries that cannot know in which thread they are use call_soon_threadsafe() always.
    """
    program = compare(Callbacks(("call_soon", "call_soon_threadsafe"), compared="order"))

    assert program.observed == program.expected, program.story


@check("asyncio-eventloop#asyncio.loop.stop")
def programs_with_stop_return_after_the_same_callbacks(compare):
    """A loop that callbacks stop, before it runs or while it does, returns after the same callbacks as asyncio's.

    Promised is that it finishes the batch of the moment, and that the next run goes on with the rest.
    """
    program = compare(Callbacks(("call_soon", "call_soon", "stop"), compared="order"))

    assert program.observed == program.expected, program.story


@check("asyncio-eventloop#asyncio.loop.call_at")
def programs_of_due_timers_run_each_once(compare):
    """Timers that are due when they are made run once, unless their maker cancels them, and distant ones do not run.

    In which order, and in which iteration, is left open.
    """
    words = ("call_later(0)", "call_at(past)", "call_at(start)", "call_at(distant)")
    program = compare(Callbacks((*words, "cancel"), compared="calls"))

    assert program.observed == program.expected, program.story


@check("Lib/asyncio/base_events.py: BaseEventLoop._run_once", level="may")
def programs_of_past_timers_run_in_deadline_order(compare):
    """Timers whose different times have passed when they are made run in the order of their times.

    The documentation leaves open only the order of timers with exactly the same time.
    """
    program = compare(Callbacks(("call_at(past)",), compared="order"))

    assert program.observed == program.expected, program.story


# tasks

AWAITS = ("sleep(0)", "create_task", "await", "future.await")


@check("asyncio-task#asyncio.Task")
def programs_of_tasks_end_alike(compare):
    """Tasks that create and await tasks and futures see the results and exceptions, in the order, that asyncio gives.

    The order follows from that of callbacks: each step of a task is one.
    """
    program = compare(
        Tasks((*AWAITS, "future.set_result", "future.set_exception", "fail", "add_done_callback", "call_soon"))
    )

    assert program.observed == program.expected, program.story


@check("asyncio-task#asyncio.Task.cancel")
def programs_of_cancellations_end_alike(compare):
    """Tasks that are cancelled, some of which go on all the same, end as on asyncio's loop.

    Compares who sees which CancelledError with which message, what cancel() and uncancel() return, and all results.
    """
    words = (*AWAITS, "create_stubborn_task", "cancel", "cancel", "uncancel", "future.cancel")
    program = compare(Tasks(words, messages=True))

    assert program.observed == program.expected, program.story


@check("asyncio-task#asyncio.shield")
def programs_of_shields_end_alike(compare):
    """Tasks that await others behind shield() and are cancelled see what they see on asyncio's loop."""
    program = compare(Tasks(("sleep(0)", "create_task", "shield", "shield", "cancel", "fail"), messages=True))

    assert program.observed == program.expected, program.story


@check("asyncio-task#timeouts")
def programs_of_timeouts_end_alike(compare):
    """Blocks and tasks whose timeout has passed, or never passes, end as on asyncio's loop, nested or cancelled too."""
    timeouts = ("timeout(0)", "timeout(1000)", "wait_for(0)", "wait_for(1000)")
    program = compare(Tasks((*AWAITS, "create_stubborn_task", "cancel", "fail", *timeouts)))

    assert program.observed == program.expected, program.story


@check("asyncio-task#asyncio.gather")
def programs_of_gatherings_end_alike(compare):
    """Tasks that gather() and wait() for others, which fail or are cancelled, see what they see on asyncio's loop."""
    gatherings = ("gather", "gather(return_exceptions)", "wait", "wait(FIRST_COMPLETED)", "wait(FIRST_EXCEPTION)")
    program = compare(Tasks(("sleep(0)", "create_task", "create_task", "cancel", "fail", *gatherings), messages=True))

    assert program.observed == program.expected, program.story


def name_of(task):
    return task.get_name() if task else "nobody"


@check("asyncio-task#asyncio.current_task")
def programs_of_tasks_know_the_current_task(compare):
    """current_task() is the task that runs, in every step of any tree of tasks, and None in callbacks."""
    program = compare(
        Tasks(
            ("sleep(0)", "create_task", "await", "cancel", "call_soon", "add_done_callback", "fail"),
            look=lambda run: f"current is {name_of(asyncio.current_task())}",
        )
    )

    assert program.observed == program.expected, program.story


@check("asyncio-task#asyncio.all_tasks")
def programs_of_tasks_are_in_all_tasks(compare):
    """all_tasks() is the set of tasks that have not ended, in every step of any tree of tasks and in callbacks."""
    program = compare(
        Tasks(
            ("sleep(0)", "create_task", "await", "cancel", "call_soon", "add_done_callback", "fail"),
            look=lambda run: f"tasks are {', '.join(sorted(map(name_of, asyncio.all_tasks())))}",
        )
    )

    assert program.observed == program.expected, program.story


@check("PEP 567")
def programs_of_tasks_see_their_context(compare):
    """A context variable has the value that it has on asyncio's loop, in every step of any tree of tasks and callbacks.

    Some tasks and callbacks are given a context, which several share.
    """
    creating = ("create_task", "create_task(empty context)", "create_task(shared context)")
    calling = ("call_soon", "call_soon(shared context)", "add_done_callback")
    program = compare(
        Tasks(
            ("sleep(0)", *creating, "set", "set", "await", *calling),
            look=lambda run: f"var is {run.variable.get()}",
        )
    )

    assert program.observed == program.expected, program.story


# streams


@check("asyncio-protocol#streaming-protocols")
def talks_over_streams_lose_nothing(unlike):
    """Whatever is written, sent, paused, resumed, half-closed and closed: all arrives, and callbacks keep their order.

    That is connection_made(), then any number of data_received(), then eof_received() if the peer closed, then
    connection_lost(); and pause_writing() and resume_writing() in turns. After abort() what arrives is a beginning.
    """
    assert unlike("both", 40) == []


@check("asyncio-protocol#buffered-streaming-protocols")
def talks_over_buffered_streams_lose_nothing(unlike):
    """The same holds for buffered protocols: all arrives, and callbacks keep their order."""
    assert unlike("both, buffered", 40) == []


also_in(
    {
        "debug": (programs_of_call_soon_run_in_order,),
        "unix-socket": (talks_over_streams_lose_nothing, talks_over_buffered_streams_lose_nothing),
        "server-side": (talks_over_streams_lose_nothing, talks_over_buffered_streams_lose_nothing),
        "python-tasks": (programs_of_cancellations_end_alike,),
    }
)
