"""What reports cost: python tests/bench/reports.py [writing|rendering|page ...]

Without arguments all are measured. Seconds of rendering and writing are those of the processor, so that they mean the
same on a busy machine; those of the page are the best of some repetitions on the clock of a real Chromium, which needs
the extra ``browser``.
"""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reports import five_thousand  # noqa: E402

from loopcheck.battery import report_of  # noqa: E402
from loopcheck.check import catalogue  # noqa: E402
from loopcheck.commands.render import FORMATS  # noqa: E402
from loopcheck.report import html  # noqa: E402
from loopcheck.report.columns import columns  # noqa: E402
from loopcheck.report.records import Report  # noqa: E402

FAILING = 700
"""Of 5,000: somewhat more than uvloop has."""


def writing() -> None:
    """What the records of a whole run cost to write, as a share of that run, both in seconds of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = report_of(["loopcheck.baseline:SelectorLoop"], [], workers="0", quiet=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    entries = {entry.id: entry for entry in catalogue()}
    planned = {id: (entries[record["check"]], record["subject"]) for id, record in run.checks.items()}
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        report = Report(Path(folder, "report.jsonl"), run.header, planned)
        for id, record in run.checks.items():
            report.add(id, {key: record[key] for key in record.keys() & {"outcome", "seconds", "message"}})
        report.finish("")
        took = time.process_time() - started
    print(f"writing {len(planned)} records: {took:.2f} s of a run of {whole:.1f} s, {took / whole:.2%} (asked: 2 %)")


def rendering() -> None:
    """What each kind of page of 5,000 records costs, each in a process of its own."""
    for failing in FAILING, 5000:
        for kind in FORMATS:
            print(f"{kind}, {failing} of 5,000 failing: ", end="", flush=True)
            subprocess.run([sys.executable, __file__, kind, str(failing)], check=True)


def render(kind: str, failing: int) -> None:
    """Render one, and print what it took."""
    made = columns([five_thousand(failing)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    text: str = importlib.import_module(f"loopcheck.report.{kind}").render(made)
    took = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{took:.2f} s (asked: 1 s), {peak / 1024:.0f} MB at the peak, {before / 1024:.0f} MB before it began "
        f"(asked: 100 MB), {len(text.encode()) / 1e6:.2f} MB long"
    )


_PAGE = """
async () => {
    const turn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const told = { opening: Math.round(performance.getEntriesByType("navigation")[0].loadEventEnd) };
    await new Promise((resolve) => setTimeout(resolve, 1000));
    async function timed(name, ...changes) {
        const took = [];
        for (let round = 0; round < 7; round++) {
            for (const [at, change] of changes.entries()) {
                const started = performance.now();
                change();
                document.body.offsetHeight; /* lays the page out */
                took.push([at, performance.now() - started]);
                await turn();
            }
        }
        const best = changes.map((_, at) => Math.min(...took.filter((one) => one[0] === at).map((one) => one[1])));
        told[name] = Math.round(Math.max(...best));
    }
    const press = (value) => () => document.querySelector(`.chip[value="${value}"]`).click();
    const set = (id, value) => () => {
        const field = document.getElementById(id);
        field.value = value;
        field.dispatchEvent(new Event(id === "text" ? "input" : "change"));
    };
    await timed("outcome", press("all"), press("deviations"), press("failed"));
    press("all")();
    await timed("level", press("must"));
    await timed("area", set("area", "area_3"), set("area", ""));
    await timed("compare", ...["only-1", "differs", "regressed", ""].map((value) => set("compare", value)));
    await timed("search", ...["something", "seen 12", "nowhere", "e", ""].map((words) => set("text", words)));
    return told;
}
"""
"""Milliseconds until the page is loaded, and of each kind of filter: the slowest value, the best of repetitions."""


def page() -> None:
    """What a browser takes to open a page of five reports of 5,000 checks, and to filter it."""
    from playwright.sync_api import sync_playwright
    from test_page import chromium

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for failing in FAILING, 5000:
            path = Path(folder, "page.html")
            path.write_text(html.render(columns([five_thousand(failing, f"s{number}:Loop") for number in range(5)])))
            found = []
            for _ in range(5):
                opened = browser.new_page(viewport={"width": 1280, "height": 900})
                opened.goto(path.as_uri())
                found.append(opened.evaluate(_PAGE))
                opened.close()
            best = {key: min(one[key] for one in found) for key in found[0]}
            filters = ", ".join(f"{name} {took}" for name, took in best.items() if name != "opening")
            print(
                f"page, {failing} of 5,000 failing in five reports: {path.stat().st_size / 1e6:.2f} MB (asked: 2), "
                f"open after {best['opening']} ms (asked: 1000), filters {filters} ms (asked: 50)"
            )
        browser.close()


ALL = (writing, rendering, page)

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in FORMATS:
        render(sys.argv[1], int(sys.argv[2]))
    for function in ALL:
        if len(sys.argv) == 1 or function.__name__ in sys.argv[1:]:
            function()
