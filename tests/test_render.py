"""What is made of reports: pages for people and files for tools; whatever a loop has said stays text."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from reports import check, five_thousand, run, subject, written
from support import FIXTURES, ROOT

from loopcheck import profiles
from loopcheck.cli import main
from loopcheck.outcomes import LEVELS, OUTCOMES
from loopcheck.profiles import ProfileError
from loopcheck.report import badge, ctrf, junit, markdown, reading, svg
from loopcheck.report import html as page
from loopcheck.report.certificate import certify
from loopcheck.report.columns import columns, one_line, tidy
from loopcheck.report.difference import differences
from loopcheck.report.schema import fault

HOSTILE = (
    "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> ]]> `code` | ``` **b** [a](javascript:b)\n"
    "</pre>\n\n\x1b[31mred\x1b[0m \x1b]0;title\x07 \u202eright-to-left\u2066 \udcff\ud800 \x00\x08"
    "\u2028\u2029 \ufffe &lt;"
)
"""What a loop can put into a message."""

RECORDS = [
    check("scheduling::a"),
    check("scheduling::b[debug]", "failed", message=HOSTILE, expected="1", observed=HOSTILE),
    check("scheduling::c", "known", was="failed", declared={"place": "loopcheck.toml:3", "reason": HOSTILE}),
    check("tls::d", "failed", level="may", message="slow", because="scheduling::b[debug]"),
    check("tls::e", "unavailable", message="no IPv6"),
    check("tls::f", "broken", level="should", on_subject="failed"),
    check(
        "tls::g",
        "crash",
        signal="SIGSEGV",
        stack=HOSTILE,
        printed=HOSTILE,
        link="javascript:alert(1)",
        traceback=[{"file": HOSTILE, "line": 1, "function": HOSTILE, "code": HOSTILE}],
    ),
]
RENDERERS = {"html": page, "markdown": markdown, "junit": junit, "ctrf": ctrf, "badge": badge, "svg": svg}


def hostile() -> Any:
    """A column in which everything that a subject or a file can say is hostile."""
    return columns([run(*RECORDS, subjects=[subject("a:B", version=HOSTILE)], loopcheck=HOSTILE)])


def test_texts_lose_what_drives_a_terminal_or_turns_them() -> None:
    assert tidy("plain\tand\nmore: é日本", 99) == "plain\tand\nmore: é日本"
    assert tidy("x" * 10_000_000, 10) == "xxxxxxxxxx [... 9999990 more characters]"
    assert not re.search("[\x00-\x08\x1b\u202e\u2066\ud800-\udfff]", tidy(HOSTILE, 1000))
    assert "\u2028" not in one_line(HOSTILE)


@pytest.mark.parametrize("name", RENDERERS)
def test_nothing_hostile_gets_through(name: str) -> None:
    text = RENDERERS[name].render(hostile())  # type: ignore[attr-defined]

    text.encode()  # no lone surrogates
    assert not re.search("[\x00-\x08\x1b\u202e\u2066\u2028\u2029]", text)
    assert name == "ctrf" or not re.search("<script>alert|<img|-->", text)


def test_all_of_it_is_cut() -> None:
    flood = "<\u202e" * 5_000_000
    everything = columns([run(check("a::b", "failed", message=flood, printed=flood, sentence=flood, reference=flood))])

    for renderer in RENDERERS.values():
        assert len(renderer.render(everything)) < 200_000  # type: ignore[attr-defined]


def test_whatever_keeps_to_the_schema_can_be_shown() -> None:
    """A report may come from anywhere: every text and number in it is any text and number."""
    wild = ["", HOSTILE, "::", "[", "a::b[c", "x" * 1000]
    numbers = [0, 1, 1e-300, 999_999.5]
    texts = itertools.cycle(wild)
    records = [
        check("a::b", outcome, level)
        | {"id": f"{outcome} {level} {number}", "check": f"{next(texts)}{outcome}{number}"}
        for outcome in OUTCOMES
        for level in LEVELS
        for number in range(3)
    ]
    for number, record in zip(itertools.cycle(numbers), records, strict=False):
        keys = ("area", "setting", "sentence", "reference", "link", "message", "expected", "observed", "error", "stack")
        record |= {key: next(texts) for key in (*keys, "printed", "signal", "after", "advice", "explanation")}
        record |= {"seconds": number, "left_behind": [next(texts)], "declared": {"place": next(texts), "reason": ""}}
    wild_run = run(*records, subjects=[subject("a:B", version=None, distribution=None)], started=HOSTILE)

    assert [fault(record) for record in records if fault(record)] == []
    for renderer in RENDERERS.values():
        renderer.render(columns([wild_run])).encode()  # type: ignore[attr-defined]
        renderer.render(columns([run(), wild_run, wild_run])).encode()  # type: ignore[attr-defined]
    differences(columns([wild_run]), columns([run()]))
    for name in profiles.latest():
        certify(wild_run, profiles.load(name), "a:B").to_json()


# The page.


def data_of(text: str) -> dict[str, Any]:
    """The data that a page carries."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    loaded: dict[str, Any] = json.loads(found)
    return loaded


