"""Examples from hypothesis: the same ones at every run, in every project, and nothing left on disk."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, configuration
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

_SHRINKING = 400
"""How many smaller examples are tried once one is found: a slow subject must not spend the check's limit on it."""

# Hypothesis mixes the numbers that it finds in the user's modules into what it generates, and keeps what it found in
# a folder of the current directory. Both would make the verdict on a loop depend on where it is asked for. There is
# no public switch; without the private one, the folder at least cannot be made.
configuration.set_hypothesis_home_dir(os.path.join(os.devnull, "nowhere"))
if hasattr(providers, "_get_local_constants"):
    _none = type(providers._get_local_constants())()
    providers._get_local_constants = lambda: _none


class _Found(Exception):
    """This example is one."""


def smallest(wanted: Callable[[bytes], bool], number: int, sizes: tuple[int, int]) -> bytes | None:
    """Search the smallest byte string that is wanted.

    Args:
        wanted: whether a byte string is what is searched for; it may change its mind, and is then taken at its first
            word.
        number: how many byte strings to try.
        sizes: the lengths of the shortest and the longest.

    Returns:
        The shortest that was found, of several the first in order; None when none of them is wanted.
    """
    found: list[bytes] = []
    tries = 0

    def example(data: bytes) -> None:
        nonlocal tries
        tries += bool(found)
        if tries <= _SHRINKING and wanted(data):
            found.append(data)
            raise _Found

    shortest, longest = sizes
    strategy = st.one_of(st.binary(max_size=longest), st.binary(min_size=shortest, max_size=longest))
    settings = hypothesis.settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        print_blob=False,
    )
    # Whatever hypothesis has to say, that the subject is flaky for instance, matters less than what was found.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hypothesis about itself; on 3.14 it misreads reference counts
        try:
            settings(hypothesis.given(strategy)(example))()
        except Exception:
            if not found:
                raise
    return min(found, key=lambda data: (len(data), data), default=None)


smallest(lambda data: False, 1, (0, 1))  # what hypothesis does once, it does here and not in the first check
