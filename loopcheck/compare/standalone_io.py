"""The plain script of a generated program with input and output: its steps, and what :mod:`ends` has for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from loopcheck.compare.arena import Difference
from loopcheck.compare.language import WORDS, Step
from loopcheck.compare.word import MOMENT, SCRIPT, TURN

_MAKERS = {
    "connection": "Connection",
    "stream": "Stream",
    "server": "Server",
    "watched": "Watched",
    "plain_socket": "PlainSocket",
    "datagrams": "Datagrams",
    "secured": "Secured",
    "child": "Child",
    "process": "Process",
}
"""What a program calls to make a thing, and its double."""

_PEER = re.compile(r"(\w+\.peer)\.(send|read|end|deaf|close|drop|vanish|truncate)\((.*)\)")

_MORE = re.compile(r"\b(?:secured|secured_stream|upgrade|child|process|outcome|in_thread)\(")
"""What :mod:`costly_ends` has, and :mod:`ends` has not."""

_SECURING = ("secured", "secured_stream", "upgrade", "stream_upgrade")
"""Words after which the other end speaks TLS, over a plain socket."""


class Author:
    """Writes the script of a difference.

    Args:
        difference: a program with input and output, and what it does on both loops.
        telling: the events that are told with what came of them.
    """

    def __init__(self, difference: Difference, telling: Sequence[Sequence[str]]) -> None:
        self.program = difference.program
        self.telling = {(event[0], event[1]) for event in telling}
        self.logs = any(event[0] == "log" for event in telling)
        results: dict[tuple[str, str], set[str]] = {}
        for event in [*difference.observed, *difference.expected]:
            results.setdefault((event[0], event[1]), set()).add(event[2])
        self.results = results
        self.functions: list[str] = []
        servers = {step.me for step in self.program if step.word == "server" and "tcp" in step.holes[0]}
        self.silent = {step.me for step in self.program if step.word == "dial" and step.holes[0] in servers}
        """Connections over TCP, over which no bytes are sent."""

    def body(self) -> list[str]:
        """The lines of the script, without imports and without its end."""
        more = any(_MORE.search(step.code) for step in self.program)
        steps = [line for step in self.program.steps for line in self.step("main", SCRIPT, step)]
        made = [step for step in self.program if WORDS[step.word].makes in tuple("iyzabujv")]
        logs = ["logging.getLogger('asyncio').addHandler(Log())"] if self.logs else []
        last = [line for step in made for line in self.end(step)]
        return [
            *_doubles("ends"),
            *(_doubles("costly_ends") if more else ()),
            *self.functions,
            *logs,
            *steps,
            *last,
            "loop.close()",
        ]

    def end(self, step: Step) -> Iterator[str]:
        """What is done with a thing at last."""
        if step.word in ("child", "process"):
            lines = [f"{step.me}.let_go()", "rest()"]
            failed = any(what == "opening" for who, what in self.results if who == step.me)
            yield from () if failed else lines
            return
        if step.word != "server" and step.me not in self.silent:
            read = f"{step.me}.peer.read()" if step.word == "datagrams" else f"read({step.me}.peer)"
            yield f"seen.append({f'{step.me}: arrived in the end: '!r} + phrase({read}))"
        if step.word == "connection" and (step.me, "connection_made") in self.results:
            yield from (f"{step.me}.transport.{'close' if 'pipe' in step.holes[0] else 'abort'}()", "rest()")
        if step.word == "server":
            yield from (f"{step.me}.server.close()", "rest()")

    def step(self, who: str, place: str, step: Step) -> Iterator[str]:
        """The lines of a step."""
        word = WORDS[step.word]
        key = who, step.code
        if self.results.get(key) == {"'over'"} or step.word == "sleeps":
            return
        if word.body:
            self.function(step)
        if word.form == "raise":
            yield f"raise {step.code}"
            return
        code = self.plain(step)
        *before, last = code.splitlines() or ["pass"]
        name = f"{step.me} = " if step.me and word.makes != "c" else ""
        lines = [*before, f"{name}{last}"]
        if key in self.telling:
            lines = [*before, f"result = {last}", f"seen.append({f'{who}: {step.code}: '!r} + phrase(result))"]
            lines += [f"{name}result"] if name else []
        elif place == SCRIPT:
            lines = [f"seen.append({f'{who}: {step.code}'!r})", *lines]
        if any(result.startswith("raises ") for result in self.results.get(key, ())):
            lines = ["try:", *(f"    {line}" for line in lines), "except BaseException as error:"]
            lines.append(f"    seen.append({f'{who}: {step.code}: raises '!r} + phrase(error))")
        yield from lines
        if place == SCRIPT:
            yield "rest()"

    def plain(self, step: Step) -> str:
        """What a step does, in the words of a plain script."""
        found = _PEER.fullmatch(step.code)
        if found:
            peer, does, data = found.groups()
            if peer.removesuffix(".peer") in self.silent:
                return "pass"
            if step.word.startswith("datagrams"):
                return step.code
            secured = any(one.word in _SECURING for one in self.program)
            bottom = f"bottom({peer})" if secured else peer
            return {
                "send": f"{peer}.send({data})",
                "read": f"read({peer})",
                "end": f"{peer}.shutdown(socket.SHUT_WR)",
                "deaf": f"read({peer})\n{peer}.shutdown(socket.SHUT_RD)",
                "close": f"read({peer})\n{peer}.close()",
                "drop": f"{bottom}.close()",
                "vanish": f"read({peer})\n{bottom}.close()",
                "truncate": f"{bottom}.shutdown(socket.SHUT_WR)",
            }[does]
        if WORDS[step.word].form == "start":
            start = "tried" if step.word.startswith("try_") else "started"
            return f"loop.create_task({start}({step.me!r}, {step.code!r}, lambda: {step.code}), name={step.me!r})"
        maker, bracket, rest = step.code.partition("(")
        return f"{_MAKERS.get(maker, maker)}{bracket}{rest}"

    def function(self, step: Step) -> None:
        """Write the function that has the body of a step."""
        body = WORDS[step.word].body
        who = step.function
        if body == MOMENT:
            who = step.me if step.me and WORDS[step.word].makes != "c" else step.holes[0]
        made = [one.me for one in step.body if one.me and WORDS[one.word].makes != "c"]
        lines = [f"global {', '.join(made)}"] if made else []
        lines += [f"seen.append('{who}: runs')"] if body == TURN else []
        lines += [line for one in step.body for line in self.step(who, body, one)]
        self.functions += [f"def {step.function}(*args):", *(f"    {line}" for line in lines or ["pass"])]


def _doubles(module: str) -> list[str]:
    """The text of what a script may use. The module is not imported: that would begin to do what the script does."""
    nodes = ast.parse(Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")).body
    kept = [node for node in nodes[2:] if not isinstance(node, ast.Import | ast.ImportFrom) and not _is_given(node)]
    return ast.unparse(ast.Module([_Bare().visit(node) for node in kept], [])).splitlines()


def _is_given(node: ast.stmt) -> bool:
    """Whether a statement sets what the script sets otherwise, or says what that is."""
    match node:
        case ast.AnnAssign(target=ast.Name(id="loop")) | ast.Assign(targets=[ast.Name(id="TURNS")]) | ast.Expr():
            return True
    return False


class _Bare(ast.NodeTransformer):
    """Takes annotations away."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Keep what is assigned; a mere declaration goes."""
        return ast.Assign([node.target], node.value, lineno=0) if node.value is not None else ast.Pass()

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Keep the name."""
        return ast.arg(node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Keep what it does."""
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        """Keep what it does."""
        node.returns = None
        self.generic_visit(node)
        return node
