"""The page of a report in a real browser: what it shows, what it keeps in its address, and what it lets nobody do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from reports import check, run
from test_render import HOSTILE, hostile

from loopcheck.report import html
from loopcheck.report.columns import columns

pytestmark = pytest.mark.xdist_group("browser")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

BEFORE = run(
    check("scheduling::one"),
    check("scheduling::two", "failed", message="a message"),
    check("tls::three", "known", was="failed", declared={"place": "loopcheck.toml:3", "reason": "a reason"}),
    check("tls::four", "failed", level="should", stack="\n".join(f"frame {number}" for number in range(200))),
    check("tls::five", "failed", because="tls::four"),
)
AFTER = run(*(check(id) for id in ("scheduling::two", "tls::three", "tls::four")), check("scheduling::one", "hang"))


def chromium() -> str | None:
    """The program; None if there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="unavailable: playwright is not installed, pip install '.[browser]'"
    )
    found = chromium()
    if found is None:
        pytest.skip(f"unavailable: there is no Chromium on PATH ({', '.join(BROWSERS)})")
    with playwright.sync_playwright() as started:
        # Its sandbox is refused to root, and where user namespaces are; it only opens pages of ours.
        running = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens the page of some columns; a page that runs into an error, or asks something, fails the test."""
    contexts = []
    trouble: list[str] = []

    def open(made: Any, state: str = "", **options: Any) -> Any:
        file = tmp_path / "page.html"
        file.write_text(html.render(made))
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.goto(f"{file.as_uri()}{state}")
        return page

    yield open
    for context in contexts:
        context.close()
    assert trouble == []


def shown(page: Any) -> list[str]:
    """The ids in the list."""
    found: list[str] = page.locator("#list summary code").all_inner_texts()
    return found


def state(page: Any) -> str:
    """What the address says."""
    found: str = page.evaluate("location.hash")
    return found


def open_all(page: Any) -> None:
    """Open every card, and all that can be unfolded."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.wait_for_function("[...document.querySelectorAll('#list details')].every((one) => one.querySelector('.card'))")


def test_hostile_texts_stay_text(show: Any) -> None:
    page = show([*hostile(), *hostile()], "#outcome=all")
    open_all(page)

    assert page.locator(".card").count() == 7
    assert page.locator("pre", has_text="</script><script>alert(1)</script>").count() >= 4
    assert page.locator("script").count() == 2
    assert page.locator("img, iframe, object, base, form, [onerror], [href^=javascript]").count() == 0


@pytest.mark.parametrize("hash", ["#check=<img src=x onerror=alert(1)>", "#outcome=__proto__&compare=only-9&level=x"])
def test_a_hostile_address_shows_nothing_that_is_not_there(show: Any, hash: str) -> None:
    page = show(hostile(), hash)

    assert page.locator("#count").inner_text().endswith("of 7 checks")
    assert page.locator("img").count() == 0


def test_no_request_leaves(show: Any, browser: Any) -> None:
    page = show(hostile())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    open_all(page)

    assert asked == [page.url.partition("#")[0]]
    refused = page.evaluate(
        """() => new Promise((resolve) => {
            document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
            document.body.append(Object.assign(new Image(), { src: "http://127.0.0.1:9/" }));
        })"""
    )
    assert refused == "img-src"


def test_the_verdict_comes_first(show: Any) -> None:
    page = show(columns([BEFORE, AFTER]), viewport={"width": 1280, "height": 720})
    says = page.locator(".says")

    assert "2 must and 1 should checks of 5 do not hold" in says.first.inner_text()
    assert says.first.bounding_box()["y"] + says.first.bounding_box()["height"] < 720


def test_filters_are_kept_in_the_address(show: Any) -> None:
    page = show(columns([BEFORE]))
    everything = shown(page)
    page.get_by_role("button", name="failed", exact=True).click()
    page.get_by_role("button", name="must", exact=True).click()
    page.get_by_label("Area").select_option("tls")
    page.get_by_label("Search").fill("FIVE")
    filtered, kept = shown(page), state(page)
    page.reload()

    assert everything == ["scheduling::two", "tls::three", "tls::four", "tls::five"]
    assert (filtered, kept) == (["tls::five"], "#outcome=failed&level=must&area=tls&text=FIVE")
    assert (shown(page), state(page)) == (filtered, kept)
    page.get_by_role("button", name="Reset").click()
    assert (shown(page), state(page)) == (everything, "")


def test_the_address_opens_a_check_whatever_the_filters_say(show: Any) -> None:
    page = show(columns([BEFORE]), "#outcome=hang&check=tls::four")

    assert page.locator("details[open] > summary code").inner_text() == "tls::four"
    page.evaluate("location.hash = '#check=scheduling::two'")
    page.wait_for_function("document.querySelector('details[open] code').textContent === 'scheduling::two'")


def test_what_is_different_is_one_click_away(show: Any) -> None:
    page = show(columns([BEFORE, AFTER]))
    page.get_by_role("link", name="1 regressed since A").click()

    assert shown(page) == ["scheduling::one"]
    assert page.locator("#list .said").all_inner_texts() == ["A: passed", "B: hang"]
    page.locator("#list summary").click()
    # Where it passed there is nothing to tell.
    assert page.locator(".cell h3").all_inner_texts() == ["B: a:B (a 1.0), CPython 3.13.0, Linux x86_64"]
    assert "A: a:B (a 1.0)" in page.locator(".card > dl").inner_text()


def test_a_cell_of_the_map_opens_its_check(show: Any) -> None:
    page = show(columns([BEFORE]))
    drawing = page.get_by_role("img", name="tls")
    drawing.click(position={"x": 14, "y": 4})

    assert "2 failed, 1 known" in drawing.get_attribute("aria-label")
    assert page.locator("details[open] > summary code").inner_text() == "tls::four"
    page.locator("details[open] .card").get_by_role("button", name="Copy").wait_for()


def test_the_keyboard_is_enough(show: Any) -> None:
    page = show(columns([BEFORE]))
    focused = "document.activeElement.querySelector('code')?.textContent ?? document.activeElement.id"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the checks"
    page.keyboard.press("/")
    page.keyboard.type("tls::")
    assert (page.evaluate(focused), shown(page)) == ("text", ["tls::three", "tls::four", "tls::five"])
    page.keyboard.press("Escape")
    assert len(shown(page)) == 4
    page.keyboard.press("Tab")
    for key in "jjk":
        page.keyboard.press(key)
    assert page.evaluate(focused) == "scheduling::two"
    page.keyboard.press("Enter")
    page.locator("details[open] .card").wait_for()
    assert state(page) == "#check=scheduling%3A%3Atwo"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(show: Any, scheme: str, width: int) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="unavailable: axe is not installed, pip install '.[browser]'",
    )
    made = [*columns([BEFORE, AFTER]), *hostile()]
    # What axe is made of is put into the page, which the page's own policy refuses.
    page = show(made, "#outcome=all", color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    open_all(page)
    found = axe.Axe().run(page).response["violations"]

    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_paper_has_all_that_is_listed_and_no_controls(show: Any) -> None:
    checks = [check(f"area::check_{number}", "failed", message=HOSTILE) for number in range(150)]
    page = show(columns([run(*checks)]))
    few = len(shown(page))
    page.pdf()
    page.emulate_media(media="print")

    assert few < len(shown(page)) == 150
    assert not page.locator("#filters").is_visible()
    assert page.locator(".says").is_visible()
