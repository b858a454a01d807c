"""Declaring checks: what makes a misleading catalogue is an error at import."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from loopcheck import check
from loopcheck.check import CatalogueError
from loopcheck.needs import NEEDS, is_met
from loopcheck.outcomes import OUTCOME_MEANS, OUTCOMES


@pytest.fixture(autouse=True)
def catalogue_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is gone after it, and what belongs there stays."""
    check.catalogue()
    monkeypatch.setattr(check, "_entries", dict(check._entries))


def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Import a module with this source as an area called "invented"."""
    (tmp_path / "invented.py").write_text(
        "from loopcheck.check import also_in, check, untested\n" + textwrap.dedent(source)
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "invented", raising=False)
    __import__("invented")


def test_entry_says_what_the_module_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(
        tmp_path,
        monkeypatch,
        '''
        @check("asyncio-eventloop#asyncio.loop.call_soon", python=">=3.12", needs=("ipv6",), level="should")
        def it_works(loop, trace):
            """The loop
            works.

            Everybody relies on it.
            """
        ''',
    )
    entry = check._entries["invented::it_works"]

    assert (entry.area, entry.name, entry.sentence, entry.story) == (
        "invented",
        "it_works",
        "The loop works.",
        "Everybody relies on it.",
    )
    assert (entry.level, entry.python, entry.needs) == ("should", ">=3.12", ("ipv6",))
    assert entry.link == "https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.call_soon"
    assert entry.source().startswith("@check(")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('@check("gh-1")\ndef a(loop):\n    """It works."""\n' * 2, "invented::a is declared twice"),
        ('@check("gh-1", needs=("luck",))\ndef a(loop):\n    """It works."""', "unknown need 'luck'"),
        ('@check("gh-1")\ndef a(looop):\n    """It works."""', "the kit has no 'looop'"),
        ('@check("gh-1")\ndef a(loop):\n    pass', "begins with one sentence"),
        ('@check("gh-1")\ndef a(loop):\n    """It works"""', "begins with one sentence"),
        ('@check("gh-1", level="shall")\ndef a(loop):\n    """It works."""', "level 'shall' is none of"),
        ('@check("gh-1", python="~3")\ndef a(loop):\n    """It works."""', "Invalid specifier"),
        ('@check("somewhere over the rainbow")\ndef a(loop):\n    """It works."""', "has none of the forms"),
        ('@check("gh-1")\ndef It(loop):\n    """It works."""', "lower-case words"),
        ('@check("gh-1")\ndef a(loop):\n    """It works."""\nalso_in({"rain": [a]})', "unknown setting 'rain'"),
        ('def a(loop): pass\nalso_in({"debug": [a]})', "invented::a is not a check"),
        ('@check("gh-1")\ndef a(loop):\n    """It works."""\nalso_in({"runner": [a]})', "'async def'"),
        ('@check("gh-1")\ndef a(loop):\n    """It works."""\nalso_in({"debug": [a, a]})', "declared twice"),
        (
            '@check("gh-1")\ndef a(loop):\n    """It works."""\nalso_in({}, but={"debug": {a: "no"}})',
            "needs no exception",
        ),
        (
            '@check("gh-1")\ndef a(loop):\n    """It works."""\nalso_in({"debug": [a]}, but={"debug": {a: ""}})',
            "gives no reason",
        ),
        ('untested("a", "gh-1", "It works.", because=" ")', "gives no reason"),
        ('untested("a", "gh-1", "It works.", because="no")\n' * 2, "invented::a is declared twice"),
    ],
)
def test_mistakes_are_errors_at_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    with pytest.raises(CatalogueError, match=words):
        declare(tmp_path, monkeypatch, source)


def test_a_check_is_followed_by_itself_in_settings() -> None:
    entries = check.catalogue("scheduling")
    ids = [entry.id for entry in entries]
    here = ids.index("scheduling::call_soon_fifo_order")

    assert ids[here + 1] == "scheduling::call_soon_fifo_order[debug]"
    assert check.find(ids[here + 1]) is entries[here + 1]
    assert entries[here + 1].function is entries[here].function


def test_what_a_setting_cannot_show_is_in_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(
        tmp_path,
        monkeypatch,
        '''
        @check("gh-1", needs=("ipv4",))
        def a(loop):
            """It works."""

        also_in({"ipv6": [a], "unix-socket": [a]}, but={"unix-socket": {a: "It has no port."}})
        ''',
    )
    over_ipv6, over_unix = (check._entries[f"invented::a[{name}]"] for name in ("ipv6", "unix-socket"))

    assert over_ipv6.function is not None
    assert over_ipv6.needs == ("ipv4", "ipv6")
    assert (over_unix.function, over_unix.because) == (None, "It has no port.")


def test_a_table_may_name_checks_of_other_areas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(
        tmp_path,
        monkeypatch,
        """
        from loopcheck.checks.scheduling import call_soon_fifo_order

        NEEDS = ("ipv4",)
        also_in({"debug": [call_soon_fifo_order]})
        """,
    )
    entry = check._entries["invented::call_soon_fifo_order[debug]"]

    assert (entry.area, entry.setting, entry.needs) == ("invented", "debug", ("ipv4",))
    assert entry.function is check.find("scheduling::call_soon_fifo_order").function
    assert check.find("scheduling::call_soon_fifo_order[debug]").area == "scheduling"


NAMESAKE = '''
@check("gh-1")
def call_soon_fifo_order(loop):
    """It works."""

from loopcheck.checks import scheduling
'''


def test_a_check_of_another_area_cannot_have_the_name_of_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CatalogueError, match="has the name of another check, invented::call_soon_fifo_order"):
        declare(tmp_path, monkeypatch, NAMESAKE + 'also_in({"debug": [scheduling.call_soon_fifo_order]})')


def test_what_a_check_here_shows_one_of_another_area_need_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = """
theirs = scheduling.call_soon_fifo_order
also_in({"debug": [theirs]}, but={"debug": {theirs: "A check of this area shows it."}})
"""
    declare(tmp_path, monkeypatch, NAMESAKE + table)

    assert check._entries["invented::call_soon_fifo_order[debug]"].because == "A check of this area shows it."


def test_untested_behaviours_are_in_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(tmp_path, monkeypatch, 'untested("a", "gh-1", "It works.", because="Nobody can see it.", level="may")')
    entry = check._entries["invented::a"]

    assert (entry.function, entry.because, entry.level, entry.source()) == (None, "Nobody can see it.", "may", "")


@pytest.mark.parametrize(
    ("versions", "version", "applies"),
    [
        ("", "3.11.7", True),
        (">=3.12", "3.11.7", False),
        (">=3.12", "3.12.0", True),
        ("<3.14", "3.13.9", True),
        ("<3.14", "3.14.0", False),
        (">=3.15", "3.15.0rc1", True),
        (">=3.15", "3.15.0a7+", True),
        (">=3.12,<3.14", "3.14.0b1", False),
    ],
)
def test_versions(versions: str, version: str, applies: bool) -> None:
    assert check.Entry("gh-1", "must", versions).applies(version) is applies


@pytest.mark.parametrize(
    ("reference", "link"),
    [
        ("contextvars", "https://docs.python.org/3/library/contextvars.html"),
        ("contextvars#asyncio-support", "https://docs.python.org/3/library/contextvars.html#asyncio-support"),
        ("PEP 567", "https://peps.python.org/pep-0567/"),
        ("PEP 567#rationale", "https://peps.python.org/pep-0567/#rationale"),
        ("gh-130145", "https://github.com/python/cpython/issues/130145"),
        (
            "Lib/asyncio/tasks.py: all_tasks",
            "https://github.com/python/cpython/blob/main/Lib/asyncio/tasks.py",
        ),
    ],
)
def test_references_become_links(reference: str, link: str) -> None:
    assert check.link_of(reference) == link


def test_the_battery_itself() -> None:
    entries = check.catalogue()

    assert len(entries) > 200
    plain = [entry for entry in entries if not entry.setting]
    assert len({entry.sentence for entry in plain}) == len(plain), "two behaviours have the same title"
    assert all(entry.function or entry.because for entry in entries)


def test_needs_have_sentences_and_probes_answer() -> None:
    for need in NEEDS.values():
        assert need.sentence.endswith(".")
        assert is_met(need.name) in (True, False)


def test_a_probe_that_fails_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def probe() -> bool:
        raise OSError("no such device")

    from loopcheck import needs

    monkeypatch.setitem(needs.NEEDS, "invented", needs.Need("invented", "It is there.", probe, "Get one."))

    assert is_met("invented") is False


def test_every_outcome_has_one_sentence() -> None:
    assert set(OUTCOME_MEANS) == set(OUTCOMES)
    assert all(sentence.endswith(".") for sentence in OUTCOME_MEANS.values())