def test_the_page_runs_and_loads_nothing_but_what_it_brings() -> None:
    text = page.render(hostile())
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="(.*?)"', text)[0])
    data, script = re.findall(r"<script.*?>(.*?)</script>", text, re.S)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)

    for kind, content in ("script-src", script), ("style-src", style):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert not re.search("[<>&\u2028]", data)
    assert not re.search(r"\b(src|href)=\"(?!data:,|#)", text)
    assert "style=" not in text


def test_the_page_has_all_checks_and_links_to_the_web_alone() -> None:
    data = data_of(page.render(hostile()))
    letters = {one["letter"]: one["word"] for one in data["outcomes"]}
    (column,) = data["columns"]

    assert [one[0] for one in data["checks"]] == [record["check"] for record in RECORDS]
    assert [letters[letter] for letter in column["outcomes"]] == [record["outcome"] for record in RECORDS]
    assert [sorted(details) for details in data["details"]] == [["1", "2", "3", "4", "5", "6"]]
    assert {link for _, link in data["references"]} == {"https://github.com/python/cpython/issues/1", ""}


def test_the_page_says_the_verdict_first() -> None:
    text = page.render(hostile())
    good = page.render(columns([run(check("a::b"), declaration=None)]))

    assert "2 must checks of 7 do not hold. Broken here, and no evidence: 1. Advice: 1." in text
    assert text.index("do not hold") < text.index('id="map"')
    assert "refused, " in text
    assert "No must or should check of 1 fails unexplained." in good
    assert "1 check planned; full-2026.1 has 3" in good
    assert 'class="verdict good"' not in good  # one check is no battery


def test_a_check_that_one_report_lacks_has_no_outcome_there() -> None:
    both = columns([run(check("b::x"), check("a::y")), run(check("b::z", "failed"), check("a::y"))])
    data = data_of(page.render(both))

    assert [one[0] for one in data["checks"]] == ["a::y", "b::z", "b::x"]
    assert [column["outcomes"] for column in data["columns"]] == ["p p", "pf "]


@pytest.mark.parametrize(("failing", "subjects"), [(0, 1), (700, 5), (5000, 1)])
def test_a_page_of_five_thousand_stays_small(failing: int, subjects: int) -> None:
    text = page.render(columns([five_thousand(failing, f"s{number}:Loop") for number in range(subjects)]))

    assert len(text.encode()) < 2_000_000
    assert len(data_of(text)["checks"]) == 5000


def test_the_page_says_what_is_different() -> None:
    one = run(check("a::x"), check("a::y", "failed"), check("a::z", "failed"))
    other = run(check("a::x", "hang"), check("a::y"), check("a::z", "failed"))
    text = page.render(columns([one, other]))

    assert re.findall(r'<a href="#compare=([\w-]+)">(.*?)</a>', text) == [
        ("only-0", "1 fail here only"),
        ("only-1", "1 fail here only"),
        ("regressed", "1 regressed since A"),
        ("fixed", "1 fixed since A"),
    ]


def test_shapes_are_all_different() -> None:
    assert set(page.SHAPES) == set(OUTCOMES)
    assert len(set(page.SHAPES.values())) == len(OUTCOMES)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_the_scripts_logic(tmp_path: Path) -> None:
    one = run(*RECORDS, check("b::'it'", "failed"))
    other = run(*RECORDS[:2], check("scheduling::c", "failed"), check("tls::d"), check("b::'it'"))
    (tmp_path / "data.json").write_text(json.dumps(data_of(page.render(columns([one, other])))))
    done = subprocess.run(
        ["node", str(ROOT / "tests" / "page.test.js"), str(tmp_path / "data.json")], capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")


# The others.


def test_the_summary_fits_a_job_whatever_fails() -> None:
    checks = [check(f"a::check_{number}", "failed", message=HOSTILE * 20, printed="é" * 9000) for number in range(3000)]
    text = markdown.render(columns([run(*checks), run(*checks)]))

    assert 2**19 < len(text.encode()) < markdown.LIMIT
    assert re.search(r"and \d+ more; the report has all of them", text)
    assert "| a | 3000 |" in text


def test_causes_come_first_and_are_counted() -> None:
    checks = [check("a::effect", "failed", because="a::cause"), check("a::cause", "failed")]
    (column,) = columns([run(*checks)])
    text = markdown.render([column])

    assert column.says == "2 must checks of 2 do not hold, 1 of them because others do not."
    assert text.index("<code>a::cause</code> failed") < text.index("<code>a::effect</code> failed")


def test_the_summary_of_two_says_what_is_different() -> None:
    before = run(*[check(f"a::x{number}") for number in range(50)], check("a::y", "failed"))
    after = run(*[check(f"a::x{number}", "failed") for number in range(50)], check("a::y"))
    text = markdown.render(columns([before, after]))

    assert "**regressed: 50** (fails now, and did not fail before)\n\n- <code>a::x0</code> passed → failed\n" in text
    assert "- and 10 more\n" in text
    assert "**fixed: 1** (holds now, and did not hold before)\n\n- <code>a::y</code> failed → passed\n" in text
    assert "Nothing." in markdown.render(columns([before, before]))


def test_cases_of_junit() -> None:
    root = ElementTree.fromstring(junit.render(hostile()))
    (suite,) = root
    found = {case.get("name"): [child.tag for child in case] for case in suite}

    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "2",
        "errors": "1",
        "skipped": "3",
    }
    assert found == {
        "scheduling::a": [],
        "scheduling::b[debug]": ["failure"],
        "scheduling::c": ["skipped"],
        "tls::d": ["skipped"],
        "tls::e": ["skipped"],
        "tls::f": ["error"],
        "tls::g": ["failure"],
    }
    (failure,) = suite[1]
    assert "rerun      pytest --loop-factory=a:B 'scheduling::b[debug]'" in (failure.text or "")


