"""Shorter scripts: what each rule makes of one, and that a script only loses what it can be without."""

from __future__ import annotations

import ast
from types import SimpleNamespace

import pytest

from loopcheck.compare.shortening import WIDTH, laid_out, length, shortened


def printed(text: str) -> list[object]:
    """What a script gives to show()."""
    shown: list[object] = []
    exec(compile(text, "script", "exec"), {"show": shown.append, "loop": SimpleNamespace(run_until_complete=id)})
    return shown


def shorter(text: str, *, keen: bool = True) -> list[str]:
    """The lines of the shortest script that shows the same."""
    wanted = printed(text)

    def shows(one: str) -> bool:
        try:
            return printed(one) == wanted
        except Exception:
            return False

    return [line for line in shortened(text, shows, 60, keen=keen).splitlines() if line]


@pytest.mark.parametrize(
    ("text", "shortest"),
    [
        ("import os, sys\nshow(1)\nx = 2\n", ["show(1)"]),
        ("def f(a, b=3, *more):\n    return a + b\nshow(f(1))\n", ["show(1 + 3)"]),
        ("def f(a):\n    b = a + 1\n    show(b)\nf(1)\nf(2)\n", ["def f(a):", "    show(a + 1)", "f(1)", "f(2)"]),
        ("if 1 < 2:\n    try:\n        show(1)\n    finally:\n        pass\nelse:\n    show(2)\n", ["show(1)"]),
        (
            "class A:\n    def __init__(self, n):\n        self.n = n\n    def x(self):\n        pass\n"
            "class B(A):\n    def __init__(self):\n        super().__init__(4)\n"
            "for _ in range(2):\n    show(B().n)\n",
            ["for _ in range(2):", "    show(4)"],
        ),
        (
            "class A:\n    def __init__(self, k):\n        self.k = k\n        self.n = [1]\n    def say(self):\n"
            "        if self.k in ('a', 'b'):\n            self.n.append(2)\n        show(self.n)\n"
            "a = A('c')\na.say()\na.say()\n",
            [
                *("class A:", "    def __init__(self):", "        self.n = [1]"),
                *("    def say(self):", "        show(self.n)", "a = A()", "a.say()", "a.say()"),
            ],
        ),
        (
            "import contextlib\n@contextlib.contextmanager\ndef f(n):\n    show(n)\n    yield n + 1\n    show(9)\n"
            "with f(4) as x:\n    show(x)\n",
            ["show(4)", "show(4 + 1)", "show(9)"],
        ),
    ],
    ids=["unused", "function", "function called twice", "blocks", "classes", "attribute", "context manager"],
)
def test_script_is_as_short_as_it_gets(text: str, shortest: list[str]) -> None:
    assert shorter(text) == shortest


def test_what_is_said_at_the_top_stays() -> None:
    assert shorter('"""What it is."""\nshow(1)\n') == ['"""What it is."""', "show(1)"]


def test_a_script_that_is_not_keen_does_the_same() -> None:
    assert shorter("def f(n):\n    m = n\n    g(n)\ndef g(n):\n    show(n)\nf(1)\n", keen=False) == ["m = 1", "show(1)"]


def test_what_waits_is_not_done_once_only() -> None:
    lines = ["for _ in range(1):", "    show(loop.run_until_complete(1))"]
    assert shorter("\n".join(lines)) == lines


def test_long_lines_are_folded() -> None:
    text = f"show({', '.join(map(str, range(100, 150)))})\n"
    folded = laid_out(ast.parse(text))
    assert printed(folded.replace("show(", "show((").replace(")", "))", 1)) == [tuple(range(100, 150))]
    assert max(map(len, folded.splitlines())) <= WIDTH
    assert length(folded) == 4


def test_no_line_ends_in_a_text() -> None:
    text = f"x = f'{'a' * 60} {{y}} {'b' * WIDTH}'\n"
    assert laid_out(ast.parse(text)) == text


def test_what_is_not_run_goes_at_once() -> None:
    text = "def f():\n    show(1)\ndef g():\n    show(2)\nif len('a') > 1:\n    g()\nelse:\n    f()\n"

    def reached(one: str) -> list[int]:
        return [number for number, line in enumerate(one.splitlines(), 1) if "2" not in line and "g()" not in line]

    made = shortened(text, lambda one: printed(one) == [1], 0.0, reached=reached)
    assert [line for line in made.splitlines() if line] == ["def f():", "    show(1)", "f()"]