def test_tests_of_ctrf() -> None:
    document = json.loads(ctrf.render(hostile()))
    results = document["results"]
    statuses = [test["status"] for test in results["tests"]]

    assert statuses == ["passed", "failed", "skipped", "skipped", "skipped", "other", "failed"]
    assert results["summary"] | {"start": 0, "stop": 0} == {
        "tests": 7, "passed": 1, "failed": 2, "pending": 0, "skipped": 3, "other": 1, "suites": 1, "start": 0, "stop": 0
    }  # fmt: skip
    assert results["summary"]["start"] <= results["summary"]["stop"]
    for test in results["tests"]:
        assert {"name", "status", "duration"} <= set(test) <= {
            "name", "status", "duration", "suite", "rawStatus", "tags", "message", "trace"
        }  # fmt: skip
    assert (document["reportFormat"], document["specVersion"]) == ("CTRF", "0.0.0")


@pytest.mark.parametrize(
    ("checks", "says", "color"),
    [
        ([check("a::b")], "no deviation in 1 check", "brightgreen"),
        ([check("a::b", "known")], "no unexplained deviation in 1 check", "yellow"),
        (
            [check("a::b", "failed"), check("a::c", "hang", level="should")],
            "1 must and 1 should deviations in 2 checks",
            "red",
        ),
        ([check("a::b", "not-run")], "incomplete run", "red"),
        ([check("a::b", "fixed")], "no verdict: known failures or checks out of order", "yellow"),
    ],
)
def test_badges(checks: list[Any], says: str, color: str) -> None:
    made = columns([run(*checks)])

    assert json.loads(badge.render(made)) == {
        "schemaVersion": 1,
        "label": "asyncio conformance",
        "message": says,
        "color": color,
    }
    picture = ElementTree.fromstring(svg.render(made))
    assert picture.get("aria-label") == f"asyncio conformance: {says}"


def test_a_badge_of_a_profile_needs_its_certificate() -> None:
    assert json.loads(badge.render(columns([run(check("a::b"))]), "core-2026.1"))["message"] == (
        "no core-2026.1 certificate"
    )
    with pytest.raises(ProfileError, match="there is no profile 'core'"):
        badge.render(columns([run(check("a::b"))]), "core")


# The command.


def test_the_command_writes_or_prints(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    report = str(written(tmp_path / "report.jsonl", run(*RECORDS)))

    assert main(["render", report, report, "--to", "html", "-o", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert main(["render", report, "--to", "badge"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["color"] == "red"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "svg", "-o", "/dev/full"], "cannot write '/dev/full': No space left on device"),
        (["--to", "svg", "--profile", "core"], "there is no profile 'core'"),
        (["--to", "html", "--profile", "core-2026.1"], "a page shows all profiles"),
        (["/nowhere.jsonl", "--to", "html"], "/nowhere.jsonl: cannot read it: No such file or directory"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    report = str(written(tmp_path / "report.jsonl", run(*RECORDS)))

    assert main(["render", report, *arguments]) == 4
    assert says in capsys.readouterr().err


def test_a_report_is_not_overwritten_by_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "report.jsonl", run(*RECORDS))
    (tmp_path / "link").symlink_to(path)

    assert main(["render", str(path), "--to", "html", "-o", str(tmp_path / "link")]) == 4
    assert "that is a report that is to be read" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run", "merged", "killed"])
def test_old_reports_stay_readable(name: str) -> None:
    """What was published once: files of format 1, as they were written then."""
    runs = reading.read_all(FIXTURES / "reports" / f"format-1-{name}.jsonl")

    assert [len(one.checks) for one in runs] == {"run": [12], "merged": [12, 2], "killed": [2]}[name]
    assert [id for id, record in runs[0].checks.items() if "because" in record] == (
        [] if name == "killed" else ["scheduling::hang"]
    )
    for renderer in RENDERERS.values():
        renderer.render(columns(runs))  # type: ignore[attr-defined]
